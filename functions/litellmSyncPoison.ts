import { app } from '@azure/functions';
import { readConfigFaults, requireConfig, requireLitellmSide } from '../shared/app.ts';
import { recordSyncFailure } from '../shared/queue/recordSyncFailure.ts';
import { readQueueDelivery } from '../shared/queue/readQueueDelivery.ts';
import { SYNC_POISON_QUEUE } from '../shared/queue/provisionMessage.ts';
import { observeFlow } from '../shared/telemetry/events.ts';
import { traceInvocation } from '../shared/telemetry/traceInvocation.ts';

/** Queue `litellm-sync-poison`: keeps what the queue `push` gave up on and says why. */
if (readConfigFaults().length === 0 && requireConfig().litellm !== undefined) {
  app.storageQueue('litellmSyncPoison', {
    queueName: SYNC_POISON_QUEUE,
    connection: 'AzureWebJobsStorage',
    handler: async (entry: unknown, context) => {
      const { id, isLastAttempt, trigger } = readQueueDelivery(context, SYNC_POISON_QUEUE, entry);
      await traceInvocation(context, trigger, async () =>
        observeFlow(context, {
          name: 'sync.failure',
          run: async () => recordSyncFailure(requireLitellmSide().failure, { id, entry, isLastAttempt }),
          describe: (recorded) => ({ level: 'error' as const, messageId: id, ...recorded }),
        }),
      );
    },
  });
}
