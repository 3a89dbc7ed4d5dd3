import { describe, expect, it } from 'vitest';
import { SyncRecord, type SyncedPerson } from '../../shared/storage/syncRecord.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import type { MyAccess } from '../../shared/model/access.ts';
import type { SyncedMembership, SyncOutcome } from '../../shared/model/synced.ts';
import { AppError } from '../../shared/model/errors.ts';
import { readMyAccess } from '../../shared/home/readMyAccess.ts';
import type { Session } from '../../shared/session/session.ts';
import {
  breakingStore,
  deleteRow,
  editRow,
  organizationMembershipRow,
  organizationRow,
  requestsOf,
  tally,
  teamMembershipRow,
  teamRow,
  userRow,
} from '../support/handEdits.ts';
import type { World } from '../support/world.ts';
import {
  ALICE,
  BOB,
  createWorld,
  message,
  PRODUCTION_TEAM,
  sampleRules,
  TENANT_ID,
} from '../support/world.ts';

const GROUP = PRODUCTION_TEAM.id;
const seen = message();

function sessionOf(
  observation: { readonly id: string; readonly observed_at: string } = seen,
  userId = ALICE,
): Session {
  const { id, observed_at } = observation;
  return { userId, tenantId: TENANT_ID, observation: { id, observed_at }, issuedAt: observed_at };
}

async function provisioned(options: Parameters<typeof createWorld>[0] = {}): Promise<World> {
  const world = createWorld(options);
  await world.refresh();
  await world.provision({
    ...seen,
    group_ids: (options.assigned ?? [PRODUCTION_TEAM]).map((group) => group.id),
  });
  return world;
}

async function accessOf(world: World, session = sessionOf()): Promise<MyAccess> {
  return readMyAccess(world, session);
}

