import type { MembershipWrites } from '../../shared/storage/membershipStore.ts';
import type { Store } from '../../shared/storage/store.ts';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createStorage } from '../../dev/stack/createStorage.ts';
import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';
import { parseMemberKey } from '../../shared/storage/membershipKinds.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import type { Tables } from '../../shared/model/tables.ts';
import type { AcceptedGroups, AssignedGroup } from '../../shared/model/assignedGroups.ts';
import { newOrganization, newOrgScopedTeam } from '../../shared/model/newEntities.ts';
import type { TeamRole } from '../../shared/model/entities.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import {
  editRow,
  findRow,
  indexOf,
  indexRow,
  organizationRow,
  teamMembershipRow,
  teamRow,
  userRow,
} from '../support/handEdits.ts';
import { type TableProxy, startTableProxy } from '../support/tableProxy.ts';
import {
  type World,
  type WorldOptions,
  createWorld,
  membershipsOf,
  message,
  sampleRules,
} from '../support/world.ts';

const NOW = new Date('2026-11-23T09:00:00.000Z');
const NOTHING: MembershipWrites<TeamRole> = { removals: [], roleChanges: [], grants: [] };

let azurite: Azurite;
let proxy: TableProxy;
let tables: Tables;

beforeAll(async () => {
  azurite = await startAzurite();
  await createStorage(azurite.connectionString);
  proxy = await startTableProxy(azurite);
  tables = createAzureTables({
    connection: { kind: 'connectionString', connectionString: proxy.connectionString },
  });
});
afterAll(async () => {
  await proxy.stop();
  await azurite.stop();
});
beforeEach(forgetList);

/** Deletes the row of the accepted list, which all tests share, so that a test begins without it. */
async function forgetList(): Promise<void> {
  for (const rowKey of ['accepted', 'turn']) {
    await tables.write(TABLES.assignedGroups, {
      kind: 'delete',
      key: { partitionKey: 'assigned', rowKey },
      etag: '*',
    });
  }
}

/** Creates the product on the real store, with a fake outside world. */
function onAzurite(
  options: WorldOptions = {},
): Pick<World, 'provision' | 'refresh'> & { readonly store: Store; readonly world: World } {
  const world = createWorld(options);
  return { ...world.through(tables), store: world.worker(tables).store, world };
}

function group(name: string): AssignedGroup {
  return { id: randomUUID(), displayName: name };
}

