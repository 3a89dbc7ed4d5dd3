import { findTraceparent, MAX_DELIVERIES } from './provisionMessage.ts';

/** What the host says about a queue entry, as far as it is needed. */
export interface QueueContext {
  readonly invocationId: string;
  readonly triggerMetadata?: Readonly<Record<string, unknown>> | undefined;
}

/** One delivery of a queue entry. */
export interface QueueDelivery {
  /** The entry's id; the invocation's where the host names none. */
  readonly id: string;
  /** Counted from 1; 1 where the host does not count. */
  readonly attempt: number;
  /** After this one the host gives up. */
  readonly isLastAttempt: boolean;
  /** By what the function was called, for its span. */
  readonly trigger: {
    readonly kind: 'queue';
    readonly queueName: string;
    readonly attempt: number;
    readonly traceparent: string | undefined;
  };
}

/** Gives the delivery of an entry that cannot be trusted yet. Never throws. */
export function readQueueDelivery(context: QueueContext, queueName: string, entry: unknown): QueueDelivery {
  const { id, dequeueCount } = context.triggerMetadata ?? {};
  const attempt = Number(dequeueCount ?? 1);
  return {
    id: typeof id === 'string' ? id : context.invocationId,
    attempt,
    isLastAttempt: attempt >= MAX_DELIVERIES,
    trigger: { kind: 'queue', queueName, attempt, traceparent: findTraceparent(entry) },
  };
}
