import { versionOf } from '../../shared/groups/brake.ts';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { entityPartition } from '../../shared/storage/entityStore.ts';
import { FENCE_ROW_KEY } from '../../shared/storage/membershipKinds.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import type { Organization, Team } from '../../shared/model/entities.ts';
import type { AssignedGroup } from '../../shared/model/assignedGroups.ts';
import type { Rules } from '../../shared/model/rules.ts';
import { provisionUser } from '../../shared/provisioning/provisionUser.ts';
import type { InlineMessage } from '../../shared/queue/queueMessage.ts';
import {
  deleteRow,
  editRow,
  fenceOf,
  findRow,
  indexOf,
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
  START,
  createSlowClock,
  createWorld,
  membershipsOf,
  message,
  readListAgain,
  readyWorld,
  sampleRules,
} from '../support/world.ts';

const GROUP = PRODUCTION_TEAM.id;
const HOUR_MS = 60 * 60 * 1000;
const BOTH = ['organization:entra-group-123 internal_user', 'team:entra-group-123 user'];

function manyGroups(count: number): readonly AssignedGroup[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `group-${String(index).padStart(4, '0')}`,
    displayName: `Group ${index}`,
  }));
}

/** A world whose list is accepted, so that groups and their entities are known. */
async function findOrganization(world: World, id = GROUP): Promise<Organization | undefined> {
  return (await world.store.entities.readOrganizations([id])).found.get(id)?.value;
}

async function findTeam(world: World, id = GROUP): Promise<Team | undefined> {
  return (await world.store.entities.readTeams([id])).found.get(id)?.value;
}

function withFlag(on: boolean, more: Partial<Rules> = {}): Rules {
  return sampleRules({ groupsAlsoCreateOrgs: on, ...more });
}

describe("the product's own example", () => {
  it('makes the organization, the team that shares its budget, and both people members of both', async () => {
    const world = await readyWorld();
    await expect(world.provision(message())).resolves.toMatchObject({
      status: 'done',
      changes: { granted: 2, changed: 0, removed: 0 },
      reportedCount: 0,
    });
    await world.provision(message({ userId: BOB }));

    expect(await findOrganization(world)).toMatchObject({
      organization_id: 'entra-group-123',
      organization_alias: 'Production Team',
      max_budget: 1000,
      budget_duration: '30d',
      models: ['gpt-4', 'gpt-3.5-turbo'],
    });
    const team = await findTeam(world);
    expect(team).toMatchObject({
      team_id: 'entra-group-123',
      team_alias: 'Production Team',
      organization_id: 'entra-group-123',
      models: ['all-org-models'],
    });
    expect(team).not.toHaveProperty('max_budget');
    expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
    expect(await membershipsOf(world, BOB)).toEqual(BOTH);
  });

  it('writes both people into the indexes of both, and says in each membership who granted it', async () => {
    const world = await readyWorld();
    await world.provision(message());
    await world.provision(message({ userId: BOB }));
    expect(await indexOf(world.tables, 'teamMembers', GROUP)).toEqual([ALICE, BOB]);
    expect(await indexOf(world.tables, 'organizationMembers', GROUP)).toEqual([ALICE, BOB]);
    expect(await findRow(world.tables, teamMembershipRow(ALICE, GROUP))).toMatchObject({
      user_id: ALICE,
      team_id: GROUP,
      role: 'user',
      grant_source: 'entra',
    });
    expect(await findRow(world.tables, organizationMembershipRow(ALICE, GROUP))).toMatchObject({
      user_id: ALICE,
      organization_id: GROUP,
      user_role: 'internal_user',
      grant_source: 'entra',
    });
  });

  it('records on the user’s row who they are, what was seen and what was done', async () => {
    const world = await readyWorld();
    const entry = message({ groups: [GROUP, 'not-assigned'], source: 'directory' });
    await world.provision(entry);
    const { record } = await world.store.users.findWithOutcome(ALICE);
    expect(record?.user).toMatchObject({
      user_id: ALICE,
      sso_user_id: ALICE,
      user_email: 'alice@company.com',
      display_name: 'Alice Anderson',
      user_role: 'internal_user_viewer',
      active: true,
    });
    expect(record?.run).toMatchObject({
      observation: { id: entry.id, observed_at: entry.observed_at },
      state: 'applied',
      report: { groups_seen: 2, groups_counted: 1, granted: 2, changed: 0, removed: 0, reported: [] },
    });
  });
});

