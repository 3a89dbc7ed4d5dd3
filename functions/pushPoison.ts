import { app } from '@azure/functions';
import { readConfigFaults, requireConfig, requireProxySide } from '../shared/app.ts';
import { recordPushFailure } from '../shared/flows/recordPushFailure.ts';
import { findTraceparent, MAX_DELIVERIES, PUSH_POISON_QUEUE } from '../shared/messages.ts';
import { observeFlow } from '../shared/telemetry.ts';
import { traceInvocation } from '../shared/telemetry/traceInvocation.ts';

/** Queue `push-poison`: keeps what the queue `push` gave up on and says why. */
if (readConfigFaults().length === 0 && requireConfig().litellm !== undefined) {
  app.storageQueue('pushPoison', {
    queueName: PUSH_POISON_QUEUE,
    connection: 'AzureWebJobsStorage',
    handler: async (entry: unknown, context) => {
      const metadata = context.triggerMetadata ?? {};
      const id = typeof metadata['id'] === 'string' ? metadata['id'] : context.invocationId;
      const attempt = Number(metadata['dequeueCount'] ?? 1);
      const traceparent = findTraceparent(entry);
      const trigger = { kind: 'queue', queueName: PUSH_POISON_QUEUE, attempt, traceparent } as const;
      await traceInvocation(context, trigger, async () =>
        observeFlow(context, {
          name: 'push.failure',
          run: async () =>
            recordPushFailure(requireProxySide().failure, {
              id,
              entry,
              isLastAttempt: attempt >= MAX_DELIVERIES,
            }),
          describe: (recorded) => ({ level: 'error' as const, messageId: id, ...recorded }),
        }),
      );
    },
  });
}
