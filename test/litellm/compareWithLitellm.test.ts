/** The comparison lists exactly what a sync does. */
import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { teamInside } from '../../shared/litellm/teamLimits.ts';
import { organizationValues, userValues } from '../../shared/model/litellmValues.ts';
import type { Organization, Team, User } from '../../shared/model/entities.ts';
import type { CompareDeps } from '../../shared/litellm/compareMembers.ts';
import { compareWithLitellm } from '../../shared/litellm/compareWithLitellm.ts';
import type { UserRecord } from '../../shared/model/userRecord.ts';
import type { LitellmTeam, LitellmUser } from '../../shared/model/litellmPorts.ts';
import type { EntityRead } from '../../shared/storage/entityStore.ts';
import { Alive } from '../support/alive.ts';
import { dropColumn, editRow, indexRow, organizationRow, teamRow, userRow } from '../support/handEdits.ts';
import { MemoryLitellm, unreachable } from '../support/memoryLitellm.ts';
import { MemoryProxy } from '../support/memoryProxy.ts';
import { createMemoryTables } from '../support/memoryTables.ts';
import {
  compareAll,
  compareDeps,
  createScenario,
  GROUPS,
  lineOf,
  PEOPLE,
  syncEverything,
  scenario,
  type Scenario,
  STRANGER,
  litellmEdit,
  writesOf,
  writtenTo,
} from '../support/litellmEdits.ts';
import { createSyncWorld, type SyncWorld } from '../support/syncWorld.ts';
import { ALICE, BOB, createTestClock, message, PRODUCTION_TEAM } from '../support/world.ts';

const numRuns = 200;
const { id } = PRODUCTION_TEAM;

describe('the comparison after any edits on both sides', () => {
  it('lists exactly what a sync of everything writes, and nothing more after that sync', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (drawn) => {
        const on = await createScenario(drawn);
        const listed = writesOf(await compareAll(on));
        on.litellm.calls.length = 0;
        await syncEverything(on);
        expect(listed).toEqual(writtenTo(on.litellm.writes));
        expect(writesOf(await compareAll(on))).toEqual([]);
      }),
      { numRuns },
    );
  });

  it('changes nothing in LiteLLM, in the tables or in the queue', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (drawn) => {
        const on = await createScenario(drawn);
        const before = on.world.tables.dump();
        on.world.tables.forgetRequests();
        await compareAll(on);
        expect(on.litellm.writes).toEqual([]);
        const writes = on.world.tables
          .requests()
          .filter(({ kind }) => kind === 'write' || kind === 'transact');
        expect(writes).toEqual([]);
        expect(on.world.tables.dump()).toEqual(before);
        expect(on.waiting).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });
});

const quiet: Scenario = {
  flag: true,
  carryTeams: false,
  hasLicence: false,
  first: [['g1', 'g2'], ['g2']],
  later: [['g1', 'g2'], ['g2']],
  before: [],
  between: [],
  inStore: [],
};

async function linesAfter(changes: Partial<Scenario>): Promise<readonly string[]> {
  return (await compareAll(await createScenario({ ...quiet, ...changes }))).map(lineOf).sort();
}

describe('the comparison after ten random manual edits in LiteLLM', () => {
  const edits = fc.sample(litellmEdit, { numRuns: 10, seed: 20_261_123 });

  it('says for each edit what a sync does, or why it does nothing', async () => {
    const on = await createScenario({ ...quiet, between: edits });
    const rows = await compareAll(on);
    const lines = rows.map(lineOf);
    // A sync restores what an edit removed. All other edits stay.
    const reasons = new Set(
      rows.map(({ action, why }) => (why === undefined ? action : `${action}, ${why}`)),
    );
    expect([...reasons].sort()).toEqual(['add', 'differs', 'left alone, added_in_litellm']);
    const { teams, organizations, users } = on.litellm;
    for (const [index, who] of PEOPLE.entries()) {
      expect(lines.includes(`add user ${who}`)).toBe(!users.has(who));
      for (const group of quiet.later[index] ?? []) {
        expect(lines.includes(`add team ${group} ${who}`)).toBe(teams.get(group)?.members.has(who) !== true);
        const isIn = organizations.get(group)?.members.has(who) === true;
        expect(lines.includes(`add organization ${group} ${who}`)).toBe(!isIn);
      }
    }
    for (const group of GROUPS) {
      expect(lines.includes(`add team ${group}`)).toBe(!teams.has(group));
      expect(lines.includes(`add organization ${group}`)).toBe(!organizations.has(group));
      const isStrange = teams.get(group)?.members.has(STRANGER) === true;
      expect(lines.includes(`left alone team ${group} ${STRANGER}, added_in_litellm`)).toBe(isStrange);
    }
    expect(new Set(edits.map(({ edit }) => edit)).size).toBeGreaterThan(4);
    expect(lines.length).toBeGreaterThan(4);
    expect(new Set(lines).size).toBe(lines.length);
  });
});