describe('the flag off', () => {
  it('makes a standalone team with all of DEFAULT_TEAM_PARAMS, no organization and no membership of one', async () => {
    const world = await readyWorld({ rules: withFlag(false) });
    await world.provision(message());
    expect(await findTeam(world)).toMatchObject({
      team_alias: 'Production Team',
      models: ['gpt-4', 'gpt-3.5-turbo'],
      max_budget: 1000,
      budget_duration: '30d',
    });
    expect(await findTeam(world)).not.toHaveProperty('organization_id');
    expect(await findOrganization(world)).toBeUndefined();
    expect(await membershipsOf(world, ALICE)).toEqual(['team:entra-group-123 user']);
  });

  it('then on affects new groups and new memberships; the existing team stays as it is', async () => {
    const before = await readyWorld({ rules: withFlag(false) });
    await before.provision(message());
    const teamBefore = await findTeam(before);

    const after = await readyWorld({ rules: withFlag(true), on: before });
    await after.provision(message({ second: 60 }));
    expect(await findTeam(after)).toEqual(teamBefore);
    expect(await findOrganization(after)).toMatchObject({ organization_alias: 'Production Team' });
    expect(await membershipsOf(after, ALICE)).toEqual(BOTH);
  });

  it('then on reaches a person before the timer does', async () => {
    const before = await readyWorld({ rules: withFlag(false) });
    await before.provision(message());
    const after = createWorld({ rules: withFlag(true), on: before });
    await after.provision(message({ second: 60 }));
    expect(await membershipsOf(after, ALICE)).toEqual(BOTH);
  });

  it('again leaves what exists, and new groups get standalone teams', async () => {
    const assigned = [PRODUCTION_TEAM, { id: 'new-group', displayName: 'New' }];
    const before = await readyWorld();
    await before.provision(message());
    const after = await readyWorld({ rules: withFlag(false), on: before, assigned });
    await after.provision(message({ second: 60, groups: [GROUP, 'new-group'] }));
    expect(await membershipsOf(after, ALICE)).toEqual([...BOTH, 'team:new-group user']);
    expect(await findTeam(after)).toMatchObject({ organization_id: GROUP });
    expect(await findTeam(after, 'new-group')).not.toHaveProperty('organization_id');
    expect(await findOrganization(after, 'new-group')).toBeUndefined();
  });

  it('again still removes the organization membership of a person who leaves the group', async () => {
    const before = await readyWorld();
    await before.provision(message());
    const after = await readyWorld({ rules: withFlag(false), on: before });
    await after.provision(message({ second: 60, groups: [] }));
    expect(await membershipsOf(after, ALICE)).toEqual([]);
  });
});

describe('create if absent, never overwrite', () => {
  const made = {
    team_alias: 'Made by hand',
    models: '["claude"]',
    max_budget: 7,
    budget_duration: '1d',
    tpm_limit: 1,
    rpm_limit: 2,
    team_member_permissions: '["/key/list"]',
    metadata: '{"mine":true}',
    spend: 3,
    created_at: '2020-01-01T00:00:00Z',
    updated_at: '2020-01-01T00:00:00Z',
  };

  it('keeps every field of an organization and a team that a person made', async () => {
    const { team_alias: alias, team_member_permissions: _permissions, ...shared } = made;
    const world = createWorld();
    const organization = { ...shared, organization_alias: alias };
    const team = { ...made, organization_id: 'another-organization' };
    await editRow(world.tables, organizationRow(GROUP), organization);
    await editRow(world.tables, teamRow(GROUP), team);
    await world.refresh();
    await world.provision(message());
    expect(await findRow(world.tables, organizationRow(GROUP))).toEqual(organization);
    expect(await findRow(world.tables, teamRow(GROUP))).toEqual(team);
    expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
  });

  it('keeps a standalone team standalone; its organization is created and the person joins both', async () => {
    const world = createWorld();
    await editRow(world.tables, teamRow(GROUP), made);
    await world.refresh();
    await world.provision(message());
    expect(await findRow(world.tables, teamRow(GROUP))).toEqual(made);
    expect(await findOrganization(world)).toMatchObject({
      organization_alias: 'Production Team',
      max_budget: 1000,
    });
    expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
  });

  it('keeps later hand edits at every sign-in', async () => {
    const world = await readyWorld();
    await world.provision(message());
    await editRow(world.tables, organizationRow(GROUP), { max_budget: 5000, organization_alias: 'Renamed' });
    await world.refresh();
    await world.provision(message({ userId: BOB }));
    expect(await findOrganization(world)).toMatchObject({ max_budget: 5000, organization_alias: 'Renamed' });
  });

  it('keeps the organization’s lower limit as the bound of a copied one', async () => {
    const world = createWorld({ rules: sampleRules({ orgTeamBudget: 'copy' }) });
    await editRow(world.tables, organizationRow(GROUP), { max_budget: 300, models: '[]' });
    await world.refresh();
    expect(await findTeam(world)).toMatchObject({ max_budget: 300, organization_id: GROUP });
  });
});

