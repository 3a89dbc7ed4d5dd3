/** A world whose provisioning syncs to a LiteLLM proxy in memory. */
import { SyncRecord } from '../../shared/storage/syncRecord.ts';
import type { Tables } from '../../shared/model/tables.ts';
import { createStore } from '../../shared/storage/store.ts';
import { provisionUser, type ProvisionResult } from '../../shared/provisioning/provisionUser.ts';
import { sync } from '../../shared/litellm/sync.ts';
import type { KeySettings, SyncResult, SyncDeps } from '../../shared/litellm/syncDeps.ts';
import { ParkedOwner } from '../../shared/litellm/keys/parkedOwner.ts';
import { refreshAssignedGroups } from '../../shared/groups/refreshAssignedGroups.ts';
import { parseSyncMessage, type ProvisionMessage } from '../../shared/queue/queueMessage.ts';
import type { LitellmClient } from '../../shared/model/litellmPorts.ts';
import type { SyncSubject } from '../../shared/model/synced.ts';
import type { SharedBudget } from '../../shared/litellm/teamLimits.ts';
import { MemoryProxy } from './memoryProxy.ts';
import { MemoryLitellm, type MemoryLitellmOptions } from './memoryLitellm.ts';
import { createWorld, type QueuedMessage, type World, type WorldOptions } from './world.ts';

export interface SyncWorld {
  readonly world: World;
  readonly litellm: MemoryLitellm;
  readonly proxy: MemoryProxy;
  /** Sync messages that have not run yet, oldest first. */
  readonly waiting: QueuedMessage[];
  readonly deps: SyncDeps;
  refresh(this: void): Promise<void>;
  /** Provisions, and leaves the request for a sync in {@link SyncWorld.waiting}. */
  provision(this: void, message: ProvisionMessage): Promise<ProvisionResult>;
  sync(this: void, subject: SyncSubject): Promise<SyncResult>;
  /** As {@link SyncWorld.sync}, in another deployment. */
  syncWith(this: void, deps: SyncDeps, subject: SyncSubject): Promise<SyncResult>;
  /** Runs every waiting message, also those that were put back (the clock goes on). Returns their results. */
  drain(this: void): Promise<readonly SyncResult[]>;
  /** Returns another worker instance on the same store and the same proxy. */
  worker(this: void, tables?: Tables, to?: LitellmClient): SyncDeps;
}

export interface SyncWorldOptions extends WorldOptions {
  readonly litellm?: MemoryLitellmOptions;
  readonly sharedBudget?: SharedBudget;
  readonly keys?: Partial<KeySettings>;
}

/** Many tasks sleep at once, so each sleep moves the clock only a little, however long it should be. */
const SLEEP_MS = 5;

function createSleep(world: World): () => Promise<void> {
  return async () => {
    world.clock.advance(SLEEP_MS);
    await new Promise((resolve) => void setImmediate(resolve));
  };
}

/** Creates the world. The assigned groups are not read yet. */
export function createSyncWorld(options: SyncWorldOptions = {}): SyncWorld {
  const world = createWorld(options);
  const litellm = new MemoryLitellm(options.litellm);
  const proxy = new MemoryProxy(litellm);
  litellm.now = () => world.clock.now();
  const waiting: QueuedMessage[] = [];
  const queue = {
    check: async () => undefined,
    enqueue: async (text: string, { delaySeconds = 0 }: { readonly delaySeconds?: number } = {}) => {
      waiting.push({ text, delaySeconds });
      await Promise.resolve();
    },
  };
  const { clock } = world;
  let drawn = 0;
  let holders = 0;
  // Holders' names are unique across all instances.
  const uuid = (): string => `holder-${(holders += 1)}`;
  const random = { bytes: (count: number) => new Uint8Array(count).fill((drawn += 37) % 256) };
  const worker = (tables: Tables = world.tables, to: LitellmClient = litellm): SyncDeps => {
    return {
      store: createStore(tables),
      litellm: to,
      proxy,
      closesFoundUsers: true,
      sharedBudget: options.sharedBudget ?? 'split',
      record: new SyncRecord({ tables, clock, random: { uuid } }),
      parkedOwner: new ParkedOwner(to),
      keys: { parkedKeyDays: 7, ...options.keys },
      queue,
      clock,
      random,
      sleep: createSleep(world),
    };
  };
  const deps = worker();
  const requests = { queue, clock, traceparent: () => undefined };
  const drain = async (): Promise<readonly SyncResult[]> => {
    const results: SyncResult[] = [];
    for (let count = 0; waiting.length > 0; count += 1) {
      if (count > 500) throw new Error('The queue never becomes empty.');
      const next = waiting.shift();
      if (next === undefined) break;
      clock.advance(next.delaySeconds * 1000);
      results.push(await sync(deps, parseSyncMessage(next.text), { attempt: 1 }));
    }
    return results;
  };
  return {
    world,
    litellm,
    proxy,
    waiting,
    deps,
    refresh: async () => {
      const refreshed = await refreshAssignedGroups({ ...world.refreshDeps, sync: requests });
      world.provisionDeps.knowledge.remember(refreshed.list);
    },
    provision: async (message) =>
      provisionUser({ ...world.provisionDeps, sync: requests }, message, {
        attempt: 1,
        isLastAttempt: false,
      }),
    syncWith: async (other, subject) => sync(other, { version: 1, subject }, { attempt: 1 }),
    sync: async (subject) => sync(deps, { version: 1, subject }, { attempt: 1 }),
    drain,
    worker,
  };
}
