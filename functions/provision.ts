import { app } from '@azure/functions';
import { readConfigFaults, requireApp } from '../shared/app.ts';
import { provisionUser } from '../shared/flows/provisionUser.ts';
import { MAX_DELIVERIES, parseProvisionMessage, PROVISION_QUEUE } from '../shared/messages.ts';
import { observeFlow } from '../shared/telemetry.ts';

/**
 * Queue `provision`: provisions what a sign-in saw. With wrong settings the trigger is not registered at all, so that
 * messages wait in the queue instead of failing.
 */
if (readConfigFaults().length === 0) {
  app.storageQueue('provision', {
    queueName: PROVISION_QUEUE,
    connection: 'AzureWebJobsStorage',
    handler: async (entry: unknown, context) => {
      const attempt = Number(context.triggerMetadata?.['dequeueCount'] ?? 1);
      await observeFlow(context, {
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
          secondsSinceSignIn: Math.max(0, Math.round((Date.now() - Date.parse(message.observed_at)) / 1000)),
        }),
      });
    },
  });
}
