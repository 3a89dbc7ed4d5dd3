/** The daily job's look at resting keys: which are due, which somebody opened, and which should have returned. */
import type { LitellmKey } from '../../model/litellmPorts.ts';
import { addCounts, type KeyCounts, NO_KEYS, type RestingKey } from '../../model/restingKeys.ts';
import type { DueEntry } from '../../storage/parkedKeys.ts';
import { AppError } from '../../model/errors.ts';
import { readPerson } from '../readPerson.ts';
import type { SyncDeps } from '../syncDeps.ts';
import { takeLease } from '../syncLease.ts';
import { decideDue, type Dueness } from './decideDue.ts';
import { PARKED_OWNER } from './decideKey.ts';
import { PersonKeys } from './personKeys.ts';

/** By hash: the keys that LiteLLM has under the owner of parked keys. */
export type ParkedInLitellm = ReadonlyMap<string, Pick<LitellmKey, 'blocked' | 'teamId'>>;

/** Reads all parked keys, 100 a request. */
export async function readParked({ litellm }: Pick<SyncDeps, 'litellm'>): Promise<ParkedInLitellm> {
  const parked = new Map<string, Pick<LitellmKey, 'blocked' | 'teamId'>>();
  for await (const page of litellm.readKeyPages({ userId: PARKED_OWNER })) {
    for (const { hash, blocked, teamId } of page) {
      parked.set(hash, { blocked, ...(teamId === undefined ? {} : { teamId }) });
    }
  }
  return parked;
}

/** A person with resting keys, and the entries of the index that name the person. */
export interface PersonWithKeys {
  readonly userId: string;
  readonly days: readonly string[];
}

/** Reads the index of due dates. Each person comes once. */
export async function readPeopleWithKeys({
  record,
}: Pick<SyncDeps, 'record'>): Promise<readonly PersonWithKeys[]> {
  const days = new Map<string, string[]>();
  for await (const page of record.due.readPages()) {
    for (const { day, userId } of page) days.set(userId, [...(days.get(userId) ?? []), day]);
  }
  return [...days].map(([userId, ofPerson]) => ({ userId, days: ofPerson }));
}

/** What one look at a person's keys found. */
export interface KeyLook {
  readonly due: readonly string[];
  readonly unconfirmed: number;
  /** Something is to be done about a key, or about the index. */
  readonly needsWork: boolean;
}

function isAsLeft(key: RestingKey, parked: ParkedInLitellm): boolean {
  const found = parked.get(key.hash);
  return key.state === 'parked' && found?.blocked === true && found.teamId === undefined;
}

/** Looks at a person's record without a lease. Sends nothing to LiteLLM. */
export async function lookAtKeys(
  deps: Pick<SyncDeps, 'record' | 'store' | 'clock'>,
  { userId, days }: PersonWithKeys,
  parked: ParkedInLitellm,
): Promise<KeyLook> {
  const [{ keys, left }, user, memberships] = await Promise.all([
    deps.record.readPerson(userId),
    deps.store.users.find(userId),
    deps.store.readMemberships(userId),
  ]);
  const stored = { user, ...memberships };
  const now = deps.clock.now();
  const looked = [...keys.values()].map((key) => ({
    key,
    dueness: decideDue(key, { stored, left: left.get(key.teamId) }, now),
  }));
  const withDueness = (dueness: Dueness): readonly RestingKey[] =>
    looked.filter((each) => each.dueness === dueness).map(({ key }) => key);
  const named = new Set([...keys.values()].map(({ deleteAt }) => deleteAt.slice(0, 10)));
  return {
    due: withDueness('due').map(({ hash }) => hash),
    unconfirmed: withDueness('unconfirmed').length,
    needsWork:
      withDueness('at once').length + withDueness('member').length > 0 ||
      [...keys.values()].some((key) => !isAsLeft(key, parked)) ||
      days.some((day) => !named.has(day)),
  };
}

/** What became of a person's keys. */
export interface SettledPerson {
  readonly counts: KeyCounts;
  /** Keys that should return. Only a sync of the person gives them back. */
  readonly shouldSync: boolean;
}

/**
 * Settles a person's keys under the person's lease, from a new read of everything: deletes what is due, if `mayDelete` says so for the
 * key; parks what somebody opened; forgets what is not ours any more; and removes entries of the index that name nothing.
 */
export async function settlePerson(
  deps: SyncDeps,
  { userId, days }: PersonWithKeys,
  { parked, mayDelete }: { readonly parked: ParkedInLitellm; mayDelete(this: void, hash: string): boolean },
): Promise<SettledPerson> {
  const lease = await takeLease(deps, { kind: 'user', id: userId });
  try {
    const person = await readPerson(deps, userId, lease);
    const keys = new PersonKeys(deps, person);
    const now = deps.clock.now();
    let shouldSync = false;
    for (const key of keys.keys.values()) {
      await lease.keep();
      const { stored } = person;
      const dueness = decideDue(key, { stored, left: keys.left.get(key.teamId) }, now);
      const goesNow = dueness === 'at once' || (dueness === 'due' && mayDelete(key.hash));
      if (dueness === 'member') shouldSync = true;
      else if (goesNow) await keys.settle(key, 'delete');
      else if (!isAsLeft(key, parked)) await keys.settle(key, 'rest');
    }
    await forgetDays(deps, { userId, days, keys });
    return { counts: keys.counts, shouldSync };
  } catch (error) {
    lease.noteFailure(error);
    throw error;
  } finally {
    await lease.release();
  }
}

async function forgetDays(
  { record }: SyncDeps,
  { userId, days, keys }: PersonWithKeys & { readonly keys: PersonKeys },
): Promise<void> {
  const named = new Set([...keys.keys.values()].map(({ deleteAt }) => deleteAt.slice(0, 10)));
  const unused: readonly DueEntry[] = days.filter((day) => !named.has(day)).map((day) => ({ day, userId }));
  for (const entry of unused) await record.due.remove(entry);
}

/** Adds up what the people's keys came to. A person whose record or lease is not there now is left for the next day. */
export async function settlePeople(
  deps: SyncDeps,
  people: readonly PersonWithKeys[],
  options: Parameters<typeof settlePerson>[2],
): Promise<{ readonly counts: KeyCounts; readonly toSync: readonly string[] }> {
  let counts = NO_KEYS;
  const toSync: string[] = [];
  for (const person of people) {
    try {
      const settled = await settlePerson(deps, person, options);
      counts = addCounts(counts, settled.counts);
      if (settled.shouldSync) toSync.push(person.userId);
    } catch (error) {
      if (!isAboutPerson(error)) throw error;
    }
  }
  return { counts, toSync };
}

/** Another sync holds the lease, or an edit made a row unreadable. */
export function isAboutPerson(error: unknown): boolean {
  return error instanceof AppError && (error.code === 'sync_overtaken' || error.code === 'row_unreadable');
}
