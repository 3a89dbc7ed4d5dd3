/**
 * Newest wins, always: two provisionings of one person, interleaved at every store request, in both orders, with a crash
 * at every request too. Whatever happens, the end is what the newest observation alone would have made.
 */
import { describe, expect, it } from 'vitest';
import { compareObservations } from '../../shared/model/observation.ts';
import { provisionUser } from '../../shared/provisioning/provisionUser.ts';
import { type InlineMessage, parseProvisionMessage } from '../../shared/queue/queueMessage.ts';
import { entityPartition } from '../../shared/storage/entityStore.ts';
import { parseMemberKey } from '../../shared/storage/membershipKinds.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { deleteRow, userRow } from '../support/handEdits.ts';
import type { Actor, CrashPoint, Schedule } from '../support/interleaving.ts';
import { interleave, tryEverySchedule } from '../support/interleaving.ts';
import type { World } from '../support/world.ts';
import {
  ALICE,
  createSlowClock,
  createTestClock,
  createWorld,
  membershipsOf,
  message,
  sampleRules,
} from '../support/world.ts';

const GROUPS = ['group-a', 'group-b', 'group-c'].map((id) => ({ id, displayName: id.toUpperCase() }));

interface Scenario {
  readonly name: string;
  /** Provisioned before the two meet. */
  readonly before?: InlineMessage;
  /** Then somebody deleted the person's own row by hand, and nothing else. */
  readonly isForgotten?: boolean;
  /** Its team and organization are gone, and the accepted list says so. */
  readonly withoutEntities?: string;
  readonly messages: readonly [InlineMessage, InlineMessage];
  /** Both are older than `before`, so neither may change anything. */
  readonly areLate?: true;
  /** By so much the clock of each one's host is slow, in milliseconds. */
  readonly clocksBehindMs?: readonly [number, number];
}

const TEN_MINUTES_MS = 10 * 60_000;

const older = message({ id: 'older', second: 10, groups: ['group-a', 'group-b'] });

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'two first sign-ins with different groups',
    messages: [older, message({ id: 'newer', second: 20, groups: ['group-b', 'group-c'] })],
  },
  {
    name: 'two first sign-ins with nothing in common',
    messages: [
      message({ id: 'older', second: 10, groups: ['group-a'] }),
      message({ id: 'newer', second: 20, groups: ['group-c'] }),
    ],
  },
  {
    name: 'two first sign-ins, the newer one without a group',
    messages: [older, message({ id: 'newer', second: 20, groups: [] })],
  },
  {
    name: 'two sign-ins of somebody whose own row was deleted',
    before: message({ id: 'before', second: 0, groups: ['group-a', 'group-b'] }),
    isForgotten: true,
    messages: [
      message({ id: 'older', second: 10, groups: ['group-b'] }),
      message({ id: 'newer', second: 20, groups: ['group-c'] }),
    ],
  },
  {
    name: 'the newer one has lost every group',
    before: message({ id: 'before', second: 0, groups: ['group-a', 'group-b'] }),
    messages: [
      message({ id: 'older', second: 10, groups: ['group-a', 'group-b', 'group-c'] }),
      message({ id: 'newer', second: 20, groups: [] }),
    ],
  },
  {
    name: 'the newer one is back and an organization administrator',
    before: message({ id: 'before', second: 0, groups: ['group-a'] }),
    messages: [
      message({ id: 'older', second: 10, groups: [] }),
      message({ id: 'newer', second: 20, groups: ['group-a'], appRoles: ['org_admin'] }),
    ],
  },
  {
    name: 'the newer one repeats what was provisioned before',
    before: message({ id: 'before', second: 0, groups: ['group-a'] }),
    messages: [
      message({ id: 'older', second: 10, groups: ['group-b'] }),
      message({ id: 'newer', second: 20, groups: ['group-a'] }),
    ],
  },
  {
    name: 'the older one repeats what was provisioned before',
    before: message({ id: 'before', second: 0, groups: ['group-a'] }),
    messages: [
      message({ id: 'older', second: 10, groups: ['group-a'] }),
      message({ id: 'newer', second: 20, groups: ['group-b'] }),
    ],
  },
  {
    name: 'both bring a group that has no team and no organization yet',
    withoutEntities: 'group-c',
    messages: [
      message({ id: 'older', second: 10, groups: ['group-c'] }),
      message({ id: 'newer', second: 20, groups: ['group-c'], appRoles: ['org_admin'] }),
    ],
  },
  { name: 'the same message delivered twice', messages: [older, older] },
  {
    name: 'two late ones, after the row of a newer one was deleted by hand',
    before: message({ id: 'before', second: 30, groups: ['group-a'], appRoles: ['proxy_admin'] }),
    isForgotten: true,
    messages: [older, message({ id: 'newer', second: 20, groups: ['group-c'] })],
    areLate: true,
  },
  {
    name: 'a late one and the newest, after the row was deleted by hand',
    before: message({ id: 'before', second: 30, groups: ['group-a'], appRoles: ['proxy_admin'] }),
    isForgotten: true,
    messages: [older, message({ id: 'newer', second: 40, groups: ['group-c'] })],
  },
  {
    name: 'two late ones on hosts whose clocks are slow by 10 minutes',
    before: message({ id: 'before', second: 30, groups: ['group-a'], appRoles: ['proxy_admin'] }),
    messages: [
      message({ id: 'older', second: -400, groups: ['group-b'] }),
      message({ id: 'newer', second: -300, groups: [] }),
    ],
    areLate: true,
    clocksBehindMs: [TEN_MINUTES_MS, TEN_MINUTES_MS],
  },
  {
    name: 'a late one on a host whose clock is slow by 10 minutes, and the newest',
    before: message({ id: 'before', second: 30, groups: ['group-a'] }),
    messages: [
      message({ id: 'older', second: -300, groups: ['group-b'], appRoles: ['proxy_admin'] }),
      message({ id: 'newer', second: 40, groups: ['group-a', 'group-c'] }),
    ],
    clocksBehindMs: [TEN_MINUTES_MS, 0],
  },
];

