import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createStorage } from '../../dev/stack/createStorage.ts';
import { ParkedSnapshots, parkedListOf } from '../../shared/storage/parkedSnapshots.ts';
import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';
import { packJson } from '../../shared/storage/tables/packedBytes.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import type { Properties, RowKey, Tables } from '../../shared/model/tables.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { startTableProxy, type TableProxy } from '../support/tableProxy.ts';

describe('ParkedSnapshots', () => {
  let azurite: Azurite;
  let proxy: TableProxy;
  let tables: Tables;
  let snapshots: ParkedSnapshots;

  beforeAll(async () => {
    azurite = await startAzurite();
    await createStorage(azurite.connectionString);
    proxy = await startTableProxy(azurite);
    tables = createAzureTables({
      connection: { kind: 'connectionString', connectionString: proxy.connectionString },
    });
    snapshots = new ParkedSnapshots(tables);
  });
  afterAll(async () => {
    await proxy.stop();
    await azurite.stop();
  });

  it.each([0, 1, 5_000, 20_000, 35_000])('keep a list of %i groups whole and in order', async (count) => {
    const id = randomUUID();
    const groupIds = Array.from({ length: count }, () => randomUUID());
    proxy.forgetRequests();
    const parked = await snapshots.park(id, groupIds);
    expect(proxy.requests()).toHaveLength(1);
    expect(parked).toMatchObject({ snapshot_id: id, count });
    expect(parked.sha256).toMatch(/^[\w-]{43}$/);
    expect(await snapshots.require(parked)).toStrictEqual(groupIds);
    expect(proxy.requests()).toHaveLength(2);
  });

  it('refuse a list that does not fit into a row instead of shortening it', async () => {
    const id = randomUUID();
    const groupIds = Array.from({ length: 60_000 }, () => randomUUID());
    await expect(snapshots.park(id, groupIds)).rejects.toMatchObject({ code: 'storage_refused' });
    await expect(snapshots.require(parkedListOf(id, []))).rejects.toMatchObject({ code: 'snapshot_missing' });
  });

  it('can park the same list again, also after a lost answer', async () => {
    const id = randomUUID();
    await snapshots.park(id, ['a', 'b']);
    proxy.breakNext({ kind: 'loseAnswer' });
    const parked = await snapshots.park(id, ['a', 'b']);
    expect(await snapshots.require(parked)).toStrictEqual(['a', 'b']);
  });

  it('throw for a list that was never parked, and never return an empty one', async () => {
    const id = randomUUID();
    await expect(snapshots.require(parkedListOf(id, []))).rejects.toMatchObject({
      code: 'snapshot_missing',
      retryable: false,
      details: { snapshotId: id },
    });
  });

  it('remove a list, and accept a second removal', async () => {
    const id = randomUUID();
    await snapshots.park(id, ['a']);
    await snapshots.remove(id);
    await snapshots.remove(id);
    await expect(snapshots.require(parkedListOf(id, []))).rejects.toMatchObject({ code: 'snapshot_missing' });
  });

  it.each<[string, Properties]>([
    ['lost its columns', {}],
    ['holds no list', packJson('groups', { groups: [] })],
    ['holds a list of something else', packJson('groups', [1])],
  ])('call a row that %s unreadable', async (_name, properties) => {
    const id = randomUUID();
    await snapshots.park(id, ['a']);
    const row = (await tables.read(TABLES.parkedSnapshots, {})).find(({ rowKey }) => rowKey === id);
    if (row === undefined) throw new Error('The row was not found.');
    const key: RowKey = { partitionKey: row.partitionKey, rowKey: row.rowKey };
    await tables.write(TABLES.parkedSnapshots, { kind: 'upsert', key, properties });
    await expect(snapshots.require(parkedListOf(id, []))).rejects.toMatchObject({
      code: 'row_unreadable',
      retryable: false,
    });
  });

  it.each<[string, readonly string[]]>([
    ['one more group', ['a', 'b', 'admins']],
    ['another group', ['a', 'c']],
    ['one group less', ['a']],
    ['no group', []],
    ['another order', ['b', 'a']],
    ['the same letters', ['a","b']],
  ])('refuse a row into which somebody wrote another list: %s', async (_name, written) => {
    const id = randomUUID();
    const parked = await snapshots.park(id, ['a', 'b']);
    await snapshots.park(id, written);
    await expect(snapshots.require(parked)).rejects.toMatchObject({
      code: 'snapshot_altered',
      retryable: false,
      details: { table: TABLES.parkedSnapshots, row: id },
    });
  });

  it('distinguish an unreachable store from a list that is gone', async () => {
    proxy.breakNext(...Array.from({ length: 3 }, () => ({ kind: 'answer', status: 503 }) as const));
    await expect(snapshots.require(parkedListOf(randomUUID(), []))).rejects.toMatchObject({
      code: 'storage_unavailable',
      retryable: true,
    });
  });
});
