import { app } from '@azure/functions';
import { readConfigFaults, requireApp } from '../shared/app.ts';
import { provisionUser } from '../shared/provisioning/provisionUser.ts';
import {
  MAX_DELIVERIES,
  parseProvisionMessage,
  PROVISION_QUEUE,
  type ProvisionMessage,
} from '../shared/queue/provisionMessage.ts';
import { readQueueDelivery } from '../shared/queue/readQueueDelivery.ts';
import { observeFlow } from '../shared/telemetry/events.ts';
import { traceInvocation } from '../shared/telemetry/traceInvocation.ts';

/**
 * Queue `provision`: provisions what a sign-in saw. With wrong settings the trigger is not registered at all, so that
 * messages wait in the queue instead of failing.
 */
if (readConfigFaults().length === 0) {
  app.storageQueue('provision', {
    queueName: PROVISION_QUEUE,
    connection: 'AzureWebJobsStorage',
    handler: async (entry: unknown, context) => {
      const { attempt, trigger } = readQueueDelivery(context, PROVISION_QUEUE, entry);
      await traceInvocation(context, trigger, async () =>
        observeFlow(context, {
          name: 'provision.user',
          run: async () => {
            const message = parseProvisionMessage(entry);
            const result = await provisionUser(requireApp().provision, message, {
              attempt,
              maxAttempts: MAX_DELIVERIES,
            });
            return { message, result };
          },
          describe: ({ message, result }) => ({
            userId: message.person.user_id,
            observationId: message.id,
            status: result.status,
            reason: result.reason,
            attempt,
            granted: result.changes?.granted,
            changed: result.changes?.changed,
            removed: result.changes?.removed,
            reported: result.reportedCount,
            secondsSinceSignIn: secondsSinceSignIn(message),
          }),
        }),
      );
    },
  });
}

/** From when this service enqueued it; Microsoft's clock, to the second, where the message does not say. */
function secondsSinceSignIn(message: ProvisionMessage): number {
  const signedInMs = Date.parse(message.enqueued_at ?? message.observed_at);
  return Math.max(0, (Date.now() - signedInMs) / 1000);
}
