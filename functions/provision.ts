import { isConfigured, requireApp } from '../shared/app.ts';
import { parseProvisionMessage, PROVISION_QUEUE } from '../shared/queue/queueMessage.ts';
import { runMessage } from '../shared/queue/queueWorker.ts';
import { onQueue, requireOpened, secondsSince } from '../shared/triggers/onQueue.ts';

/** Queue `provision`: provisions what a sign-in saw. */
onQueue(
  'provision',
  {
    queueName: PROVISION_QUEUE,
    isEnabled: isConfigured(),
    open: async (entry) => requireApp().provisionQueue.seal.open(entry),
  },
  {
    name: 'provision.user',
    run: async (delivery) => {
      const message = parseProvisionMessage(requireOpened(delivery));
      return { message, result: await runMessage(requireApp().provisionQueue, message, delivery) };
    },
    describe: ({ message, result }, { attempt }) => ({
      userId: message.person.user_id,
      observationId: message.id,
      status: result.status,
      reason: result.reason,
      attempt,
      granted: result.changes?.granted,
      changed: result.changes?.changed,
      removed: result.changes?.removed,
      reported: result.reportedCount,
      // Since this service enqueued the message, or by Microsoft's clock if the message doesn't say.
      secondsSinceSignIn: secondsSince(message.enqueued_at ?? message.observed_at),
    }),
  },
);