describe('the comparison', () => {
  it('lists nothing if everything is right, and ignores the user of the master key', async () => {
    await expect(linesAfter({})).resolves.toEqual([]);
  });

  it.each<[string, Partial<Scenario>, readonly string[]]>([
    [
      'a deleted team is to be added again, with its members',
      { between: [{ edit: 'deleteTeam', id: 'g2' }] },
      ['add team g2', 'add team g2 p1', 'add team g2 p2'],
    ],
    [
      'a deleted user is to be added again',
      { between: [{ edit: 'deleteUser', userId: 'p1' }] },
      ['add user p1'],
    ],
    [
      'a membership that Entra ended is to be removed',
      { later: [['g2'], ['g2']] },
      ['remove organization g1 p1', 'remove team g1 p1'],
    ],
    [
      'a membership from before the first sync stays',
      {
        before: [
          { edit: 'makeTeam', id: 'g1' },
          { edit: 'addMember', of: 'teams', id: 'g1', userId: 'p1' },
        ],
        later: [['g2'], ['g2']],
      },
      [
        'left alone team g1 p1, added_in_litellm',
        'left alone team g1, created_in_litellm',
        'remove organization g1 p1',
      ],
    ],
    [
      'a stranger who was added in LiteLLM stays',
      { between: [{ edit: 'addMember', of: 'organizations', id: 'g1', userId: STRANGER }] },
      [`left alone organization g1 ${STRANGER}, added_in_litellm`],
    ],
    [
      'what was changed in LiteLLM differs',
      {
        between: [
          { edit: 'budget', of: 'organizations', id: 'g1' },
          { edit: 'changeRole', of: 'teams', id: 'g1', userId: 'p1' },
          { edit: 'userRole', userId: 'p2' },
        ],
      },
      ['differs organization g1', 'differs team g1 p1', 'differs user p2'],
    ],
    [
      'a new list of models changes an organization and its teams',
      { inStore: [{ edit: 'storedModels', of: 'organizations', id: 'g1' }] },
      ['change organization g1', 'change team g1'],
    ],
    [
      'a limit that was removed from the store is to be cleared',
      { inStore: [{ edit: 'noStoredBudget', of: 'organizations', id: 'g1' }] },
      ['change organization g1'],
    ],
    [
      'a role that needs a licence is to be changed, once',
      { inStore: [{ edit: 'otherRole', of: 'teams', id: 'g1', userId: 'p1' }] },
      ['change team g1 p1'],
    ],
    [
      'a team without a row keeps its members',
      { inStore: [{ edit: 'loseRow', of: 'teams', id: 'g1' }] },
      ['left alone team g1, row_missing'],
    ],
    [
      'a team with an unreadable row keeps its members and gets no new ones',
      {
        between: [{ edit: 'removeMember', of: 'teams', id: 'g1', userId: 'p1' }],
        inStore: [{ edit: 'breakRow', of: 'teams', id: 'g1' }],
      },
      ['left alone team g1 p1, row_unreadable', 'left alone team g1, row_unreadable'],
    ],
    [
      'a team without the row of its organization is left alone',
      { inStore: [{ edit: 'loseRow', of: 'organizations', id: 'g1' }] },
      ['left alone organization g1, row_missing', 'left alone team g1, row_missing'],
    ],
    [
      'a person without a row keeps all memberships',
      { later: [['g2'], ['g2']], inStore: [{ edit: 'losePerson', userId: 'p1' }] },
      ['left alone organization g1 p1, row_missing', 'left alone team g1 p1, row_missing'],
    ],
    [
      'a person with an unreadable row keeps all memberships',
      { later: [['g2'], ['g2']], inStore: [{ edit: 'breakPerson', userId: 'p1' }] },
      [
        'left alone organization g1 p1, row_unreadable',
        'left alone team g1 p1, row_unreadable',
        'left alone user p1, row_unreadable',
      ],
    ],
    [
      'a membership with an unreadable role is not written',
      {
        between: [{ edit: 'removeMember', of: 'teams', id: 'g1', userId: 'p1' }],
        inStore: [{ edit: 'breakRole', of: 'teams', id: 'g1', userId: 'p1' }],
      },
      ['left alone team g1 p1, row_unreadable'],
    ],
  ])('%s', async (_, changes, expected) => {
    await expect(linesAfter(changes)).resolves.toEqual(expected);
  });

  it('says that a role needs a licence after LiteLLM has refused it', async () => {
    const on = await createScenario({
      ...quiet,
      inStore: [{ edit: 'otherRole', of: 'teams', id: 'g1', userId: 'p1' }],
    });
    await syncEverything(on);
    expect((await compareAll(on)).map(lineOf)).toEqual(['left alone team g1 p1, role_needs_licence']);
  });
});

