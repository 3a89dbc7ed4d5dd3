import { app } from '@azure/functions';
import { readConfigFaults, requireConfig, requireProxySide } from '../shared/app.ts';
import { recordPushFailure } from '../shared/flows/recordPushFailure.ts';
import { readQueueDelivery } from '../shared/messages/readQueueDelivery.ts';
import { PUSH_POISON_QUEUE } from '../shared/messages.ts';
import { observeFlow } from '../shared/telemetry.ts';
import { traceInvocation } from '../shared/telemetry/traceInvocation.ts';

/** Queue `push-poison`: keeps what the queue `push` gave up on and says why. */
if (readConfigFaults().length === 0 && requireConfig().litellm !== undefined) {
  app.storageQueue('pushPoison', {
    queueName: PUSH_POISON_QUEUE,
    connection: 'AzureWebJobsStorage',
    handler: async (entry: unknown, context) => {
      const { id, isLastAttempt, trigger } = readQueueDelivery(context, PUSH_POISON_QUEUE, entry);
      await traceInvocation(context, trigger, async () =>
        observeFlow(context, {
          name: 'push.failure',
          run: async () => recordPushFailure(requireProxySide().failure, { id, entry, isLastAttempt }),
          describe: (recorded) => ({ level: 'error' as const, messageId: id, ...recorded }),
        }),
      );
    },
  });
}
