/** The whole product in memory: the real flows and stores on a strict store in memory, with a fake outside world. */
import { createStore, type Store } from '../../shared/storage/store.ts';
import { ParkedSnapshots } from '../../shared/storage/parkedSnapshots.ts';
import type { Tables } from '../../shared/model/tables.ts';
import type { AssignedGroup } from '../../shared/model/assignedGroups.ts';
import type { Rules } from '../../shared/model/rules.ts';
import { createGroupKnowledge } from '../../shared/groups/groupKnowledge.ts';
import { createProvisionQueue, type ProvisionResult } from '../../shared/provisioning/provisionUser.ts';
import type { ProvisionDeps } from '../../shared/provisioning/provisionRun.ts';
import { runMessage, type WorkerQueue } from '../../shared/queue/queueWorker.ts';
import {
  type RefreshDeps,
  type Refreshed,
  refreshAssignedGroups,
} from '../../shared/groups/refreshAssignedGroups.ts';
import type { InlineMessage, ProvisionMessage } from '../../shared/queue/queueMessage.ts';
import type { Clock, MessageQueue } from '../../shared/model/ports.ts';
import { type MemoryTables, createMemoryTables } from './memoryTables.ts';
import { acceptsAllText } from './messageSeals.ts';

export const TENANT_ID = '11111111-1111-4111-8111-111111111111';
export const ALICE = 'aaaaaaaa-0000-4000-8000-000000000001';
export const BOB = 'bbbbbbbb-0000-4000-8000-000000000002';
export const PRODUCTION_TEAM: AssignedGroup = { id: 'entra-group-123', displayName: 'Production Team' };

/** Returns the rules of the product's own example: flag on, $1000 a month, two models. */
export function sampleRules(changes: Partial<Rules> = {}): Rules {
  return {
    groupsAlsoCreateOrgs: true,
    defaultTeamParams: {
      models: ['gpt-4', 'gpt-3.5-turbo'],
      max_budget: 1000,
      budget_duration: '30d',
      team_member_permissions: [],
    },
    defaultUserParams: { models: [] },
    roleMappings: new Map(),
    orgTeamBudget: 'inherit',
    membershipSyncMode: 'full',
    assignedGroupsAreKnown: true,
    ...changes,
  };
}

export const START = Date.parse('2026-11-23T09:00:00.000Z');

/** A clock that only moves when a test moves it. */
export interface TestClock extends Clock {
  advance(durationMs: number): void;
}

export function createTestClock(startMs: number = START): TestClock {
  let nowMs = startMs;
  return {
    now: () => new Date(nowMs),
    advance(durationMs) {
      nowMs += durationMs;
    },
  };
}

/** Returns the clock of a host that is slow by so much. */
export function createSlowClock(clock: Clock, behindMs: number): Clock {
  return { now: () => new Date(clock.now().getTime() - behindMs) };
}

export interface MessageOptions {
  readonly userId?: string;
  readonly groups?: readonly string[];
  /** Seconds after {@link START}. */
  readonly second?: number;
  readonly id?: string;
  readonly appRoles?: readonly string[];
  readonly source?: 'claim' | 'directory';
  readonly email?: string;
  readonly name?: string;
}

let nextMessage = 0;

/** Creates the message of one observation. By default it is Alice with the production team, observed at the start. */
export function message(options: MessageOptions = {}): InlineMessage {
  nextMessage += 1;
  const { userId = ALICE, groups = [PRODUCTION_TEAM.id], second = 0 } = options;
  return {
    version: 1,
    id: options.id ?? `observation-${nextMessage}`,
    observed_at: new Date(START + second * 1000).toISOString(),
    person: {
      user_id: userId,
      tenant_id: TENANT_ID,
      display_name: options.name ?? (userId === ALICE ? 'Alice Anderson' : 'Bob Brown'),
      user_email: options.email ?? (userId === ALICE ? 'alice@company.com' : 'bob@company.com'),
      app_roles: options.appRoles ?? [],
    },
    groups_source: options.source ?? 'claim',
    group_ids: groups,
  };
}

/** An enqueued message. */
export interface QueuedMessage {
  readonly text: string;
  readonly delaySeconds: number;
}

export interface World {
  readonly tables: MemoryTables;
  readonly store: Store;
  readonly clock: TestClock;
  /** The enqueued messages, newest last. */
  readonly queued: QueuedMessage[];
  /** The assigned groups in the directory. An error makes the directory fail. */
  assigned: readonly AssignedGroup[] | Error;
  directoryReads: number;
  readonly provisionDeps: ProvisionDeps;
  readonly refreshDeps: RefreshDeps;
  refresh(): Promise<Refreshed>;
  /** Returns the queue `provision` of these dependencies, described for its worker. */
  queueOf(deps: ProvisionDeps): WorkerQueue<ProvisionMessage, ProvisionResult>;
  /** Delivers a message. The fifth attempt is the last one. */
  provision(message: ProvisionMessage, delivery?: { readonly attempt: number }): Promise<ProvisionResult>;
  /** Returns the dependencies of another worker instance, which uses its own view of the same store. Its clock may be wrong. */
  worker(tables: Tables, clock?: Clock): ProvisionDeps;
  /** Returns `provision` and `refresh` of another instance with its own view of the same store. */
  through(tables: Tables, clock?: Clock): Pick<World, 'provision' | 'refresh'>;
}