function byId(groups: readonly AssignedGroup[]): readonly AssignedGroup[] {
  return groups.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

describe('a sign-in on a real store', () => {
  it('creates organization, team, memberships, indexes and the user’s row; a repeat costs 2 requests', async () => {
    const production = group('Production Team');
    const userId = randomUUID();
    const { refresh, provision, store } = onAzurite({ assigned: [production] });
    await refresh();
    await provision(message({ userId, groups: [production.id] }));
    expect(await membershipsOf({ store }, userId)).toEqual([
      `organization:${production.id} internal_user`,
      `team:${production.id} user`,
    ]);
    expect(await findRow(tables, organizationRow(production.id))).toMatchObject({
      organization_alias: 'Production Team',
      max_budget: 1000,
      models: '["gpt-4","gpt-3.5-turbo"]',
    });
    expect(await findRow(tables, teamRow(production.id))).toMatchObject({
      organization_id: production.id,
      models: '["all-org-models"]',
    });
    expect(await indexOf(tables, 'teamMembers', production.id)).toEqual([userId]);
    expect(await store.users.find(userId)).toMatchObject({
      isNew: false,
      run: { state: 'applied', report: { granted: 2, reported: [] } },
    });
    proxy.forgetRequests();
    await expect(provision(message({ userId, groups: [production.id], second: 60 }))).resolves.toEqual({
      status: 'unchanged',
    });
    expect(proxy.requests()).toHaveLength(2);
  });

  it.each([
    { count: 1, index: 1, transactions: 1 },
    { count: 120, index: 2, transactions: 2 },
  ])(
    'with $count groups costs 5 requests, one for each 100 index rows, and the transactions; leaving them costs one for each index row',
    async ({ count, index, transactions }) => {
      const assigned = Array.from({ length: count }, (_, at) => group(`${at}`));
      const userId = randomUUID();
      const { refresh, provision, store } = onAzurite({ assigned, removalLimitPercent: 100 });
      await refresh();
      await provision(message({ userId: randomUUID(), groups: [] }));
      /** Returns the groups whose indexes list the person. */
      const indexed = async (): Promise<readonly string[]> => {
        const rows = await Promise.all(
          [TABLES.teamMembers, TABLES.organizationMembers].map(async (table) => tables.read(table, {})),
        );
        const members = rows.flat().map(parseMemberKey);
        return members.flatMap((member) => (member?.userId === userId ? [member.entityId] : []));
      };
      proxy.forgetRequests();
      await provision(message({ userId, groups: assigned.map(({ id }) => id) }));
      expect(proxy.requests()).toHaveLength(5 + 2 * index + 2 * transactions);
      expect(await membershipsOf({ store }, userId)).toHaveLength(2 * count);
      const twice = assigned.flatMap(({ id }) => [id, id]);
      expect((await indexed()).toSorted()).toEqual(twice.toSorted());
      proxy.forgetRequests();
      // What the directory lacks was left, so the list isn't read again.
      await provision(message({ userId, groups: [], second: 60, source: 'directory' }));
      expect(proxy.requests()).toHaveLength(5 + 2 * count + 2 * transactions);
      expect(await membershipsOf({ store }, userId)).toEqual([]);
      // Each row was deleted under the ETag that the transaction of its grant returned.
      expect(await indexed()).toEqual([]);
    },
  );

  it('keeps manual edits, and reports the columns that cannot be read', async () => {
    const production = group('Production Team');
    const userId = randomUUID();
    const { refresh, provision, store } = onAzurite({ assigned: [production] });
    await refresh();
    await provision(message({ userId, groups: [production.id], appRoles: ['internal_user'] }));
    await editRow(tables, userRow(userId), { user_role: 'proxy_admin' });
    await editRow(tables, teamMembershipRow(userId, production.id), {
      role: 'admin',
      grant_source: 'manual',
    });
    await editRow(tables, organizationRow(production.id), { max_budget: 'much' });
    await refresh();
    await provision(message({ userId, groups: [production.id], second: 60 }));
    await provision(message({ userId, groups: [], second: 120 }));
    expect(await membershipsOf({ store }, userId)).toEqual([`team:${production.id} admin`]);
    expect((await store.users.find(userId))?.user.user_role).toBe('proxy_admin');
    const read = await store.entities.readOrganizations([production.id]);
    expect(read.unreadable.get(production.id)).toEqual({
      id: production.id,
      table: 'LiteLLMOrganizationTable',
      columns: ['max_budget'],
    });
  });

  it('stores a budget with cents, a whole budget and no budget unchanged', async () => {
    for (const max_budget of [0.1, 1000, 1e9 + 0.5, undefined]) {
      const production = group('Production Team');
      const params = {
        models: [],
        team_member_permissions: [],
        ...(max_budget === undefined ? {} : { max_budget }),
      };
      const { refresh, store } = onAzurite({
        assigned: [production],
        rules: sampleRules({ defaultTeamParams: params }),
      });
      await refresh();
      const read = await store.entities.readOrganizations([production.id]);
      expect(read.found.get(production.id)?.value.max_budget).toBe(max_budget);
      await forgetList();
    }
  });
});

describe('the last org_admin on a real store', () => {
  it('is kept and reported if both leave, one after the other or at the same time', async () => {
    for (const atOnce of [false, true]) {
      const production = group('Production Team');
      const people = [randomUUID(), randomUUID()];
      const { refresh, provision, store } = onAzurite({ assigned: [production], removalLimitPercent: 100 });
      await refresh();
      for (const userId of people)
        await provision(message({ userId, groups: [production.id], appRoles: ['org_admin'] }));
      const leave = async (userId: string): Promise<unknown> =>
        provision(message({ userId, groups: [], second: 60 }));
      if (atOnce) await Promise.all(people.map(leave));
      else for (const userId of people) await leave(userId);
      const left = await Promise.all(people.map(async (userId) => membershipsOf({ store }, userId)));
      // At the same time both may stay, because each run sees the other person leave. But never may both be gone.
      expect(left.flat().length).toBeGreaterThanOrEqual(1);
      expect(left.flat()).toContain(`organization:${production.id} org_admin`);
      await forgetList();
    }
  });
});

describe('the accepted list on a real store', () => {
  it('fits 5,000 groups into one row, and can be written only under the ETag that was read', async () => {
    const { store } = onAzurite();
    const list: AcceptedGroups = {
      version: 'version-1',
      acceptedAt: NOW.toISOString(),
      checkedAt: NOW.toISOString(),
      groups: byId(
        Array.from({ length: 5_000 }, (_, index) => group(`Group ${index} – Größe "${index}"`)),
      ).map((one) => ({
        ...one,
        team: 'present',
        organization: 'degraded',
      })),
      heldBack: {
        version: 'version-2',
        heldBackAt: NOW.toISOString(),
        groupCount: 0,
        lostCount: 2,
        lostIds: ['group-1', 'group-2'],
      },
    };
    expect(await store.assignedGroups.find()).toBeUndefined();
    expect(await store.assignedGroups.write(list, undefined)).toBe(true);
    proxy.forgetRequests();
    const found = await store.assignedGroups.find();
    expect(proxy.requests()).toHaveLength(1);
    expect(found?.list).toEqual(list);
    expect(await store.assignedGroups.write(list, undefined)).toBe(false);
    const { heldBack: _lifted, ...rest } = list;
    expect(await store.assignedGroups.write({ ...rest, groups: list.groups.slice(0, 1) }, found?.etag)).toBe(
      true,
    );
    expect(await store.assignedGroups.write(list, found?.etag)).toBe(false);
    expect((await store.assignedGroups.find())?.list).toEqual({ ...rest, groups: list.groups.slice(0, 1) });
  });

  it('names a broken row', async () => {
    const { store } = onAzurite();
    const key = { partitionKey: 'assigned', rowKey: 'accepted' };
    await editRow(tables, { table: TABLES.assignedGroups, key }, { version: 7 });
    await expect(store.assignedGroups.find()).rejects.toMatchObject({
      code: 'row_unreadable',
      details: {
        table: 'EntraAssignedGroups',
        row: 'accepted',
        columns: ['accepted_at', 'checked_at', 'version'],
      },
    });
  });

  it('lets one of many concurrent callers refresh, and one more after the interval', async () => {
    const { store } = onAzurite();
    const ask = async (at: Date): Promise<number> => {
      const turns = await Promise.all(
        Array.from({ length: 8 }, async () => store.assignedGroups.takeTurn(at, 60_000)),
      );
      return turns.filter(Boolean).length;
    };
    expect(await ask(NOW)).toBe(1);
    expect(await ask(new Date(NOW.getTime() + 59_999))).toBe(0);
    expect(await ask(new Date(NOW.getTime() + 60_000))).toBe(1);
  });
});

describe('failed messages on a real store', () => {
  it('keep any text of 48 KiB complete, and are read oldest first', async () => {
    const { store } = onAzurite();
    // This text does not get smaller when it is deflated.
    const text = Array.from({ length: 1_320 }, () => randomUUID())
      .join('é')
      .slice(0, 48 * 1024);
    const [one, two] = [randomUUID(), randomUUID()];
    const observation = { id: 'observation', observed_at: NOW.toISOString() };
    await store.failures.keep({
      id: one,
      text,
      reason: 'unexpected',
      failedAt: NOW.toISOString(),
      authentic: true,
      userId: 'user',
      observation,
    });
    await store.failures.keep({
      id: two,
      text: '',
      reason: 'message_unreadable',
      failedAt: '2026-11-22T09:00:00.000Z',
      authentic: false,
    });
    expect(await store.failures.find(one)).toEqual({
      id: one,
      text,
      reason: 'unexpected',
      failedAt: NOW.toISOString(),
      authentic: true,
      userId: 'user',
      observation,
    });
    await store.failures.markRedriven(one, NOW);
    await store.failures.markRedriven(randomUUID(), NOW);
    expect((await store.failures.read()).failures.map(({ id, redrivenAt }) => [id, redrivenAt])).toEqual([
      [two, undefined],
      [one, NOW.toISOString()],
    ]);
    expect((await store.failures.find(one))?.text).toBe(text);
  });
});

describe('organizations and teams on a real store', () => {
  it('are created in transactions and read by key or partition, never by a filter with more than 15 comparisons', async () => {
    const { store } = onAzurite();
    const rules = sampleRules();
    const groups = Array.from({ length: 1_000 }, (_, index) => group(`${index}`));
    proxy.forgetRequests();
    const { created } = await store.entities.createOrganizations(
      groups.map((one) => newOrganization(one, rules, NOW)),
    );
    expect(created.size).toBe(1_000);
    expect(proxy.requests().length).toBeLessThanOrEqual(32);

    proxy.forgetRequests();
    const ids = groups.map(({ id }) => id);
    expect((await store.entities.readOrganizations(ids)).found.size).toBe(1_000);
    // One request for each partition. A partition that happens to have few of the random ids is read by key, 14 at a time.
    expect(proxy.requests().length).toBeLessThanOrEqual(2 * 16);

    for (const count of [0, 1, 14, 100, 300]) {
      proxy.forgetRequests();
      const read = await store.entities.readOrganizations([...ids.slice(0, count), randomUUID()]);
      expect([...read.found.keys()].toSorted()).toEqual(ids.slice(0, count).toSorted());
      const comparisons = proxy
        .requests()
        .map((request) => decodeURIComponent(request).split(/ (?:eq|ge|lt) /).length - 1);
      expect(Math.max(...comparisons)).toBeLessThanOrEqual(15);
      expect(comparisons.length).toBeLessThanOrEqual(2 * 16);
    }
  });

  it('are created only if absent: existing ones stay, and the others are still created', async () => {
    const { store } = onAzurite();
    const rules = sampleRules();
    const groups = Array.from({ length: 60 }, (_, index) => group(`${index}`));
    const [mine, broken] = groups.map(({ id }) => id);
    await editRow(tables, teamRow(mine ?? ''), { team_alias: 'Mine', models: '[]' });
    await editRow(tables, teamRow(broken ?? ''), { models: 'x' });
    const teams = groups.map((one) =>
      newOrgScopedTeam(one, { organization_id: one.id }, { rules, now: NOW }),
    );
    const made = await store.entities.createTeams(teams);
    expect(made.created).toEqual(new Set(groups.slice(2).map(({ id }) => id)));
    expect([...made.unreadable.values()]).toEqual([{ id: broken, table: TABLES.teams, columns: ['models'] }]);
    expect([...made.found].map(([id, { value }]) => [id, value.team_alias])).toContainEqual([mine, 'Mine']);
    const read = await store.entities.readTeams(groups.map(({ id }) => id));
    expect(read.found.size).toBe(59);
    expect(read.found.get(mine ?? '')).toEqual(made.found.get(mine ?? ''));
    expect(read.found.get(groups[2]?.id ?? '')?.value).toEqual(teams[2]);
  });

  it.each([1, 20])('are found by the retry if the answer to their creation was lost: %i', async (count) => {
    const { store } = onAzurite();
    const rules = sampleRules();
    const organizations = Array.from({ length: count }, (_, index) =>
      newOrganization(group(`${index}`), rules, NOW),
    );
    proxy.breakNext({ kind: 'loseAnswer' });
    const made = await store.entities.createOrganizations(organizations);
    proxy.breakNext();
    expect(made.found.size).toBeGreaterThan(0);
    expect(made.found.size + made.created.size).toBe(count);
    const met = organizations.filter((one) => made.found.has(one.organization_id));
    expect(met.map((one) => made.found.get(one.organization_id)?.value)).toEqual(met);
  });

  it('are re-linked only under the ETag that was read', async () => {
    const { store } = onAzurite();
    const one = group('Team');
    await editRow(tables, teamRow(one.id), { models: '[]', team_alias: 'Team' });
    const stored = (await store.entities.readTeams([one.id])).found.get(one.id);
    if (stored === undefined) throw new Error('The team does not exist.');
    const relink = { organization_id: one.id, models: ['all-org-models'], metadata: { a: 1 } };
    await editRow(tables, teamRow(one.id), { team_alias: 'Renamed' });
    expect(await store.entities.relinkTeam(stored, relink, NOW)).toBe(false);
    const again = (await store.entities.readTeams([one.id])).found.get(one.id);
    expect(again === undefined ? false : await store.entities.relinkTeam(again, relink, NOW)).toBe(true);
    expect((await store.entities.readTeams([one.id])).found.get(one.id)?.value).toMatchObject({
      ...relink,
      team_alias: 'Renamed',
    });
  });
});

describe('memberships on a real store', () => {
  const context = { observation: { id: 'observation', observed_at: NOW.toISOString() }, now: NOW };

  async function granted(): Promise<{
    readonly store: Store;
    readonly userId: string;
    readonly entityId: string;
  }> {
    const { store } = onAzurite();
    const [userId, entityId] = [randomUUID(), randomUUID()];
    const { fence } = await store.teamMemberships.read(userId);
    await store.teamMemberships.apply(
      { ...context, userId, fence },
      { ...NOTHING, grants: [{ entityId, role: 'user' }] },
    );
    return { store, userId, entityId };
  }

  it('are written to the index before the grant, and deleted from it after the removal', async () => {
    const { store } = onAzurite();
    const [userId, entityId] = [randomUUID(), randomUUID()];
    const before = await store.teamMemberships.read(userId);
    expect(before).toEqual({ rows: [], unreadable: [], fence: { etag: undefined, observation: undefined } });
    proxy.forgetRequests();
    await store.teamMemberships.apply(
      { ...context, userId, fence: before.fence },
      { ...NOTHING, grants: [{ entityId, role: 'user' }] },
    );
    expect(proxy.requests().map((request) => /LiteLLMTeamMembers\b|\$batch/.exec(request)?.[0])).toEqual([
      'LiteLLMTeamMembers',
      '$batch',
    ]);
    const { rows, fence } = await store.teamMemberships.read(userId);
    proxy.forgetRequests();
    await store.teamMemberships.apply(
      { ...context, userId, fence },
      { ...NOTHING, removals: rows.map(({ role, indexEtag }) => ({ entityId, role, indexEtag })) },
    );
    expect(proxy.requests().map((request) => /LiteLLMTeamMembers\b|\$batch/.exec(request)?.[0])).toEqual([
      '$batch',
      'LiteLLMTeamMembers',
    ]);
    expect(await indexOf(tables, 'teamMembers', entityId)).toEqual([]);
  });

  it('list each member in the index of the team, and not in that of a team whose id begins the same', async () => {
    const { store } = onAzurite();
    const [entityId, people] = [randomUUID(), Array.from({ length: 20 }, () => randomUUID())];
    const grant = async (userId: string, id: string): Promise<unknown> => {
      const fence = { etag: undefined, observation: undefined };
      const grants = [{ entityId: id, role: 'user' as const }];
      return store.teamMemberships.apply({ ...context, userId, fence }, { ...NOTHING, grants });
    };
    for (const userId of people) await grant(userId, entityId);
    for (const alike of [`${entityId}-`, `${entityId}0`, entityId.slice(0, -1)])
      await grant(randomUUID(), alike);
    proxy.forgetRequests();
    expect(await indexOf(tables, 'teamMembers', entityId)).toEqual(people.toSorted());
    expect(proxy.requests()).toHaveLength(16);
  });

  it('are not granted if the partition has a row that was not read', async () => {
    const { store, userId, entityId } = await granted();
    const unread = { ...context, userId, fence: { etag: undefined, observation: undefined } };
    const grants = [{ entityId: randomUUID(), role: 'user' as const }];
    expect(await store.teamMemberships.apply(unread, { ...NOTHING, grants })).toEqual({ applied: false });
    expect((await store.teamMemberships.read(userId)).rows.map((row) => row.entityId)).toEqual([entityId]);
  });

  it('keep the ETag of the index row of each, with one request for all of these rows', async () => {
    const { store } = onAzurite();
    const [userId, one, other] = [randomUUID(), randomUUID(), randomUUID()];
    const { fence } = await store.teamMemberships.read(userId);
    proxy.forgetRequests();
    await store.teamMemberships.apply(
      { ...context, userId, fence },
      { ...NOTHING, grants: [one, other].map((entityId) => ({ entityId, role: 'user' as const })) },
    );
    expect(proxy.requests()).toHaveLength(2);
    const { rows } = await store.teamMemberships.read(userId);
    const etagOf = async (id: string) => {
      const { table, key } = indexRow('teamMembers', id, userId);
      return (await tables.find(table, key))?.etag;
    };
    for (const row of rows) expect(row.indexEtag).toBe(await etagOf(row.entityId));
    expect(rows).toHaveLength(2);
  });

  it('keep an index row that another grant has rewritten meanwhile, so no member is lost', async () => {
    const { store, userId, entityId } = await granted();
    const { rows, fence } = await store.teamMemberships.read(userId);
    await editRow(tables, indexRow('teamMembers', entityId, userId), { updated_at: 'by another grant' });
    const removals = rows.map(({ role, indexEtag }) => ({ entityId, role, indexEtag }));
    await store.teamMemberships.apply({ ...context, userId, fence }, { ...NOTHING, removals });
    expect((await store.teamMemberships.read(userId)).rows).toEqual([]);
    expect(await indexOf(tables, 'teamMembers', entityId)).toEqual([userId]);
  });

  it('keep the new index rows if the transaction was refused', async () => {
    const { store, userId } = await granted();
    const late = randomUUID();
    const stale = { etag: 'W/"datetime\'2020-01-01T00%3A00%3A00.0000000Z\'"', observation: undefined };
    const applied = await store.teamMemberships.apply(
      { ...context, userId, fence: stale },
      { ...NOTHING, grants: [{ entityId: late, role: 'user' }] },
    );
    expect(applied).toEqual({ applied: false });
    expect(await indexOf(tables, 'teamMembers', late)).toEqual([userId]);
    expect((await store.teamMemberships.read(userId)).rows).toHaveLength(1);
  });

  it.each([
    {
      rule: 'another run moved the fence',
      act: async (userId: string) =>
        editRow(
          tables,
          { table: TABLES.teamMemberships, key: { partitionKey: userId, rowKey: '_fence' } },
          { moved_at: 'now' },
        ),
    },
    {
      rule: 'a row to remove is gone',
      act: async (userId: string, entityId: string) =>
        tables.write(TABLES.teamMemberships, {
          kind: 'delete',
          key: teamMembershipRow(userId, entityId).key,
          etag: '*',
        }),
    },
  ])('are all refused if $rule', async ({ act }) => {
    const { store, userId, entityId } = await granted();
    const { fence, rows } = await store.teamMemberships.read(userId);
    await act(userId, entityId);
    const other = randomUUID();
    const removals = rows.map(({ role, indexEtag }) => ({ entityId, role, indexEtag }));
    const applied = await store.teamMemberships.apply(
      { ...context, userId, fence },
      { removals, roleChanges: [], grants: [{ entityId: other, role: 'user' }] },
    );
    expect(applied).toEqual({ applied: false });
    expect((await store.teamMemberships.read(userId)).rows.map((row) => row.entityId)).not.toContain(other);
  });

  it('are refused if an administrator has edited the row whose role changes', async () => {
    const { store, userId, entityId } = await granted();
    const { fence, rows } = await store.teamMemberships.read(userId);
    await editRow(tables, teamMembershipRow(userId, entityId), { grant_source: 'manual' });
    const roleChanges = rows.map(({ role, etag }) => ({
      entityId,
      role: 'admin' as const,
      from: role,
      etag,
    }));
    expect(
      await store.teamMemberships.apply({ ...context, userId, fence }, { ...NOTHING, roleChanges }),
    ).toEqual({ applied: false });
    expect(await findRow(tables, teamMembershipRow(userId, entityId))).toMatchObject({
      role: 'user',
      grant_source: 'manual',
    });
  });

  it('move the fence even if nothing is written', async () => {
    const { store, userId } = await granted();
    const { fence } = await store.teamMemberships.read(userId);
    const observation = { id: 'later', observed_at: '2026-11-23T10:00:00.000Z' };
    const applied = await store.teamMemberships.apply({ userId, fence, observation, now: NOW }, NOTHING);
    const after = await store.teamMemberships.read(userId);
    expect(applied).toEqual({ applied: true, fence: after.fence });
    expect(after.fence.observation).toEqual(observation);
    expect(after.fence.etag).not.toBe(fence.etag);
  });
});

describe('users on a real store', () => {
  it('are written only under the ETag that was read, and a cleared field reads as absent', async () => {
    const { store } = onAzurite();
    const userId = randomUUID();
    const first = await store.users.create(userId, { user_email: 'a@company.com', models: ['gpt-4'] });
    expect(await store.users.create(userId, {})).toEqual({ written: false });
    await store.users.endSessions(userId, NOW);
    expect(await store.users.update(userId, { user_email: null }, first.written ? first.etag : '')).toEqual({
      written: false,
    });
    const record = await store.users.find(userId);
    await store.users.update(userId, { user_email: null }, record?.etag ?? '');
    const after = await store.users.find(userId);
    expect(after?.user).not.toHaveProperty('user_email');
    expect(after).toMatchObject({ sessionsValidFrom: NOW.toISOString(), user: { models: ['gpt-4'] } });
  });

  it('keep the outcome of the newest observation in any order of the outcomes', async () => {
    const { store } = onAzurite();
    const userId = randomUUID();
    const at = (second: number) => ({
      id: `o-${second}`,
      observed_at: new Date(NOW.getTime() + second * 1000).toISOString(),
    });
    for (const second of [1, 3, 2]) {
      await store.users.recordOutcome(userId, {
        observation: at(second),
        status: 'failed',
        reason: 'unexpected',
        attempts: second,
        updatedAt: NOW.toISOString(),
      });
    }
    expect((await store.users.findWithOutcome(userId)).outcome).toMatchObject({
      observation: at(3),
      attempts: 3,
    });
  });
});