describe('the member index', () => {
  let on: SyncWorld;
  beforeEach(async () => {
    on = createSyncWorld();
    await on.refresh();
    await on.provision(message());
    await on.drain();
  });

  it('may name too many members: the membership decides', async () => {
    const row = indexRow('teamMembers', id, BOB);
    await editRow(on.world.tables, row, { user_id: BOB, team_id: id, role: 'user' });
    expect((await compareAll(on)).map(lineOf)).toEqual([]);
  });

  it('may have an old role or none: the membership decides', async () => {
    const row = indexRow('teamMembers', id, ALICE);
    await editRow(on.world.tables, row, { role: 'admin' });
    expect((await compareAll(on)).map(lineOf)).toEqual([]);
    await dropColumn(on.world.tables, row, 'role');
    const team = on.litellm.teams.get(id);
    if (team !== undefined) team.members = new Map();
    expect((await compareAll(on)).map(lineOf)).toEqual([`add team ${id} ${ALICE}`]);
  });
});

describe('ids that begin with another id, on many pages', () => {
  it('are not confused', async () => {
    const ids = ['g', 'g-', 'g-1', 'g.', 'g1', 'g10', 'g_', 'ga'];
    const on = createSyncWorld({
      assigned: ids.map((group) => ({ id: group, displayName: group })),
      on: { tables: createMemoryTables({ pageSize: 2 }), clock: createTestClock() },
    });
    await on.refresh();
    const [inMost, inAll] = [ids.slice(1), ids];
    await on.provision(message({ groups: inMost }));
    await on.provision(message({ userId: BOB, groups: inAll }));
    await on.drain();
    expect(await compareAll(on)).toEqual([]);
    for (const team of on.litellm.teams.values()) team.members = new Map();
    const lines = [
      ...inMost.map((each) => `add team ${each} ${ALICE}`),
      ...inAll.map((each) => `add team ${each} ${BOB}`),
    ];
    expect((await compareAll(on)).map(lineOf).sort()).toEqual(lines.sort());
  });
});