export interface WorldOptions {
  readonly rules?: Rules;
  readonly assigned?: readonly AssignedGroup[];
  readonly removalLimitPercent?: number;
  readonly acceptVersion?: string;
  /** The store and clock of another world. This simulates a deployment with other settings. */
  readonly on?: Pick<World, 'tables' | 'clock'>;
}

let deployments = 0;

/** Creates a world in whose directory the production team is assigned. Nothing is refreshed or provisioned yet. */
export function createWorld(options: WorldOptions = {}): World {
  const tables = options.on?.tables ?? createMemoryTables();
  const clock = options.on?.clock ?? createTestClock();
  const rules = options.rules ?? sampleRules();
  const queued: QueuedMessage[] = [];
  const queue: MessageQueue = {
    check: async () => undefined,
    peek: async () => ({ at: clock.now().toISOString(), messages: [], isComplete: true }),
    enqueue: async (text, { delaySeconds = 0 } = {}) => {
      queued.push({ text, delaySeconds });
      await Promise.resolve();
    },
  };
  let uuid = 0;
  if (options.on !== undefined) deployments += 1;
  const prefix = options.on === undefined ? 'uuid' : `uuid-${deployments}`;
  const random = {
    uuid: () => {
      uuid += 1;
      return `${prefix}-${uuid}`;
    },
  };
  const directory = {
    readAssignedGroups: async () => {
      await Promise.resolve();
      world.directoryReads += 1;
      if (world.assigned instanceof Error) throw world.assigned;
      return world.assigned;
    },
  };
  const refreshOn = (store: Store, at: Clock = clock): RefreshDeps => ({
    store,
    directory,
    clock: at,
    rules,
    brake: { removalLimitPercent: options.removalLimitPercent ?? 20, acceptVersion: options.acceptVersion },
  });
  const depsOn = (view: Tables, at: Clock = clock): ProvisionDeps => {
    const store = createStore(view);
    return {
      store,
      parked: new ParkedSnapshots(view),
      clock: at,
      random,
      rules,
      knowledge: createGroupKnowledge({
        store: store.assignedGroups,
        clock: at,
        refresh: async () => (await refreshAssignedGroups(refreshOn(store, at))).list,
      }),
    };
  };
  const store = createStore(tables);
  const provisionDeps = depsOn(tables);
  const provisionWith =
    (deps: ProvisionDeps): World['provision'] =>
    async (entry, { attempt } = { attempt: 1 }) =>
      runMessage(world.queueOf(deps), entry, { attempt, isLastAttempt: attempt >= 5 });
  const world: World = {
    tables,
    store,
    clock,
    queued,
    assigned: options.assigned ?? [PRODUCTION_TEAM],
    directoryReads: 0,
    provisionDeps,
    refreshDeps: refreshOn(store),
    async refresh() {
      const refreshed = await refreshAssignedGroups(world.refreshDeps);
      provisionDeps.knowledge.remember(refreshed.list);
      return refreshed;
    },
    queueOf: (deps) =>
      createProvisionQueue({
        provision: deps,
        queue,
        seal: acceptsAllText,
        poisonQueue: queue,
        failures: deps.store.failures,
      }),
    provision: provisionWith(provisionDeps),
    worker: depsOn,
    through: (view, at) => {
      const deps = depsOn(view, at);
      return {
        provision: provisionWith(deps),
        refresh: async () => refreshAssignedGroups(refreshOn(createStore(view), at)),
      };
    },
  };
  return world;
}

/** Reads a person's memberships as `team:id role` and `organization:id role`, sorted. */
export async function membershipsOf(world: Pick<World, 'store'>, userId: string): Promise<readonly string[]> {
  const [teams, organizations] = await Promise.all([
    world.store.teamMemberships.read(userId),
    world.store.organizationMemberships.read(userId),
  ]);
  return [
    ...teams.rows.map((row) => `team:${row.entityId} ${row.role}`),
    ...organizations.rows.map((row) => `organization:${row.entityId} ${row.role}`),
  ].sort();
}

/** Reads the assigned groups again a minute later, so that a claim made until then needs no further check. */
export async function readListAgain(world: Pick<World, 'clock' | 'refresh'>): Promise<void> {
  world.clock.advance(60_000);
  await world.refresh();
}

/** Creates a world whose groups were read and accepted once, so that their teams and organizations exist. */
export async function readyWorld(options: WorldOptions = {}): Promise<World> {
  const world = createWorld(options);
  await world.refresh();
  return world;
}
