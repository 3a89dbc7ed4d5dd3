/** Leaving a team: the person's keys of it are parked before the membership goes, and looked for once more afterwards. */
import { isSafeId } from '../../model/entities.ts';
import type { KeyFilter, LitellmKey } from '../../model/litellmPorts.ts';
import type { Leaving, LeavingReason, RestingKey } from '../../model/restingKeys.ts';
import type { SyncedMembership } from '../../model/synced.ts';
import { errorCodeOf } from '../../model/errors.ts';
import { isAtLeast } from '../proxyVersion.ts';
import { isFailedTry, type PersonKeys } from './personKeys.ts';

/** A key that cannot be parked in this many tries does not hold the removal up. */
const MOST_TRIES = 3;
/** While a person makes new keys faster than they are parked, the removal must not wait for ever. */
const MOST_ROUNDS = 10;
const DAY_MS = 86_400_000;
/** From this version the proxy lists the keys that it deleted. */
const LISTS_DELETED = '1.84.0';
/** How far the proxy's clock may be behind this one. */
const CLOCK_SKEW_MS = 60_000;

/**
 * Returns what is to be recorded before a membership is removed. The date is fixed now: a changed setting never shortens it. A
 * leaving that was interrupted goes on, and so does one whose removal LiteLLM lost.
 */
export function planLeaving(
  keys: PersonKeys,
  { teamId, reason }: { readonly teamId: string; readonly reason: LeavingReason },
  record: SyncedMembership | undefined,
): Leaving {
  const last = keys.left.get(teamId);
  if (last !== undefined && (last.isOpen || record?.state === 'removed')) return { ...last, isOpen: true };
  const now = keys.deps.clock.now();
  const observedAt = keys.person.stored.user?.run?.observation.observed_at;
  return {
    teamId,
    reason,
    leftAt: now.toISOString(),
    deleteAt: new Date(now.getTime() + keys.deps.keys.parkedKeyDays * DAY_MS).toISOString(),
    ...(observedAt === undefined ? {} : { observedAt }),
    isOpen: true,
    lost: 0,
  };
}

async function listKeys(keys: PersonKeys, filter: KeyFilter): Promise<readonly LitellmKey[]> {
  const listed: LitellmKey[] = [];
  for await (const page of keys.deps.litellm.readKeyPages(filter)) listed.push(...page);
  return listed;
}

function parkingOf(
  keys: PersonKeys,
  { teamId, leftAt, deleteAt }: Leaving,
  key: LitellmKey & { readonly teamAlias?: string | undefined },
): RestingKey {
  const { hash, name, alias, blocked, models, expires, teamAlias } = key;
  const known = keys.keys.get(hash);
  const closing = new Set(keys.person.recorded.standing?.blockedKeys);
  const retried = known?.state === 'parking' ? known : undefined;
  const now = keys.deps.clock.now();
  // From now on: the leaving may have been recorded long ago.
  const restsUntil = new Date(now.getTime() + Date.parse(deleteAt) - Date.parse(leftAt)).toISOString();
  return {
    hash,
    teamId,
    ...(teamAlias === undefined ? {} : { teamAlias }),
    state: 'parking',
    name,
    ...(alias === undefined ? {} : { alias }),
    // A key that only the closing of the account blocked is open again once the account is.
    was: { blocked: blocked && !closing.has(hash), models, ...(expires === undefined ? {} : { expires }) },
    parkedAt: retried?.parkedAt ?? now.toISOString(),
    deleteAt: retried?.deleteAt ?? restsUntil,
    tries: (retried?.tries ?? 0) + 1,
  };
}

/** Parks each key of one list: all are recorded before the first call. A try that failed is counted by the next list. */
async function parkListed(keys: PersonKeys, leaving: Leaving, listed: readonly LitellmKey[]): Promise<void> {
  const { teamId } = leaving;
  const teams = await keys.deps.store.entities.readTeams([teamId]);
  const teamAlias = teams.found.get(teamId)?.value.team_alias;
  await keys.deps.parkedOwner.ensure();
  const parking = listed.map((key) => parkingOf(keys, leaving, { ...key, teamAlias }));
  for (const deleteAt of new Set(parking.map((key) => key.deleteAt))) {
    await keys.deps.record.due.add(keys.userId, deleteAt);
  }
  await keys.record(new Map(parking.map((key) => [key.hash, key])));
  const parked = new Map<string, RestingKey>();
  try {
    for (const key of parking) {
      try {
        await keys.sendPark(key.hash);
        parked.set(key.hash, { ...key, state: 'parked' });
      } catch (error) {
        if (!isFailedTry(error)) throw error;
      }
    }
  } finally {
    await keys.record(parked);
    keys.count({ parked: parked.size });
  }
}

