import { describe, expect, it } from 'vitest';

import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import type { RowKey } from '../../shared/model/tables.ts';
import { createMemoryTables, type StoreMoment } from './memoryTables.ts';

const TABLE = TABLES.teams;
const key: RowKey = { partitionKey: 'p', rowKey: 'r' };

/** Tests what a real store does not have. The contract tests cover the rest of this store. */
describe('createMemoryTables', () => {
  it('calls the hook before and after each request, with the request and its number', async () => {
    const moments: StoreMoment[] = [];
    const tables = createMemoryTables({ hook: (moment) => void moments.push(moment) });
    await tables.write(TABLE, { kind: 'create', key, properties: {} });
    await tables.find(TABLE, key);
    await tables.read(TABLE, { partitionKey: 'p' });
    await tables.transact(TABLE, [{ kind: 'delete', key }]);
    expect(moments.map(({ kind, phase, sequence }) => `${sequence} ${phase} ${kind}`)).toStrictEqual([
      '0 before write',
      '0 after write',
      '1 before find',
      '1 after find',
      '2 before readPage',
      '2 after readPage',
      '3 before transact',
      '3 after transact',
    ]);
    expect(moments[0]).toMatchObject({ table: TABLE, write: { kind: 'create', key } });
  });

  it('changes nothing if the hook throws before a request, and everything if it throws after', async () => {
    let crashes: StoreMoment['phase'] = 'before';
    const tables = createMemoryTables({
      hook: ({ phase }) => {
        if (phase === crashes) throw new Error('crash');
      },
    });
    const create = tables.write(TABLE, { kind: 'create', key, properties: { value: 1 } });
    await expect(create).rejects.toThrow('crash');
    expect(tables.dump()).toStrictEqual({});
    expect(tables.requests()).toStrictEqual([]);
    crashes = 'after';
    await expect(tables.write(TABLE, { kind: 'create', key, properties: { value: 1 } })).rejects.toThrow(
      'crash',
    );
    expect(tables.dump()).toStrictEqual({ [TABLE]: [{ ...key, properties: { value: 1 } }] });
  });

  it('executes the requests of another view while one view waits in its hook', async () => {
    const tables = createMemoryTables();
    const slow = tables.view(async ({ phase }) => {
      if (phase !== 'before') return;
      await tables.write(TABLE, { kind: 'create', key, properties: { by: 'other' } });
    });
    expect(await slow.write(TABLE, { kind: 'create', key, properties: { by: 'slow' } })).toStrictEqual({
      done: false,
    });
    expect(tables.dump()[TABLE]?.[0]?.properties).toStrictEqual({ by: 'other' });
  });

  it('shows changes between two pages on the later page', async () => {
    const tables = createMemoryTables({ pageSize: 1 });
    for (const rowKey of ['a', 'c', 'e']) {
      await tables.write(TABLE, { kind: 'create', key: { partitionKey: 'p', rowKey }, properties: {} });
    }
    const pages = tables.readPages(TABLE, {})[Symbol.asyncIterator]();
    const seen: string[] = [];
    for (let page = await pages.next(); page.done !== true; page = await pages.next()) {
      seen.push(...page.value.map(({ rowKey }) => rowKey));
      if (seen.length > 1) continue;
      await tables.write(TABLE, { kind: 'delete', key: { partitionKey: 'p', rowKey: 'c' }, etag: '*' });
      for (const rowKey of ['0', 'd']) {
        await tables.write(TABLE, { kind: 'create', key: { partitionKey: 'p', rowKey }, properties: {} });
      }
    }
    expect(seen).toStrictEqual(['a', 'd', 'e']);
  });

  it('checks the limits of the merged row, too', async () => {
    const tables = createMemoryTables();
    const half = (prefix: string): Record<string, number> =>
      Object.fromEntries(Array.from({ length: 130 }, (_, index) => [`${prefix}${index}`, 1]));
    await tables.write(TABLE, { kind: 'create', key, properties: half('a') });
    const merge = { kind: 'upsertMerge', key, properties: half('b') } as const;
    await expect(tables.write(TABLE, merge)).rejects.toMatchObject({ code: 'storage_refused' });
    await expect(tables.transact(TABLE, [merge])).rejects.toMatchObject({ code: 'storage_refused' });
    expect(Object.keys(tables.dump()[TABLE]?.[0]?.properties ?? {})).toHaveLength(130);
  });

  it('returns the same ETags for the same writes', async () => {
    const run = async (): Promise<unknown> => {
      const tables = createMemoryTables();
      await tables.write(TABLE, { kind: 'upsert', key, properties: {} });
      return tables.find(TABLE, key);
    };
    expect(await run()).toStrictEqual(await run());
  });

  it('counts from 0 again after requests are forgotten', async () => {
    const tables = createMemoryTables();
    await tables.find(TABLE, key);
    tables.forgetRequests();
    await tables.find(TABLE, key);
    expect(tables.requests()).toStrictEqual([{ kind: 'find', table: TABLE, key }]);
  });
});
