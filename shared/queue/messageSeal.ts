/**
 * Signs the messages of a queue, and opens them. Only the app can do either, because only the app reads the key ring. So a writer of
 * the queue cannot make up a message (docs/decisions/0013-signed-messages.md).
 *
 * A signed text is `v2 <kid> <mac> <json>`. It is not JSON on purpose: `@azure/functions` parses what is JSON before a function
 * sees it. `mac` is HMAC-SHA-256 over the UTF-8 bytes of `v2 <kid> <json>`, in base64url.
 */
import { createHmac, hkdfSync } from 'node:crypto';
import type { MessageQueue } from '../model/ports.ts';
import { equalInConstantTime } from '../platform/equalInConstantTime.ts';
import type { KeyRing, RingKey } from '../storage/keyRing.ts';

/** What a signature is bound to, beside the queue. */
export interface MessageSealContext {
  readonly keyRing: Pick<KeyRing, 'sealingKey' | 'findKey'>;
  readonly tenantId: string;
  readonly clientId: string;
}

/** The signatures of one queue. */
export interface MessageSeal {
  /** Signs with the key that seals now. Throws what {@link KeyRing} throws. */
  sign(this: void, json: string): Promise<string>;
  /**
   * Returns the JSON of an entry that this app signed for this queue. Returns `undefined` for everything else: an entry that isn't
   * text, a wrong signature, a message of another queue, or a key that has retired. `keptMessage` allows the older keys of messages
   * that failed. Throws what {@link KeyRing} throws: an unreadable ring doesn't mean that the message isn't ours.
   */
  open(this: void, entry: unknown, kind?: 'message' | 'keptMessage'): Promise<string | undefined>;
}

/** The signature is compared as text, so no second spelling of its bytes is accepted. */
const SIGNED = /^v2 (k\d{6}) ([A-Za-z0-9_-]{43}) (.*)$/su;

/** Creates the signatures of a queue. Its poison queue has the same ones. Connects to nothing. */
export function createMessageSeal(context: MessageSealContext, queueName: string): MessageSeal {
  const info = JSON.stringify(['litellm-message', queueName, context.tenantId, context.clientId]);
  const macOf = ({ id, secret }: RingKey, json: string): string =>
    createHmac('sha256', new Uint8Array(hkdfSync('sha256', secret, '', info, 32)))
      .update(`v2 ${id} ${json}`, 'utf8')
      .digest('base64url');
  return {
    async sign(json) {
      const key = await context.keyRing.sealingKey();
      return `v2 ${key.id} ${macOf(key, json)} ${json}`;
    },
    async open(entry, kind = 'message') {
      // A text that isn't well-formed has the same UTF-8 bytes as another one.
      if (typeof entry !== 'string' || !entry.isWellFormed()) return undefined;
      const [, id, mac, json] = SIGNED.exec(entry) ?? [];
      if (id === undefined || mac === undefined || json === undefined) return undefined;
      const key = await context.keyRing.findKey(id, kind);
      return key !== undefined && equalInConstantTime(mac, macOf(key, json)) ? json : undefined;
    },
  };
}

/** Wraps a queue, so that everything that is enqueued is signed. Besides what the queue throws, it throws what the key ring throws. */
export function signMessages(queue: MessageQueue, seal: Pick<MessageSeal, 'sign'>): MessageQueue {
  return {
    check: async () => queue.check(),
    peek: async () => queue.peek(),
    enqueue: async (json, options) => queue.enqueue(await seal.sign(json), options),
  };
}