describe('memberships', () => {
  it('are made in every group of a person who is in many', async () => {
    const assigned = manyGroups(250);
    const world = await readyWorld({ assigned });
    const groups = assigned.map((group) => group.id);
    await expect(world.provision(message({ groups }))).resolves.toMatchObject({ changes: { granted: 500 } });
    expect(await membershipsOf(world, ALICE)).toEqual(
      groups.flatMap((id) => [`organization:${id} internal_user`, `team:${id} user`]).toSorted(),
    );
  });

  it('are made once: a repeat, also by another sign-in, changes no row but the person’s own', async () => {
    const world = await readyWorld();
    await world.provision(message({ appRoles: ['org_admin'] }));
    const { LiteLLMUserTable: _before, ...before } = world.tables.dump();
    world.clock.advance(25 * HOUR_MS);
    const again = message({ appRoles: ['org_admin'], second: 25 * 3600 });
    await expect(world.provision(again)).resolves.toMatchObject({
      status: 'done',
      changes: { granted: 0, changed: 0, removed: 0 },
    });
    const { LiteLLMUserTable: _after, ...after } = world.tables.dump();
    expect(after).toEqual(before);
  });

  it('deleted by hand come back once the digest has expired', async () => {
    const world = await readyWorld();
    await world.provision(message());
    await deleteRow(world.tables, teamMembershipRow(ALICE, GROUP));
    world.clock.advance(24 * HOUR_MS - 1);
    await expect(world.provision(message({ second: 24 * 3600 - 60 }))).resolves.toMatchObject({
      status: 'unchanged',
    });
    world.clock.advance(1);
    await expect(world.provision(message({ second: 24 * 3600 }))).resolves.toMatchObject({ status: 'done' });
    expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
  });
});

describe('a team or organization that a person deleted', () => {
  it('comes back with the next tick', async () => {
    const world = await readyWorld();
    await deleteRow(world.tables, teamRow(GROUP));
    await deleteRow(world.tables, organizationRow(GROUP));
    await world.refresh();
    expect(await findTeam(world)).toMatchObject({ organization_id: GROUP });
    expect(await findOrganization(world)).toMatchObject({ max_budget: 1000 });
  });
});