describe('fields', () => {
  let on: SyncWorld;
  beforeEach(async () => {
    on = createSyncWorld();
    await on.refresh();
    await on.provision(message());
    await on.drain();
  });

  const value = { models: '["new"]', user_role: 'internal_user' } as const;
  const valueOf = (column: string): string | number =>
    column === 'models' || column === 'user_role'
      ? value[column]
      : /alias|display|duration/.test(column)
        ? '7d'
        : 7;

  it.each([
    ...['organization_alias', 'models', 'max_budget', 'budget_duration', 'tpm_limit', 'rpm_limit'].map(
      (column) => ['organization', organizationRow(id), column] as const,
    ),
    ...['team_alias', 'max_budget', 'budget_duration', 'tpm_limit', 'rpm_limit'].map(
      (column) => ['team', teamRow(id), column] as const,
    ),
    ...['display_name', 'user_role', 'models', 'max_budget', 'budget_duration'].map(
      (column) => ['user', userRow(ALICE), column] as const,
    ),
  ])('of each %s that a sync would change are listed: %s %s', async (what, row, column) => {
    await editRow(on.world.tables, row, { [column]: valueOf(column) });
    const listed = (await compareAll(on)).filter((each) => each.what === what);
    const field = column === 'display_name' ? 'user_alias' : column;
    expect(listed.map(({ action, fields }) => [action, fields.map((each) => each.field)])).toEqual([
      ['change', [field]],
    ]);
    await on.sync({ kind: 'team', id });
    await on.sync({ kind: 'user', id: ALICE });
    expect((await compareAll(on)).map(lineOf)).toEqual([]);
  });

  it('show both sides', async () => {
    await editRow(on.world.tables, organizationRow(id), { max_budget: 500 });
    const [row] = await compareAll(on);
    expect(row?.fields).toEqual([{ field: 'max_budget', stored: 500, inLitellm: 1000 }]);
    on.litellm.version = '1.84.10';
    await dropColumn(on.world.tables, organizationRow(id), 'max_budget');
    expect((await compareAll(on)).map(lineOf)).toEqual([`left alone organization ${id}, cannot_be_cleared`]);
  });
});

describe('what is not ours in LiteLLM', () => {
  it('is counted but not listed, with any ids', async () => {
    const on = createSyncWorld();
    await on.refresh();
    await on.provision(message());
    await on.drain();
    const members = new Map([['who/ever', 'admin']]);
    on.litellm.teams.set('other team', { values: { team_alias: 'Other', models: [] }, members });
    on.litellm.teams.set('other', { values: { team_alias: 'Other', models: [] }, members });
    on.litellm.organizations.set('a/b', { values: { organization_alias: 'Other', models: [] }, members });
    const found: string[] = [];
    const compared = await compareWithLitellm(compareDeps(on), async (rows) => {
      found.push(...rows.map(lineOf));
      await Promise.resolve();
    });
    expect(found).toEqual([]);
    expect(compared).toEqual({
      organizations: 1,
      teams: 1,
      people: 1,
      memberships: 2,
      otherOrganizations: 1,
      otherTeams: 2,
    });
    const team = on.litellm.teams.get(id);
    if (team !== undefined) team.members = new Map([...team.members, ...members]);
    expect((await compareAll(on)).map(lineOf)).toEqual([`left alone team ${id} who/ever, added_in_litellm`]);
  });
});

describe('a failed read', () => {
  it.each(['readOrganizations', 'readTeamPages', 'findUsers', 'findTeam'] as const)(
    'of LiteLLM ends the comparison: %s',
    async (method) => {
      const on = await createScenario({ ...quiet, between: [{ edit: 'deleteTeam', id: 'g1' }] });
      on.litellm.faults = (_, call) =>
        call.method === method ? { when: 'before', error: unreachable() } : undefined;
      const reported: string[] = [];
      const comparing = compareWithLitellm(compareDeps(on), async (rows) => {
        reported.push(...writesOf(rows));
        await Promise.resolve();
      });
      await expect(comparing).rejects.toMatchObject({ code: 'litellm_unreachable' });
      expect(reported.filter((line) => line.includes('team g1') || line.includes('user'))).toEqual(
        method === 'findUsers' ? ['add team g1', 'add team g1 p1'] : [],
      );
    },
  );

  it('of one sync record leaves that person or team alone, and hides no other', async () => {
    const on = await createScenario({
      ...quiet,
      between: [
        { edit: 'budget', of: 'teams', id: 'g1' },
        { edit: 'removeMember', of: 'teams', id: 'g2', userId: 'p1' },
        { edit: 'removeMember', of: 'teams', id: 'g2', userId: 'p2' },
      ],
    });
    const { tables } = on.world;
    const key = { partitionKey: 'team:g1', rowKey: 'entity' };
    await editRow(tables, { table: TABLES.syncedEntities, key }, { since: 5 });
    await editRow(
      tables,
      { table: TABLES.syncedPeople, key: { partitionKey: 'p1', rowKey: 'team:g2' } },
      { state: 'lost' },
    );
    expect((await compareAll(on)).map(lineOf).sort()).toEqual([
      'add team g2 p2',
      'left alone team g1, row_unreadable',
      'left alone team g2 p1, row_unreadable',
    ]);
  });
});

