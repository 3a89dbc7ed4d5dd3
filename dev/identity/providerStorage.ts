/** The provider's sessions, interactions and codes. They are in memory, because none is needed after a restart. */
import type { Adapter, AdapterPayload } from 'oidc-provider';

interface Entry {
  payload: AdapterPayload;
  readonly expiresAtMs: number;
}

const sweepAfterWrites = 500;

/**
 * Creates the storage: a function from a kind of entry to its adapter, as the provider expects. Expired entries stay
 * readable for `graceSeconds`, so that the provider can tell an expired code from an unknown one.
 */
export function createProviderStorage(graceSeconds = 3600): (kind: string) => Adapter {
  const entries = new Map<string, Entry>();
  let writes = 0;

  const sweep = (): void => {
    writes += 1;
    if (writes % sweepAfterWrites === 0) {
      const now = Date.now();
      for (const [key, entry] of entries) {
        if (entry.expiresAtMs < now) {
          entries.delete(key);
        }
      }
    }
  };

  const findBy = (kind: string, matches: (payload: AdapterPayload) => boolean): AdapterPayload | undefined =>
    [...entries].find(([key, entry]) => key.startsWith(`${kind} `) && matches(entry.payload))?.[1].payload;

  return (kind) => {
    const keyOf = (id: string): string => `${kind} ${id}`;
    return {
      upsert: (id, payload, expiresInSeconds) => {
        const livesMs = ((expiresInSeconds ?? Infinity) + graceSeconds) * 1000;
        entries.set(keyOf(id), { payload, expiresAtMs: Date.now() + livesMs });
        sweep();
        return Promise.resolve();
      },
      find: (id) => Promise.resolve(entries.get(keyOf(id))?.payload),
      findByUid: (uid) => Promise.resolve(findBy(kind, (payload) => payload.uid === uid)),
      findByUserCode: (userCode) => Promise.resolve(findBy(kind, (payload) => payload.userCode === userCode)),
      consume: (id) => {
        const entry = entries.get(keyOf(id));
        if (entry !== undefined) {
          entry.payload = { ...entry.payload, consumed: Math.floor(Date.now() / 1000) };
        }
        return Promise.resolve();
      },
      destroy: (id) => {
        entries.delete(keyOf(id));
        return Promise.resolve();
      },
      revokeByGrantId: (grantId) => {
        for (const [key, entry] of entries) {
          // A used code must stay known as used.
          if (entry.payload.grantId === grantId && entry.payload.kind !== 'AuthorizationCode') {
            entries.delete(key);
          }
        }
        return Promise.resolve();
      },
    };
  };
}
