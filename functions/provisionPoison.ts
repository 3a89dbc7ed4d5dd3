import { app } from '@azure/functions';
import { readConfigFaults, requireApp } from '../shared/app.ts';
import { recordFailure } from '../shared/queue/recordFailure.ts';
import { readQueueDelivery } from '../shared/queue/readQueueDelivery.ts';
import { PROVISION_POISON_QUEUE } from '../shared/queue/provisionMessage.ts';
import { observeFlow } from '../shared/telemetry/events.ts';
import { traceInvocation } from '../shared/telemetry/traceInvocation.ts';

/** Queue `provision-poison`: keeps what the queue gave up on and says why. */
if (readConfigFaults().length === 0) {
  app.storageQueue('provisionPoison', {
    queueName: PROVISION_POISON_QUEUE,
    connection: 'AzureWebJobsStorage',
    handler: async (entry: unknown, context) => {
      const { id, isLastAttempt, trigger } = readQueueDelivery(context, PROVISION_POISON_QUEUE, entry);
      await traceInvocation(context, trigger, async () =>
        observeFlow(context, {
          name: 'provision.failure',
          run: async () => recordFailure(requireApp().failure, { id, entry, isLastAttempt }),
          describe: (recorded) => ({ level: 'error' as const, messageId: id, ...recorded }),
        }),
      );
    },
  });
}