describe('readMyAccess', () => {
  it('returns organization, team, effective values with reasons, and that it is done', async () => {
    const world = await provisioned();
    expect(await accessOf(world)).toEqual({
      user: {
        user_id: ALICE,
        user_email: 'alice@company.com',
        display_name: 'Alice Anderson',
        user_role: 'internal_user_viewer',
        models: [],
      },
      organizations: [
        {
          organization_id: GROUP,
          organization_alias: 'Production Team',
          user_role: 'internal_user',
          models: ['gpt-4', 'gpt-3.5-turbo'],
          max_budget: 1000,
          budget_duration: '30d',
          effective_models: { all_models: false, models: ['gpt-4', 'gpt-3.5-turbo'], reason: 'own' },
          spend: 0,
        },
      ],
      teams: [
        {
          team_id: GROUP,
          team_alias: 'Production Team',
          organization_id: GROUP,
          organization_alias: 'Production Team',
          role: 'user',
          models: ['all-org-models'],
          effective_models: { all_models: false, models: ['gpt-4', 'gpt-3.5-turbo'], reason: 'inherited' },
          effective_max_budget: {
            value: 1000,
            budget_duration: '30d',
            reason: 'inherited',
            shared_by: 'organization',
          },
          effective_tpm_limit: { reason: 'unlimited' },
          effective_rpm_limit: { reason: 'unlimited' },
          spend: 0,
          degraded: false,
        },
      ],
      provisioning: {
        id: seen.id,
        observed_at: seen.observed_at,
        status: 'done',
        updated_at: '2026-11-23T09:00:00.000Z',
        granted: 2,
        removed: 0,
        reported: [],
      },
      litellm: { connected: false },
    });
  });

  it('shows the name and email of the sign-in until a run has applied it', async () => {
    const session = { ...sessionOf(), displayName: 'Alice of the token', email: 'token@company.com' };
    const said = { display_name: 'Alice of the token', user_email: 'token@company.com' };
    const world = createWorld();
    await world.refresh();
    expect((await accessOf(world, session)).user).toMatchObject(said);
    await world.provision({ ...seen, group_ids: [] });
    expect((await accessOf(world, session)).user).toMatchObject({
      display_name: 'Alice Anderson',
      user_email: 'alice@company.com',
    });
  });

  it('shows no name and email of an older sign-in where a newer one had none', async () => {
    const world = await provisioned();
    const { user_email: _, display_name: __, ...person } = seen.person;
    const newer = { ...seen, id: `${seen.id}-2`, observed_at: '2026-11-23T09:00:01.000Z', person };
    await world.provision({ ...newer, group_ids: [GROUP] });
    const session = { ...sessionOf(), displayName: 'Alice of the token', email: 'token@company.com' };
    const { user } = await accessOf(world, session);
    expect(user).not.toHaveProperty('user_email', 'token@company.com');
    expect(user).not.toHaveProperty('display_name', 'Alice of the token');
  });

  it.each([
    { role: 'proxy_admin', sees: true },
    { role: 'proxy_admin_viewer', sees: false },
    { role: 'internal_user', sees: false },
  ])('shows the state of the proxy to its administrators only: $role', async ({ role, sees }) => {
    const world = await provisioned();
    await editRow(world.tables, userRow(ALICE), { user_role: role });
    const proxy = { status: 'ok' as const, tested_range: '1.80.0 to 1.108.0', warnings: [] };
    let reads = 0;
    const findProxyReport = async (): Promise<typeof proxy> => {
      reads += 1;
      return Promise.resolve(proxy);
    };
    const { litellm } = await readMyAccess({ store: world.store, findProxyReport }, sessionOf());
    expect(litellm).toEqual(sees ? { connected: false, proxy } : { connected: false });
    expect(reads).toBe(sees ? 1 : 0);
  });

  it('returns the organization’s current models and limits after an edit', async () => {
    const world = await provisioned();
    await editRow(world.tables, organizationRow(GROUP), {
      models: '["claude"]',
      max_budget: 2000,
      tpm_limit: 9,
    });
    const [team] = (await accessOf(world)).teams;
    expect(team).toMatchObject({
      effective_models: { models: ['claude'], reason: 'inherited' },
      effective_max_budget: { value: 2000, reason: 'inherited' },
      effective_tpm_limit: { value: 9, reason: 'inherited' },
    });
  });

  it('returns a standalone team with its own values', async () => {
    const world = await provisioned({ rules: sampleRules({ groupsAlsoCreateOrgs: false }) });
    const { organizations, teams } = await accessOf(world);
    expect(organizations).toEqual([]);
    expect(teams).toMatchObject([
      { effective_max_budget: { value: 1000, reason: 'own', shared_by: 'team' } },
    ]);
    expect(teams[0]).not.toHaveProperty('organization_id');
  });

  it('sorts by alias, then by id', async () => {
    const assigned = [
      { id: 'c', displayName: 'Beta' },
      { id: 'b', displayName: 'alpha' },
      { id: 'a', displayName: 'Beta' },
    ];
    const { organizations, teams } = await accessOf(await provisioned({ assigned }));
    expect(organizations.map((one) => one.organization_id)).toEqual(['b', 'a', 'c']);
    expect(teams.map((one) => one.team_id)).toEqual(['b', 'a', 'c']);
  });

  it('shows the lowest role and pending while the message is still in the queue', async () => {
    expect(await accessOf(createWorld())).toEqual({
      user: { user_id: ALICE, user_role: 'internal_user_viewer', models: [] },
      organizations: [],
      teams: [],
      provisioning: { id: seen.id, observed_at: seen.observed_at, status: 'pending', reported: [] },
      litellm: { connected: false },
    });
  });

  it('shows the newest known observation, not the session’s own', async () => {
    const world = await provisioned();
    const newer = message({ second: 60, groups: [GROUP, 'late'] });
    await world.provision(newer);
    expect((await accessOf(world)).provisioning).toMatchObject({ id: newer.id, status: 'waiting' });
    const again = message({ second: 120 });
    expect((await accessOf(world, sessionOf(again))).provisioning).toMatchObject({
      id: again.id,
      status: 'pending',
    });
  });

  it('shows only the person’s own rows', async () => {
    const world = await provisioned();
    const { teams, organizations } = await accessOf(world, sessionOf(message({ userId: BOB }), BOB));
    expect([teams, organizations]).toEqual([[], []]);
  });

  it.each([
    {
      what: 'an unreadable organization',
      row: organizationRow(GROUP),
      detail: 'LiteLLMOrganizationTable: models',
    },
    { what: 'an unreadable team', row: teamRow(GROUP), detail: 'LiteLLMTeamTable: models' },
  ])('leaves out $what, which is reported, and what it bounds', async ({ row, detail }) => {
    const world = await provisioned();
    await editRow(world.tables, row, { models: 'gpt-4' });
    const { teams, organizations, provisioning } = await accessOf(world);
    expect(teams).toEqual([]);
    expect(organizations).toHaveLength(detail.includes('Organization') ? 0 : 1);
    expect(provisioning.reported).toMatchObject([{ id: GROUP, code: 'row_unreadable', detail }]);
  });

  it('leaves out what was deleted, and says so', async () => {
    const world = await provisioned();
    await deleteRow(world.tables, teamRow(GROUP));
    const { teams, provisioning } = await accessOf(world);
    expect(teams).toEqual([]);
    expect(provisioning.reported).toEqual([{ kind: 'team', id: GROUP, code: 'row_missing' }]);
  });

  it('does not call a team unlimited whose organization is gone', async () => {
    const world = await provisioned();
    await deleteRow(world.tables, organizationRow(GROUP));
    const { teams, provisioning } = await accessOf(world);
    expect(teams).toEqual([]);
    expect(provisioning.reported).toEqual([{ kind: 'organization', id: GROUP, code: 'row_missing' }]);
  });

  it('says which of the person’s own rows cannot be read', async () => {
    const world = await provisioned();
    await editRow(world.tables, userRow(ALICE), { models: 'x', user_role: 'emperor' });
    await editRow(world.tables, teamMembershipRow(ALICE, GROUP), { role: 'x' });
    await editRow(world.tables, organizationMembershipRow(ALICE, GROUP), { user_role: 'x' });
    const { user, teams, organizations, provisioning } = await accessOf(world);
    expect(user.user_role).toBe('internal_user_viewer');
    expect([teams, organizations]).toEqual([[], []]);
    expect(provisioning.reported).toEqual([
      { kind: 'user', id: ALICE, code: 'row_unreadable', detail: 'LiteLLMUserTable: user_role, models' },
      {
        kind: 'organization',
        id: GROUP,
        code: 'row_unreadable',
        detail: 'LiteLLMOrganizationMembership: user_role',
      },
      { kind: 'team', id: GROUP, code: 'row_unreadable', detail: 'LiteLLMTeamMembership: role' },
    ]);
  });

  it('says what the run withheld once, also where it still is so', async () => {
    const world = createWorld();
    await editRow(world.tables, teamRow(GROUP), { models: 'x' });
    await editRow(world.tables, teamMembershipRow(ALICE, GROUP), { role: 'user' });
    await world.refresh();
    await world.provision(seen);
    expect((await accessOf(world)).provisioning.reported).toMatchObject([
      { kind: 'team', code: 'row_unreadable' },
    ]);
  });

  it('shows that a team has no organization for now', async () => {
    const world = createWorld();
    const broken = world.through(
      breakingStore(
        world.tables,
        ({ table, kind }) => table === 'LiteLLMOrganizationTable' && kind !== 'readPage',
      ),
    );
    await broken.refresh();
    await broken.provision(seen, { attempt: 5 });
    const { teams, provisioning } = await accessOf(world);
    expect(teams).toMatchObject([{ degraded: true, effective_max_budget: { value: 1000, reason: 'own' } }]);
    expect(provisioning).toMatchObject({
      status: 'done',
      reported: [{ code: 'standalone_for_now' }, { code: 'organization_unavailable' }],
    });
  });

  it.each([
    {
      what: 'a person who has signed out since',
      edit: { sessions_valid_from: seen.observed_at },
      code: 'session_missing',
    },
    { what: 'an account that an administrator closed', edit: { active: false }, code: 'account_inactive' },
  ])('is refused to $what', async ({ edit, code }) => {
    const world = await provisioned();
    await editRow(world.tables, userRow(ALICE), edit);
    await expect(accessOf(world)).rejects.toMatchObject({ code });
  });

  it('reads few rows by key, and thousands by partition', async () => {
    const few = await provisioned();
    const requests = await requestsOf(few.tables, async () => accessOf(few));
    expect(tally(requests)).toEqual({
      'readPage LiteLLMUserTable': 1,
      'readPage LiteLLMTeamMembership': 1,
      'readPage LiteLLMOrganizationMembership': 1,
      'readPage LiteLLMTeamTable': 1,
      'readPage LiteLLMOrganizationTable': 1,
    });
    const assigned = Array.from({ length: 900 }, (_, index) => ({
      id: `group-${index}`,
      displayName: `${index}`,
    }));
    const many = await provisioned({ assigned });
    const all = await requestsOf(many.tables, async () => accessOf(many));
    expect(tally(all)).toMatchObject({
      'readPage LiteLLMTeamTable': 16,
      'readPage LiteLLMOrganizationTable': 16,
    });
  });
});