async function removeEntities(world: World, id: string): Promise<void> {
  const key = { partitionKey: entityPartition(id), rowKey: id };
  for (const table of [TABLES.teams, TABLES.organizations]) {
    await world.tables.write(table, { kind: 'delete', key, etag: '*' });
  }
  const stored = await world.store.assignedGroups.find();
  if (stored === undefined) throw new Error('a list');
  const groups = stored.list.groups.map((group) =>
    group.id === id ? { ...group, team: 'absent' as const, organization: 'absent' as const } : group,
  );
  await world.store.assignedGroups.write({ ...stored.list, groups }, stored.etag);
  world.provisionDeps.knowledge.remember({ ...stored.list, groups });
}

async function prepare(scenario: Scenario): Promise<World> {
  const world = createWorld({ assigned: GROUPS });
  world.clock.advance(60_000);
  await world.refresh();
  if (scenario.withoutEntities !== undefined) await removeEntities(world, scenario.withoutEntities);
  if (scenario.before !== undefined) await world.provision(scenario.before);
  if (scenario.isForgotten === true) await deleteRow(world.tables, userRow(ALICE));
  return world;
}

const prepared = new Map<Scenario, Promise<World>>();

/** Returns a separate world, equal to what `prepare` returns. It copies the rows instead of preparing again. */
async function copyPrepared(scenario: Scenario): Promise<World> {
  const source = prepared.get(scenario) ?? prepare(scenario);
  prepared.set(scenario, source);
  const { tables, clock } = await source;
  const world = createWorld({ assigned: GROUPS, on: { tables: tables.copy(), clock } });
  const stored = await world.store.assignedGroups.find();
  if (stored !== undefined) world.provisionDeps.knowledge.remember(stored.list);
  return world;
}

interface ActorOptions {
  readonly crash: CrashPoint | undefined;
  readonly clockBehindMs: number | undefined;
}

function actorFor(world: World, entry: InlineMessage, { crash, clockBehindMs = 0 }: ActorOptions): Actor {
  return {
    ...(crash === undefined ? {} : { crash }),
    run: async (tables) => {
      const deps = world.worker(tables, createSlowClock(world.clock, clockBehindMs));
      const stored = await world.store.assignedGroups.find();
      if (stored !== undefined) deps.knowledge.remember(stored.list);
      await provisionUser(deps, entry, { attempt: 1, isLastAttempt: false });
    },
  };
}

/** What decides access, without what only records the way there. */
async function endState(world: World): Promise<unknown> {
  const record = await world.store.users.find(ALICE);
  const ids = GROUPS.map((group) => group.id);
  return {
    memberships: await membershipsOf(world, ALICE),
    observation: record?.run?.observation.id,
    state: record?.run?.state,
    role: record?.user.user_role,
    name: record?.user.display_name,
    email: record?.user.user_email,
    hasDigest: record?.run?.digest !== undefined,
    teams: [...(await world.store.entities.readTeams(ids)).found.keys()].sort(),
    organizations: [...(await world.store.entities.readOrganizations(ids)).found.keys()].sort(),
  };
}

async function expectedEnd(scenario: Scenario): Promise<unknown> {
  const world = await prepare(scenario);
  const [a, b] = scenario.messages;
  if (scenario.areLate !== true) await world.provision(compareObservations(a, b) >= 0 ? a : b);
  return endState(world);
}

