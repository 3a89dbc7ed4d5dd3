import type { PersonKeys } from './personKeys.ts';

/** After a refusal, a key is tried again by a later sync, but not at once. */
const REFUSED_PAUSE_MS = 60_000;

/**
 * Gives each recorded key back whose owner is a member of its team again. `teamIds`: the teams that have the person as a member now, in
 * the store and in LiteLLM. Costs nothing for a person without recorded keys, and three requests for each key. A key that LiteLLM
 * refuses stays parked.
 */
export async function returnKeys(keys: PersonKeys, teamIds: ReadonlySet<string>): Promise<void> {
  const nowMs = keys.deps.clock.now().getTime();
  for (const key of keys.keys.values()) {
    if (!teamIds.has(key.teamId)) continue;
    if (key.refusedAt !== undefined && nowMs - Date.parse(key.refusedAt) < REFUSED_PAUSE_MS) continue;
    try {
      await keys.person.lease.keep();
      await keys.settle(key, 'return');
    } catch (error) {
      keys.person.errors.keep(error);
    }
  }
}