describe('requests', () => {
  it('are one for each page, with point reads only for differences', async () => {
    const on = createSyncWorld();
    await on.refresh();
    for (let number = 0; number < 250; number += 1) {
      const userId = `person-${String(number).padStart(3, '0')}`;
      await on.provision(message({ userId, email: `${userId}@company.com` }));
    }
    await on.drain();
    const { tables } = on.world;
    const requestsOf = async (): Promise<Record<string, number>> => {
      tables.forgetRequests();
      on.litellm.calls.length = 0;
      await compareAll(on);
      const counts: Record<string, number> = {};
      for (const { kind, table } of tables.requests()) {
        const name = `${kind} ${table}`;
        counts[name] = (counts[name] ?? 0) + 1;
      }
      for (const { method } of on.litellm.calls) counts[method] = (counts[method] ?? 0) + 1;
      return counts;
    };
    const partitions = 16;
    const same = {
      readOrganizations: 1,
      readTeamPages: 1,
      findUsers: 3,
      [`readPage ${TABLES.organizations}`]: 1 + 1,
      [`readPage ${TABLES.teams}`]: 1 + 1,
      [`readPage ${TABLES.users}`]: 1,
      [`readPage ${TABLES.organizationMembers}`]: partitions,
      [`readPage ${TABLES.teamMembers}`]: partitions,
    };
    await expect(requestsOf()).resolves.toEqual(same);
    const team = on.litellm.teams.get(id);
    if (team !== undefined) team.members = new Map([...team.members].slice(2));
    await expect(requestsOf()).resolves.toEqual({
      ...same,
      [`find ${TABLES.teamMemberships}`]: 2,
      [`readPage ${TABLES.syncedPeople}`]: 2,
      [`find ${TABLES.users}`]: 2,
      // Whoever is in no team in LiteLLM may have no access.
      [`readPage ${TABLES.teamMemberships}`]: 2,
      [`readPage ${TABLES.organizationMemberships}`]: 2,
    });
  });
});

const PEOPLE_COUNT = 100_000;
const TEAM_COUNT = 2_000;
const TEAM_SIZE = 100;
const at = '';

function userAt(number: number): User {
  return {
    user_id: `person-${String(number).padStart(6, '0')}`,
    tenant_id: '',
    sso_user_id: '',
    display_name: `Person ${number}`,
    user_role: 'internal_user',
    models: [],
    active: true,
    created_at: at,
    updated_at: at,
  };
}

function recordAt(number: number): UserRecord {
  const field = { current: undefined, written: undefined };
  return {
    etag: '',
    run: undefined,
    sessionsValidFrom: undefined,
    active: true,
    isNew: false,
    user: userAt(number),
    fields: { user_role: field, user_email: field, display_name: field },
    unreadable: undefined,
  };
}

function teamAt(number: number): Team {
  return {
    team_id: `team-${String(number).padStart(4, '0')}`,
    team_alias: `Team ${number}`,
    organization_id: 'organization',
    models: ['all-org-models'],
    team_member_permissions: [],
    spend: 0,
    metadata: {},
    created_at: at,
    updated_at: at,
  };
}

const organization: Organization = {
  organization_id: 'organization',
  organization_alias: 'Organization',
  models: ['gpt-5'],
  spend: 0,
  metadata: {},
  created_at: at,
  updated_at: at,
};