describe('removal', () => {
  const assigned = [PRODUCTION_TEAM, { id: 'other', displayName: 'Other' }];

  async function memberOfBoth(rules?: Partial<Rules>): Promise<World> {
    const world = await readyWorld({ assigned, rules: sampleRules(rules) });
    await world.provision(message({ groups: [GROUP, 'other'] }));
    return world;
  }

  it('removes what Entra granted once the person has left the group, and its index rows', async () => {
    const world = await memberOfBoth();
    await expect(world.provision(message({ second: 60, groups: ['other'] }))).resolves.toMatchObject({
      changes: { granted: 0, changed: 0, removed: 2 },
    });
    expect(await membershipsOf(world, ALICE)).toEqual([
      'organization:other internal_user',
      'team:other user',
    ]);
    expect(await indexOf(world.tables, 'teamMembers', GROUP)).toEqual([]);
    expect(await indexOf(world.tables, 'organizationMembers', GROUP)).toEqual([]);
  });

  it.each(['claim', 'directory'] as const)(
    'takes everything once a %s says that the person has no groups',
    async (source) => {
      const world = await memberOfBoth();
      await world.provision(message({ second: 60, groups: [], source }));
      expect(await membershipsOf(world, ALICE)).toEqual([]);
    },
  );

  it('removes a membership whose group is no longer assigned', async () => {
    const world = await memberOfBoth();
    world.assigned = [PRODUCTION_TEAM];
    await world.refresh();
    await world.provision(message({ second: 60, groups: [GROUP, 'other'], source: 'directory' }));
    expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
  });

  it('does not happen with additive', async () => {
    const world = await memberOfBoth({ membershipSyncMode: 'additive' });
    await world.provision(message({ second: 60, groups: [] }));
    expect(await membershipsOf(world, ALICE)).toHaveLength(4);
  });

  it.each(['manual', '', 'admin-portal'])(
    'does not happen to a membership whose source is "%s"',
    async (source) => {
      const world = await memberOfBoth();
      await editRow(world.tables, teamMembershipRow(ALICE, GROUP), { grant_source: source });
      await editRow(world.tables, organizationMembershipRow(ALICE, GROUP), { grant_source: source });
      await world.provision(message({ second: 60, groups: [] }));
      expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
    },
  );

  it('does not happen to a membership that a person made without any of the system’s columns', async () => {
    const world = await readyWorld();
    await editRow(world.tables, teamMembershipRow(ALICE, 'by-hand'), { role: 'admin' });
    await world.provision(message({ groups: [] }));
    expect(await membershipsOf(world, ALICE)).toEqual(['team:by-hand admin']);
  });

  it('comes before grants: a crash at any request leaves no person with the old and the new', async () => {
    const old = new Set(BOTH);
    const given = ['organization:other internal_user', 'team:other user'];
    for (let crashAt = 0; crashAt < 20; crashAt += 1) {
      const world = await readyWorld({ assigned });
      await world.provision(message());
      let request = 0;
      const crashing = world.tables.view(({ phase }) => {
        if (phase === 'before' && request++ === crashAt) throw new Error('crash');
      });
      const moved = message({ second: 60, groups: ['other'] });
      const { provision } = world.through(crashing);
      await provision(moved).catch(() => undefined);
      const now = await membershipsOf(world, ALICE);
      const kept = now.filter((row) => old.has(row));
      const got = now.filter((row) => given.includes(row));
      expect(kept.length === 0 || got.length === 0, `crash at request ${crashAt}: ${now.join(', ')}`).toBe(
        true,
      );
      await world.provision(moved);
      expect(await membershipsOf(world, ALICE)).toEqual(given);
    }
  });
});

describe('without a service principal', () => {
  const rules = sampleRules({ assignedGroupsAreKnown: false });

  it('creates nothing; the person joins what exists under a group id that they have', async () => {
    const world = createWorld({ rules });
    await editRow(world.tables, teamRow('a'), { models: '[]' });
    await editRow(world.tables, teamRow('b'), { models: '[]' });
    await editRow(world.tables, organizationRow('b'), { models: '[]' });
    await expect(
      world.provision(message({ groups: ['a', 'b', 'c'], source: 'directory' })),
    ).resolves.toMatchObject({ status: 'done', reportedCount: 0 });
    expect(await membershipsOf(world, ALICE)).toEqual([
      'organization:b internal_user',
      'team:a user',
      'team:b user',
    ]);
    expect(await findTeam(world, 'c')).toBeUndefined();
    expect(await findOrganization(world, 'a')).toBeUndefined();
    expect(world.directoryReads).toBe(0);
  });

  it('joins a team that was made since, at the next sign-in', async () => {
    const world = createWorld({ rules });
    await world.provision(message({ groups: ['a'] }));
    await editRow(world.tables, teamRow('a'), { models: '[]' });
    await world.provision(message({ groups: ['a'], second: 60 }));
    expect(await membershipsOf(world, ALICE)).toEqual(['team:a user']);
  });

  it('removes what Entra granted once the person has left the group', async () => {
    const world = createWorld({ rules });
    await editRow(world.tables, teamRow('a'), { models: '[]' });
    await world.provision(message({ groups: ['a'] }));
    await world.provision(message({ groups: [], second: 60 }));
    expect(await membershipsOf(world, ALICE)).toEqual([]);
  });
});

