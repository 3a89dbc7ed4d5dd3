/** People with keys, who leave their team and come back. */
import type { LitellmKey } from '../../shared/model/litellmPorts.ts';
import type { RepairKeysDeps } from '../../shared/litellm/keys/repairKeys.ts';
import type { KeySettings, SyncResult } from '../../shared/litellm/syncDeps.ts';
import { createSyncWorld, type SyncWorld, type SyncWorldOptions } from './syncWorld.ts';
import { message, sampleRules } from './world.ts';

export const TEAM = 'g1';
export const OTHER_TEAM = 'g2';
export const ANN = 'ann';
export const BOB = 'bob';
const DAY_MS = 86_400_000;

export interface KeyWorld extends SyncWorld {
  /** Provisions a person with exactly these groups, and syncs everything that waits. */
  have(this: void, userId: string, groups: readonly string[]): Promise<readonly SyncResult[]>;
  /** As {@link KeyWorld.have}, but syncs nothing. */
  provisionOnly(this: void, userId: string, groups: readonly string[], observedAt?: string): Promise<void>;
  addKey(this: void, hash: string, changes?: Partial<LitellmKey>): void;
  advanceDays(this: void, days: number): void;
  key(this: void, hash: string): LitellmKey | undefined;
}

/** Creates a world in which Ann and Bob are members of {@link TEAM}, and Ann of {@link OTHER_TEAM}, with one key each. */
export async function createKeyWorld(
  options: SyncWorldOptions & { readonly version?: string } = {},
): Promise<KeyWorld> {
  const on = createSyncWorld({
    rules: sampleRules({ groupsAlsoCreateOrgs: false }),
    assigned: [TEAM, OTHER_TEAM].map((id) => ({ id, displayName: `Group ${id}` })),
    ...options,
  });
  on.litellm.version = options.version ?? '1.101.6';
  await on.refresh();
  let observations = 0;
  const provisionOnly: KeyWorld['provisionOnly'] = async (userId, groups, observedAt) => {
    observations += 1;
    on.world.clock.advance(2_000);
    const base = message({
      id: `observation-${observations}`,
      userId,
      email: `${userId}@company.com`,
      groups,
    });
    await on.provision({ ...base, observed_at: observedAt ?? on.world.clock.now().toISOString() });
  };
  const have = async (userId: string, groups: readonly string[]): Promise<readonly SyncResult[]> => {
    await provisionOnly(userId, groups);
    return on.drain();
  };
  const addKey = (hash: string, changes: Partial<LitellmKey> = {}): void => {
    const key: LitellmKey = {
      hash,
      name: `sk-...${hash.slice(0, 4)}`,
      userId: ANN,
      teamId: TEAM,
      blocked: false,
      models: [],
      spend: 0,
      metadata: {},
    };
    on.litellm.keys.set(hash, { ...key, ...changes });
  };
  await have(ANN, [TEAM, OTHER_TEAM]);
  await have(BOB, [TEAM]);
  addKey('ann-1');
  addKey('ann-other', { teamId: OTHER_TEAM });
  addKey('bob-1', { userId: BOB });
  on.litellm.keys.set('service', {
    hash: 'service',
    name: 'sk-...serv',
    teamId: TEAM,
    blocked: false,
    models: [],
    spend: 0,
    metadata: {},
  });
  return {
    ...on,
    have,
    provisionOnly,
    addKey,
    advanceDays: (days) => on.world.clock.advance(days * DAY_MS),
    key: (hash) => on.litellm.keys.get(hash),
  };
}

/** Returns what the daily job about keys needs. */
export function repairDeps(on: SyncWorld, keys: Partial<KeySettings> = {}): RepairKeysDeps {
  const { queue, clock } = on.deps;
  const requests = { queue, clock, traceparent: () => undefined };
  return {
    ...on.deps,
    keys: { ...on.deps.keys, ...keys },
    teamIndex: on.world.store.teamIndex,
    requests,
  };
}
