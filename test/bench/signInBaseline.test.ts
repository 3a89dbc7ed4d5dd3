/** Holds the baseline to the algorithm as it is described: neither better nor worse. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { baselineRequests } from './baseline/signInBaseline.ts';
import { type Counted, openRequestWorld, type RequestWorld } from './requestWorld.ts';
import { openContext, type OpenContext } from './runMeasurement.ts';
import { groupIdOf, loginOf } from './signInTenant.ts';

/** Three pages of 100. */
const ASSIGNED = 201;

let opened: OpenContext;
let world: RequestWorld;

beforeAll(async () => {
  opened = await openContext({ quick: true, budgetSeconds: 60, log: () => undefined });
  world = await openRequestWorld(opened.context, {
    assignedGroups: ASSIGNED,
    peopleByGroups: new Map([1, 10, 101].map((groups) => [groups, 10])),
  });
});
afterAll(async () => {
  await world.close();
  await opened.close();
});

/** Graph's requests without their page tokens. */
function graphCalls(counted: Counted): readonly string[] {
  return counted.graphPaths.map((path) => {
    const [name = '', query = ''] = path.split('?');
    const call = name.startsWith('/servicePrincipals/') ? 'appRoleAssignedTo' : name;
    return query === '' ? call : `${call} next page`;
  });
}

function requestsOf({ token, graph, queue, table }: Counted): Omit<Counted, 'graphPaths' | 'tableBytes'> {
  return { token, graph, queue, table };
}

describe('a sign-in of the baseline', () => {
  it('asks for /me, then all assignments, then all memberships, 100 a page, in this order', async () => {
    const counted = await world.signInBaseline(loginOf(101, 0));
    expect(graphCalls(counted)).toEqual([
      '/me',
      'appRoleAssignedTo',
      'appRoleAssignedTo next page',
      'appRoleAssignedTo next page',
      '/me/memberOf',
      '/me/memberOf next page',
    ]);
    // 101 teams are read and made, read again and written; then the user is.
    expect(requestsOf(counted)).toEqual({ token: 1, graph: 6, queue: 0, table: 101 + 101 + 202 + 2 });
  });

  it.each([
    [1, 1, 1],
    [10, 10, 1],
    [101, 101, 2],
  ])(
    'reads all assignments again for somebody in %i groups, who has %i of them on %i pages',
    async (...counts) => {
      const [groups, memberships, pages] = counts;
      // So that no team is new.
      await world.signInBaseline(loginOf(groups, 1));
      const counted = await world.signInBaseline(loginOf(groups, 2));
      expect(requestsOf(counted)).toEqual({
        token: 1,
        graph: 1 + 3 + pages,
        queue: 0,
        table: 3 * groups + 2,
      });
      expect(requestsOf(counted)).toEqual(
        baselineRequests({ groups, newGroups: 0, assignments: ASSIGNED, memberships }),
      );
    },
  );

  it('leaves every team with the person in it', async () => {
    await world.signInBaseline(loginOf(10, 3));
    const rows = await world.tables.read(TABLES.teams, { partitionKey: groupIdOf(9) });
    const stored = JSON.stringify(rows.map(({ properties }) => properties));
    expect(stored).toContain(loginOf(10, 3));
    expect(stored).not.toContain(loginOf(1, 3));
  });
});

describe('the formula', () => {
  it.each([
    [{ groups: 0, newGroups: 0, assignments: 0, memberships: 0 }, 3, 2],
    [{ groups: 10, newGroups: 4, assignments: 100, memberships: 10 }, 3, 36],
    [{ groups: 250, newGroups: 250, assignments: 1001, memberships: 260 }, 15, 1002],
  ])('gives for %o %i requests to Graph and %i to the tables', (counts, graph, table) => {
    expect(baselineRequests(counts)).toEqual({ token: 1, graph, queue: 0, table });
  });
});
