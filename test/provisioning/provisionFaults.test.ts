import { describe, expect, it } from 'vitest';
import { findDegradation } from '../../shared/model/newEntities.ts';
import { REPORT_LIMIT } from '../../shared/model/userRecord.ts';
import type { Reported } from '../../shared/model/access.ts';
import type { Team } from '../../shared/model/entities.ts';
import type { StoreOperation } from '../support/memoryTables.ts';
import {
  breakingStore,
  dropColumn,
  editRow,
  findRow,
  organizationMembershipRow,
  organizationRow,
  requestsOf,
  tally,
  teamMembershipRow,
  teamRow,
  userRow,
} from '../support/handEdits.ts';
import {
  type World,
  ALICE,
  BOB,
  PRODUCTION_TEAM,
  createWorld,
  membershipsOf,
  message,
  readyWorld,
  sampleRules,
} from '../support/world.ts';

const GROUP = PRODUCTION_TEAM.id;
const OTHER = { id: 'other', displayName: 'Other' };
const BOTH = ['organization:entra-group-123 internal_user', 'team:entra-group-123 user'];
const TEAM_ONLY = ['team:entra-group-123 user'];
const LAST = { attempt: 5 };

async function findTeam(world: World): Promise<Team | undefined> {
  return (await world.store.entities.readTeams([GROUP])).found.get(GROUP)?.value;
}

async function reportedOf(world: World, userId = ALICE): Promise<readonly Reported[] | undefined> {
  return (await world.store.users.findWithOutcome(userId)).record?.run?.report?.reported;
}

function isOrganizationWrite(operation: StoreOperation): boolean {
  return operation.table === 'LiteLLMOrganizationTable' && operation.kind !== 'readPage';
}

/** The organization's table takes no writes; everything else works. */
function withoutOrganizations(world: World): Pick<World, 'provision' | 'refresh'> {
  return world.through(breakingStore(world.tables, isOrganizationWrite));
}

/** The list knows the group, but its team and organization could not be made yet. */
async function unmadeWorld(options: Parameters<typeof createWorld>[0] = {}): Promise<World> {
  const world = createWorld(options);
  await withoutOrganizations(world).refresh();
  return world;
}

