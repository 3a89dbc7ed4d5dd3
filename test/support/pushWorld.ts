/** A world whose provisioning tells a LiteLLM proxy in memory. */
import { createPushRecord } from '../../shared/adapters/pushRecord.ts';
import type { Tables } from '../../shared/adapters/tables/tables.ts';
import { createStore } from '../../shared/app/createStore.ts';
import { provisionUser, type ProvisionResult } from '../../shared/flows/provisionUser.ts';
import { push, type PushedResult } from '../../shared/flows/push.ts';
import type { PushDeps } from '../../shared/flows/pushRun.ts';
import { refreshAssignedGroups } from '../../shared/flows/refreshAssignedGroups.ts';
import { parsePushMessage } from '../../shared/messages/pushMessage.ts';
import type { ProvisionMessage } from '../../shared/messages.ts';
import type { Proxy, PushSubject } from '../../shared/proxyPorts.ts';
import { MemoryProxy, type MemoryProxyOptions } from './memoryProxy.ts';
import { createWorld, type QueuedMessage, type World, type WorldOptions } from './world.ts';

export interface PushWorld {
  readonly world: World;
  readonly proxy: MemoryProxy;
  /** Messages for the proxy that nobody has worked off yet, oldest first. */
  readonly waiting: QueuedMessage[];
  readonly deps: PushDeps;
  refresh(this: void): Promise<void>;
  /** Provisions, and leaves the request for a push in {@link PushWorld.waiting}. */
  provision(this: void, message: ProvisionMessage): Promise<ProvisionResult>;
  push(this: void, subject: PushSubject): Promise<PushedResult>;
  /** Works off everything that waits, put-back messages too (the clock goes on); gives what each one came to. */
  drain(this: void): Promise<readonly PushedResult[]>;
  /** Another worker instance on the same store and proxy. */
  worker(this: void, tables?: Tables): PushDeps;
}

export interface PushWorldOptions extends WorldOptions {
  readonly proxy?: MemoryProxyOptions;
}

/** Many sleep at once, so each one moves the clock by little; how long they meant to sleep does not matter. */
const SLEEP_MS = 5;

function createSleep(world: World): () => Promise<void> {
  return async () => {
    world.clock.advance(SLEEP_MS);
    await new Promise((resolve) => void setImmediate(resolve));
  };
}

/** Builds it; the assigned groups are not read yet. */
export function createPushWorld(options: PushWorldOptions = {}): PushWorld {
  const world = createWorld(options);
  const proxy = new MemoryProxy(options.proxy);
  const waiting: QueuedMessage[] = [];
  const queue = {
    check: async () => undefined,
    push: async (text: string, { delaySeconds = 0 }: { readonly delaySeconds?: number } = {}) => {
      waiting.push({ text, delaySeconds });
      await Promise.resolve();
    },
  };
  const { clock } = world;
  let drawn = 0;
  let holders = 0;
  // Of all instances: no two holders have the same name.
  const uuid = (): string => `holder-${(holders += 1)}`;
  const random = { bytes: (count: number) => new Uint8Array(count).fill((drawn += 37) % 256) };
  const worker = (tables: Tables = world.tables, to: Proxy = proxy): PushDeps => {
    return {
      store: createStore(tables),
      proxy: to,
      record: createPushRecord({ tables, clock, random: { uuid } }),
      queue,
      clock,
      random,
      sleep: createSleep(world),
    };
  };
  const deps = worker();
  const requests = { queue, clock, traceparent: () => undefined };
  const drain = async (): Promise<readonly PushedResult[]> => {
    const results: PushedResult[] = [];
    for (let count = 0; waiting.length > 0; count += 1) {
      if (count > 500) throw new Error('The queue never becomes empty.');
      const next = waiting.shift();
      if (next === undefined) break;
      clock.advance(next.delaySeconds * 1000);
      results.push(await push(deps, parsePushMessage(next.text), { attempt: 1 }));
    }
    return results;
  };
  return {
    world,
    proxy,
    waiting,
    deps,
    refresh: async () => {
      const refreshed = await refreshAssignedGroups({ ...world.refreshDeps, push: requests });
      world.provisionDeps.knowledge.remember(refreshed.list);
    },
    provision: async (message) =>
      provisionUser({ ...world.provisionDeps, push: requests }, message, { attempt: 1, maxAttempts: 5 }),
    push: async (subject) => push(deps, { version: 1, subject }, { attempt: 1 }),
    drain,
    worker,
  };
}
