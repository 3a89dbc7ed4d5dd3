import { versionOf } from '../../shared/groups/brake.ts';
import { describe, expect, it } from 'vitest';
import type { AssignedGroup } from '../../shared/model/assignedGroups.ts';
import { AppError } from '../../shared/model/errors.ts';
import { refreshAssignedGroups } from '../../shared/groups/refreshAssignedGroups.ts';
import {
  breakingStore,
  deleteRow,
  editRow,
  findRow,
  organizationRow,
  requestsOf,
  teamRow,
} from '../support/handEdits.ts';
import type { World } from '../support/world.ts';
import { createWorld, PRODUCTION_TEAM, sampleRules } from '../support/world.ts';

const GROUP = PRODUCTION_TEAM.id;
const MINUTE_MS = 60_000;
const EMPTY: AssignedGroup = { id: 'empty-group', displayName: 'Nobody is in here' };

function groups(count: number, from = 0): readonly AssignedGroup[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `group-${String(from + index).padStart(4, '0')}`,
    displayName: `Group ${from + index}`,
  }));
}

async function listOf(world: World): Promise<readonly string[]> {
  return (await world.store.assignedGroups.find())?.list.groups.map((group) => group.id) ?? [];
}

async function aliasesOf(world: World, id: string): Promise<readonly unknown[]> {
  const [team, organization] = [
    await findRow(world.tables, teamRow(id)),
    await findRow(world.tables, organizationRow(id)),
  ];
  return [team?.['team_alias'], organization?.['organization_alias']];
}