describe('order', () => {
  it('an older observation never undoes a newer one', async () => {
    const world = await readyWorld();
    await world.provision(message({ second: 60 }));
    const before = world.tables.dump();
    await expect(world.provision(message({ second: 0, groups: [] }))).resolves.toEqual({
      status: 'superseded',
    });
    expect(world.tables.dump()).toEqual(before);
  });

  it('of two at the same instant the greater id wins, in either order', async () => {
    const a = message({ id: 'a', groups: [] });
    const b = message({ id: 'b' });
    for (const order of [
      [a, b],
      [b, a],
    ]) {
      const world = await readyWorld();
      for (const entry of order) await world.provision(entry);
      expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
    }
  });

  it('an older one is superseded also by one that only moved the observation', async () => {
    const world = await readyWorld();
    await world.provision(message());
    await expect(world.provision(message({ second: 120 }))).resolves.toEqual({ status: 'unchanged' });
    await expect(world.provision(message({ second: 60, groups: [] }))).resolves.toEqual({
      status: 'superseded',
    });
  });

  it('a message that is delivered again when it is done does nothing', async () => {
    const world = await readyWorld();
    const entry = message();
    await world.provision(entry);
    const before = world.tables.dump();
    await expect(world.provision(entry)).resolves.toEqual({ status: 'already_done' });
    expect(world.tables.dump()).toEqual(before);
  });

  it('a fence that carries a newer observation supersedes, and nothing of the membership is written', async () => {
    const world = await readyWorld();
    await world.provision(message({ second: 60 }));
    await deleteRow(world.tables, userRow(ALICE));
    await expect(world.provision(message({ second: 0, groups: [] }))).resolves.toEqual({
      status: 'superseded',
    });
    expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
  });

  it('a late one after a deleted row writes nothing at all, and the next sign-in brings everything back', async () => {
    const world = await readyWorld();
    await world.provision(message({ second: 60, appRoles: ['proxy_admin'] }));
    await deleteRow(world.tables, userRow(ALICE));
    const before = world.tables.dump();
    await world.provision(message({ groups: [] }));
    expect(world.tables.dump()).toEqual(before);
    await world.provision(message({ second: 70 }));
    expect((await world.store.users.find(ALICE))?.user).toMatchObject({
      user_email: 'alice@company.com',
      user_role: 'internal_user_viewer',
    });
  });

  it.each([false, true])(
    'one that was about to write when the row was deleted writes nothing after a newer one (signed out since: %s)',
    async (isSignedOut) => {
      const world = await readyWorld();
      await world.provision(message());
      await readListAgain(world);
      let isFirst = true;
      const slow = world.through(
        world.tables.view(async ({ phase, kind }) => {
          if (phase !== 'before' || kind !== 'transact' || !isFirst) return;
          isFirst = false;
          await deleteRow(world.tables, userRow(ALICE));
          if (isSignedOut) await world.store.users.endSessions(ALICE, world.clock.now());
          // It wants what is there, so only the row says that its fences must move.
          await world.provision(message({ second: 40 }));
        }),
      );
      await expect(slow.provision(message({ second: 20, groups: [] }))).resolves.toEqual({
        status: 'superseded',
      });
      expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
    },
  );

  it('a late one gives up the claim of its own that an earlier try left', async () => {
    const world = await readyWorld();
    await world.provision(message({ second: 60 }));
    await deleteRow(world.tables, userRow(ALICE));
    const late = message({ groups: [] });
    await editRow(world.tables, userRow(ALICE), {
      observed_at: late.observed_at,
      observation_id: late.id,
      run_state: 'applying',
      claim_id: 'left',
    });
    await expect(world.provision(late, { attempt: 2 })).resolves.toEqual({ status: 'superseded' });
    expect((await world.store.users.find(ALICE))?.run).toBeUndefined();
    await expect(world.provision(message({ second: 70 }))).resolves.toMatchObject({ status: 'done' });
  });

  it.each(['applied', 'applying'])(
    'a host with a slow clock believes a newer row that is %s',
    async (state) => {
      const world = await readyWorld();
      await world.provision(message({ second: -900 }));
      // It changes nothing, so no fence tells of it.
      await world.provision(message({ second: -20 }));
      if (state === 'applying')
        await editRow(world.tables, userRow(ALICE), { run_state: state, finished_at: '' });
      const slow = world.through(world.tables, createSlowClock(world.clock, 10 * 60_000));
      await expect(slow.provision(message({ second: -700, groups: [] }))).resolves.toEqual({
        status: 'superseded',
      });
      expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
    },
  );

  it.each(['the row', 'a fence'])(
    'an edited time of %s that lies ahead of every clock supersedes nothing',
    async (what) => {
      const world = await readyWorld();
      await world.provision(message());
      const key = { partitionKey: ALICE, rowKey: FENCE_ROW_KEY };
      const row = what === 'the row' ? userRow(ALICE) : { table: TABLES.teamMemberships, key };
      await editRow(world.tables, row, { observed_at: '2027-11-23T09:00:00.000Z' });
      await readListAgain(world);
      await expect(world.provision(message({ second: 60, groups: [] }))).resolves.toMatchObject({
        status: 'done',
        changes: { removed: 2 },
      });
    },
  );

  it('every transaction moves its fence to the observation, and a partition without a change keeps its own', async () => {
    const world = await readyWorld();
    const first = message();
    await world.provision(first);
    const second = message({ second: 60, appRoles: ['org_admin'] });
    await world.provision(second);
    expect(await fenceOf(world.tables, 'organizationMemberships', ALICE)).toBe(second.id);
    expect(await fenceOf(world.tables, 'teamMemberships', ALICE)).toBe(first.id);
  });

  it('both fences move if another run was still applying, even when nothing else changes', async () => {
    const world = await readyWorld();
    await world.provision(message());
    const dying = world.through(
      world.tables.view(({ phase, kind }) => {
        if (phase === 'before' && kind === 'transact') throw new Error('crash');
      }),
    );
    await dying.provision(message({ second: 30, groups: [] })).catch(() => undefined);
    const last = message({ second: 60 });
    await expect(world.provision(last)).resolves.toMatchObject({
      changes: { granted: 0, changed: 0, removed: 0 },
    });
    expect(await fenceOf(world.tables, 'organizationMemberships', ALICE)).toBe(last.id);
    expect(await fenceOf(world.tables, 'teamMemberships', ALICE)).toBe(last.id);
  });
});

