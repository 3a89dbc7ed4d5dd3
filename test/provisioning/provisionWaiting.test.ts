import { parkedListOf } from '../../shared/storage/parkedSnapshots.ts';
import { describe, expect, it } from 'vitest';
import { type ErrorCode, AppError } from '../../shared/model/errors.ts';
import { readProvisioning } from '../../shared/home/readProvisioning.ts';
import {
  type InlineMessage,
  type ParkedMessage,
  parseProvisionMessage,
} from '../../shared/queue/queueMessage.ts';
import { provisionUser } from '../../shared/provisioning/provisionUser.ts';
import { refreshAssignedGroups } from '../../shared/groups/refreshAssignedGroups.ts';
import type { ProvisioningProgress } from '../../shared/model/access.ts';
import { requestsOf, tally } from '../support/handEdits.ts';
import {
  type MessageOptions,
  type World,
  ALICE,
  PRODUCTION_TEAM,
  TENANT_ID,
  createWorld,
  membershipsOf,
  message,
  readListAgain,
  readyWorld,
  sampleRules,
} from '../support/world.ts';

const GROUP = PRODUCTION_TEAM.id;
const LATE = { id: 'late-group', displayName: 'Late' };
const BOTH = ['organization:entra-group-123 internal_user', 'team:entra-group-123 user'];
const SECOND_MS = 1000;
const HOUR_MS = 3600 * SECOND_MS;

function broken(code: ErrorCode): AppError {
  return new AppError(code, 'the directory is broken', { retryable: true });
}

/** What the person's page says about one message. */
async function progressOf(
  world: World,
  entry: { readonly id: string; readonly observed_at: string },
): Promise<ProvisioningProgress> {
  const session = {
    userId: ALICE,
    tenantId: TENANT_ID,
    observation: { id: entry.id, observed_at: entry.observed_at },
    issuedAt: entry.observed_at,
  };
  return readProvisioning(world, session, entry.id);
}

/** Takes the last message out of the queue once its delay is over, as the queue would deliver it. */
function takeQueued(world: World): ReturnType<typeof parseProvisionMessage> {
  const last = world.queued.pop();
  if (last === undefined) throw new Error('nothing is queued');
  world.clock.advance(last.delaySeconds * SECOND_MS);
  return parseProvisionMessage(last.text);
}

describe('an accepted list that an instance still has in its cache', () => {
  it('removes nothing from a person who has a group of the stored list', async () => {
    const world = await readyWorld();
    const [one, two] = [world.worker(world.tables), world.worker(world.tables)];
    const delivery = { attempt: 1, isLastAttempt: false };
    const directory = { source: 'directory' as const, groups: [GROUP, LATE.id] };
    // Instance one reads the list without the late group and asks for a refresh, which finds nothing new.
    await provisionUser(one, message({ second: 10, ...directory }), delivery);
    world.clock.advance(20_000);
    world.assigned = [PRODUCTION_TEAM, LATE];
    two.knowledge.remember((await refreshAssignedGroups(world.refreshDeps)).list);
    await provisionUser(two, message({ second: 30, ...directory }), delivery);
    expect(await membershipsOf(world, ALICE)).toHaveLength(4);

    await provisionUser(one, message({ second: 31, name: 'Alice A.', ...directory }), delivery);
    expect(await membershipsOf(world, ALICE)).toHaveLength(4);
  });

  it('removes what the stored list no longer has', async () => {
    const world = await readyWorld({ assigned: [PRODUCTION_TEAM, LATE], removalLimitPercent: 100 });
    const directory = { source: 'directory' as const, groups: [GROUP, LATE.id] };
    await world.provision(message({ second: 10, ...directory }));
    expect(await membershipsOf(world, ALICE)).toHaveLength(4);
    world.clock.advance(40_000);
    world.assigned = [PRODUCTION_TEAM];
    await world.refresh();
    await world.provision(message({ second: 30, ...directory }));
    expect(await membershipsOf(world, ALICE)).toHaveLength(2);
  });
});

