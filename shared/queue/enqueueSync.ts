/** Asks for the LiteLLM proxy to be told about somebody or something. */
import type { SyncSubject } from '../model/synced.ts';
import { serializeSyncMessage } from './syncMessage.ts';
import type { Clock, MessageQueue } from '../model/ports.ts';

/** Where requests go; there is none where no proxy is connected. */
export interface SyncRequests {
  /** The queue `push`. */
  readonly queue: Pick<MessageQueue, 'enqueue'>;
  readonly clock: Clock;
  /** W3C trace context of what runs now; `undefined` where nothing is traced. */
  traceparent(this: void): string | undefined;
}

/**
 * Puts one message on the queue `push`: one request. What is pushed is read when the message is worked off, so one too many does
 * nothing, and the latest one always tells the truth. `enqueuedAt`: when the sign-in behind it was. `delaySeconds`:
 * when it becomes visible, at once by default. Throws what the queue throws.
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
