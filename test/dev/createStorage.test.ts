import { TableServiceClient } from '@azure/data-tables';
import { QueueServiceClient } from '@azure/storage-queue';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createStorage } from '../../dev/stack/createStorage.ts';
import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';

describe('createStorage', () => {
  let azurite: Azurite;
  beforeAll(async () => {
    azurite = await startAzurite();
  });
  afterAll(async () => azurite.stop());

  it('creates every table and queue, and keeps existing ones when it runs again', async () => {
    await createStorage(azurite.connectionString);
    const tables = createAzureTables({
      connection: { kind: 'connectionString', connectionString: azurite.connectionString },
    });
    const key = { partitionKey: 'p', rowKey: 'r' };
    await tables.write(TABLES.users, { kind: 'create', key, properties: { kept: true } });
    await createStorage(azurite.connectionString);

    expect(await tables.find(TABLES.users, key)).toMatchObject({ properties: { kept: true } });
    expect(await tableNames(azurite)).toStrictEqual(Object.values(TABLES).toSorted());
    expect(await queueNames(azurite)).toStrictEqual([
      'litellm-sync',
      'litellm-sync-poison',
      'provision',
      'provision-poison',
    ]);
  });

  it('uses unique table names that Azure allows: 3 to 63 letters and digits, a letter first', () => {
    const names = Object.values(TABLES);
    for (const name of names) expect(name).toMatch(/^[A-Za-z][A-Za-z0-9]{2,62}$/);
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
  });
});

async function tableNames(azurite: Azurite): Promise<readonly string[]> {
  const service = TableServiceClient.fromConnectionString(azurite.connectionString, {
    allowInsecureConnection: true,
  });
  const names: string[] = [];
  for await (const table of service.listTables()) names.push(table.name ?? '');
  return names.toSorted();
}

async function queueNames(azurite: Azurite): Promise<readonly string[]> {
  const names: string[] = [];
  const service = QueueServiceClient.fromConnectionString(azurite.connectionString);
  for await (const queue of service.listQueues()) names.push(queue.name);
  return names.toSorted();
}