describe('refreshAssignedGroups', () => {
  it('puts the first list in force and creates a team and an organization for every group, even without members', async () => {
    const world = createWorld({ assigned: [EMPTY, PRODUCTION_TEAM] });
    const refreshed = await world.refresh();
    expect(refreshed).toMatchObject({ decision: 'accepted', lostCount: 0, reported: [], unreadable: [] });
    expect(refreshed.list).toEqual({
      version: versionOf([EMPTY, PRODUCTION_TEAM]),
      acceptedAt: '2026-11-23T09:00:00.000Z',
      checkedAt: '2026-11-23T09:00:00.000Z',
      groups: [EMPTY, PRODUCTION_TEAM].map((group) => ({
        ...group,
        team: 'present',
        organization: 'present',
      })),
    });
    expect((await world.store.assignedGroups.find())?.list).toEqual(refreshed.list);
    expect(await aliasesOf(world, EMPTY.id)).toEqual([EMPTY.displayName, EMPTY.displayName]);
    expect(await aliasesOf(world, GROUP)).toEqual(['Production Team', 'Production Team']);
  });

  it('makes standalone teams alone with the flag off', async () => {
    const world = createWorld({ rules: sampleRules({ groupsAlsoCreateOrgs: false }) });
    await world.refresh();
    expect(await aliasesOf(world, GROUP)).toEqual(['Production Team', undefined]);
  });

  it('keeps version and acceptance of a list that is read again, under new names and in another order', async () => {
    const world = createWorld({ assigned: groups(3) });
    const { list: first } = await world.refresh();
    world.clock.advance(10 * MINUTE_MS);
    world.assigned = groups(3)
      .map((group) => ({ ...group, displayName: `New ${group.id}` }))
      .toReversed();
    const { list, decision } = await world.refresh();
    expect(decision).toBe('unchanged');
    expect(list).toMatchObject({
      version: first.version,
      acceptedAt: first.acceptedAt,
      checkedAt: '2026-11-23T09:10:00.000Z',
    });
    expect(list.groups.map((group) => [group.id, group.displayName])).toEqual(
      groups(3).map(({ id }) => [id, `New ${id}`]),
    );
  });

  it('does not rename an existing team or organization', async () => {
    const world = createWorld();
    await world.refresh();
    world.assigned = [{ ...PRODUCTION_TEAM, displayName: 'Renamed in Entra' }];
    await world.refresh();
    expect(await aliasesOf(world, GROUP)).toEqual(['Production Team', 'Production Team']);
  });

  it('accepts a list that grew or shrank a little', async () => {
    const world = createWorld({ assigned: groups(10) });
    await world.refresh();
    world.clock.advance(MINUTE_MS);
    world.assigned = groups(10, 2);
    expect(await world.refresh()).toMatchObject({
      decision: 'accepted',
      list: { acceptedAt: '2026-11-23T09:01:00.000Z' },
    });
    expect(await listOf(world)).toEqual(groups(10, 2).map((group) => group.id));
  });

  it('changes no row when nothing changed but the list’s own check time', async () => {
    const world = createWorld({ assigned: groups(50) });
    await world.refresh();
    const before = world.tables.dump();
    await world.refresh();
    expect(world.tables.dump()).toEqual(before);
  });

  it('brings back what a person deleted, and leaves what a person edited', async () => {
    const world = createWorld({ assigned: [EMPTY, PRODUCTION_TEAM] });
    await world.refresh();
    await deleteRow(world.tables, teamRow(EMPTY.id));
    await editRow(world.tables, organizationRow(GROUP), { max_budget: 5 });
    await world.refresh();
    expect(await aliasesOf(world, EMPTY.id)).toEqual([EMPTY.displayName, EMPTY.displayName]);
    expect(await findRow(world.tables, organizationRow(GROUP))).toMatchObject({ max_budget: 5 });
  });

  it('says what of each group is unreadable, in the list and to the operator', async () => {
    const world = createWorld();
    await editRow(world.tables, teamRow(GROUP), { models: 'x' });
    await editRow(world.tables, organizationRow(GROUP), { max_budget: 'x', spend: 'x' });
    const refreshed = await world.refresh();
    expect(refreshed.unreadable).toEqual([
      'entra-group-123 in LiteLLMOrganizationTable: max_budget, spend',
      'entra-group-123 in LiteLLMTeamTable: models',
    ]);
    expect(refreshed.list.groups).toMatchObject([{ team: 'unreadable', organization: 'unreadable' }]);
    const again = await requestsOf(world.tables, async () => world.refresh());
    expect(again.filter((request) => request.kind === 'write').map((request) => request.table)).toEqual([
      'EntraAssignedGroups',
    ]);
  });

  it('says why organizations could not be made, never degrades a team, and makes both at the next tick', async () => {
    const world = createWorld({ assigned: [EMPTY, PRODUCTION_TEAM] });
    const failing = breakingStore(
      world.tables,
      (operation) => operation.table === 'LiteLLMOrganizationTable' && operation.kind !== 'readPage',
    );
    const refreshed = await world.through(failing).refresh();
    expect(refreshed.organizationFailure).toMatchObject({ code: 'storage_unavailable' });
    expect(refreshed.list.groups).toMatchObject([
      { team: 'absent', organization: 'absent' },
      { team: 'absent', organization: 'absent' },
    ]);
    expect(await aliasesOf(world, GROUP)).toEqual([undefined, undefined]);
    await world.refresh();
    expect(await aliasesOf(world, GROUP)).toEqual(['Production Team', 'Production Team']);
  });

  it('creates what 5,000 groups lack in few requests', async () => {
    const world = createWorld({ assigned: groups(5_000) });
    world.tables.forgetRequests();
    await world.refresh();
    // 16 partitions a table to read, and a transaction for up to 100 rows of each.
    expect(world.tables.requests().length).toBeLessThan(2 * (16 + 5_000 / 100 + 16) + 10);
    expect((await world.store.assignedGroups.find())?.list.groups).toHaveLength(5_000);
  });
});

