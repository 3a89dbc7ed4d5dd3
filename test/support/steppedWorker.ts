/** A worker of which every call to the store and to the proxy passes one gate: to crash there, to wait there, or to do something else. */
import type { LitellmClient } from '../../shared/model/litellmPorts.ts';
import type { SyncDeps } from '../../shared/litellm/syncDeps.ts';
import type { KeyWorld } from './restingKeys.ts';

class Crash extends Error {
  override readonly name = 'Crash';
}

/** Called for each call, before it (`before`) and once it has taken effect (`after`). What it throws, the caller gets. */
export type Gate = (phase: 'before' | 'after') => Promise<void>;

/** Returns a gate that lets a worker die at its call number `call`: nothing that it does afterwards has any effect. */
export function createCrash(
  call: number,
  phase: 'before' | 'after',
): { readonly gate: Gate; hasCrashed(this: void): boolean } {
  let calls = 0;
  let isDead = false;
  return {
    hasCrashed: () => isDead,
    gate: async (at) => {
      await Promise.resolve();
      if (isDead) throw new Crash();
      // Calls run side by side, so each phase has its own count.
      if (at === phase) calls += 1;
      if (calls !== call || at !== phase) return;
      isDead = true;
      throw new Crash();
    },
  };
}

function isPages(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

async function* gatedPages(pages: AsyncIterable<unknown>, gate: Gate): AsyncGenerator {
  await gate('before');
  yield* pages;
  await gate('after');
}

function gatedClient(litellm: LitellmClient, gate: Gate): LitellmClient {
  return new Proxy(litellm, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...parts: unknown[]): unknown => {
        if (name === 'readKeyPages' || name === 'readTeamPages') {
          const pages: unknown = Reflect.apply(value, target, parts);
          return isPages(pages) ? gatedPages(pages, gate) : pages;
        }
        return (async () => {
          await gate('before');
          const result: unknown = await Reflect.apply(value, target, parts);
          await gate('after');
          return result;
        })();
      };
    },
  });
}

/** Returns the worker. */
export function createSteppedWorker(on: KeyWorld, gate: Gate): SyncDeps {
  const tables = on.world.tables.view(async ({ phase }) => gate(phase));
  return on.worker(tables, gatedClient(on.litellm, gate));
}
