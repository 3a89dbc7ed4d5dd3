import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import type {
  Properties,
  RowKey,
  StoredRow,
  Tables,
  TransactionWrite,
  Write,
} from '../../shared/model/tables.ts';
import { createStorage } from '../../dev/stack/createStorage.ts';
import { AppError } from '../../shared/model/errors.ts';
import { startAzurite } from '../support/azurite.ts';
import { createMemoryTables } from '../support/memoryTables.ts';
import { startTableProxy } from '../support/tableProxy.ts';

/** One implementation under test. */
interface Subject {
  readonly tables: Tables;
  countRequests(): number;
  forgetRequests(): void;
  stop(): Promise<void>;
}

function startMemory(): Promise<Subject> {
  const memory = createMemoryTables();
  return Promise.resolve({
    tables: memory,
    countRequests: () => memory.requests().length,
    forgetRequests: () => memory.forgetRequests(),
    stop: () => Promise.resolve(),
  });
}

/** Counts requests on the network, so that the client's own retries count too. */
async function startReal(): Promise<Subject> {
  const azurite = await startAzurite();
  await createStorage(azurite.connectionString);
  const proxy = await startTableProxy(azurite);
  return {
    tables: createAzureTables({
      connection: { kind: 'connectionString', connectionString: proxy.connectionString },
    }),
    countRequests: () => proxy.requests().length,
    forgetRequests: () => proxy.forgetRequests(),
    stop: async () => {
      await proxy.stop();
      await azurite.stop();
    },
  };
}

const TABLE = TABLES.teams;
const MISSING_TABLE = 'ContractMissing';