describe('an organization that cannot be created', () => {
  it('makes the message fail and be tried again, without a team so far', async () => {
    const world = await unmadeWorld();
    for (const attempt of [1, 2, 3, 4]) {
      const result = withoutOrganizations(world).provision(message({ id: 'one' }), { attempt });
      await expect(result).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true });
    }
    expect(await findTeam(world)).toBeUndefined();
    expect(await membershipsOf(world, ALICE)).toEqual([]);
  });

  it('does not keep the person from what works', async () => {
    const world = await unmadeWorld();
    world.assigned = [PRODUCTION_TEAM, OTHER];
    await editRow(world.tables, organizationRow('other'), { models: '[]' });
    await withoutOrganizations(world).refresh();
    const groups = [GROUP, 'other'];
    await expect(withoutOrganizations(world).provision(message({ groups }))).rejects.toMatchObject({
      code: 'storage_unavailable',
    });
    expect(await membershipsOf(world, ALICE)).toEqual([
      'organization:other internal_user',
      'team:other user',
    ]);
  });

  it('leaves a standalone team on the last attempt, marked, with all of DEFAULT_TEAM_PARAMS, and the person in it', async () => {
    const world = await unmadeWorld();
    await expect(withoutOrganizations(world).provision(message(), LAST)).resolves.toMatchObject({
      status: 'done',
    });
    const team = await findTeam(world);
    expect(team).toMatchObject({
      models: ['gpt-4', 'gpt-3.5-turbo'],
      max_budget: 1000,
      budget_duration: '30d',
    });
    expect(team).not.toHaveProperty('organization_id');
    expect(team === undefined ? undefined : findDegradation(team)).toMatchObject({
      models: ['gpt-4', 'gpt-3.5-turbo'],
    });
    expect(await membershipsOf(world, ALICE)).toEqual(TEAM_ONLY);
    expect(await reportedOf(world)).toEqual([
      { kind: 'team', id: GROUP, code: 'standalone_for_now' },
      { kind: 'organization', id: GROUP, code: 'organization_unavailable' },
    ]);
  });

  it('does not degrade a team that exists', async () => {
    const world = createWorld();
    await editRow(world.tables, teamRow(GROUP), { models: '["mine"]' });
    await withoutOrganizations(world).refresh();
    await withoutOrganizations(world).provision(message(), LAST);
    expect(await findRow(world.tables, teamRow(GROUP))).toEqual({ models: '["mine"]' });
    expect(await membershipsOf(world, ALICE)).toEqual(TEAM_ONLY);
    expect(await reportedOf(world)).toEqual([
      { kind: 'organization', id: GROUP, code: 'organization_unavailable' },
    ]);
  });

  it('keeps a membership of it that exists already', async () => {
    const world = await readyWorld();
    await world.provision(message());
    await world.tables.write('LiteLLMOrganizationTable', {
      kind: 'delete',
      key: organizationRow(GROUP).key,
      etag: '*',
    });
    await withoutOrganizations(world).refresh();
    await withoutOrganizations(world).provision(message({ second: 60 }), LAST);
    expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
  });

  it('is not asked for with the flag off', async () => {
    const world = createWorld({ rules: sampleRules({ groupsAlsoCreateOrgs: false }) });
    await withoutOrganizations(world).refresh();
    await expect(withoutOrganizations(world).provision(message())).resolves.toMatchObject({ status: 'done' });
  });
});

