/** Which resting keys are due for deletion, and whether they are too many at once. Pure. */
import { createHash } from 'node:crypto';
import type { HeldBackKeys, KeyReport, Leaving, RestingKey } from '../../model/restingKeys.ts';
import type { StoredPerson } from '../readPerson.ts';
import { restsForNoTime } from './parkKeys.ts';

/** More keys than this in a day wait for acceptance. */
const MOST_KEYS = 20;
const MOST_PERCENT = 20;
/** Below this number of parked keys, a percentage says little. */
const LEAST_PARKED = 10;

/**
 * - `resting`: its date is not there yet.
 * - `member`: its owner is in the team again, or may be.
 * - `unconfirmed`: it is due, but no observation after the parking has shown yet that the group is missing.
 * - `due`: it may be deleted, if it is not one of too many.
 * - `at once`: it was parked without any days of rest.
 */
export type Dueness = 'resting' | 'member' | 'unconfirmed' | 'due' | 'at once';

/** Whether the store has the membership, or cannot say. Unknown counts as a membership. */
function mayBeMember({ user, teamRows }: StoredPerson, teamId: string): boolean {
  if (user?.run === undefined || user.unreadable !== undefined) return true;
  return (
    teamRows.rows.some(({ entityId }) => entityId === teamId) ||
    teamRows.unreadable.some(({ id }) => id === teamId)
  );
}

/** Decides about one key. `left`: the leaving that parked it. */
export function decideDue(
  key: RestingKey,
  { stored, left }: { readonly stored: StoredPerson; readonly left: Leaving | undefined },
  now: Date,
): Dueness {
  if (mayBeMember(stored, key.teamId)) return 'member';
  if (restsForNoTime(key)) return 'at once';
  if (now.getTime() < Date.parse(key.deleteAt)) return 'resting';
  const run = stored.user?.run;
  if (run?.state !== 'applied') return 'unconfirmed';
  const observedMs = Date.parse(run.observation.observed_at);
  // Two clocks: the observation that ended the membership must not count, even if ours is slow.
  const isLater =
    observedMs > Date.parse(key.parkedAt) && observedMs > Date.parse(left?.observedAt ?? key.parkedAt);
  return isLater ? 'due' : 'unconfirmed';
}

export interface DueKeysInput {
  /** Hashes of the keys that are due. */
  readonly due: readonly string[];
  /** All parked keys. */
  readonly parked: number;
  readonly last: KeyReport | undefined;
  /** `LITELLM_PARKED_KEYS_ACCEPT` */
  readonly acceptVersion: string | undefined;
  readonly now: Date;
}

export interface DueDecision {
  /** The keys that may be deleted now. */
  readonly allowed: readonly string[];
  /** Present if the others wait for acceptance. */
  readonly heldBack?: HeldBackKeys;
  /** Deleted today before. */
  readonly deletedToday: number;
}

/** Returns the version of a set of keys: 16 hex digits. */
function versionOfKeys(hashes: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(hashes)).digest('hex').slice(0, 16);
}

export function dayOf(now: Date): string {
  return now.toISOString().slice(0, 10);
}

/**
 * Decides which of the due keys may be deleted now. More than 20 a day, or more than 20 % of the parked keys, wait until an operator
 * accepts their version. The acceptance covers exactly the keys that were held back, whatever has become due since.
 */
export function decideDeletion({ due, parked, last, acceptVersion, now }: DueKeysInput): DueDecision {
  const deletedToday = last?.deleted.day === dayOf(now) ? last.deleted.keys : 0;
  const total = due.length + deletedToday;
  const base = parked + deletedToday;
  const isTooMany = total > MOST_KEYS || (base >= LEAST_PARKED && total * 100 > base * MOST_PERCENT);
  if (due.length === 0 || !isTooMany) return { allowed: due, deletedToday };
  const held = last?.heldBack;
  if (held !== undefined && held.version === acceptVersion) {
    const accepted = new Set(held.hashes);
    return { allowed: due.filter((hash) => accepted.has(hash)), deletedToday };
  }
  const hashes = [...due].sort();
  const version = versionOfKeys(hashes);
  const since = held?.version === version ? held.since : now.toISOString();
  return { allowed: [], heldBack: { version, hashes, since }, deletedToday };
}