const SINCE = '2026-11-23T09:00:01.000Z';
const SYNCED: SyncOutcome = { status: 'done', attempts: 1, updatedAt: SINCE, reported: [] };

/** The record of a person of whom the changes are all that is there. */
function recordOf(changes: Partial<SyncedPerson>): Pick<SyncRecord, 'readPerson'> {
  return {
    readPerson: async (userId) => {
      expect(userId).toBe(ALICE);
      return Promise.resolve({
        user: undefined,
        organizations: new Map(),
        teams: new Map(),
        standing: undefined,
        left: new Map(),
        keys: new Map(),
        outcome: undefined,
        ...changes,
      });
    },
  };
}

function added(role: string): ReadonlyMap<string, SyncedMembership> {
  return new Map([[GROUP, { entityId: GROUP, state: 'added', role, since: SINCE }]]);
}

describe('readMyAccess with a LiteLLM proxy', () => {
  async function readWith(world: World, syncRecord: Pick<SyncRecord, 'readPerson'>): Promise<MyAccess> {
    return readMyAccess({ store: world.store, syncRecord }, sessionOf());
  }

  it('says of user, organization and team that they are in LiteLLM, and since when', async () => {
    const access = await readWith(
      await provisioned(),
      recordOf({ organizations: added('internal_user'), teams: added('user'), outcome: SYNCED }),
    );
    const presence = { state: 'in_litellm', since: SINCE, reported: [] };
    expect(access.litellm).toEqual({ connected: true, status: 'done' });
    expect(access.user.litellm).toEqual({ state: 'in_litellm', reported: [] });
    expect(access.organizations.map(({ litellm }) => litellm)).toEqual([presence]);
    expect(access.teams.map(({ litellm }) => litellm)).toEqual([presence]);
  });

  it('distinguishes the organization from the team of the same id', async () => {
    const { litellm, organizations, teams } = await readWith(
      await provisioned(),
      recordOf({ organizations: added('internal_user'), outcome: SYNCED }),
    );
    expect(litellm.status).toBe('pending');
    expect(organizations[0]?.litellm?.state).toBe('in_litellm');
    expect(teams[0]?.litellm?.state).toBe('not_yet');
  });

  it('compares the role in LiteLLM with the stored one', async () => {
    const { teams } = await readWith(
      await provisioned(),
      recordOf({
        organizations: added('internal_user'),
        teams: new Map([[GROUP, { entityId: GROUP, state: 'found', role: 'admin', since: SINCE }]]),
        outcome: SYNCED,
      }),
    );
    expect(teams[0]).toMatchObject({ role: 'user', litellm: { state: 'in_litellm', role: 'admin' } });
  });

  it('is pending, whatever is recorded, until the rows are written', async () => {
    const { litellm } = await readWith(await provisioned(), recordOf({ outcome: SYNCED }));
    expect(litellm.status).toBe('pending');
    const before = await readWith(createWorld(), recordOf({ outcome: SYNCED }));
    expect(before.litellm).toEqual({ connected: true, status: 'pending' });
  });

  it('does not wait for a row that cannot be read here to leave LiteLLM', async () => {
    const world = await provisioned();
    await editRow(world.tables, teamMembershipRow(ALICE, GROUP), { role: 'x' });
    const { litellm } = await readWith(
      world,
      recordOf({ organizations: added('internal_user'), teams: added('user'), outcome: SYNCED }),
    );
    expect(litellm.status).toBe('done');
  });

  it.each(['row_unreadable', 'storage_unavailable'] as const)(
    'shows everything else where the record fails (%s), and calls that unknown',
    async (code) => {
      const readPerson = async (): Promise<never> =>
        Promise.reject(new AppError(code, 'the record is broken'));
      const access = await readWith(await provisioned(), { readPerson });
      expect(access.litellm).toEqual({ connected: true, status: 'unknown', reason: code });
      expect(access.teams).toMatchObject([
        { team_id: GROUP, litellm: { state: 'unknown', reason: code, reported: [] } },
      ]);
      expect(access.organizations[0]?.litellm?.state).toBe('unknown');
      expect(access.user.litellm?.state).toBe('unknown');
      expect(access.provisioning.status).toBe('done');
    },
  );

  it('does not hide a defect', async () => {
    const readPerson = async (): Promise<never> => Promise.reject(new TypeError('a defect'));
    await expect(readWith(await provisioned(), { readPerson })).rejects.toThrow('a defect');
  });

  it('reads one partition more, also of a broken record', async () => {
    const world = await provisioned();
    const { tables, clock } = world;
    const record = new SyncRecord({ tables, clock, random: { uuid: () => 'unused' } });
    await record.recordPersonOutcome(ALICE, SYNCED);
    const read = async (): Promise<MyAccess> => readWith(world, record);
    const without = await requestsOf(tables, async () => accessOf(world));
    const within = await requestsOf(tables, read);
    expect(tally(within)).toEqual({ ...tally(without), [`readPage ${TABLES.syncedPeople}`]: 1 });
    expect((await read()).litellm.status).toBe('pending');

    const row = {
      table: TABLES.syncedPeople,
      key: { partitionKey: ALICE, rowKey: `team:${GROUP}` },
    };
    await editRow(tables, row, { state: 'sideways' });
    expect((await read()).litellm).toEqual({ connected: true, status: 'unknown', reason: 'row_unreadable' });
  });
});