describe('a degraded team', () => {
  async function degraded(): Promise<World> {
    const world = await unmadeWorld();
    await withoutOrganizations(world).provision(message(), LAST);
    return world;
  }

  it('is re-linked by a later run, and the person joins the organization at once', async () => {
    const world = await degraded();
    await expect(world.provision(message({ second: 60 }))).resolves.toMatchObject({
      status: 'done',
      reportedCount: 0,
    });
    const team = await findTeam(world);
    expect(team).toMatchObject({ organization_id: GROUP, models: ['all-org-models'] });
    expect(team?.metadata['entra_provisioning']).not.toHaveProperty('degraded');
    expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
  });

  it('is re-linked by the timer, and its people join the organization at their next run', async () => {
    const world = await degraded();
    await withoutOrganizations(world).provision(message({ userId: BOB }), LAST);
    await world.refresh();
    expect(await findTeam(world)).toMatchObject({ organization_id: GROUP, models: ['all-org-models'] });
    expect(await membershipsOf(world, BOB)).toEqual(TEAM_ONLY);
    await expect(world.provision(message({ userId: BOB, second: 60 }))).resolves.toMatchObject({
      status: 'done',
    });
    expect(await membershipsOf(world, BOB)).toEqual(BOTH);
  });

  it('is tried again by every run: its people’s runs leave no digest', async () => {
    const world = await degraded();
    await expect(withoutOrganizations(world).provision(message({ second: 60 }))).rejects.toMatchObject({
      code: 'storage_unavailable',
    });
  });

  it('keeps models that a person edited since, and that is reported', async () => {
    const world = await degraded();
    await editRow(world.tables, teamRow(GROUP), { models: '["claude"]', max_budget: 1 });
    await world.provision(message({ second: 60 }));
    expect(await findTeam(world)).toMatchObject({
      organization_id: GROUP,
      models: ['claude'],
      max_budget: 1,
    });
    expect(await reportedOf(world)).toEqual([{ kind: 'team', id: GROUP, code: 'models_kept' }]);
    expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
  });

  it('whose models were kept is reported although the claim beside it was lost, once', async () => {
    const world = await degraded();
    await editRow(world.tables, teamRow(GROUP), { models: '["claude"]' });
    let edits = 1;
    const racing = world.tables.view(async (moment) => {
      if (moment.phase !== 'before' || moment.kind !== 'write' || moment.table !== 'LiteLLMUserTable') return;
      if (edits-- > 0) await editRow(world.tables, userRow(ALICE), { max_budget: 7 });
    });
    await world.through(racing).provision(message({ second: 60 }));
    expect(edits).toBeLessThanOrEqual(0);
    expect(await findTeam(world)).toMatchObject({ organization_id: GROUP, models: ['claude'] });
    expect(await reportedOf(world)).toEqual([{ kind: 'team', id: GROUP, code: 'models_kept' }]);
  });

  it('whose models were kept is reported by the timer, too', async () => {
    const world = await degraded();
    await editRow(world.tables, teamRow(GROUP), { models: '["claude"]' });
    expect((await world.refresh()).reported).toEqual([{ kind: 'team', id: GROUP, code: 'models_kept' }]);
  });

  it('stays as it is with the flag off', async () => {
    const before = await degraded();
    const team = await findTeam(before);
    const world = await readyWorld({ on: before, rules: sampleRules({ groupsAlsoCreateOrgs: false }) });
    await expect(world.provision(message({ second: 60 }))).resolves.toMatchObject({
      status: 'done',
      reportedCount: 0,
    });
    expect(await findTeam(world)).toEqual(team);
    expect(await findRow(world.tables, organizationRow(GROUP))).toBeUndefined();
  });

  it('from which a person took the mark stays standalone', async () => {
    const world = await degraded();
    await editRow(world.tables, teamRow(GROUP), { metadata: '{}' });
    await world.provision(message({ second: 60 }));
    expect(await findTeam(world)).not.toHaveProperty('organization_id');
    expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
  });

  it('that a person edits in the same moment is left to the next run', async () => {
    const world = await degraded();
    let edits = 1;
    const racing = world.tables.view(async (moment) => {
      if (moment.phase !== 'before' || moment.kind !== 'write') return;
      if (moment.table === 'LiteLLMTeamTable' && moment.write.kind === 'merge' && edits-- > 0)
        await editRow(world.tables, teamRow(GROUP), { models: '["claude"]' });
    });
    await world.through(racing).provision(message({ second: 60 }));
    expect(await findTeam(world)).toMatchObject({ models: ['claude'] });
    expect(await findTeam(world)).not.toHaveProperty('organization_id');
    await world.provision(message({ second: 120 }));
    expect(await findTeam(world)).toMatchObject({ models: ['claude'], organization_id: GROUP });
  });
});

