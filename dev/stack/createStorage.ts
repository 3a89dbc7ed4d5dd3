import { TableServiceClient } from '@azure/data-tables';
import { QueueServiceClient } from '@azure/storage-queue';

import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { QUEUES } from '../../shared/queue/queueMessage.ts';

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
