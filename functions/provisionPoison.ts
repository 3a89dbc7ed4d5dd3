import { app } from '@azure/functions';
import { readConfigFaults, requireApp } from '../shared/app.ts';
import { recordFailure } from '../shared/flows/recordFailure.ts';
import { MAX_DELIVERIES, PROVISION_POISON_QUEUE } from '../shared/messages.ts';
import { observeFlow } from '../shared/telemetry.ts';

/** Queue `provision-poison`: keeps what the queue gave up on and says why. */
if (readConfigFaults().length === 0) {
  app.storageQueue('provisionPoison', {
    queueName: PROVISION_POISON_QUEUE,
    connection: 'AzureWebJobsStorage',
    handler: async (entry: unknown, context) => {
      const metadata = context.triggerMetadata ?? {};
      const id = typeof metadata['id'] === 'string' ? metadata['id'] : context.invocationId;
      await observeFlow(context, {
        name: 'provision.failure',
        run: async () =>
          recordFailure(requireApp().failure, {
            id,
            entry,
            isLastAttempt: Number(metadata['dequeueCount'] ?? 1) >= MAX_DELIVERIES,
          }),
        describe: (recorded) => ({ level: 'error' as const, messageId: id, ...recorded }),
      });
    },
  });
}
