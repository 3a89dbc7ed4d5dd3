import { TableServiceClient } from '@azure/data-tables';
import { QueueServiceClient } from '@azure/storage-queue';

import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import {
  PROVISION_POISON_QUEUE,
  PROVISION_QUEUE,
  SYNC_POISON_QUEUE,
  SYNC_QUEUE,
} from '../../shared/queue/queueNames.ts';

/** The queue of observations, that of pushes to LiteLLM, and where the host puts what failed too often of each. */
export const QUEUES = [PROVISION_QUEUE, PROVISION_POISON_QUEUE, SYNC_QUEUE, SYNC_POISON_QUEUE] as const;

/**
 * Creates every table and queue that the product uses in the storage account of a local stack or a test; in Azure the
 * infrastructure does it. Idempotent: what exists stays as it is. Throws what the storage clients throw.
 */
export async function createStorage(connectionString: string): Promise<void> {
  const tables = TableServiceClient.fromConnectionString(connectionString, { allowInsecureConnection: true });
  const queues = QueueServiceClient.fromConnectionString(connectionString);
  await Promise.all([
    ...Object.values(TABLES).map((table) => tables.createTable(table)),
    ...QUEUES.map((queue) => queues.getQueueClient(queue).createIfNotExists()),
  ]);
}