/** Lists and parks until nothing new appears. Costs one request where the person has no key of the team. */
async function parkUntilNone(
  keys: PersonKeys,
  leaving: Leaving,
  isMeant: (key: LitellmKey) => boolean = () => true,
): Promise<void> {
  const { userId } = keys;
  const { teamId } = leaving;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const listed = (await listKeys(keys, { userId, teamId })).filter((key) => {
      const { hash } = key;
      const known = keys.keys.get(hash);
      return isMeant(key) && isSafeId(hash) && !(known?.state === 'parking' && known.tries >= MOST_TRIES);
    });
    if (listed.length === 0) break;
    await parkListed(keys, leaving, listed);
  }
}

/**
 * Parks the person's keys of a team before the membership is removed. The leaving must be recorded. Throws what concerns more than
 * one key: then the removal waits. A key that cannot be parked in three tries does not hold it up.
 */
export async function parkBeforeRemoval(keys: PersonKeys, leaving: Leaving): Promise<void> {
  await parkUntilNone(keys, leaving);
}

/**
 * Returns the keys of the person and the team after the removal. From 1.84 these are the ones that LiteLLM deleted; before, the ones
 * that it still has.
 */
async function listAfterRemoval(keys: PersonKeys, teamId: string): Promise<readonly LitellmKey[]> {
  const { userId } = keys;
  const { version } = await keys.deps.proxy.read();
  if (isAtLeast(version, LISTS_DELETED) === false) return listKeys(keys, { userId, teamId });
  try {
    return await listKeys(keys, { userId, teamId, isDeleted: true });
  } catch (error) {
    if (errorCodeOf(error) !== 'litellm_refused') throw error;
    return listKeys(keys, { userId, teamId });
  }
}

/** Returns how many keys LiteLLM destroyed with the membership. */
function countLost(keys: PersonKeys, { leftAt }: Leaving, listed: readonly LitellmKey[]): number {
  const sinceMs = Date.parse(leftAt) - CLOCK_SKEW_MS;
  return listed.filter(
    // A recorded key is counted when it is settled. One that the person deleted is not lost.
    ({ hash, deleted }) =>
      deleted !== undefined &&
      deleted.by !== keys.userId &&
      Date.parse(deleted.at) >= sinceMs &&
      !keys.keys.has(hash),
  ).length;
}

/**
 * Looks once more after the membership is gone, and closes the leaving. Keys that the person made in between are parked, where LiteLLM
 * left them, and counted where it destroyed them. Where nothing rests for any time, the keys are deleted now. Costs one request where
 * the person has no key of the team. Can be repeated: what was counted before is not counted again.
 */
export async function finishLeaving(keys: PersonKeys, leaving: Leaving): Promise<Leaving> {
  const { teamId } = leaving;
  const lostBefore = keys.counts.lost;
  const listed = await listAfterRemoval(keys, teamId);
  const destroyed = countLost(keys, leaving, listed);
  if (listed.some(({ deleted }) => deleted === undefined)) await parkUntilNone(keys, leaving);
  for (const key of keys.of(teamId)) {
    if (key.state !== 'parked') await keys.settle(key, 'rest');
  }
  for (const key of keys.of(teamId)) if (restsForNoTime(key)) await keys.settle(key, 'delete');
  const settled = keys.counts.lost - lostBefore;
  keys.count({ lost: Math.max(0, destroyed - leaving.lost) });
  return { ...leaving, isOpen: false, lost: Math.max(leaving.lost, destroyed) + settled };
}

/**
 * Parks keys of a team whose owner is no member of it. `isMeant`: which of them. The leaving is recorded, and closed, only if the person
 * was a member once.
 */
export async function parkWithoutMembership(
  keys: PersonKeys,
  {
    teamId,
    wasMember,
    isMeant,
  }: { readonly teamId: string; readonly wasMember: boolean; isMeant(this: void, key: LitellmKey): boolean },
): Promise<void> {
  const leaving = planLeaving(keys, { teamId, reason: 'key_without_membership' }, undefined);
  if (wasMember) await keys.recordLeft(leaving);
  await parkUntilNone(keys, leaving, isMeant);
  for (const key of keys.of(teamId)) if (restsForNoTime(key)) await keys.settle(key, 'delete');
  if (wasMember) await keys.recordLeft({ ...leaving, isOpen: false });
}

/** Recorded while `LITELLM_PARKED_KEY_DAYS` was 0. */
export function restsForNoTime({ parkedAt, deleteAt }: Pick<RestingKey, 'parkedAt' | 'deleteAt'>): boolean {
  return Date.parse(deleteAt) <= Date.parse(parkedAt);
}