describe.each([
  { subjectName: 'the double in memory', start: startMemory },
  { subjectName: 'a real Azurite', start: startReal },
])('Tables on $subjectName', ({ start }) => {
  let subject: Subject;
  let tables: Tables;
  /** The partition of the current test. Each test has its own, so that it does not see the rows of another. */
  let partitionKey = '';
  let testNumber = 0;

  beforeAll(async () => {
    subject = await start();
    tables = subject.tables;
  });
  afterAll(async () => subject.stop());
  beforeEach(() => {
    testNumber += 1;
    partitionKey = `partition-${testNumber}`;
    subject.forgetRequests();
  });

  const at = (rowKey: string): RowKey => ({ partitionKey, rowKey });

  async function write(action: Write): Promise<string> {
    const result = await tables.write(TABLE, action);
    if (!result.done || result.etag === undefined) throw new Error(`refused: ${action.kind}`);
    return result.etag;
  }

  const create = (rowKey: string, properties: Properties = {}): Promise<string> =>
    write({ kind: 'create', key: at(rowKey), properties });

  async function requireRow(rowKey: string): Promise<StoredRow> {
    const row = await tables.find(TABLE, at(rowKey));
    if (row === undefined) throw new Error(`no row ${rowKey}`);
    return row;
  }

  const rowKeysOf = (rows: readonly StoredRow[]): readonly string[] => rows.map((row) => row.rowKey);

  async function createMany(rowKeys: readonly string[]): Promise<void> {
    for (let from = 0; from < rowKeys.length; from += 100) {
      const result = await tables.transact(
        TABLE,
        rowKeys
          .slice(from, from + 100)
          .map((rowKey) => ({ kind: 'create', key: at(rowKey), properties: {} })),
      );
      expect(result.done).toBe(true);
    }
  }

  /** Returns the rule that refused a call. Expects an AppError with that rule, and no request. */
  async function ruleThatRefuses(call: Promise<unknown>): Promise<unknown> {
    const error: unknown = await call.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof AppError) || error.code !== 'storage_refused' || error.retryable) return error;
    return subject.countRequests() === 0 ? error.details['rule'] : 'a request was sent';
  }

  describe('find', () => {
    it('returns undefined for a row that does not exist, with one request', async () => {
      expect(await tables.find(TABLE, at('nobody'))).toBeUndefined();
      expect(subject.countRequests()).toBe(1);
    });

    it('returns key, ETag and exactly the written properties, with one request', async () => {
      const etag = await create('row', { text: 'x', count: 3 });
      subject.forgetRequests();
      expect(await tables.find(TABLE, at('row'))).toStrictEqual({
        partitionKey,
        rowKey: 'row',
        etag,
        properties: { text: 'x', count: 3 },
      });
      expect(subject.countRequests()).toBe(1);
    });

    it('distinguishes keys by case', async () => {
      await create('row');
      expect(await tables.find(TABLE, at('Row'))).toBeUndefined();
    });

    it('throws for a missing table instead of finding nothing', async () => {
      await expect(tables.find(MISSING_TABLE, at('row'))).rejects.toMatchObject({
        code: 'storage_refused',
        retryable: false,
        details: { table: MISSING_TABLE, status: 404, storageCode: 'TableNotFound' },
      });
    });
  });

  describe('values', () => {
    it.each([
      ['an empty string', ''],
      ['text beyond the basic plane', 'Grüße 👩‍🚀 中文 \u0000\u2028'],
      ['quotes and markup', `it's "quoted" <b>&amp;</b> {x} \\ /`],
      ['text that looks like an instant', '2026-01-02T03:04:05.678Z'],
      ['the longest string', '\u20ac'.repeat(32 * 1024)],
      ['true', true],
      ['false', false],
      ['zero', 0],
      ['the greatest Int32', 2_147_483_647],
      ['one more than an Int32', 2_147_483_648],
      ['one less than an Int32', -2_147_483_649],
      ['milliseconds since 1970', 1_790_000_000_123],
      ['the greatest safe integer', Number.MAX_SAFE_INTEGER],
      ['a fraction', 0.1],
      ['a double without a fraction', 1000.0],
      ['a very large number', 1e21],
      ['a very small number', -1.5e-7],
      ['no bytes', new Uint8Array()],
      ['every byte', Uint8Array.from({ length: 256 }, (_, index) => index)],
      ['the longest binary', new Uint8Array(64 * 1024).fill(7)],
    ])('reads %s as it was written', async (_name, value) => {
      await create('row', { value });
      expect((await requireRow('row')).properties).toStrictEqual({ value });
    });

    it('writes only the bytes of a view, not those of the larger buffer behind it', async () => {
      await create('row', { value: new Uint8Array([1, 2, 3, 4, 5]).subarray(1, 3) });
      expect((await requireRow('row')).properties['value']).toStrictEqual(Uint8Array.from([2, 3]));
    });

    it('replaces half a surrogate pair by U+FFFD', async () => {
      await create('row', { value: 'a\ud83d' });
      expect((await requireRow('row')).properties['value']).toBe('a\ufffd');
    });

    it('shares no memory with its caller', async () => {
      const value = Uint8Array.from([1]);
      await create('row', { value });
      value[0] = 2;
      const first = await requireRow('row');
      const { value: read } = first.properties;
      if (!(read instanceof Uint8Array)) throw new Error('no binary');
      read[0] = 3;
      expect((await requireRow('row')).properties['value']).toStrictEqual(Uint8Array.from([1]));
    });

    it('holds 252 properties', async () => {
      const properties = Object.fromEntries(Array.from({ length: 252 }, (_, index) => [`p${index}`, index]));
      await create('row', properties);
      expect((await requireRow('row')).properties).toStrictEqual(properties);
    });

    it('holds 704 KiB in one row', async () => {
      const properties = Object.fromEntries(
        Array.from({ length: 11 }, (_, index) => [`p${index}`, new Uint8Array(64 * 1024).fill(index)]),
      );
      await create('row', properties);
      expect((await requireRow('row')).properties).toStrictEqual(properties);
    });

    it.each<[string, Properties, string]>([
      ['a string that is too long', { value: 'x'.repeat(32 * 1024 + 1) }, 'string'],
      ['a binary that is too long', { value: new Uint8Array(64 * 1024 + 1) }, 'binary'],
      ['infinity', { value: Infinity }, 'number'],
      ['not a number', { value: Number.NaN }, 'number'],
      [
        '253 properties',
        Object.fromEntries(Array.from({ length: 253 }, (_, index) => [`p${index}`, 1])),
        'properties',
      ],
      [
        'more than 1 MiB',
        Object.fromEntries(
          Array.from({ length: 16 }, (_, index) => [`p${index}`, new Uint8Array(64 * 1024)]),
        ),
        'entityBytes',
      ],
      ['a reserved name', { etag: 'x' }, 'name'],
      ['the name of a key', { PartitionKey: 'x' }, 'name'],
      ['a name that is not an identifier', { 'a-b': 'x' }, 'name'],
    ])('refuses %s before sending anything', async (_name, properties, rule) => {
      expect(await ruleThatRefuses(create('row', properties))).toBe(rule);
    });
  });

  describe('keys', () => {
    it.each([
      'plain',
      '',
      "it's",
      "''",
      'two words',
      '100%',
      '%20',
      '(a,b)=c',
      'a+b&c',
      'a:b;c@d$',
      '"quoted"',
      'Grüße-👩‍🚀',
      'x'.repeat(512),
    ])('writes, finds, lists and deletes a row under the key %j', async (rowKey) => {
      const etag = await create(rowKey, { value: 1 });
      expect(await tables.find(TABLE, at(rowKey))).toMatchObject({ partitionKey, rowKey, etag });
      expect(rowKeysOf(await tables.read(TABLE, { partitionKey, rowKeys: [rowKey] }))).toStrictEqual([
        rowKey,
      ]);
      const moved = await tables.transact(TABLE, [
        { kind: 'merge', key: at(rowKey), properties: { value: 2 }, etag },
      ]);
      expect(moved.done).toBe(true);
      expect(await tables.transact(TABLE, [{ kind: 'delete', key: at(rowKey) }])).toStrictEqual({
        done: true,
        etags: [undefined],
      });
      expect(await tables.read(TABLE, { partitionKey })).toStrictEqual([]);
    });

    it('keeps partitions with such keys apart, too', async () => {
      const key = { partitionKey: "o'brien 100% 👩‍🚀", rowKey: 'row' };
      await tables.write(TABLE, { kind: 'create', key, properties: {} });
      expect(await tables.read(TABLE, { partitionKey: key.partitionKey })).toMatchObject([key]);
    });

    it.each(['a/b', 'a\\b', 'a#b', 'a?b', 'a\tb', 'a\u0085b', '{a}', 'a\ud83d', 'x'.repeat(513)])(
      'refuses the key %j before sending anything',
      async (part) => {
        expect(await ruleThatRefuses(create(part))).toBe('rowKey');
        const key = { partitionKey: part, rowKey: 'row' };
        expect(await ruleThatRefuses(tables.find(TABLE, key))).toBe('partitionKey');
        expect(await ruleThatRefuses(tables.read(TABLE, { partitionKey: part }))).toBe('partitionKey');
        expect(await ruleThatRefuses(tables.transact(TABLE, [{ kind: 'delete', key }]))).toBe('partitionKey');
      },
    );
  });

  describe('write', () => {
    it('creates a row once', async () => {
      await create('row', { value: 1 });
      subject.forgetRequests();
      expect(
        await tables.write(TABLE, { kind: 'create', key: at('row'), properties: { value: 2 } }),
      ).toStrictEqual({ done: false });
      expect(subject.countRequests()).toBe(1);
      expect((await requireRow('row')).properties).toStrictEqual({ value: 1 });
    });

    it('replaces the whole row under its ETag', async () => {
      const etag = await create('row', { a: 1, b: 2 });
      const next = await write({ kind: 'replace', key: at('row'), properties: { b: 3 }, etag });
      expect(next).not.toBe(etag);
      expect(await requireRow('row')).toMatchObject({ etag: next, properties: { b: 3 } });
      expect((await requireRow('row')).properties).not.toHaveProperty('a');
    });

    it('merges under the ETag and keeps properties that are not named', async () => {
      const etag = await create('row', { a: 1, b: 2 });
      const next = await write({ kind: 'merge', key: at('row'), properties: { b: 3 }, etag });
      expect(await requireRow('row')).toMatchObject({ etag: next, properties: { a: 1, b: 3 } });
    });

    it('changes the ETag even if no property changes', async () => {
      const etag = await create('row', { a: 1 });
      expect(await write({ kind: 'merge', key: at('row'), properties: {}, etag })).not.toBe(etag);
    });

    it.each(['replace', 'merge'] as const)('refuses to %s under an ETag that has moved', async (kind) => {
      const etag = await create('row', { value: 1 });
      await write({ kind: 'upsert', key: at('row'), properties: { value: 2 } });
      subject.forgetRequests();
      expect(
        await tables.write(TABLE, { kind, key: at('row'), properties: { value: 3 }, etag }),
      ).toStrictEqual({ done: false });
      expect(subject.countRequests()).toBe(1);
      expect((await requireRow('row')).properties).toStrictEqual({ value: 2 });
    });

    it.each(['replace', 'merge'] as const)('refuses to %s a row that is gone', async (kind) => {
      const etag = await create('row');
      await tables.write(TABLE, { kind: 'delete', key: at('row'), etag });
      expect(await tables.write(TABLE, { kind, key: at('row'), properties: {}, etag })).toStrictEqual({
        done: false,
      });
      expect(await tables.find(TABLE, at('row'))).toBeUndefined();
    });

    it('upserts: replaces an existing row, or creates it', async () => {
      await create('row', { a: 1 });
      const etag = await write({ kind: 'upsert', key: at('row'), properties: { b: 2 } });
      expect(await requireRow('row')).toStrictEqual({ ...at('row'), etag, properties: { b: 2 } });
      await write({ kind: 'upsert', key: at('new'), properties: { c: 3 } });
      expect((await requireRow('new')).properties).toStrictEqual({ c: 3 });
    });

    it('upserts by merging: keeps existing properties, or creates the row', async () => {
      await create('row', { a: 1, b: 1 });
      const etag = await write({ kind: 'upsertMerge', key: at('row'), properties: { b: 2 } });
      expect(await requireRow('row')).toStrictEqual({ ...at('row'), etag, properties: { a: 1, b: 2 } });
      await write({ kind: 'upsertMerge', key: at('new'), properties: { c: 3 } });
      expect((await requireRow('new')).properties).toStrictEqual({ c: 3 });
    });

    it('deletes under the ETag', async () => {
      const etag = await create('row');
      subject.forgetRequests();
      expect(await tables.write(TABLE, { kind: 'delete', key: at('row'), etag })).toStrictEqual({
        done: true,
        etag: undefined,
      });
      expect(subject.countRequests()).toBe(1);
      expect(await tables.find(TABLE, at('row'))).toBeUndefined();
    });

    it('refuses to delete under an ETag that has changed, and to delete a row that is gone', async () => {
      const etag = await create('row');
      const moved = await write({ kind: 'upsert', key: at('row'), properties: {} });
      expect(await tables.write(TABLE, { kind: 'delete', key: at('row'), etag })).toStrictEqual({
        done: false,
      });
      await tables.write(TABLE, { kind: 'delete', key: at('row'), etag: moved });
      expect(await tables.write(TABLE, { kind: 'delete', key: at('row'), etag: moved })).toStrictEqual({
        done: false,
      });
    });

    it('accepts "*" for any existing row, and refuses it if no row exists', async () => {
      await create('row');
      await write({ kind: 'merge', key: at('row'), properties: { a: 1 }, etag: '*' });
      expect(await tables.write(TABLE, { kind: 'delete', key: at('row'), etag: '*' })).toMatchObject({
        done: true,
      });
      expect(await tables.write(TABLE, { kind: 'delete', key: at('row'), etag: '*' })).toStrictEqual({
        done: false,
      });
      expect(
        await tables.write(TABLE, { kind: 'replace', key: at('row'), properties: {}, etag: '*' }),
      ).toStrictEqual({ done: false });
    });

    it('never reuses the ETag of a row that was deleted and created again', async () => {
      const etag = await create('row');
      await tables.write(TABLE, { kind: 'delete', key: at('row'), etag });
      await create('row');
      expect(
        await tables.write(TABLE, { kind: 'replace', key: at('row'), properties: {}, etag }),
      ).toStrictEqual({ done: false });
    });

    it('refuses an invalid ETag before sending anything', async () => {
      expect(await ruleThatRefuses(tables.write(TABLE, { kind: 'delete', key: at('row'), etag: '' }))).toBe(
        'etag',
      );
    });

    it.each<Write['kind']>(['create', 'replace', 'merge', 'upsert', 'upsertMerge', 'delete'])(
      'throws on %s in a missing table instead of answering "refused"',
      async (kind) => {
        const action: Write = { kind, key: at('row'), properties: {}, etag: '*' };
        await expect(tables.write(MISSING_TABLE, action)).rejects.toMatchObject({
          code: 'storage_refused',
          details: { table: MISSING_TABLE, status: 404, storageCode: 'TableNotFound' },
        });
      },
    );
  });

  describe('read', () => {
    it('returns the rows of one partition in the order of their keys', async () => {
      await createMany(['b', 'a', 'B', 'A1', 'A', 'é', '\uff21', '👩', '', '10', '9']);
      subject.forgetRequests();
      expect(rowKeysOf(await tables.read(TABLE, { partitionKey }))).toStrictEqual([
        '',
        '10',
        '9',
        'A',
        'A1',
        'B',
        'a',
        'b',
        'é',
        '👩',
        '\uff21',
      ]);
      expect(subject.countRequests()).toBe(1);
    });

    it('returns rows in the same form as find', async () => {
      await create('row', { text: 'x', bytes: Uint8Array.from([1]), amount: 1e12 });
      expect(await tables.read(TABLE, { partitionKey })).toStrictEqual([await requireRow('row')]);
    });

    it('returns an empty list for an empty partition', async () => {
      expect(await tables.read(TABLE, { partitionKey })).toStrictEqual([]);
    });

    it('returns every row of a table, ordered by partition key and row key', async () => {
      const table = TABLES.failures;
      for (const [partition, rowKey] of [
        ['p2', 'a'],
        ['p1', 'b'],
        ['p1', 'a'],
        ['P', 'z'],
      ] as const) {
        await tables.write(table, {
          kind: 'create',
          key: { partitionKey: partition, rowKey },
          properties: {},
        });
      }
      const rows = await tables.read(table, {});
      expect(rows.map((row) => `${row.partitionKey}/${row.rowKey}`)).toStrictEqual([
        'P/z',
        'p1/a',
        'p1/b',
        'p2/a',
      ]);
    });

    it('accepts a range of row keys with an inclusive lower and an exclusive upper bound', async () => {
      await createMany(['a', 'b', 'c', 'd']);
      const range = (bounds: { rowKeyFrom?: string; rowKeyBelow?: string }): Promise<readonly StoredRow[]> =>
        tables.read(TABLE, { partitionKey, ...bounds });
      expect(rowKeysOf(await range({ rowKeyFrom: 'b', rowKeyBelow: 'd' }))).toStrictEqual(['b', 'c']);
      expect(rowKeysOf(await range({ rowKeyFrom: 'c' }))).toStrictEqual(['c', 'd']);
      expect(rowKeysOf(await range({ rowKeyBelow: 'b' }))).toStrictEqual(['a']);
      expect(rowKeysOf(await range({ rowKeyFrom: 'x' }))).toStrictEqual([]);
    });

    it('accepts up to 14 row keys, and returns the existing rows in the order of the keys', async () => {
      const rowKeys = Array.from({ length: 14 }, (_, index) => `key ${index}'s`);
      await createMany([...rowKeys, 'other']);
      subject.forgetRequests();
      const rows = await tables.read(TABLE, { partitionKey, rowKeys: [...rowKeys, ...rowKeys].toReversed() });
      expect(rowKeysOf(rows)).toStrictEqual(rowKeys.toSorted());
      expect(subject.countRequests()).toBe(1);
      expect(
        rowKeysOf(await tables.read(TABLE, { partitionKey, rowKeys: ['other', 'nobody'] })),
      ).toStrictEqual(['other']);
    });

    it('returns no row for an empty list of row keys, without a request', async () => {
      await create('row');
      subject.forgetRequests();
      expect(await tables.read(TABLE, { partitionKey, rowKeys: [] })).toStrictEqual([]);
      expect(subject.countRequests()).toBe(0);
    });

    it('escapes a quote in the filter', async () => {
      await create('row');
      const injected = `x' or PartitionKey ne '`;
      expect(await tables.read(TABLE, { partitionKey: injected })).toStrictEqual([]);
      expect(await tables.read(TABLE, { partitionKey, rowKeys: [injected] })).toStrictEqual([]);
      expect(await tables.read(TABLE, { partitionKey, rowKeyFrom: injected })).toStrictEqual([]);
    });

    it('refuses a 16th comparison before sending anything', async () => {
      const rowKeys = Array.from({ length: 15 }, (_, index) => String(index));
      expect(await ruleThatRefuses(tables.read(TABLE, { partitionKey, rowKeys }))).toBe('comparisons');
    });

    it('refuses row keys without a partition, and a range together with a list', async () => {
      expect(await ruleThatRefuses(tables.read(TABLE, { rowKeys: ['a'] }))).toBe('partitionKey');
      expect(await ruleThatRefuses(tables.read(TABLE, { rowKeyFrom: 'a' }))).toBe('partitionKey');
      expect(
        await ruleThatRefuses(tables.read(TABLE, { partitionKey, rowKeyFrom: 'a', rowKeys: ['a'] })),
      ).toBe('rangeOrList');
    });

    it('throws for a missing table instead of reading nothing', async () => {
      await expect(tables.read(MISSING_TABLE, { partitionKey })).rejects.toMatchObject({
        code: 'storage_refused',
        details: { table: MISSING_TABLE, status: 404, storageCode: 'TableNotFound' },
      });
    });

    describe('with more than 1,000 rows', () => {
      // The keys are not ASCII, so that the token for the next page is not ASCII either.
      const rowKeys = Array.from(
        { length: 2_050 },
        (_, index) => `schlüssel-${String(index).padStart(4, '0')}`,
      );

      it('returns all rows in order, with one request a page', async () => {
        await createMany(rowKeys);
        subject.forgetRequests();
        expect(rowKeysOf(await tables.read(TABLE, { partitionKey }))).toStrictEqual(rowKeys);
        expect(subject.countRequests()).toBe(3);

        subject.forgetRequests();
        const pages: (readonly string[])[] = [];
        for await (const page of tables.readPages(TABLE, { partitionKey })) {
          pages.push(rowKeysOf(page));
          expect(subject.countRequests()).toBe(pages.length);
        }
        expect(pages.map((page) => page.length)).toStrictEqual([1_000, 1_000, 50]);
        expect(pages.flat()).toStrictEqual(rowKeys);

        subject.forgetRequests();
        const firstPage = await tables.readPages(TABLE, { partitionKey })[Symbol.asyncIterator]().next();
        expect(firstPage.done).toBe(false);
        expect(subject.countRequests()).toBe(1);
      });
    });
  });

  describe('transact', () => {
    it('sends every kind of write in one request, and returns the ETags in order', async () => {
      const etags = {
        replaced: await create('replaced', { a: 1 }),
        merged: await create('merged', { a: 1 }),
        deleted: await create('deleted'),
      };
      subject.forgetRequests();
      const result = await tables.transact(TABLE, [
        { kind: 'merge', key: at('merged'), properties: { b: 2 }, etag: etags.merged },
        { kind: 'create', key: at('created'), properties: { bytes: Uint8Array.from([1, 2]).subarray(1) } },
        { kind: 'delete', key: at('deleted') },
        { kind: 'replace', key: at('replaced'), properties: { b: 2 }, etag: etags.replaced },
        { kind: 'upsert', key: at('upserted'), properties: { amount: 3_000_000_000 } },
        { kind: 'upsertMerge', key: at('merged in'), properties: { text: 'Grüße "{x}"' } },
      ]);
      expect(subject.countRequests()).toBe(1);
      if (!result.done) throw new Error('refused');
      const rows = await tables.read(TABLE, { partitionKey });
      const etagOf = (rowKey: string): string | undefined => rows.find((row) => row.rowKey === rowKey)?.etag;
      expect(result.etags).toStrictEqual(
        ['merged', 'created', 'deleted', 'replaced', 'upserted', 'merged in'].map((rowKey) => etagOf(rowKey)),
      );
      expect(Object.fromEntries(rows.map((row) => [row.rowKey, row.properties]))).toStrictEqual({
        created: { bytes: Uint8Array.from([2]) },
        merged: { a: 1, b: 2 },
        'merged in': { text: 'Grüße "{x}"' },
        replaced: { b: 2 },
        upserted: { amount: 3_000_000_000 },
      });
    });

    it('returns an ETag that protects the next transaction', async () => {
      let etag = await create('guard', { turn: 0 });
      for (const turn of [1, 2, 3]) {
        const result = await tables.transact(TABLE, [
          { kind: 'merge', key: at('guard'), properties: { turn }, etag },
          { kind: 'create', key: at(`row ${turn}`), properties: {} },
        ]);
        if (!result.done || result.etags[0] === undefined) throw new Error('refused');
        [etag] = result.etags;
      }
      expect(await requireRow('guard')).toMatchObject({ etag, properties: { turn: 3 } });
    });

    it('refuses all writes if another writer has changed the row under the ETag', async () => {
      const etag = await create('guard');
      await create('old');
      await write({ kind: 'merge', key: at('guard'), properties: { by: 'another' }, etag });
      const before = await tables.read(TABLE, { partitionKey });
      subject.forgetRequests();
      expect(
        await tables.transact(TABLE, [
          { kind: 'create', key: at('new'), properties: {} },
          { kind: 'delete', key: at('old') },
          { kind: 'upsert', key: at('upserted'), properties: {} },
          { kind: 'replace', key: at('guard'), properties: {}, etag },
        ]),
      ).toStrictEqual({ done: false });
      expect(subject.countRequests()).toBe(1);
      expect(await tables.read(TABLE, { partitionKey })).toStrictEqual(before);
    });

    it.each<[string, (rowKey: string) => TransactionWrite]>([
      ['delete a row that is gone', () => ({ kind: 'delete', key: at('gone') })],
      ['replace a row that is gone', () => ({ kind: 'replace', key: at('gone'), properties: {}, etag: '*' })],
      [
        'merge into a row that is gone',
        () => ({ kind: 'merge', key: at('gone'), properties: {}, etag: '*' }),
      ],
      ['create a row that exists', (existing) => ({ kind: 'create', key: at(existing), properties: {} })],
    ])('refuses all writes if one would %s', async (_name, refused) => {
      await create('existing');
      expect(
        await tables.transact(TABLE, [
          { kind: 'create', key: at('first'), properties: {} },
          refused('existing'),
          { kind: 'create', key: at('last'), properties: {} },
        ]),
      ).toStrictEqual({ done: false });
      expect(rowKeysOf(await tables.read(TABLE, { partitionKey }))).toStrictEqual(['existing']);
    });

    it('deletes any existing row, because a delete in a transaction has no ETag', async () => {
      await create('row');
      await write({ kind: 'upsert', key: at('row'), properties: { moved: true } });
      expect(await tables.transact(TABLE, [{ kind: 'delete', key: at('row') }])).toMatchObject({
        done: true,
      });
    });

    it('accepts 100 writes and 3 MiB', async () => {
      await createMany(Array.from({ length: 100 }, (_, index) => String(index)));
      const result = await tables.transact(
        TABLE,
        Array.from({ length: 36 }, (_, index) => ({
          kind: 'upsert',
          key: at(String(index)),
          properties: { bytes: new Uint8Array(64 * 1024) },
        })),
      );
      expect(result.done).toBe(true);
    });

    const creates = (count: number, properties: Properties = {}): readonly TransactionWrite[] =>
      Array.from({ length: count }, (_, index) => ({ kind: 'create', key: at(String(index)), properties }));

    it('refuses writes that cannot be one transaction before sending anything', async () => {
      expect(await ruleThatRefuses(tables.transact(TABLE, []))).toBe('transactionWrites');
      expect(await ruleThatRefuses(tables.transact(TABLE, creates(101)))).toBe('transactionWrites');
      expect(await ruleThatRefuses(tables.transact(TABLE, [...creates(2), ...creates(1)]))).toBe(
        'distinctRows',
      );
      const elsewhere: TransactionWrite = {
        kind: 'delete',
        key: { partitionKey: 'elsewhere', rowKey: 'row' },
      };
      expect(await ruleThatRefuses(tables.transact(TABLE, [...creates(1), elsewhere]))).toBe('onePartition');
      expect(
        await ruleThatRefuses(tables.transact(TABLE, creates(50, { bytes: new Uint8Array(64 * 1024) }))),
      ).toBe('transactionBytes');
      expect(await ruleThatRefuses(tables.transact(TABLE, creates(1, { value: Infinity })))).toBe('number');
    });

    it('throws for a missing table instead of answering "refused"', async () => {
      for (const kind of ['create', 'upsert', 'delete'] as const) {
        await expect(
          tables.transact(MISSING_TABLE, [{ kind, key: at('row'), properties: {} }]),
        ).rejects.toMatchObject({
          code: 'storage_refused',
          details: { table: MISSING_TABLE, status: 404, storageCode: 'TableNotFound' },
        });
      }
    });
  });

  it('accepts exactly one of many concurrent writes under the same ETag', async () => {
    const etag = await create('row');
    const results = await Promise.all(
      Array.from({ length: 30 }, (_, winner) =>
        tables.write(TABLE, { kind: 'replace', key: at('row'), properties: { winner }, etag }),
      ),
    );
    const winners = results.flatMap((result, index) => (result.done ? [index] : []));
    expect(winners).toHaveLength(1);
    expect((await requireRow('row')).properties).toStrictEqual({ winner: winners[0] });
  });
});
