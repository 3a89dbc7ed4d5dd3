import { app, type InvocationContext } from '@azure/functions';
import { findTraceparent, MAX_DELIVERIES } from '../queue/queueMessage.ts';
import type { Delivery } from '../queue/queueWorker.ts';
import { type Observed, observeFlow } from '../telemetry/events.ts';
import { traceInvocation } from '../telemetry/traceInvocation.ts';

/** One delivery of a queue entry, which isn't parsed yet. */
export interface QueueDelivery extends Delivery {
  /** The entry's id, or the invocation's if the host names none. */
  readonly id: string;
  /** Text, or the object that the host made of it. */
  readonly entry: unknown;
}

/** What a delivery does, and the one event that it writes. */
export interface QueueFlow<T> {
  readonly name: Observed<T>['name'];
  run(this: void, delivery: QueueDelivery): Promise<T>;
  describe(this: void, result: T, delivery: QueueDelivery): ReturnType<Observed<T>['describe']>;
  readonly countKeys?: Observed<T>['countKeys'];
}

export interface QueueTrigger {
  readonly queueName: string;
  /** With invalid settings, `false`: messages then wait in the queue instead of failing. */
  readonly isEnabled: boolean;
}

/**
 * Registers a function for a queue. Each delivery is traced and writes one event. An error is thrown on, so that the host delivers the
 * message again. `flow` may depend on the entry, and must not throw.
 */
export function onQueue<T>(
  functionName: string,
  { queueName, isEnabled }: QueueTrigger,
  flow: QueueFlow<T> | ((entry: unknown) => QueueFlow<T>),
): void {
  if (!isEnabled) return;
  app.storageQueue(functionName, {
    queueName,
    connection: 'AzureWebJobsStorage',
    handler: async (entry: unknown, context) => {
      const delivery = readDelivery(entry, context);
      const { name, run, describe, countKeys } = typeof flow === 'function' ? flow(entry) : flow;
      const { attempt } = delivery;
      const trigger = { kind: 'queue', queueName, attempt, traceparent: findTraceparent(entry) } as const;
      await traceInvocation(context, trigger, async () =>
        observeFlow(context, {
          name,
          run: async () => run(delivery),
          describe: (result) => describe(result, delivery),
          ...(countKeys === undefined ? {} : { countKeys }),
        }),
      );
    },
  });
}

/** Reads what the host says about an entry. It is the first delivery if the host doesn't count. Never throws. */
export function readDelivery(
  entry: unknown,
  context: Pick<InvocationContext, 'invocationId' | 'triggerMetadata'>,
): QueueDelivery {
  const { id, dequeueCount } = context.triggerMetadata ?? {};
  const attempt = Number(dequeueCount ?? 1);
  return {
    id: typeof id === 'string' ? id : context.invocationId,
    entry,
    attempt,
    isLastAttempt: attempt >= MAX_DELIVERIES,
  };
}

/** Returns the seconds since an instant (ISO 8601), or 0 if it lies ahead of this clock. */
export function secondsSince(instant: string): number {
  return Math.max(0, (Date.now() - Date.parse(instant)) / 1000);
}