/** Returns the memberships that the index misses. It may name too many, but must not miss one that a run granted. */
function missingFromIndex(world: World): readonly string[] {
  const tables = world.tables.dump();
  const pairs = [
    [TABLES.teamMemberships, TABLES.teamMembers],
    [TABLES.organizationMemberships, TABLES.organizationMembers],
  ] as const;
  return pairs.flatMap(([truth, index]) => {
    const indexed = new Set(
      (tables[index] ?? [])
        .map(parseMemberKey)
        .map((member) => (member === undefined ? '' : `${member.userId} ${member.entityId}`)),
    );
    return (tables[truth] ?? [])
      .filter((row) => row.rowKey !== '_fence')
      .map((row) => `${row.partitionKey} ${row.rowKey}`)
      .filter((key) => !indexed.has(key));
  });
}

interface Trial {
  readonly schedule: Schedule;
  readonly crashes: readonly [CrashPoint | undefined, CrashPoint | undefined];
}

/** Runs one trial; what crashed is delivered again once the dust has settled, as the queue does. */
async function runTrial(
  scenario: Scenario,
  trial: Trial,
): Promise<{ steps: number; choices: readonly number[]; end: unknown; wrong: unknown }> {
  const world = await copyPrepared(scenario);
  const actors = scenario.messages.map((entry, index) =>
    actorFor(world, entry, {
      crash: trial.crashes[index],
      clockBehindMs: scenario.clocksBehindMs?.[index],
    }),
  );
  const [a, b] = actors;
  if (a === undefined || b === undefined) throw new Error('two actors');
  const result = await interleave(world.tables, [a, b], trial.schedule);
  for (const [index, entry] of scenario.messages.entries()) {
    const failed = result.failures[index] !== undefined;
    if (result.crashed[index] === true || failed) await world.provision(entry, { attempt: 2 });
  }
  return {
    steps: result.steps,
    choices: result.choices,
    end: await endState(world),
    wrong: {
      unindexed: missingFromIndex(world),
      thrown: result.failures.filter((failure) => failure !== undefined),
    },
  };
}

const NOTHING_WRONG = { unindexed: [], thrown: [] };

type Crashes = Trial['crashes'];

/** Tries every schedule with these crashes, and expects the same end of each. Returns the number of trials. */
async function tryAll(
  scenario: Scenario,
  crashes: Crashes,
  order: Parameters<typeof tryEverySchedule>[0],
): Promise<number> {
  const expected = await expectedEnd(scenario);
  return tryEverySchedule(order, async (schedule) => {
    const trial = { schedule, crashes };
    const { end, wrong, choices } = await runTrial(scenario, trial);
    expect({ trial, end, wrong }).toEqual({ trial, end: expected, wrong: NOTHING_WRONG });
    return { choices };
  });
}

const FIRSTS = [0, 1] as const;

/**
 * Each actor crashes at each of its requests, before or after it, and the other one runs to its end at every point of that. After a
 * crash of the actor that goes first, a switch changes nothing, so such schedules are left out.
 */
function* everyCrash(calls: number): Generator<{ readonly crashing: 0 | 1; readonly crash: CrashPoint }> {
  for (const crashing of FIRSTS) {
    for (let call = 0; call < calls; call += 1) {
      for (const phase of ['before', 'after'] as const) yield { crashing, crash: { call, phase } };
    }
  }
}

async function longestRun(scenario: Scenario): Promise<number> {
  const lengths = await Promise.all(
    FIRSTS.map(async (first) =>
      runTrial(scenario, { schedule: { first, switches: [] }, crashes: [undefined, undefined] }),
    ),
  );
  return Math.max(...lengths.map((length) => length.steps));
}

describe.each(SCENARIOS)('$name', (scenario) => {
  it('ends as the newest says, whichever request comes when', { timeout: 120_000 }, async () => {
    const steps = await longestRun(scenario);
    let count = 0;
    for (const first of FIRSTS) count += await tryAll(scenario, [undefined, undefined], { first, most: 2 });
    expect(count).toBeGreaterThanOrEqual(2 * steps);
  });

  it('ends as the newest says, whichever request either dies at', { timeout: 120_000 }, async () => {
    const steps = await longestRun(scenario);
    let count = 0;
    for (const { crashing, crash } of everyCrash(steps)) {
      const crashes: Crashes = crashing === 0 ? [crash, undefined] : [undefined, crash];
      for (const first of FIRSTS) {
        const below = first === crashing ? crash.call + 1 : Infinity;
        count += await tryAll(scenario, crashes, { first, most: 1, below });
      }
    }
    expect(count).toBeGreaterThan(4 * steps);
  });
});

