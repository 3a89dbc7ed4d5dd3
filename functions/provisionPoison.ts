import { isConfigured, requireApp } from '../shared/app.ts';
import { PROVISION_POISON_QUEUE } from '../shared/queue/queueMessage.ts';
import { keepPoison } from '../shared/queue/queueWorker.ts';
import { onQueue } from '../shared/triggers/onQueue.ts';

/** Queue `provision-poison`: keeps each message that failed too often, and says why. */
onQueue(
  'provisionPoison',
  {
    queueName: PROVISION_POISON_QUEUE,
    isEnabled: isConfigured(),
    open: async (entry) => requireApp().provisionQueue.seal.open(entry),
  },
  {
    name: 'provision.failure',
    run: async (delivery) => keepPoison(requireApp().provisionQueue, delivery),
    describe: (kept, { id }) => ({ level: 'error', messageId: id, ...kept }),
  },
);
