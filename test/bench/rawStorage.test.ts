import { describe, expect, it } from 'vitest';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { FENCE_ROW_KEY } from '../../shared/storage/membershipKinds.ts';
import { createMemoryTables, type MemoryTables } from '../support/memoryTables.ts';
import { acceptedList, createSubject, groupsOf, personOf, signInMessage } from './provisioningSubject.ts';
import { provisionLeast } from './leastStorage.ts';
import { provisionRaw, rawTableRequests } from './rawStorage.ts';

const ALICE = personOf('alice');

/** What finds members; the floor goes without. */
const INDEX_TABLES: ReadonlySet<string> = new Set([TABLES.teamMembers, TABLES.organizationMembers]);
/** What orders runs. */
const OWN_COLUMNS: ReadonlySet<string> = new Set([
  'index_etag',
  'observed_at',
  'observation_id',
  'run_state',
  'claim_id',
  'digest',
  'digest_at',
  'finished_at',
  'run_report',
]);

/** Table, key and columns of every row, with the values that are no instants. */
function rowsOf(tables: MemoryTables, without: ReadonlySet<string> = INDEX_TABLES): readonly unknown[] {
  return Object.entries(tables.dump())
    .filter(([table]) => !without.has(table))
    .flatMap(([table, rows]) =>
      rows
        .filter((row) => row.rowKey !== FENCE_ROW_KEY)
        .map(({ partitionKey, rowKey, properties }) => ({
          table,
          partitionKey,
          rowKey,
          properties: Object.fromEntries(
            Object.entries(properties)
              .filter(([name]) => !OWN_COLUMNS.has(name))
              .map(([name, value]) => [name, name.endsWith('_at') ? 'an instant' : value]),
          ),
        })),
    );
}

/** What the product writes for Alice's first sign-in. */
async function provisionedTables(groups: ReturnType<typeof groupsOf>): Promise<MemoryTables> {
  const tables = createMemoryTables();
  const subject = createSubject(tables);
  subject.know(acceptedList(groups));
  await subject.provision(signInMessage(ALICE, groups));
  return tables;
}

describe('the floor', () => {
  it.each([true, false])(
    'writes exactly the rows that the product means (new entities: %s)',
    async (newEntities) => {
      const groups = groupsOf('group', 120, newEntities ? 'absent' : 'present');
      const ours = await provisionedTables(groups);
      const raw = createMemoryTables();
      await provisionRaw(raw, { person: ALICE, groups, newEntities });
      expect(rowsOf(raw)).toEqual(rowsOf(ours));
    },
  );

  it.each([true, false])(
    'has the index rows too where they are asked for, and so has the least (new entities: %s)',
    async (newEntities) => {
      const groups = groupsOf('group', 120, newEntities ? 'absent' : 'present');
      const ours = await provisionedTables(groups);
      const everything = rowsOf(ours, new Set());
      for (const provision of [provisionRaw, provisionLeast]) {
        const tables = createMemoryTables();
        await provision(tables, { person: ALICE, groups, newEntities, withIndex: true });
        expect(rowsOf(tables, new Set())).toEqual(everything);
      }
    },
  );

  it.each([
    { count: 1, newEntities: false, requests: 3 },
    { count: 100, newEntities: false, requests: 3 },
    { count: 101, newEntities: false, requests: 5 },
    { count: 1000, newEntities: false, requests: 21 },
    { count: 1000, newEntities: true, requests: 21 + 16 + 16 },
  ])(
    'takes $requests requests for $count groups (new: $newEntities)',
    async ({ count, newEntities, requests }) => {
      const tables = createMemoryTables();
      const what = { person: ALICE, groups: groupsOf('group', count), newEntities };
      await provisionRaw(tables, what);
      expect(tables.requests()).toHaveLength(requests);
      expect(rawTableRequests(what)).toBe(requests);
    },
  );

  it.each([{ count: 1 }, { count: 99 }, { count: 100 }, { count: 1000 }])(
    'of the rules sends as many requests as the product for $count existing groups',
    async ({ count }) => {
      const groups = groupsOf('group', count);
      const ours = await provisionedTables(groups);
      const least = createMemoryTables();
      await provisionLeast(least, { person: ALICE, groups, newEntities: false });
      expect(least.requests()).toHaveLength(ours.requests().length);
    },
  );

  it('refuses to pretend: a row that is there already is an error', async () => {
    const tables = createMemoryTables();
    const what = { person: ALICE, groups: groupsOf('group', 2), newEntities: false };
    await provisionRaw(tables, what);
    await expect(provisionRaw(tables, what)).rejects.toThrow('was there already');
  });
});
