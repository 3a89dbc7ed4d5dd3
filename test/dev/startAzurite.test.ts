import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TableClient } from '@azure/data-tables';
import { QueueServiceClient } from '@azure/storage-queue';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startAzurite } from '../../dev/stack/azurite.ts';

let location: string;

beforeEach(async () => {
  location = await mkdtemp(join(tmpdir(), 'azurite-'));
});

afterEach(async () => {
  await rm(location, { recursive: true });
});

test('keeps messages and rows between starts, and chooses its ports itself', async () => {
  const clientsOf = (
    connectionString: string,
  ): { queue: ReturnType<QueueServiceClient['getQueueClient']>; table: TableClient } => ({
    queue: QueueServiceClient.fromConnectionString(connectionString).getQueueClient('kept'),
    table: TableClient.fromConnectionString(connectionString, 'kept', { allowInsecureConnection: true }),
  });
  const first = await startAzurite({ location });
  const before = clientsOf(first.connectionString);
  await before.queue.create();
  await before.queue.sendMessage('still here');
  await before.table.createTable();
  await before.table.createEntity({ partitionKey: 'p', rowKey: 'r', text: 'still here' });
  await first.stop();

  const second = await startAzurite({ location });
  const after = clientsOf(second.connectionString);
  const message = (await after.queue.receiveMessages()).receivedMessageItems[0];
  const row = await after.table.getEntity('p', 'r');
  await second.stop();
  expect(message?.messageText).toBe('still here');
  expect(row['text']).toBe('still here');
  expect(await second.exited).toBe('exit code 0');
});

test('has blobs only if asked, for the real Functions host', async () => {
  const endpointOf = (connectionString: string): string | undefined =>
    /BlobEndpoint=([^;]+)/.exec(connectionString)?.[1];
  const without = await startAzurite();
  const azurite = await startAzurite({ location, blobPort: 0 });
  const endpoint = endpointOf(azurite.connectionString) ?? '';
  const answer = await fetch(`${endpoint}?comp=list`);
  await Promise.all([without.stop(), azurite.stop()]);
  expect(endpointOf(without.connectionString)).toBeUndefined();
  expect(answer.headers.get('server')).toContain('Azurite-Blob');
});
