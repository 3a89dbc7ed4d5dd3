import { isLitellmConnected, requireLitellmSide } from '../shared/app.ts';
import { SYNC_POISON_QUEUE } from '../shared/queue/queueMessage.ts';
import { keepPoison } from '../shared/queue/queueWorker.ts';
import { onQueue } from '../shared/triggers/onQueue.ts';

/** Queue `litellm-sync-poison`: keeps each message that failed too often, and says why. */
onQueue(
  'litellmSyncPoison',
  {
    queueName: SYNC_POISON_QUEUE,
    isEnabled: isLitellmConnected(),
    open: async (entry) => requireLitellmSide().queue.seal.open(entry),
  },
  {
    name: 'sync.failure',
    run: async (delivery) => keepPoison(requireLitellmSide().queue, delivery),
    describe: (kept, { id }) => ({ level: 'error', messageId: id, ...kept }),
  },
);