describe('a row that a person edited into something unreadable', () => {
  const groups = [GROUP, 'other'];
  const assigned = [PRODUCTION_TEAM, OTHER];
  const OTHERS = ['organization:other internal_user', 'team:other user'];

  it.each<{
    what: string;
    columns: Record<string, string | number>;
    reported: Reported;
    memberships: readonly string[];
  }>([
    {
      what: 'organization',
      columns: { models: 'gpt-4', max_budget: 'much' },
      reported: {
        kind: 'organization',
        id: GROUP,
        code: 'row_unreadable',
        detail: 'LiteLLMOrganizationTable: max_budget, models',
      },
      memberships: [...OTHERS, 'team:entra-group-123 user'],
    },
    {
      what: 'team',
      columns: { tpm_limit: -1 },
      reported: { kind: 'team', id: GROUP, code: 'row_unreadable', detail: 'LiteLLMTeamTable: tpm_limit' },
      memberships: ['organization:entra-group-123 internal_user', ...OTHERS],
    },
  ])(
    'is reported by table, row and column and withholds only that $what',
    async ({ what, columns, reported, memberships }) => {
      const world = await readyWorld({ assigned });
      const row = what === 'team' ? teamRow(GROUP) : organizationRow(GROUP);
      await editRow(world.tables, row, columns);
      await world.refresh();
      await expect(world.provision(message({ groups }))).resolves.toMatchObject({
        status: 'done',
        reportedCount: 1,
      });
      expect(await membershipsOf(world, ALICE)).toEqual(memberships.toSorted());
      expect(await reportedOf(world)).toEqual([reported]);
      expect(await findRow(world.tables, row)).toMatchObject(columns);
    },
  );

  it('can be repaired, and its people join at their next sign-in', async () => {
    const world = await readyWorld();
    await editRow(world.tables, organizationRow(GROUP), { models: 'gpt-4' });
    await world.refresh();
    await world.provision(message());
    await editRow(world.tables, organizationRow(GROUP), { models: '["gpt-4"]' });
    await expect(world.provision(message({ second: 60 }))).resolves.toMatchObject({ reportedCount: 0 });
    expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
  });

  it('removes no membership', async () => {
    const world = await readyWorld();
    await world.provision(message());
    await editRow(world.tables, organizationRow(GROUP), { models: 'gpt-4' });
    await editRow(world.tables, teamRow(GROUP), { models: 'gpt-4' });
    await world.refresh();
    await world.provision(message({ second: 60, name: 'Renamed' }));
    expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
  });

  it('of an organization leaves its new team inheriting by the id alone', async () => {
    const world = createWorld();
    await editRow(world.tables, organizationRow(GROUP), { models: 'gpt-4' });
    await world.refresh();
    expect(await findTeam(world)).toMatchObject({ organization_id: GROUP, models: ['all-org-models'] });
  });

  it('of an organization withholds a team that would copy its limits', async () => {
    const world = createWorld({ rules: sampleRules({ orgTeamBudget: 'copy' }) });
    await editRow(world.tables, organizationRow(GROUP), { max_budget: 'much' });
    await world.refresh();
    expect(await findTeam(world)).toBeUndefined();
    await world.provision(message(), LAST);
    expect(await findTeam(world)).toBeUndefined();
  });

  it('that is a membership is reported, stays as it is, and withholds nothing else', async () => {
    const world = await readyWorld({ assigned });
    await world.provision(message({ groups }));
    await editRow(world.tables, teamMembershipRow(ALICE, GROUP), { role: 'king' });
    await editRow(world.tables, organizationMembershipRow(ALICE, GROUP), {
      user_role: 'queen',
      grant_source: 7,
    });
    await world.provision(message({ second: 60, groups: [] }));
    expect(await membershipsOf(world, ALICE)).toEqual([]);
    expect(await findRow(world.tables, teamMembershipRow(ALICE, GROUP))).toMatchObject({ role: 'king' });
    expect(await reportedOf(world)).toEqual([
      { kind: 'team', id: GROUP, code: 'row_unreadable', detail: 'LiteLLMTeamMembership: role' },
      {
        kind: 'organization',
        id: GROUP,
        code: 'row_unreadable',
        detail: 'LiteLLMOrganizationMembership: grant_source, user_role',
      },
    ]);
  });

  it('that is the person’s own is reported, stays as it is, and withholds nothing', async () => {
    const world = await readyWorld();
    await editRow(world.tables, userRow(ALICE), {
      models: 'gpt-4',
      max_budget: 'much',
      user_role: 'emperor',
    });
    await expect(world.provision(message({ appRoles: ['proxy_admin'] }))).resolves.toMatchObject({
      reportedCount: 1,
    });
    expect(await findRow(world.tables, userRow(ALICE))).toMatchObject({
      models: 'gpt-4',
      max_budget: 'much',
      user_role: 'emperor',
    });
    expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
    expect(await reportedOf(world)).toEqual([
      {
        kind: 'user',
        id: ALICE,
        code: 'row_unreadable',
        detail: 'LiteLLMUserTable: user_role, max_budget, models',
      },
    ]);
  });

  it('that holds the run itself fails by table, row and column, and nothing is touched', async () => {
    const world = await readyWorld();
    await world.provision(message());
    await editRow(world.tables, userRow(ALICE), { run_state: 'almost' });
    await expect(world.provision(message({ second: 60, groups: [] }))).rejects.toMatchObject({
      code: 'row_unreadable',
      details: { table: 'LiteLLMUserTable', row: ALICE, columns: ['run_state'] },
    });
    expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
  });

  it.each(['MICROSOFT_SERVICE_PRINCIPAL_ID set', 'not set'])(
    'leaves no digest: the next sign-in looks again (%s)',
    async (set) => {
      const world = createWorld({ rules: sampleRules({ assignedGroupsAreKnown: set !== 'not set' }) });
      await editRow(world.tables, teamRow(GROUP), { models: 'gpt-4' });
      await world.refresh();
      await world.provision(message());
      await editRow(world.tables, teamRow(GROUP), { models: '[]' });
      await expect(world.provision(message({ second: 60 }))).resolves.toMatchObject({ status: 'done' });
      expect(await membershipsOf(world, ALICE)).toContain('team:entra-group-123 user');
    },
  );
});

