/** Turns a stored queue message into the input that a function's library reads. Pure. */
import type { InputData } from './programmingModel.ts';

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** A message with the properties that queue storage returns with it. */
export interface ReceivedMessage {
  readonly messageId: string;
  readonly popReceipt: string;
  readonly insertedOn: Date;
  readonly expiresOn: Date;
  readonly nextVisibleOn: Date;
  /** 1 at the first delivery. */
  readonly dequeueCount: number;
  /** As stored. */
  readonly messageText: string;
}

/** Keeps a byte order mark, as .NET does, and throws if the bytes are not UTF-8. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A decoded text, or why Azure's host cannot call the worker with it. */
export type Decoded = { readonly text: string } | { readonly fault: 'not base64' | 'not UTF-8' };

/** Decodes a stored text, by the encoding in host.json. */
export function decodeMessage(messageText: string, encoding: 'base64' | 'none'): Decoded {
  if (encoding === 'none') {
    return { text: messageText };
  }
  const compact = messageText.replaceAll(/\s/g, '');
  if (!base64.test(compact)) return { fault: 'not base64' };
  try {
    return { text: utf8.decode(Buffer.from(compact, 'base64')) };
  } catch {
    return { fault: 'not UTF-8' };
  }
}

/**
 * Returns the trigger's value, which is always a string. The library itself parses JSON, and passes the object, number or
 * boolean to the function.
 */
export function toQueueInput(text: string): InputData {
  return { string: text };
}

/** Returns `context.triggerMetadata` with the host's names. The library lowers their first letter. */
export function toTriggerMetadata(message: ReceivedMessage, text: string): Record<string, InputData> {
  return {
    QueueTrigger: { string: text },
    DequeueCount: { int: message.dequeueCount },
    Id: { string: message.messageId },
    PopReceipt: { string: message.popReceipt },
    InsertionTime: toDateData(message.insertedOn),
    ExpirationTime: toDateData(message.expiresOn),
    NextVisibleTime: toDateData(message.nextVisibleOn),
  };
}

function toDateData(date: Date): InputData {
  return { json: JSON.stringify(date.toISOString().replace('Z', '+00:00')) };
}