describe('the brake', () => {
  const assigned = groups(10);

  async function heldBack(listed: readonly AssignedGroup[]): Promise<World> {
    const world = createWorld({ assigned });
    await world.refresh();
    world.clock.advance(MINUTE_MS);
    world.assigned = listed;
    await world.refresh();
    return world;
  }

  it.each([
    { what: 'lost more than the limit', listed: groups(7), lost: 3 },
    { what: 'became empty', listed: [], lost: 10 },
  ])(
    'keeps the old list in force when the new one $what, and says by which version to accept it',
    async ({ listed, lost }) => {
      const world = await heldBack(listed);
      const found = await world.store.assignedGroups.find();
      expect(found?.list).toMatchObject({
        version: versionOf(assigned),
        acceptedAt: '2026-11-23T09:00:00.000Z',
        checkedAt: '2026-11-23T09:01:00.000Z',
        heldBack: {
          version: versionOf(listed),
          heldBackAt: '2026-11-23T09:01:00.000Z',
          groupCount: listed.length,
          lostCount: lost,
        },
      });
      expect(await listOf(world)).toEqual(assigned.map((group) => group.id));
    },
  );

  it('says so in what the tick gives, for the event', async () => {
    const world = await heldBack(groups(7));
    expect(await world.refresh()).toMatchObject({ decision: 'held_back', lostCount: 3 });
  });

  it('still creates what the groups in force lack, and nothing for other groups', async () => {
    const world = await heldBack([...groups(7), EMPTY]);
    await deleteRow(world.tables, teamRow('group-0009'));
    await world.refresh();
    expect(await aliasesOf(world, 'group-0009')).toEqual(['Group 9', 'Group 9']);
    expect(await aliasesOf(world, EMPTY.id)).toEqual([undefined, undefined]);
  });

  it('remembers since when it holds the same list back, and starts over for another', async () => {
    const world = await heldBack(groups(7));
    world.clock.advance(MINUTE_MS);
    expect((await world.refresh()).list.heldBack?.heldBackAt).toBe('2026-11-23T09:01:00.000Z');
    world.assigned = groups(6);
    expect((await world.refresh()).list.heldBack).toMatchObject({
      heldBackAt: '2026-11-23T09:02:00.000Z',
      lostCount: 4,
    });
  });

  it('lets go once a later list passes', async () => {
    const world = await heldBack([]);
    world.assigned = groups(8);
    expect(await world.refresh()).toMatchObject({ decision: 'accepted' });
    expect((await world.store.assignedGroups.find())?.list).not.toHaveProperty('heldBack');
  });

  it('lets go once the old list is read again', async () => {
    const world = await heldBack([]);
    world.assigned = assigned;
    expect(await world.refresh()).toMatchObject({ decision: 'unchanged' });
    expect((await world.store.assignedGroups.find())?.list).not.toHaveProperty('heldBack');
  });

  it.each([groups(7), []])('accepts by version what the operator accepted', async (...listed) => {
    const before = await heldBack(listed);
    const world = createWorld({ on: before, assigned: listed, acceptVersion: versionOf(listed) });
    expect(await world.refresh()).toMatchObject({ decision: 'accepted', lostCount: 0 });
    expect(await listOf(world)).toEqual(listed.map((group) => group.id));
  });

  it('accepts once: a setting that was left lets no later list pass, however often it is read', async () => {
    const before = await heldBack([]);
    const world = createWorld({ on: before, assigned: [], acceptVersion: versionOf([]) });
    expect(await world.refresh()).toMatchObject({
      decision: 'accepted',
      list: { usedPermit: versionOf([]) },
    });
    world.assigned = groups(10);
    expect(await world.refresh()).toMatchObject({ decision: 'accepted' });
    world.assigned = [];
    for (let tick = 0; tick < 3; tick += 1) {
      expect(await world.refresh()).toMatchObject({ decision: 'held_back' });
    }
    expect(await listOf(world)).toHaveLength(10);
  });

  it('accepts the same version again once the setting was away', async () => {
    const before = await heldBack([]);
    const settings = { assigned: [], acceptVersion: versionOf([]) };
    const world = createWorld({ on: before, ...settings });
    await world.refresh();
    world.assigned = groups(10);
    await world.refresh();
    world.assigned = [];
    await world.refresh();
    const without = createWorld({ on: before, assigned: [] });
    expect(await without.refresh()).toMatchObject({ decision: 'held_back' });
    expect(await createWorld({ on: before, ...settings }).refresh()).toMatchObject({ decision: 'accepted' });
  });

  it('does not accept another list by that version', async () => {
    const before = await heldBack(groups(7));
    const world = createWorld({ on: before, assigned: groups(6), acceptVersion: versionOf(groups(7)) });
    expect(await world.refresh()).toMatchObject({ decision: 'held_back' });
  });
});