const membersOf = (team: number): readonly string[] =>
  Array.from({ length: TEAM_SIZE }, (_, index) => userAt((team * 47 + index) % PEOPLE_COUNT).user_id);

const range = (length: number, from = 0): readonly number[] =>
  Array.from({ length }, (_, index) => from + index);

function entityRead<T>(entries: readonly (readonly [string, T])[]): EntityRead<T> {
  return {
    found: new Map(entries.map(([key, value]) => [key, { value, etag: '' }])),
    unreadable: new Map(),
  };
}

/** Returns a store and a LiteLLM client that create each page on demand. Every 500th person and 100th member is missing in LiteLLM. */
function createLargeDeps(alive: Alive, calls: Map<string, number>): CompareDeps {
  const numberOf = (text: string): number => Number(text.split('-')[1]);
  const called = (name: string): void => void calls.set(name, (calls.get(name) ?? 0) + 1);
  async function* pages<T extends object>(kind: string, count: number, make: (page: number) => readonly T[]) {
    for (const page of range(count)) {
      called(kind);
      // Not kept in a variable: the generator's reference would count as the reader's.
      yield alive.add(kind, make(page));
      await alive.count();
    }
  }
  const readTeams = (numbers: readonly number[]): EntityRead<Team> =>
    entityRead(numbers.map(teamAt).map((team) => [team.team_id, team]));
  const values = organizationValues(organization);
  const teamInLitellm = (number: number): LitellmTeam => ({
    teamId: teamAt(number).team_id,
    values: teamInside(teamAt(number), organization).values,
    members: membersOf(number)
      .slice(1)
      .map((userId) => ({ userId, role: 'user' })),
    blocked: false,
  });
  const userInLitellm = (userId: string): LitellmUser => ({
    userId,
    values: userValues(userAt(numberOf(userId))),
    metadata: {},
    teams: [],
  });
  const fence = { etag: undefined, observation: undefined };
  const noMemberships = { rows: [], unreadable: [], fence };
  return {
    proxy: new MemoryProxy(new MemoryLitellm()),
    closesFoundUsers: true,
    sharedBudget: 'split',
    store: {
      teamMemberships: { read: async () => Promise.resolve(noMemberships) },
      organizationMemberships: { read: async () => Promise.resolve(noMemberships) },
      users: {
        find: async () => Promise.resolve(undefined),
        async *readPages() {
          for await (const people of pages('people', PEOPLE_COUNT / 1_000, (page) =>
            range(1_000, page * 1_000).map((number) => ({ record: recordAt(number) })),
          ))
            yield { people, unreadable: [] };
        },
      },
      entities: {
        readOrganizations: async () =>
          Promise.resolve(entityRead([[organization.organization_id, organization] as const])),
        readTeams: async (ids) => Promise.resolve(readTeams(ids.map(numberOf))),
        async *readOrganizationPages() {
          yield await Promise.resolve(entityRead([[organization.organization_id, organization] as const]));
        },
        async *readTeamPages() {
          yield await Promise.resolve(readTeams(range(1_000)));
          yield readTeams(range(1_000, 1_000));
        },
      },
      memberIndexes: (['team', 'organization'] as const).map((kind) => ({
        kind,
        readMembersOf: (ids) =>
          pages(`${kind} index`, kind === 'team' ? ids.length / 10 : 0, (page) =>
            ids.slice(page * 10, page * 10 + 10).flatMap((entityId) =>
              membersOf(numberOf(entityId)).map((userId) => ({
                entityId,
                userId,
                etag: '',
                role: 'user',
                writtenAt: at,
              })),
            ),
          ),
        findRole: async () => {
          called('findRole');
          return Promise.resolve('user');
        },
      })),
    },
    litellm: {
      readOrganizations: async () =>
        Promise.resolve([{ organizationId: 'organization', values, members: [], teams: new Map() }]),
      readTeamPages: () =>
        pages('teams', TEAM_COUNT / 100, (page) => range(100, page * 100).map(teamInLitellm)),
      findTeam: async () => Promise.resolve(undefined),
      findUsers: async (ids) => {
        called('findUsers');
        expect(ids).toHaveLength(100);
        const known = ids.filter((each) => numberOf(each) % 500 !== 0);
        return Promise.resolve(new Map(known.map((userId) => [userId, userInLitellm(userId)])));
      },
    },
    record: {
      readPerson: async () =>
        Promise.resolve({
          user: undefined,
          organizations: new Map(),
          teams: new Map(),
          standing: undefined,
          left: new Map(),
          keys: new Map(),
          outcome: undefined,
        }),
      findOrganization: async () => Promise.resolve(undefined),
      findTeam: async () => Promise.resolve(undefined),
    },
  };
}

