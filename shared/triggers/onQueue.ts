import { app, type InvocationContext } from '@azure/functions';
import { AppError } from '../model/errors.ts';
import { findTraceparent, MAX_DELIVERIES } from '../queue/queueMessage.ts';
import type { Delivery } from '../queue/queueWorker.ts';
import { type Observed, observeFlow } from '../telemetry/events.ts';
import { startTracing, traceInvocation } from '../telemetry/traceInvocation.ts';
import { addQueueFunction, recordSuccess } from './registeredFunctions.ts';

/** One delivery of a queue entry. Anyone may have written the entry, so nothing but {@link QueueTrigger.open} reads it. */
export interface QueueDelivery extends Delivery {
  /** The entry's id, or the invocation's if the host names none. */
  readonly id: string;
  /** Text, or the object that the host made of it. It is only to be kept. */
  readonly entry: unknown;
  /** Returns the JSON of a message that this app signed, else `undefined`. Throws what opening threw. */
  opened(this: void): string | undefined;
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
  /** Returns the JSON of a message that this app signed for the queue, else `undefined` (queue/messageSeal.ts). */
  open(this: void, entry: unknown): Promise<string | undefined>;
}

/**
 * Registers a function for a queue. Each delivery is traced and writes one event. An error is thrown on, so that the host delivers the
 * message again. The message is opened first: not even its trace context is read before. `flow` may depend on the opened message,
 * and must not throw. A success is recorded for the heartbeat.
 */
export function onQueue<T>(
  functionName: string,
  { queueName, isEnabled, open }: QueueTrigger,
  flow: QueueFlow<T> | ((json: string | undefined) => QueueFlow<T>),
): void {
  if (!isEnabled) return;
  addQueueFunction({ name: functionName, queueName });
  app.storageQueue(functionName, {
    queueName,
    connection: 'AzureWebJobsStorage',
    handler: async (entry: unknown, context) => {
      // First, because opening a message builds the application, with the tracing that it finds.
      startTracing(context);
      const [opened] = await Promise.allSettled([open(entry)]);
      const json = opened.status === 'fulfilled' ? opened.value : undefined;
      const delivery: QueueDelivery = { ...readDelivery(context), entry, opened: () => valueOf(opened) };
      const { name, run, describe, countKeys } = typeof flow === 'function' ? flow(json) : flow;
      const { attempt } = delivery;
      const traceparent = json === undefined ? undefined : findTraceparent(json);
      const trigger = { kind: 'queue', queueName, attempt, traceparent } as const;
      await traceInvocation(context, trigger, async () => {
        await observeFlow(context, {
          name,
          run: async () => run(delivery),
          describe: (result) => describe(result, delivery),
          ...(countKeys === undefined ? {} : { countKeys }),
        });
        await recordSuccess(context, async ({ recordQueueFunction }) => recordQueueFunction(functionName));
      });
    },
  });
}

function valueOf<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === 'fulfilled') return settled.value;
  throw settled.reason;
}

/** Returns the JSON of a delivery's message. Throws `message_not_authentic` (final) unless this app signed it. */
export function requireOpened({ opened }: Pick<QueueDelivery, 'opened'>): string {
  const json = opened();
  if (json !== undefined) return json;
  throw new AppError(
    'message_not_authentic',
    'The queue message was not signed by this app, or too long ago.',
  );
}

/** Reads what the host says about an entry. It is the first delivery if the host doesn't count. Never throws. */
export function readDelivery(
  context: Pick<InvocationContext, 'invocationId' | 'triggerMetadata'>,
): Omit<QueueDelivery, 'entry' | 'opened'> {
  const { id, dequeueCount } = context.triggerMetadata ?? {};
  const attempt = Number(dequeueCount ?? 1);
  return {
    id: typeof id === 'string' ? id : context.invocationId,
    attempt,
    isLastAttempt: attempt >= MAX_DELIVERIES,
  };
}

/** Returns the seconds since an instant (ISO 8601), or 0 if it lies ahead of this clock. */
export function secondsSince(instant: string): number {
  return Math.max(0, (Date.now() - Date.parse(instant)) / 1000);
}