describe('a directory that cannot be read', () => {
  it('keeps the list as it is, still creates what its groups lack, and fails', async () => {
    const world = createWorld();
    await world.refresh();
    await deleteRow(world.tables, teamRow(GROUP));
    const before = await world.store.assignedGroups.find();
    world.clock.advance(10 * MINUTE_MS);
    world.assigned = new AppError('directory_unreachable', 'down', { retryable: true });
    await expect(world.refresh()).rejects.toMatchObject({ code: 'directory_unreachable' });
    expect(await world.store.assignedGroups.find()).toEqual(before);
    expect(await aliasesOf(world, GROUP)).toEqual(['Production Team', 'Production Team']);
  });

  it('makes no list where there was none', async () => {
    const world = createWorld();
    world.assigned = new AppError('directory_permission_missing', 'no');
    await expect(world.refresh()).rejects.toMatchObject({ code: 'directory_permission_missing' });
    expect(world.tables.dump()).toEqual({});
  });
});

describe('two refreshes at once', () => {
  /** Reads `early`, and before its first request to the store `late` is read and put in force by another instance. */
  async function overtaken(early: readonly AssignedGroup[], late: readonly AssignedGroup[]): Promise<World> {
    const world = createWorld({ assigned: early });
    let isFirst = true;
    const slow = world.through(
      world.tables.view(async ({ phase }) => {
        if (phase !== 'before' || !isFirst) return;
        isFirst = false;
        world.clock.advance(1000);
        world.assigned = late;
        await world.refresh();
      }),
    );
    await slow.refresh();
    return world;
  }

  it('end with what was read later, although the earlier one writes last', async () => {
    const world = await overtaken(groups(3), groups(4));
    expect(await listOf(world)).toEqual(groups(4).map((group) => group.id));
    const smaller = await overtaken(groups(4), groups(3));
    expect(await listOf(smaller)).toEqual(groups(3).map((group) => group.id));
  });

  it('end with what was read later at whichever request the later one falls into the earlier one', async () => {
    for (let at = 0; at < 30; at += 1) {
      const world = createWorld({ assigned: groups(2) });
      let request = 0;
      const slow = world.tables.view(async ({ phase }) => {
        if (phase !== 'before' || request++ !== at) return;
        world.clock.advance(1000);
        world.assigned = groups(3);
        await world.refresh();
      });
      await world.through(slow).refresh();
      if (request <= at) break;
      expect(await listOf(world), `at request ${at}`).toEqual(groups(3).map((group) => group.id));
      expect(at).toBeLessThan(29);
    }
  });

  it('keep an organization that is created by hand at the same moment, and copy its limits to the team', async () => {
    const world = createWorld({ rules: sampleRules({ orgTeamBudget: 'copy' }) });
    let isFirst = true;
    const racing = world.tables.view(async ({ phase, kind, table }) => {
      if (phase !== 'before' || kind !== 'write' || table !== 'LiteLLMOrganizationTable' || !isFirst) return;
      isFirst = false;
      await editRow(world.tables, organizationRow(GROUP), { max_budget: 10, models: '[]' });
    });
    await world.through(racing).refresh();
    expect(await findRow(world.tables, organizationRow(GROUP))).toEqual({ max_budget: 10, models: '[]' });
    expect(await findRow(world.tables, teamRow(GROUP))).toMatchObject({
      max_budget: 10,
      organization_id: GROUP,
    });
  });

  it('say that they were overtaken and give the list in force', async () => {
    const world = createWorld({ assigned: groups(2) });
    const early = { ...world.refreshDeps, clock: { now: () => new Date('2026-11-23T08:00:00.000Z') } };
    await world.refresh();
    world.assigned = groups(1);
    expect(await refreshAssignedGroups(early)).toMatchObject({
      decision: 'overtaken',
      list: { version: versionOf(groups(2)) },
    });
  });
});