describe('the comparison of 100,000 people and 2,000 teams', () => {
  it(
    'holds at most two pages of each kind at a time, and sends one request for each page',
    { timeout: 120_000 },
    async () => {
      const alive = new Alive();
      const calls = new Map<string, number>();
      const found: Record<string, number> = {};
      const compared = await compareWithLitellm(createLargeDeps(alive, calls), async (rows) => {
        for (const { action, what } of rows) {
          const name = `${action} ${what}`;
          found[name] = (found[name] ?? 0) + 1;
        }
        await Promise.resolve();
      });
      expect(compared).toMatchObject({
        teams: TEAM_COUNT,
        people: PEOPLE_COUNT,
        memberships: TEAM_COUNT * TEAM_SIZE,
      });
      // The people have no rows in this store, so their memberships are left alone.
      expect(found).toEqual({ 'add user': PEOPLE_COUNT / 500, 'left alone membership': TEAM_COUNT });
      expect(Object.fromEntries(calls)).toEqual({
        teams: TEAM_COUNT / 100,
        'team index': TEAM_COUNT / 10,
        findRole: TEAM_COUNT,
        people: PEOPLE_COUNT / 1_000,
        findUsers: PEOPLE_COUNT / 100,
      });
      // The present page, and the one before if the reader still holds it.
      expect(alive.most.get('teams')).toBeLessThanOrEqual(200);
      expect(alive.most.get('team index')).toBeLessThanOrEqual(2_000);
      expect(alive.most.get('people')).toBeLessThanOrEqual(2_000);
    },
  );
});

describe('a change during the comparison', () => {
  it('that shifts pages lists no member twice', async () => {
    const on = createSyncWorld();
    await on.refresh();
    await on.provision(message());
    await on.provision(message({ userId: BOB }));
    await on.drain();
    const team = on.litellm.teams.get(id);
    if (team !== undefined) team.members = new Map();
    const { litellm } = compareDeps(on);
    const twice = {
      ...compareDeps(on),
      litellm: {
        readOrganizations: async () => litellm.readOrganizations(),
        findTeam: async (teamId: string) => litellm.findTeam(teamId),
        findUsers: async (ids: readonly string[]) => litellm.findUsers(ids),
        async *readTeamPages() {
          for await (const page of litellm.readTeamPages()) {
            yield page;
            yield page;
          }
        },
      },
    };
    const lines: string[] = [];
    await compareWithLitellm(twice, async (rows) => {
      lines.push(...rows.map(lineOf));
      await Promise.resolve();
    });
    expect(lines.sort()).toEqual([`add team ${id} ${ALICE}`, `add team ${id} ${BOB}`]);
  });

  it('that hides a team from the list makes the comparison look for the team itself', async () => {
    const on = createSyncWorld();
    await on.refresh();
    await on.provision(message());
    await on.drain();
    const { litellm } = compareDeps(on);
    const hidden = {
      ...compareDeps(on),
      litellm: {
        readOrganizations: async () => litellm.readOrganizations(),
        findTeam: async (teamId: string) => litellm.findTeam(teamId),
        findUsers: async (ids: readonly string[]) => litellm.findUsers(ids),
        // oxlint-disable-next-line no-empty-function -- LiteLLM's list is empty
        async *readTeamPages() {},
      },
    };
    const lines: string[] = [];
    await compareWithLitellm(hidden, async (rows) => {
      lines.push(...rows.map(lineOf));
      await Promise.resolve();
    });
    expect(lines).toEqual([]);
  });
});