describe('a first run', () => {
  const assigned = [PRODUCTION_TEAM, { id: 'other', displayName: 'Other' }];

  it('leaves a membership that a person made before it as it is, and grants the rest', async () => {
    const world = await readyWorld({ assigned });
    const mine = { user_id: ALICE, team_id: GROUP, role: 'admin', grant_source: 'manual' };
    await editRow(world.tables, teamMembershipRow(ALICE, GROUP), mine);
    await expect(world.provision(message({ groups: [GROUP, 'other'] }))).resolves.toMatchObject({
      status: 'done',
    });
    expect(await findRow(world.tables, teamMembershipRow(ALICE, GROUP))).toEqual(mine);
    expect(await membershipsOf(world, ALICE)).toEqual([
      'organization:entra-group-123 internal_user',
      'organization:other internal_user',
      'team:entra-group-123 admin',
      'team:other user',
    ]);
  });

  it.each([
    { what: 'the flag on', rules: withFlag(true) },
    { what: 'the flag off', rules: withFlag(false) },
  ])('takes what is left of somebody whose own row was deleted ($what)', async ({ rules }) => {
    const before = await readyWorld({ assigned });
    await before.provision(message({ groups: [GROUP] }));
    await deleteRow(before.tables, userRow(ALICE));
    const world = await readyWorld({ assigned, on: before, rules });
    await world.provision(message({ groups: [], second: 60 }));
    expect(await membershipsOf(world, ALICE)).toEqual([]);
  });

  it('creates both fences, also where there is nothing to grant', async () => {
    const world = await readyWorld({ rules: withFlag(false) });
    const entry = message();
    await world.provision(entry);
    expect(await fenceOf(world.tables, 'organizationMemberships', ALICE)).toBe(entry.id);
    expect(await fenceOf(world.tables, 'teamMemberships', ALICE)).toBe(entry.id);
  });

  it('adds no index row for a team or organization that cannot be read', async () => {
    const world = await readyWorld();
    await editRow(world.tables, organizationRow(GROUP), { models: 'gpt-4' });
    await world.refresh();
    await world.provision(message());
    expect(await indexOf(world.tables, 'teamMembers', GROUP)).toEqual([ALICE]);
    expect(await indexOf(world.tables, 'organizationMembers', GROUP)).toEqual([]);
  });

  it('that dies anywhere leaves no membership that the index lacks', async () => {
    for (let crashAt = 0; crashAt < 7; crashAt += 1) {
      const world = await readyWorld();
      let request = 0;
      const crashing = world.tables.view(({ phase }) => {
        if (phase === 'before' && request++ === crashAt) throw new Error('crash');
      });
      const entry = message();
      await world
        .through(crashing)
        .provision(entry)
        .catch(() => undefined);
      expect(request).toBeGreaterThan(crashAt);
      const members = await indexOf(world.tables, 'teamMembers', GROUP);
      const { rows } = await world.store.teamMemberships.read(ALICE);
      expect(members).toEqual(expect.arrayContaining(rows.map(() => ALICE)));
      await world.provision(entry);
      expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
      expect(await indexOf(world.tables, 'organizationMembers', GROUP)).toEqual([ALICE]);
    }
  });
});

