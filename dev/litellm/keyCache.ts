/** The cache of a worker: what it knew about a key when the key last answered. */
import { hashKey } from './proxyStore.ts';
import type { ProxyStore } from './proxyStore.ts';
import type { Team, User, VirtualKey } from './proxyData.ts';

/** A key with what decides whether it answers. */
export interface KnownKey {
  readonly key: VirtualKey;
  readonly user: User | undefined;
  readonly team: Team | undefined;
}

/** Keeps answers of the database for a time. Without a time it keeps nothing. */
export class KeyCache {
  readonly #store: ProxyStore;
  readonly #cacheSeconds: () => number;
  readonly #known = new Map<string, KnownKey & { readonly untilMs: number }>();

  constructor(store: ProxyStore, cacheSeconds: () => number) {
    this.#store = store;
    this.#cacheSeconds = cacheSeconds;
  }

  /** Finds a key as the database has it, or as it was if the cache still knows it. */
  find(secret: string, nowMs: number): KnownKey | undefined {
    const cacheMs = this.#cacheSeconds() * 1000;
    if (cacheMs === 0) {
      this.#known.clear();
      return this.#read(secret);
    }
    const known = this.#known.get(hashKey(secret));
    if (known !== undefined && nowMs < known.untilMs) return known;
    const read = structuredClone(this.#read(secret));
    if (read === undefined) this.#known.delete(hashKey(secret));
    else this.#known.set(read.key.token, { ...read, untilMs: nowMs + cacheMs });
    return read;
  }

  #read(secret: string): KnownKey | undefined {
    const key = this.#store.findKey(secret);
    if (key === undefined) return undefined;
    return {
      key,
      user: this.#store.users.get(key.user_id ?? ''),
      team: this.#store.teams.get(key.team_id ?? ''),
    };
  }
}
