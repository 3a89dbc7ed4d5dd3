import { TableServiceClient } from '@azure/data-tables';
import { QueueServiceClient } from '@azure/storage-queue';

import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import {
  PROVISION_POISON_QUEUE,
  PROVISION_QUEUE,
  SYNC_POISON_QUEUE,
  SYNC_QUEUE,
} from '../../shared/queue/queueMessage.ts';

/**
 * The queue of observations, the queue of syncs to LiteLLM, and their two poison queues, to which the host moves failed
 * messages.
 */
export const QUEUES = [PROVISION_QUEUE, PROVISION_POISON_QUEUE, SYNC_QUEUE, SYNC_POISON_QUEUE] as const;

/**
 * Creates every table and queue that the product uses, for a local stack or a test. In Azure, the infrastructure creates them.
 * Idempotent: existing tables and queues stay as they are. Throws the errors of the storage clients.
 */
export async function createStorage(connectionString: string): Promise<void> {
  const tables = TableServiceClient.fromConnectionString(connectionString, { allowInsecureConnection: true });
  const queues = QueueServiceClient.fromConnectionString(connectionString);
  await Promise.all([
    ...Object.values(TABLES).map((table) => tables.createTable(table)),
    ...QUEUES.map((queue) => queues.getQueueClient(queue).createIfNotExists()),
  ]);
}
