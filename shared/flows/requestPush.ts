/** Asks for the LiteLLM proxy to be told about somebody or something. */
import { serializePushMessage } from '../messages/pushMessage.ts';
import type { Clock, ProvisionQueue } from '../ports.ts';
import type { PushSubject } from '../proxyPorts.ts';

/** Where requests go; there is none where no proxy is connected. */
export interface PushRequests {
  /** The queue `push`. */
  readonly queue: Pick<ProvisionQueue, 'push'>;
  readonly clock: Clock;
  /** W3C trace context of what runs now; `undefined` where nothing is traced. */
  traceparent(this: void): string | undefined;
}

/**
 * Puts one message on the queue `push`: one request. What is pushed is read when the message is worked off, so one too many does
 * nothing, and the latest one always tells the truth. `enqueuedAt`: when the sign-in behind it was. `delaySeconds`:
 * when it becomes visible, at once by default. Throws what the queue throws.
 */
export async function requestPush(
  requests: PushRequests,
  subject: PushSubject,
  options: { readonly enqueuedAt?: string | undefined; readonly delaySeconds?: number } = {},
): Promise<void> {
  const { enqueuedAt, delaySeconds } = options;
  const traceparent = requests.traceparent();
  await requests.queue.push(
    serializePushMessage({
      version: 1,
      subject,
      ...(traceparent === undefined || traceparent === '' ? {} : { traceparent }),
      enqueued_at: enqueuedAt ?? requests.clock.now().toISOString(),
    }),
    delaySeconds === undefined ? {} : { delaySeconds },
  );
}
