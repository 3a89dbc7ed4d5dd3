/** The message of the queue `litellm-sync`. It names a subject; the worker reads what to sync when it runs the message. */
import * as z from 'zod/mini';
import { isSafeId } from '../model/isSafeId.ts';
import type { SyncSubject } from '../model/synced.ts';
import type { Clock, MessageQueue } from '../model/ports.ts';
import { type QueueMessage, queueMessageFields, readMessage } from './queueMessage.ts';

export interface SyncMessage extends QueueMessage {
  readonly version: 1;
  /** A person with all memberships, or one organization or team. */
  readonly subject: SyncSubject;
}

const messageSchema = z.object({
  version: z.literal(1),
  subject: z.object({
    kind: z.enum(['user', 'organization', 'team']),
    id: z.string().check(z.refine(isSafeId)),
  }),
  ...queueMessageFields,
});

/** Reads a message as {@link readMessage} does. */
export function parseSyncMessage(entry: unknown): SyncMessage {
  return readMessage(messageSchema, entry, 'litellm-sync');
}

/** Returns the message's text. The queue's adapter adds base64. */
export function serializeSyncMessage(message: SyncMessage): string {
  return JSON.stringify(message);
}

/** What {@link enqueueSync} needs. It exists only where a LiteLLM proxy is connected. */
export interface SyncRequests {
  /** The queue `litellm-sync`. */
  readonly queue: Pick<MessageQueue, 'enqueue'>;
  readonly clock: Clock;
  /** Returns the W3C trace context of the current span, or `undefined` without tracing. */
  traceparent(this: void): string | undefined;
}

/**
 * Enqueues one message for a subject: one request. One message too many changes nothing, because the worker reads what to sync when
 * it runs. `enqueuedAt`: when the sign-in behind it was enqueued. `delaySeconds`: until the message becomes visible; by
 * default at once. Throws what the queue throws.
 */
export async function enqueueSync(
  requests: SyncRequests,
  subject: SyncSubject,
  options: { readonly enqueuedAt?: string | undefined; readonly delaySeconds?: number } = {},
): Promise<void> {
  const { enqueuedAt, delaySeconds } = options;
  const traceparent = requests.traceparent();
  await requests.queue.enqueue(
    serializeSyncMessage({
      version: 1,
      subject,
      ...(traceparent === undefined || traceparent === '' ? {} : { traceparent }),
      enqueued_at: enqueuedAt ?? requests.clock.now().toISOString(),
    }),
    delaySeconds === undefined ? {} : { delaySeconds },
  );
}
