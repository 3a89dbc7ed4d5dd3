/** That the light storage answers the product's own driver as Table Storage would, where a provisioning asks. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';
import type { RowKey, Tables } from '../../shared/model/tables.ts';
import { acceptedList, createSubject, groupsOf, personOf, signInMessage } from './provisioningSubject.ts';
import { type LightStorage, startLightStorage } from './lightStorage.ts';

let storage: LightStorage;
let tables: Tables;

beforeAll(async () => {
  storage = await startLightStorage();
  const { connectionString } = storage;
  tables = createAzureTables({ connection: { kind: 'connectionString', connectionString }, maxRetries: 0 });
});

afterAll(() => storage.close());

const table = 'Rows';
const keyOf = (partitionKey: string, rowKey = "o'neil"): RowKey => ({ partitionKey, rowKey });

it('creates once, and replaces, merges and deletes only under the ETag of what is there', async () => {
  const key = keyOf('one');
  const created = await tables.write(table, { kind: 'create', key, properties: { a: 1, b: 'x' } });
  const etag = (created.done ? created.etag : undefined) ?? '';
  expect(await tables.write(table, { kind: 'create', key, properties: {} })).toEqual({ done: false });
  const merged = await tables.write(table, { kind: 'merge', key, properties: { b: 'y' }, etag });
  expect(merged.done).toBe(true);
  expect(await tables.write(table, { kind: 'replace', key, properties: {}, etag })).toEqual({ done: false });
  expect(await tables.write(table, { kind: 'delete', key, etag })).toEqual({ done: false });
  const row = await tables.find(table, key);
  expect(row).toMatchObject({ ...key, properties: { a: 1, b: 'y' } });
  const now = row?.etag ?? '';
  expect(await tables.write(table, { kind: 'replace', key, properties: { c: 2 }, etag: now })).toMatchObject({
    done: true,
  });
  expect((await tables.find(table, key))?.properties).toEqual({ c: 2 });
  expect(await tables.write(table, { kind: 'delete', key, etag: '*' })).toMatchObject({ done: true });
  expect(await tables.find(table, key)).toBeUndefined();
});

it('does all of a transaction or nothing', async () => {
  const create = (rowKey: string) =>
    ({ kind: 'create', key: keyOf('two', rowKey), properties: { a: 1 } }) as const;
  const done = await tables.transact(table, [create('b'), create('a')]);
  expect(done).toMatchObject({ done: true });
  expect(await tables.transact(table, [create('c'), create('a')])).toEqual({ done: false });
  const rows = await tables.read(table, { partitionKey: 'two' });
  expect(rows.map(({ rowKey }) => rowKey)).toEqual(['a', 'b']);
  expect(done.done && done.etags).toEqual([rows[1]?.etag, rows[0]?.etag]);
});

it('refuses what it does not know', async () => {
  await expect(tables.read(table, {})).rejects.toMatchObject({ code: 'storage_unavailable' });
  await expect(tables.read(table, { partitionKey: 'two', rowKeyFrom: 'a' })).rejects.toMatchObject({
    code: 'storage_unavailable',
  });
});

it('carries somebody through a first, an unchanged and a changed run', async () => {
  const subject = createSubject(storage.connectionString);
  const groups = groupsOf('group', 120);
  subject.know(acceptedList(groups));
  const alice = personOf('alice');
  expect(await subject.provision(signInMessage(alice, groups))).toBe('done');
  expect(await subject.provision(signInMessage(alice, groups))).toBe('unchanged');
  expect(await subject.provision(signInMessage(alice, groups.slice(1)))).toBe('done');
  const rows = await tables.read('LiteLLMTeamMembership', { partitionKey: alice.userId });
  expect(rows.map(({ rowKey }) => rowKey).filter((rowKey) => rowKey !== '_fence')).toHaveLength(119);
});
