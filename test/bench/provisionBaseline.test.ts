import { describe, expect, it } from 'vitest';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { createMemoryTables, type MemoryTables } from '../support/memoryTables.ts';
import { baselineTableRequests, provisionBaseline } from './baseline/provisionBaseline.ts';

const ALICE = { userId: 'alice', email: 'alice@example.com' };
const BOB = { userId: 'bob', email: 'bob@example.com' };

function sampleGroups(count: number): readonly { readonly id: string; readonly displayName: string }[] {
  return Array.from({ length: count }, (_, index) => ({ id: `g${index}`, displayName: `Group ${index}` }));
}

function kindsOf(tables: MemoryTables): readonly string[] {
  return tables.requests().map((request) => {
    const kind = request.kind === 'write' ? request.write.kind : request.kind;
    return `${kind} ${request.table === TABLES.teams ? 'team' : 'user'}`;
  });
}

describe('the baseline', () => {
  it.each([
    { groups: 1, newGroups: 1, requests: 6 },
    { groups: 10, newGroups: 10, requests: 42 },
    { groups: 10, newGroups: 3, requests: 35 },
    { groups: 100, newGroups: 0, requests: 302 },
    { groups: 1000, newGroups: 1000, requests: 4002 },
  ])('costs $requests requests for $groups groups, $newGroups new', async (row) => {
    const tables = createMemoryTables();
    const groups = sampleGroups(row.groups);
    await provisionBaseline(tables, BOB, groups.slice(row.newGroups));
    tables.forgetRequests();
    await provisionBaseline(tables, ALICE, groups);
    expect(tables.requests()).toHaveLength(row.requests);
    expect(baselineTableRequests(row)).toBe(row.requests);
  });

  it('asks for all teams first, then adds the member team by team, then writes the user', async () => {
    const tables = createMemoryTables();
    await provisionBaseline(tables, ALICE, sampleGroups(2));
    expect(kindsOf(tables)).toEqual([
      'find team',
      'create team',
      'find team',
      'create team',
      'find team',
      'upsertMerge team',
      'find team',
      'upsertMerge team',
      'find user',
      'upsertMerge user',
    ]);
  });

  it('never has two requests under way', async () => {
    let underWay = 0;
    let most = 0;
    const tables = createMemoryTables({
      hook: async ({ phase }) => {
        underWay += phase === 'before' ? 1 : -1;
        most = Math.max(most, underWay);
        await Promise.resolve();
      },
    });
    await provisionBaseline(tables, ALICE, sampleGroups(5));
    expect(most).toBe(1);
  });

  it('keeps every member once, also in a list that is longer than one column', async () => {
    const tables = createMemoryTables();
    const group = sampleGroups(1);
    for (let index = 0; index < 600; index += 1) {
      await provisionBaseline(tables, { userId: `u${index % 500}`, email: 'a@example.com' }, group);
    }
    const row = await tables.find(TABLES.teams, { partitionKey: 'g0', rowKey: 'baseline' });
    const columns = [row?.properties['members0'], row?.properties['members1']];
    expect(row?.properties['membersCount']).toBe(2);
    expect(JSON.parse(columns.join(''))).toHaveLength(500);
    expect(row?.properties['team_alias']).toBe('Group 0');
  });
});