/** A world whose accepted list has so many groups, and their ids. */
async function worldOf(
  count: number,
): Promise<{ readonly world: World; readonly groups: readonly string[] }> {
  const assigned = manyGroups(count);
  const world = await readyWorld({ assigned });
  return { world, groups: assigned.map((group) => group.id) };
}

/** The same, but none of the groups has an organization or a team, and the list says so. */
async function worldOfUnmade(count: number): Promise<World> {
  const world = createWorld();
  const at = new Date(START).toISOString();
  const groups = manyGroups(count).map((group) => ({
    ...group,
    team: 'absent' as const,
    organization: 'absent' as const,
  }));
  const list = { version: versionOf(groups), acceptedAt: at, checkedAt: at, groups };
  await world.store.assignedGroups.write(list, undefined);
  world.provisionDeps.knowledge.remember(list);
  return world;
}

/** The same requests for each of the tables, as {@link tally} names them. */
function keyed(
  requests: Readonly<Record<string, number>>,
  tables: readonly string[],
): Readonly<Record<string, number>> {
  const entries = Object.entries(requests);
  return Object.fromEntries(
    tables.flatMap((table) => entries.map(([kind, count]) => [`${kind} ${table}`, count])),
  );
}

/** How many requests of a run on a warm instance wait for one another: all that are under way at once count as one. */
async function depthOf(world: World, entry: InlineMessage): Promise<number> {
  const waiting: (() => void)[] = [];
  const tables = world.tables.view(async ({ phase }) => {
    if (phase === 'before') await new Promise<void>((resolve) => waiting.push(resolve));
  });
  const deps = world.worker(tables);
  const stored = await world.store.assignedGroups.find();
  if (stored !== undefined) deps.knowledge.remember(stored.list);
  const running = provisionUser(deps, entry, { attempt: 1, isLastAttempt: false });
  let depth = 0;
  for (let idleTurns = 0; idleTurns < 3; idleTurns += 1) {
    await nextTurn();
    if (waiting.length === 0) continue;
    depth += 1;
    idleTurns = 0;
    for (const release of waiting.splice(0)) release();
  }
  await running;
  return depth;
}