/**
 * The timer's refresh beside a sign-in whose claim lacks every group. Either all of them lost their assignment by mistake, and the
 * brake has to see that before anything is removed; or the person left them all.
 */
describe.each([
  { name: 'a mistake takes all assignments away', assigned: [], remaining: 6, isHeldBack: true },
  { name: 'the person has left all groups', assigned: GROUPS, remaining: 0, isHeldBack: false },
])('a refresh beside a sign-in without groups: $name', ({ assigned, remaining, isHeldBack }) => {
  const entry = message({ id: 'lacking', second: 50, groups: [] });

  const rules = sampleRules({ roleMappings: new Map([['group-b', 'proxy_admin']]) });
  let ready: Promise<World> | undefined;

  async function prepareOnce(): Promise<World> {
    const world = createWorld({ assigned: GROUPS, rules });
    await world.refresh();
    await world.provision(message({ id: 'before', groups: GROUPS.map(({ id }) => id) }));
    return world;
  }

  /** Returns a separate world with a clock of its own. It copies the rows instead of preparing again. */
  async function prepareLacking(): Promise<World> {
    ready ??= prepareOnce();
    const { tables, clock, store } = await ready;
    const on = { tables: tables.copy(), clock: createTestClock(clock.now().getTime()) };
    const world = createWorld({ assigned: GROUPS, rules, on });
    const stored = await store.assignedGroups.find();
    if (stored !== undefined) world.provisionDeps.knowledge.remember(stored.list);
    world.clock.advance(60_000);
    world.assigned = assigned;
    return world;
  }

  /** Delivers what was put back, until nothing is. */
  async function drain(world: World): Promise<void> {
    for (let count = 0; world.queued.length > 0; count += 1) {
      if (count > 20) throw new Error('The queue never becomes empty.');
      const next = world.queued.shift();
      world.clock.advance((next?.delaySeconds ?? 0) * 1000);
      await world.provision(parseProvisionMessage(next?.text ?? ''));
    }
  }

  async function runLacking(
    schedule: Schedule,
    crashes: Trial['crashes'] = [undefined, undefined],
  ): Promise<{ steps: number; choices: readonly number[] }> {
    const world = await prepareLacking();
    const crashOf = (index: 0 | 1): Pick<Actor, 'crash'> =>
      crashes[index] === undefined ? {} : { crash: crashes[index] };
    const actors: readonly [Actor, Actor] = [
      { ...crashOf(0), run: async (tables) => void (await world.through(tables).provision(entry)) },
      { ...crashOf(1), run: async (tables) => void (await world.through(tables).refresh()) },
    ];
    const { crashed, steps, choices, failures } = await interleave(world.tables, actors, schedule);
    if (crashed[0] === true) await world.provision(entry, { attempt: 2 });
    await drain(world);
    const record = await world.store.users.find(ALICE);
    const end = {
      memberships: (await membershipsOf(world, ALICE)).length,
      state: record?.run?.state,
      role: record?.user.user_role,
      reported: record?.run?.report?.reported,
      failures: failures.filter((failure) => failure !== undefined),
    };
    expect({ schedule, crashes, end }).toEqual({
      schedule,
      crashes,
      end: {
        memberships: remaining,
        state: 'applied',
        role: isHeldBack ? 'proxy_admin' : 'internal_user_viewer',
        reported: [],
        failures: [],
      },
    });
    expect(missingFromIndex(world)).toEqual([]);
    return { steps, choices };
  }

  it('ends the same, whichever request comes when', { timeout: 120_000 }, async () => {
    let count = 0;
    for (const first of FIRSTS) {
      count += await tryEverySchedule({ first, most: 2 }, async (schedule) => runLacking(schedule));
    }
    expect(count).toBeGreaterThan(20);
  });

  it('ends the same, whichever request either dies at', { timeout: 120_000 }, async () => {
    let count = 0;
    const { steps } = await runLacking({ first: 0, switches: [] });
    // A third of the crashes, another one in each case: all of them would take a minute.
    const offset = isHeldBack ? 0 : 1;
    const third = [...everyCrash(steps)].filter((_, index) => index % 3 === offset);
    for (const { crashing, crash } of third) {
      const crashes: Trial['crashes'] = crashing === 0 ? [crash, undefined] : [undefined, crash];
      for (const first of FIRSTS) {
        const below = first === crashing ? crash.call + 1 : Infinity;
        count += await tryEverySchedule({ first, most: 1, below }, async (schedule) =>
          runLacking(schedule, crashes),
        );
      }
    }
    expect(count).toBeGreaterThan(steps);
  });
});