describe('a message that cannot proceed for a reason outside it', () => {
  it.each<{ why: string; assigned: Error; reason: ErrorCode }>([
    {
      why: 'the directory is unreachable',
      assigned: broken('directory_unreachable'),
      reason: 'directory_unreachable',
    },
    {
      why: 'the permission is not granted yet',
      assigned: broken('directory_permission_missing'),
      reason: 'directory_permission_missing',
    },
    {
      why: 'the directory’s answer makes no sense',
      assigned: broken('directory_answer_invalid'),
      reason: 'directory_answer_invalid',
    },
    {
      why: 'Entra refuses the application',
      assigned: broken('credential_refused'),
      reason: 'credential_refused',
    },
    {
      why: 'Microsoft is unreachable',
      assigned: broken('microsoft_unreachable'),
      reason: 'microsoft_unreachable',
    },
  ])('waits and says why: $why', async ({ assigned, reason }) => {
    const world = createWorld();
    world.assigned = assigned;
    const entry = message();
    await expect(world.provision(entry)).resolves.toEqual({ status: 'waiting', reason });
    expect(await membershipsOf(world, ALICE)).toEqual([]);
    expect(world.queued).toHaveLength(1);
    expect(await progressOf(world, entry)).toEqual({
      id: entry.id,
      newest_id: entry.id,
      observed_at: entry.observed_at,
      status: 'waiting',
      reason,
      attempts: 1,
      next_try_at: '2026-11-23T09:00:15.000Z',
      updated_at: '2026-11-23T09:00:00.000Z',
      reported: [],
    });
  });

  it('waits where no list was accepted yet and another instance has the turn to read one', async () => {
    const world = createWorld();
    await world.store.assignedGroups.takeTurn(world.clock.now(), 60_000);
    await expect(world.provision(message())).resolves.toEqual({
      status: 'waiting',
      reason: 'assigned_groups_unknown',
    });
  });

  it('waits, too, with an empty list of groups: unknown is not empty, and nothing is removed meanwhile', async () => {
    const world = createWorld();
    world.assigned = broken('directory_unreachable');
    await expect(world.provision(message({ groups: [] }))).resolves.toMatchObject({ status: 'waiting' });
  });

  it('keeps its own observation time, its groups and its person, and only counts how long it waits', async () => {
    const world = createWorld();
    world.assigned = broken('directory_unreachable');
    const entry = message();
    await world.provision(entry);
    expect(takeQueued(world)).toEqual({ ...entry, waiting: { since: '2026-11-23T09:00:00.000Z', tries: 1 } });
  });

  it('comes back after a growing delay, to one hour, and fails after 24 hours', async () => {
    const world = createWorld();
    world.assigned = broken('directory_unreachable');
    let entry = parseProvisionMessage(JSON.stringify(message()));
    const delays: number[] = [];
    const end = world.clock.now().getTime() + 24 * HOUR_MS;
    while (world.clock.now().getTime() < end) {
      await world.provision(entry);
      delays.push(world.queued.at(-1)?.delaySeconds ?? 0);
      entry = takeQueued(world);
    }
    expect(delays.slice(0, 10)).toEqual([15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
    expect(new Set(delays.slice(9))).toEqual(new Set([3600]));
    await expect(world.provision(entry)).rejects.toMatchObject({ code: 'waited_too_long', retryable: false });
    expect(world.queued).toEqual([]);
  });

  it('proceeds once it can, also after 24 hours', async () => {
    const world = createWorld();
    world.assigned = broken('directory_unreachable');
    await world.provision(message());
    const entry = takeQueued(world);
    world.clock.advance(25 * HOUR_MS);
    world.assigned = [PRODUCTION_TEAM];
    await expect(world.provision(entry)).resolves.toMatchObject({ status: 'done' });
    expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
    expect(await progressOf(world, entry)).toMatchObject({ status: 'done' });
  });

  it('is superseded by a newer one that went first', async () => {
    const world = createWorld();
    world.assigned = broken('directory_unreachable');
    const older = message({ groups: [] });
    await world.provision(older);
    const waiting = takeQueued(world);
    world.assigned = [PRODUCTION_TEAM];
    await world.refresh();
    await world.provision(message({ second: 10 }));
    await expect(world.provision(waiting)).resolves.toEqual({ status: 'superseded' });
    expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
    expect(await progressOf(world, older)).toMatchObject({ status: 'superseded' });
  });

  it('does not wait for what is known: the old list holds while the directory is down', async () => {
    const world = await readyWorld();
    world.assigned = broken('directory_unreachable');
    world.clock.advance(HOUR_MS);
    await expect(world.provision(message())).resolves.toMatchObject({ status: 'done' });
    await expect(
      world.provision(message({ second: 3500, groups: [GROUP, 'not-assigned'], source: 'directory' })),
    ).resolves.toMatchObject({ status: 'done', reportedCount: 0 });
    expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
  });

  it('does not wait for a store that fails: that is an error, which the queue repeats', async () => {
    const world = createWorld();
    const failing = world.through(
      world.tables.view(({ table }) => {
        if (table === 'EntraAssignedGroups')
          throw new AppError('storage_unavailable', 'down', { retryable: true });
      }),
    );
    const entry = message();
    await expect(failing.provision(entry, { attempt: 2 })).rejects.toMatchObject({
      code: 'storage_unavailable',
    });
    expect(world.queued).toEqual([]);
    expect(await progressOf(world, entry)).toMatchObject({
      status: 'pending',
      reason: 'storage_unavailable',
      attempts: 2,
    });
  });
});

describe('a group of a claim that is not in the accepted list yet', () => {
  const entry = (): InlineMessage => message({ groups: [GROUP, LATE.id] });

  it('is looked for at once, and provisioned where the list has it by now', async () => {
    const world = await readyWorld();
    world.assigned = [PRODUCTION_TEAM, LATE];
    await expect(world.provision(entry())).resolves.toMatchObject({
      status: 'done',
      changes: { granted: 4 },
    });
    expect(world.directoryReads).toBe(2);
  });

  it('lets the known ones be provisioned at once, waits for the rest and shows both', async () => {
    const world = await readyWorld();
    const seen = entry();
    await expect(world.provision(seen)).resolves.toEqual({
      status: 'waiting',
      reason: 'groups_not_yet_known',
    });
    expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
    expect(await progressOf(world, seen)).toMatchObject({
      status: 'waiting',
      reason: 'groups_not_yet_known',
      granted: 2,
      reported: [{ kind: 'group', id: LATE.id, code: 'group_not_yet_known' }],
    });
  });

  it('is provisioned when the message comes back, and the whole is done', async () => {
    const world = await readyWorld();
    const seen = entry();
    await world.provision(seen);
    world.assigned = [PRODUCTION_TEAM, LATE];
    await world.refresh();
    await expect(world.provision(takeQueued(world))).resolves.toMatchObject({
      status: 'done',
      changes: { granted: 2 },
    });
    expect(await membershipsOf(world, ALICE)).toHaveLength(4);
    expect(await progressOf(world, seen)).toMatchObject({ status: 'done', granted: 4, reported: [] });
  });

  it('is named when the run is done without it after the last try', async () => {
    const world = await readyWorld();
    const seen = entry();
    let result = await world.provision(seen);
    let tries = 0;
    while (result.status === 'waiting') {
      tries += 1;
      result = await world.provision(takeQueued(world));
    }
    expect(tries).toBe(6);
    expect(result).toMatchObject({ status: 'done', reportedCount: 1 });
    expect(await progressOf(world, seen)).toMatchObject({
      status: 'done',
      granted: 2,
      reported: [{ kind: 'group', id: LATE.id, code: 'group_not_yet_known' }],
    });
    expect(world.queued).toEqual([]);
  });

  it('is waited for as long as the directory cannot be asked, not just six times', async () => {
    const world = await readyWorld();
    world.assigned = new AppError('directory_unreachable', 'down', { retryable: true });
    let result = await world.provision(entry());
    for (let tries = 1; tries < 12; tries += 1) {
      expect(result).toMatchObject({ status: 'waiting', reason: 'directory_unreachable' });
      world.clock.advance(70_000);
      result = await world.provision(takeQueued(world));
    }
    world.assigned = [PRODUCTION_TEAM, LATE];
    world.clock.advance(70_000);
    await expect(world.provision(takeQueued(world))).resolves.toMatchObject({ status: 'done' });
    expect(await membershipsOf(world, ALICE)).toHaveLength(4);
  });

  it('keeps a membership that exists already', async () => {
    const world = await readyWorld({ assigned: [PRODUCTION_TEAM, LATE], removalLimitPercent: 100 });
    await world.provision(entry());
    world.assigned = [PRODUCTION_TEAM];
    await world.refresh();
    await world.provision(message({ second: 60, groups: [GROUP, LATE.id] }));
    expect(await membershipsOf(world, ALICE)).toHaveLength(4);
  });

  it('is looked for again at the next sign-in: such a run leaves no digest', async () => {
    const world = await readyWorld();
    let result = await world.provision(entry());
    while (result.status === 'waiting') result = await world.provision(takeQueued(world));
    await expect(world.provision(message({ second: 600, groups: [GROUP, LATE.id] }))).resolves.toMatchObject({
      status: 'waiting',
    });
  });

  it('does not count what it did twice when a try begins again', async () => {
    const world = await readyWorld();
    const seen = entry();
    await world.provision(seen);
    world.assigned = [PRODUCTION_TEAM, LATE];
    await world.refresh();
    const back = takeQueued(world);
    const dying = world.through(
      world.tables.view(({ phase, kind }) => {
        if (phase === 'before' && kind === 'transact') throw new Error('crash');
      }),
    );
    await dying.provision(back).catch(() => undefined);
    await world.provision(back, { attempt: 2 });
    expect(await progressOf(world, seen)).toMatchObject({ status: 'done', granted: 4 });
  });

  it('of the directory is simply not assigned', async () => {
    const world = await readyWorld();
    await expect(
      world.provision(message({ groups: [GROUP, LATE.id], source: 'directory' })),
    ).resolves.toMatchObject({
      status: 'done',
      reportedCount: 0,
    });
  });

  it('of the directory is looked for where the list is older than what the person brings', async () => {
    const world = await readyWorld();
    world.assigned = [PRODUCTION_TEAM, LATE];
    const groups = [GROUP, LATE.id];
    await world.provision(message({ groups, source: 'directory' }));
    expect(world.directoryReads).toBe(1);
    world.clock.advance(60 * SECOND_MS);
    await world.provision(message({ groups, source: 'directory', second: 30 }));
    expect(world.directoryReads).toBe(2);
    expect(await membershipsOf(world, ALICE)).toHaveLength(4);
  });
});

describe('an observation of the future', () => {
  it('is accepted up to 5 minutes ahead and refused beyond, finally', async () => {
    const world = await readyWorld();
    await expect(world.provision(message({ second: 301 }))).rejects.toMatchObject({
      code: 'observation_in_future',
      retryable: false,
    });
    expect(await membershipsOf(world, ALICE)).toEqual([]);
    await expect(world.provision(message({ second: 300 }))).resolves.toMatchObject({ status: 'done' });
  });

  it('hides nothing that comes after it', async () => {
    const world = await readyWorld();
    const future = message({ second: 24 * 3600 });
    await expect(world.provision(future)).rejects.toMatchObject({ code: 'observation_in_future' });
    expect(await progressOf(world, future)).toMatchObject({ reason: 'observation_in_future' });
    const now = message({ second: 60, groups: [GROUP, LATE.id] });
    await world.provision(now);
    expect(await progressOf(world, now)).toMatchObject({ status: 'waiting', reason: 'groups_not_checked' });
  });
});

describe('a snapshot that was parked because it did not fit into the message', () => {
  const SNAPSHOT = 'snapshot-1';

  function parked(options: MessageOptions = {}): ParkedMessage {
    const { group_ids: groups, ...rest } = message(options);
    return { ...rest, parked: parkedListOf(SNAPSHOT, groups) };
  }

  async function withSnapshot(groups: readonly string[] = [GROUP]): Promise<World> {
    const world = await readyWorld();
    await world.provisionDeps.parked.park(SNAPSHOT, groups);
    return world;
  }

  const isThere = async (world: World, groups: readonly string[] = [GROUP]): Promise<boolean> =>
    world.provisionDeps.parked.require(parkedListOf(SNAPSHOT, groups)).then(
      () => true,
      () => false,
    );

  it('is provisioned, and then removed', async () => {
    const world = await withSnapshot();
    await expect(world.provision(parked())).resolves.toMatchObject({
      status: 'done',
      changes: { granted: 2 },
    });
    expect(await isThere(world)).toBe(false);
  });

  it('that is missing is an error and never an empty list: nothing is removed', async () => {
    const world = await withSnapshot();
    await world.provision(message());
    await world.provisionDeps.parked.remove(SNAPSHOT);
    await expect(world.provision(parked({ second: 60 }))).rejects.toMatchObject({ code: 'snapshot_missing' });
    expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
  });

  it('into which somebody wrote another group is not used: nothing is granted, and nothing removed', async () => {
    const world = await withSnapshot();
    await world.provision(message());
    const { parked: list } = parked();
    await world.provisionDeps.parked.park(SNAPSHOT, [GROUP, 'entra-group-administrators']);
    const changed = { ...parked({ second: 60 }), parked: list };
    await expect(world.provision(changed)).rejects.toMatchObject({ code: 'snapshot_altered' });
    expect(await progressOf(world, changed)).toMatchObject({ reason: 'snapshot_altered' });
    expect(await membershipsOf(world, ALICE)).toEqual(BOTH);
  });

  it('that was parked empty is an empty list', async () => {
    const world = await withSnapshot([]);
    await world.provision(message());
    await world.provision(parked({ second: 60, groups: [] }));
    expect(await membershipsOf(world, ALICE)).toEqual([]);
  });

  it('stays while the message waits, and goes when it is done', async () => {
    const world = await withSnapshot([GROUP, LATE.id]);
    const groups = [GROUP, LATE.id];
    await expect(world.provision(parked({ groups }))).resolves.toMatchObject({ status: 'waiting' });
    expect(await isThere(world, groups)).toBe(true);
    world.assigned = [PRODUCTION_TEAM, LATE];
    await world.refresh();
    await expect(world.provision(takeQueued(world))).resolves.toMatchObject({ status: 'done' });
    expect(await isThere(world, groups)).toBe(false);
  });

  it('stays while the message is tried again', async () => {
    const world = await withSnapshot();
    const dying = world.through(
      world.tables.view(({ phase, kind }) => {
        if (phase === 'before' && kind === 'transact') throw broken('storage_unavailable');
      }),
    );
    await expect(dying.provision(parked())).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(await isThere(world)).toBe(true);
  });

  it.each<{ what: string; second: number; status: string }>([
    { what: 'superseded', second: -60, status: 'superseded' },
    { what: 'unchanged', second: 60, status: 'unchanged' },
  ])('goes when its message is $what', async ({ second, status }) => {
    const world = await withSnapshot();
    await world.provision(message());
    await expect(world.provision(parked({ second }))).resolves.toMatchObject({ status });
    expect(await isThere(world)).toBe(false);
  });

  it('is not asked for again by a second delivery', async () => {
    const world = await withSnapshot();
    const entry = parked();
    await world.provision(entry);
    await expect(world.provision(entry)).resolves.toEqual({ status: 'already_done' });
  });
});

describe('with the brake on', () => {
  const assigned = Array.from({ length: 12 }, (_, index) => ({
    id: `group-${index}`,
    displayName: `${index}`,
  }));
  const groups = assigned.map((group) => group.id);

  it('no membership is removed because of a list that was held back', async () => {
    const world = await readyWorld({ assigned });
    await world.provision(message({ groups, source: 'directory' }));
    world.assigned = [];
    await world.refresh();
    await world.provision(message({ groups, source: 'directory', second: 60, name: 'Renamed' }));
    expect(await membershipsOf(world, ALICE)).toHaveLength(24);
  });

  it('none because of what the same loss leaves out of a claim, until the list is accepted', async () => {
    const world = await readyWorld({ assigned });
    await world.provision(message({ groups }));
    world.assigned = [];
    const { list } = await world.refresh();
    // Entra leaves groups that are no longer assigned out of an ApplicationGroup claim.
    await world.provision(message({ groups: [], second: 60 }));
    expect(await membershipsOf(world, ALICE)).toHaveLength(24);
    expect((await world.store.users.find(ALICE))?.run?.digest).toBeUndefined();

    const acceptVersion = list.heldBack?.version ?? '';
    const accepting = await readyWorld({ on: world, assigned: [], acceptVersion });
    await accepting.provision(message({ groups: [], second: 120 }));
    expect(await membershipsOf(world, ALICE)).toHaveLength(0);
  });

  it('a claim still removes the group that the person left while another list is held back', async () => {
    const world = await readyWorld({ assigned });
    await world.provision(message({ groups }));
    world.assigned = assigned.slice(6);
    await world.refresh();
    await world.provision(message({ groups: groups.slice(7), second: 60 }));
    expect(await membershipsOf(world, ALICE)).toHaveLength(22);
  });

  it('a list that the operator accepted removes them', async () => {
    const before = await readyWorld({ assigned });
    await before.provision(message({ groups, source: 'directory' }));
    before.assigned = [];
    const { list } = await before.refresh();
    const world = await readyWorld({ on: before, assigned: [], acceptVersion: list.heldBack?.version ?? '' });
    await world.provision(message({ groups, source: 'directory', second: 60 }));
    expect(await membershipsOf(world, ALICE)).toEqual([]);
  });
});

describe('a claim that lacks an accepted group', () => {
  const assigned = Array.from({ length: 12 }, (_, index) => ({ id: `g-${index}`, displayName: `${index}` }));
  const all = assigned.map(({ id }) => id);
  const rules = sampleRules({ roleMappings: new Map([['g-5', 'proxy_admin']]) });

  /** Alice is in all but the last of the groups, by a claim a minute ago. */
  async function aliceInEleven(options: Parameters<typeof readyWorld>[0] = {}): Promise<World> {
    const world = await readyWorld({ assigned, rules, ...options });
    await world.provision(message({ groups: all.slice(0, 11) }));
    world.clock.advance(60_000);
    return world;
  }
  const teamsOf = async (world: World): Promise<readonly string[]> =>
    (await world.store.teamMemberships.read(ALICE)).rows.map(({ entityId }) => entityId).sort();
  const runOf = async (world: World) => (await world.store.users.find(ALICE))?.run;
  const roleOf = async (world: World) => (await world.store.users.find(ALICE))?.user.user_role;

  it.each([3, 8, 9])(
    'removes nothing where %i of 12 groups lost their assignment by mistake',
    async (lost) => {
      const world = await aliceInEleven();
      world.assigned = assigned.slice(lost);
      // The last group is new to Alice, and granted at once.
      const entry = message({ groups: all.slice(lost), second: 60 });
      await expect(world.provision(entry)).resolves.toMatchObject({ status: 'done', reportedCount: 0 });
      expect(await teamsOf(world)).toEqual([...all].sort());
      expect(world.directoryReads).toBe(2);
      expect(await roleOf(world)).toBe('proxy_admin');
      expect((await runOf(world))?.digest).toBeUndefined();
      // The operator gives the assignments back.
      world.assigned = assigned;
      await readListAgain(world);
      await world.provision(message({ groups: all.slice(1), second: 120 }));
      expect(await teamsOf(world)).toEqual(all.slice(1).sort());
    },
  );

  it('keeps no role because of a lost group that the person never had', async () => {
    const world = await readyWorld({ assigned, rules });
    await world.provision(message({ groups: ['g-11'], appRoles: ['proxy_admin'] }));
    world.assigned = assigned.slice(9);
    await readListAgain(world);
    await world.provision(message({ groups: ['g-11'], second: 60 }));
    expect(await roleOf(world)).toBe('internal_user_viewer');
    expect((await runOf(world))?.digest).toBeDefined();
  });

  it('removes a group that the person left, in the same run', async () => {
    const world = await aliceInEleven();
    await expect(world.provision(message({ groups: all.slice(6), second: 60 }))).resolves.toMatchObject({
      status: 'done',
      changes: { granted: 2, removed: 12 },
    });
    expect(await roleOf(world)).toBe('internal_user_viewer');
    expect(world.directoryReads).toBe(2);
  });

  it('removes a group whose lost assignment the brake lets pass', async () => {
    const world = await aliceInEleven();
    world.assigned = assigned.slice(1);
    await world.provision(message({ groups: all.slice(1, 11), second: 60 }));
    expect(await teamsOf(world)).toEqual(all.slice(1, 11).sort());
  });

  it('costs the run a turn, a read of the directory, the list, and what its groups have', async () => {
    const world = await readyWorld();
    await world.provision(message());
    const requests = async (second: number): Promise<unknown> =>
      tally(await requestsOf(world.tables, async () => world.provision(message({ groups: [], second }))));
    const checked = await requests(60);
    await world.provision(message({ second: 70 }));
    await readListAgain(world);
    const plain = await requests(80);
    expect(checked).toEqual({
      ...Object(plain),
      'find EntraAssignedGroups': 2,
      'write EntraAssignedGroups': 2,
      'readPage LiteLLMTeamTable': 1,
      'readPage LiteLLMOrganizationTable': 1,
    });
  });

  it('reads nothing again where the list was read after the observation, or the directory stated the groups', async () => {
    const world = await aliceInEleven();
    await world.refresh();
    await world.provision(message({ groups: all.slice(1), second: 60 }));
    expect(await teamsOf(world)).toHaveLength(11);
    world.clock.advance(60_000);
    await world.provision(message({ groups: all.slice(2), second: 120, source: 'directory' }));
    expect(await teamsOf(world)).toHaveLength(10);
    expect(world.directoryReads).toBe(2);
  });

  it('waits with the removal alone while the directory is down, says so, and never removes it unchecked', async () => {
    const world = await aliceInEleven();
    world.assigned = broken('directory_unreachable');
    const entry = message({ groups: ['g-11'], second: 60 });
    let result = await world.provision(entry);
    expect(result).toEqual({ status: 'waiting', reason: 'directory_unreachable' });
    expect(await teamsOf(world)).toHaveLength(12);
    expect(await roleOf(world)).toBe('proxy_admin');
    const reported = all.slice(0, 11).sort();
    expect((await progressOf(world, entry)).reported.map(({ code, id }) => `${code} ${id}`)).toEqual(
      reported.map((id) => `removal_not_checked ${id}`),
    );
    const end = world.clock.now().getTime() + 24 * HOUR_MS;
    while (result.status === 'waiting') result = await world.provision(takeQueued(world));
    expect(world.clock.now().getTime()).toBeGreaterThanOrEqual(end);
    expect(result).toMatchObject({ status: 'done', reportedCount: 11 });
    expect(await teamsOf(world)).toHaveLength(12);
    expect(await progressOf(world, entry)).toMatchObject({ status: 'done' });
    expect(world.queued).toEqual([]);
    // The next sign-in looks again, because such a run leaves no digest.
    world.assigned = assigned;
    world.clock.advance(60_000);
    await world.provision(message({ groups: ['g-11'], second: 24 * 3600 }));
    expect(await teamsOf(world)).toEqual(['g-11']);
    expect(await roleOf(world)).toBe('internal_user_viewer');
  });

  it('waits where another instance read the list just before, and decides when it may read again', async () => {
    const world = await aliceInEleven();
    await world.store.assignedGroups.takeTurn(world.clock.now(), 60_000);
    const entry = message({ groups: all.slice(1, 11), second: 60 });
    let result = await world.provision(entry);
    expect(result).toEqual({ status: 'waiting', reason: 'groups_not_checked' });
    let tries = 0;
    while (result.status === 'waiting') {
      expect(await teamsOf(world)).toHaveLength(11);
      tries += 1;
      result = await world.provision(takeQueued(world));
    }
    expect(tries).toBeLessThan(4);
    expect(await teamsOf(world)).toEqual(all.slice(1, 11).sort());
  });

  it('lets a newer sign-in that has the group again decide', async () => {
    const world = await aliceInEleven();
    world.assigned = broken('microsoft_unreachable');
    await world.provision(message({ groups: [], second: 60 }));
    const waiting = takeQueued(world);
    world.assigned = assigned;
    await world.provision(message({ groups: all, second: 70 }));
    await expect(world.provision(waiting)).resolves.toEqual({ status: 'superseded' });
    expect(await teamsOf(world)).toHaveLength(12);
  });

  it('without removals reads the list again only before it lowers a role', async () => {
    const additive = { ...rules, membershipSyncMode: 'additive' as const };
    const world = await aliceInEleven({ rules: additive });
    world.assigned = broken('directory_unreachable');
    await expect(world.provision(message({ groups: all.slice(5), second: 60 }))).resolves.toMatchObject({
      status: 'done',
    });
    expect(world.directoryReads).toBe(1);
    await expect(world.provision(message({ groups: all.slice(6), second: 70 }))).resolves.toMatchObject({
      status: 'waiting',
    });
    expect(await roleOf(world)).toBe('proxy_admin');
    world.assigned = assigned;
    let result = await world.provision(takeQueued(world));
    while (result.status === 'waiting') result = await world.provision(takeQueued(world));
    expect(await roleOf(world)).toBe('internal_user_viewer');
    expect(await teamsOf(world)).toHaveLength(12);
  });
});

describe('an empty accepted list', () => {
  it('grants nothing: an empty list does not mean "every group"', async () => {
    const world = await readyWorld({ assigned: [] });
    await world.provision(message({ source: 'directory' }));
    expect(await membershipsOf(world, ALICE)).toEqual([]);
    expect((await world.store.entities.readTeams([GROUP])).found.size).toBe(0);
  });

  it('maps no roles either', async () => {
    const rules = sampleRules({ roleMappings: new Map([[GROUP, 'proxy_admin']]) });
    const world = await readyWorld({ assigned: [], rules });
    await world.provision(message({ source: 'directory' }));
    expect((await world.store.users.find(ALICE))?.user.user_role).toBe('internal_user_viewer');
  });
});