describe('what a run costs', () => {
  it.each([1, 1000])('1 read and 1 write for an unchanged repeat with %i groups', async (count) => {
    const assigned = manyGroups(count);
    const groups = assigned.map((group) => group.id);
    const world = await readyWorld({ assigned });
    await world.provision(message({ groups }));
    const requests = await requestsOf(world.tables, async () =>
      world.provision(message({ groups, second: 60 })),
    );
    expect(tally(requests)).toEqual({ 'find LiteLLMUserTable': 1, 'write LiteLLMUserTable': 1 });
  });

  it('an unchanged repeat moves the observation and says that it changed nothing', async () => {
    const world = await readyWorld();
    await world.provision(message());
    const { record: before } = await world.store.users.findWithOutcome(ALICE);
    const again = message({ second: 60 });
    world.clock.advance(HOUR_MS);
    await world.provision(again);
    const { record } = await world.store.users.findWithOutcome(ALICE);
    expect(record?.run).toEqual({
      ...before?.run,
      observation: { id: again.id, observed_at: again.observed_at },
      finishedAt: world.clock.now().toISOString(),
      report: { ...before?.run?.report, granted: 0, changed: 0, removed: 0 },
    });
    expect(before?.run?.report).toMatchObject({ granted: 2 });
  });

  it.each([
    { groups: 0, index: {}, transactions: 1 },
    { groups: 1, index: { write: 1 }, transactions: 1 },
    { groups: 2, index: { transact: 1 }, transactions: 1 },
    { groups: 99, index: { transact: 1 }, transactions: 1 },
    { groups: 100, index: { transact: 1 }, transactions: 2 },
    { groups: 101, index: { transact: 1, write: 1 }, transactions: 2 },
    { groups: 250, index: { transact: 3 }, transactions: 3 },
  ])(
    '5 requests, 100 index rows a request and $transactions transactions a table for a first sign-in with $groups groups',
    async ({ groups: count, index, transactions }) => {
      const { world, groups } = await worldOf(count);
      const granting = await requestsOf(world.tables, async () => world.provision(message({ groups })));
      expect(tally(granting)).toEqual({
        'find LiteLLMUserTable': 1,
        'write LiteLLMUserTable': 2,
        'readPage LiteLLMTeamMembership': 1,
        'readPage LiteLLMOrganizationMembership': 1,
        ...keyed(index, ['LiteLLMTeamMembers', 'LiteLLMOrganizationMembers']),
        'transact LiteLLMTeamMembership': transactions,
        'transact LiteLLMOrganizationMembership': transactions,
      });
    },
  );

  it('6 requests one after another for a first sign-in', async () => {
    const { world, groups } = await worldOf(99);
    const depth = await depthOf(world, message({ groups }));
    expect(depth).toBe(6);
  });

  it.each([1, 10, 100, 1000])(
    'a read and a transaction more for each partition of organizations and of teams, if none of %i groups has any',
    async (count) => {
      const { world: existing, groups } = await worldOf(count);
      const none = await worldOfUnmade(count);
      const entry = message({ groups });
      const least = await requestsOf(existing.tables, async () => existing.provision(entry));
      const depth = await depthOf(await worldOfUnmade(count), entry);
      const requests = await requestsOf(none.tables, async () => none.provision(entry));
      const partitions = new Set(groups.map(entityPartition)).size;
      expect(requests).toHaveLength(least.length + 2 * 2 * partitions);
      // Read, organizations, teams: the first is side by side with the claim.
      expect(depth).toBe((await depthOf((await worldOf(count)).world, entry)) + 2);
      expect(await membershipsOf(none, ALICE)).toHaveLength(2 * count);
    },
  );

  it.each([
    { groups: 1, transactions: 1 },
    { groups: 99, transactions: 1 },
    { groups: 100, transactions: 2 },
  ])(
    '5 requests, an index row a membership and $transactions transactions a table for leaving $groups groups',
    async ({ groups: count, transactions }) => {
      const { world, groups } = await worldOf(count);
      await world.provision(message({ groups }));
      await readListAgain(world);
      const removing = await requestsOf(world.tables, async () =>
        world.provision(message({ groups: [], second: 60 })),
      );
      expect(tally(removing)).toEqual({
        'find LiteLLMUserTable': 1,
        'write LiteLLMUserTable': 2,
        'readPage LiteLLMTeamMembership': 1,
        'readPage LiteLLMOrganizationMembership': 1,
        'write LiteLLMTeamMembers': count,
        'write LiteLLMOrganizationMembers': count,
        'transact LiteLLMTeamMembership': transactions,
        'transact LiteLLMOrganizationMembership': transactions,
      });
    },
  );

  it('5 requests, 100 index rows a request and the transactions if a person joins groups later', async () => {
    const { world, groups } = await worldOf(60);
    await world.provision(message({ groups: [] }));
    const joining = await requestsOf(world.tables, async () =>
      world.provision(message({ groups, second: 60 })),
    );
    expect(joining).toHaveLength(5 + 2 + 2);
  });

  it('5 requests where a full run finds nothing to change', async () => {
    const world = await readyWorld();
    await world.provision(message());
    const requests = await requestsOf(world.tables, async () =>
      world.provision(message({ second: 60, name: 'Alice Renamed' })),
    );
    expect(requests).toHaveLength(5);
  });

  it('one more for a list that this instance has not read yet, and none for it again within 30 seconds', async () => {
    const world = await readyWorld();
    const cold = createWorld({ on: world });
    const first = await requestsOf(cold.tables, async () => cold.provision(message()));
    expect(tally(first)).toMatchObject({ 'find EntraAssignedGroups': 1 });
    const second = await requestsOf(cold.tables, async () => cold.provision(message({ userId: BOB })));
    expect(tally(second)).not.toHaveProperty('find EntraAssignedGroups');
    expect(first).toHaveLength(second.length + 1);
  });

  it('no transaction that is larger than 100 rows or touches two partitions', async () => {
    const assigned = manyGroups(250);
    const world = await readyWorld({ assigned });
    const requests = await requestsOf(world.tables, async () =>
      world.provision(message({ groups: assigned.map((group) => group.id) })),
    );
    const sizes = requests.flatMap((request) => (request.kind === 'transact' ? [request.writes.length] : []));
    const memberships = [100, 100, 100, 100, 53, 53];
    const indexes = [100, 100, 100, 100, 50, 50];
    expect(sizes.toSorted((a, b) => b - a)).toEqual([...memberships, ...indexes].toSorted((a, b) => b - a));
  });
});