describe('the finish', () => {
  /** Does something to the person's row between the claim and the finish. */
  function meanwhile(world: World, act: () => Promise<void>): Pick<World, 'provision'> {
    let isDone = false;
    const tables = world.tables.view(async ({ phase, kind }) => {
      if (phase !== 'after' || kind !== 'transact' || isDone) return;
      isDone = true;
      await act();
    });
    return world.through(tables);
  }

  it('survives a sign-out meanwhile, which stays', async () => {
    const world = await readyWorld();
    const running = meanwhile(world, async () => world.store.users.endSessions(ALICE, world.clock.now()));
    await expect(running.provision(message())).resolves.toMatchObject({ status: 'done' });
    expect(await world.store.users.find(ALICE)).toMatchObject({
      sessionsValidFrom: world.clock.now().toISOString(),
      run: { state: 'applied' },
    });
  });

  it('survives a hand edit meanwhile, which stays, also of what Entra gives', async () => {
    const world = await readyWorld();
    const edit = { active: false, max_budget: 3, user_role: 'proxy_admin', user_email: 'mine@company.com' };
    const running = meanwhile(world, async () => editRow(world.tables, userRow(ALICE), edit));
    await expect(running.provision(message())).resolves.toMatchObject({ status: 'done' });
    expect(await findRow(world.tables, userRow(ALICE))).toMatchObject({ ...edit, run_state: 'applied' });
  });

  it('gives way to a newer observation that claimed the row meanwhile', async () => {
    const world = await readyWorld();
    const newer = message({ second: 60, groups: [] });
    const running = meanwhile(world, async () => {
      await world.provision(newer);
    });
    await expect(running.provision(message())).resolves.toEqual({ status: 'superseded' });
    expect(await membershipsOf(world, ALICE)).toEqual([]);
    expect((await world.store.users.find(ALICE))?.run).toMatchObject({
      observation: { id: newer.id },
      state: 'applied',
    });
  });

  it('gives way to another delivery of the same message, and both end in the same state', async () => {
    const world = await readyWorld();
    const entry = message();
    const running = meanwhile(world, async () => {
      await world.provision(entry);
    });
    await expect(running.provision(entry)).resolves.toEqual({ status: 'already_done' });
    expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
  });

  it('cuts a long report to what fits into a row, and counts the rest', async () => {
    // As long as ids can be, each with every column that can be unreadable.
    const groups = Array.from({ length: 300 }, (_, index) => `g${String(index).padStart(127, '0')}`);
    const world = createWorld({ assigned: groups.map((id) => ({ id, displayName: id })) });
    const broken = Object.fromEntries(
      [
        'models',
        'max_budget',
        'budget_duration',
        'tpm_limit',
        'rpm_limit',
        'spend',
        'metadata',
        'team_alias',
      ].map((column) => [column, column === 'budget_duration' || column === 'team_alias' ? 7 : 'broken']),
    );
    for (const id of groups) {
      await editRow(world.tables, teamRow(id), {
        ...broken,
        team_member_permissions: 'x',
        created_at: 1,
        updated_at: 1,
      });
    }
    await world.refresh();
    await expect(world.provision(message({ groups }))).resolves.toMatchObject({
      status: 'done',
      reportedCount: 300,
    });
    const run = (await world.store.users.find(ALICE))?.run;
    expect(run?.report?.reported).toHaveLength(REPORT_LIMIT);
    expect(run?.report?.reported_more).toBe(300 - REPORT_LIMIT);
  });
});

describe('a run in which nothing is known to be missing', () => {
  it('reads no team and no organization', async () => {
    const world = await readyWorld();
    const requests = await requestsOf(world.tables, async () => world.provision(message()));
    expect(Object.keys(tally(requests)).filter((key) => /(?:Team|Organization)Table/.test(key))).toEqual([]);
  });

  it('reads and writes only the groups that lack something', async () => {
    const world = await unmadeWorld({ assigned: [PRODUCTION_TEAM, OTHER] });
    await editRow(world.tables, organizationRow('other'), { models: '[]' });
    await withoutOrganizations(world).refresh();
    const requests = await requestsOf(world.tables, async () =>
      world.provision(message({ groups: [GROUP, 'other'] })),
    );
    const entities = requests.filter(({ table }) => /(?:Team|Organization)Table/.test(table));
    expect(
      entities.map((request) => [request.table, request.kind === 'write' ? request.write.key.rowKey : '']),
    ).toEqual([
      // Reads of the one group, and then its writes.
      ['LiteLLMOrganizationTable', ''],
      ['LiteLLMTeamTable', ''],
      ['LiteLLMOrganizationTable', GROUP],
      ['LiteLLMTeamTable', GROUP],
    ]);
  });
});

describe('a user’s row', () => {
  it('gets DEFAULT_INTERNAL_USER_PARAMS once, and a person’s later edits of them stay', async () => {
    const rules = sampleRules({
      defaultUserParams: {
        models: ['gpt-4'],
        max_budget: 20,
        budget_duration: '7d',
        user_role: 'internal_user',
      },
    });
    const world = await readyWorld({ rules });
    await world.provision(message());
    expect(await findRow(world.tables, userRow(ALICE))).toMatchObject({
      max_budget: 20,
      budget_duration: '7d',
      models: '["gpt-4"]',
      user_role: 'internal_user',
    });
    await editRow(world.tables, userRow(ALICE), { max_budget: 50 });
    await dropColumn(world.tables, userRow(ALICE), 'budget_duration');
    await world.provision(message({ second: 60, name: 'Renamed' }));
    const row = await findRow(world.tables, userRow(ALICE));
    expect(row).toMatchObject({ max_budget: 50, display_name: 'Renamed' });
    expect(row).not.toHaveProperty('budget_duration');
  });

  it('that only a sign-out made becomes a whole one', async () => {
    const world = await readyWorld();
    await world.store.users.endSessions(ALICE, world.clock.now());
    await world.provision(message());
    expect(await world.store.users.find(ALICE)).toMatchObject({
      isNew: false,
      active: true,
      user: { user_email: 'alice@company.com' },
    });
  });

  it('keeps an email that a person edited', async () => {
    const world = await readyWorld();
    await world.provision(message());
    await editRow(world.tables, userRow(ALICE), { user_email: 'mine@company.com' });
    await world.provision(message({ second: 60, email: 'new@company.com' }));
    expect(await findRow(world.tables, userRow(ALICE))).toMatchObject({ user_email: 'mine@company.com' });
  });
});
