/** Keys in teams of ours whose owner is a person of ours, but no member of the team. */
import { isSafeId } from '../../model/entities.ts';
import type { LitellmKey } from '../../model/litellmPorts.ts';
import { inParallel } from '../../platform/inParallel.ts';
import { addCounts, type KeyCounts, NO_KEYS } from '../../model/restingKeys.ts';
import type { SyncedMembership } from '../../model/synced.ts';
import type { MemberIndex } from '../../storage/memberIndex.ts';
import { isClosed } from '../../model/userRecord.ts';
import { readPerson } from '../readPerson.ts';
import type { SyncDeps } from '../syncDeps.ts';
import { takeLease } from '../syncLease.ts';
import { PARKED_OWNER } from './decideKey.ts';
import { isAboutPerson } from './deleteDueKeys.ts';
import { isMadeHere } from './keyMark.ts';
import { parkWithoutMembership } from './parkKeys.ts';
import { PersonKeys } from './personKeys.ts';

const PARALLEL_LOOKS = 16;

export interface StrayDeps extends SyncDeps {
  /** The index of members by team. */
  readonly teamIndex: Pick<MemberIndex, 'findRole'>;
}

export interface Strays {
  readonly counts: KeyCounts;
  /** Service accounts of teams of ours. */
  readonly withoutOwner: number;
  /** Reported: nothing says that the person was a member once. */
  readonly leftAlone: number;
  /** Closed accounts whose keys go on working, because LITELLM_CLOSE_FOUND is off. */
  readonly closedWithKeys: number;
}

interface OwnedKey extends LitellmKey {
  readonly userId: string;
  readonly teamId: string;
}

/** One person and team, with the keys that look stray. */
interface Pair {
  readonly userId: string;
  readonly teamId: string;
  readonly keys: OwnedKey[];
}

function isOurs(membership: SyncedMembership | undefined): boolean {
  return membership?.state === 'added' || membership?.state === 'removed';
}

class StraySearch {
  counts: KeyCounts = NO_KEYS;
  withoutOwner = 0;
  leftAlone = 0;
  /** Ids; of closed accounts alone, so there are few. */
  readonly closedWithKeys = new Set<string>();
  readonly #deps: StrayDeps;
  /** By team: the ids of its members in LiteLLM. Only of teams with a key that looks stray. */
  readonly #members = new Map<string, Promise<ReadonlySet<string> | undefined>>();

  constructor(deps: StrayDeps) {
    this.#deps = deps;
  }

  async page(keys: readonly LitellmKey[], ownUserId: string): Promise<void> {
    const teamIds = [...new Set(keys.flatMap(({ teamId }) => teamId ?? []))].filter(isSafeId);
    const { found } = await this.#deps.store.entities.readTeams(teamIds);
    const pairs = new Map<string, Pair>();
    for (const key of keys) {
      const { userId, teamId } = key;
      if (teamId === undefined || !found.has(teamId)) continue;
      if (userId === undefined) {
        this.withoutOwner += 1;
        continue;
      }
      if (userId === PARKED_OWNER || userId === ownUserId || !isSafeId(userId)) continue;
      const pair = pairs.get(`${teamId}:${userId}`) ?? { userId, teamId, keys: [] };
      pair.keys.push({ ...key, userId, teamId });
      pairs.set(`${teamId}:${userId}`, pair);
    }
    await this.#findClosed(keys);
    const strays = await inParallel([...pairs.values()], PARALLEL_LOOKS, async (pair) =>
      (await this.#isStray(pair)) ? [pair] : [],
    );
    for (const pair of strays.flat()) await this.#handle(pair);
  }

  /** Looks at each owner of an open key, and only where closed accounts of users that LiteLLM had before are left alone. */
  async #findClosed(keys: readonly LitellmKey[]): Promise<void> {
    const { closesFoundUsers, store, record } = this.#deps;
    if (closesFoundUsers) return;
    const owners = new Set(keys.flatMap(({ userId, blocked }) => (blocked ? [] : (userId ?? []))));
    await inParallel([...owners].filter(isSafeId), PARALLEL_LOOKS, async (userId) => {
      const user = await store.users.find(userId);
      if (user === undefined || !isClosed(user)) return;
      // A user that this product created is closed, whatever the setting says.
      if ((await record.readPerson(userId)).user === undefined) this.closedWithKeys.add(userId);
    });
  }

  async #isStray({ userId, teamId }: Pair): Promise<boolean> {
    const { store, teamIndex } = this.#deps;
    // An unreadable role counts as a membership.
    if ((await teamIndex.findRole(userId, teamId)) !== undefined) return false;
    if ((await store.users.find(userId))?.run === undefined) return false;
    return !((await this.#membersOf(teamId))?.has(userId) ?? true);
  }

  /** `undefined`: LiteLLM does not have the team. */
  async #membersOf(teamId: string): Promise<ReadonlySet<string> | undefined> {
    const known = this.#members.get(teamId);
    if (known !== undefined) return known;
    const reading = this.#deps.litellm
      .findTeam(teamId)
      .then((team) => team && new Set(team.members.map(({ userId }) => userId)));
    this.#members.set(teamId, reading);
    return reading;
  }

  async #handle(pair: Pair): Promise<void> {
    try {
      await this.#park(pair);
    } catch (error) {
      if (!isAboutPerson(error)) throw error;
    }
  }

  /** Looks again under the person's lease, then parks as for leaving. */
  async #park({ userId, teamId, keys: stray }: Pair): Promise<void> {
    const lease = await takeLease(this.#deps, { kind: 'user', id: userId });
    try {
      const person = await readPerson(this.#deps, userId, lease);
      const { rows, unreadable } = person.stored.teamRows;
      const isMember =
        rows.some(({ entityId }) => entityId === teamId) || unreadable.some(({ id }) => id === teamId);
      if (isMember || person.stored.user?.run === undefined) return;
      const team = await this.#deps.litellm.findTeam(teamId);
      if (team?.members.some((member) => member.userId === userId) ?? true) return;
      const { left, teams } = person.recorded;
      const wasMember = left.has(teamId) || isOurs(teams.get(teamId));
      const isMeant = (key: LitellmKey): boolean => wasMember || isMadeHere(key);
      this.leftAlone += stray.filter((key) => !isMeant(key)).length;
      if (!stray.some((key) => isMeant(key))) return;
      const personKeys = new PersonKeys(this.#deps, person);
      await parkWithoutMembership(personKeys, { teamId, wasMember, isMeant });
      this.counts = addCounts(this.counts, personKeys.counts);
    } catch (error) {
      lease.noteFailure(error);
      throw error;
    } finally {
      await lease.release();
    }
  }
}

/**
 * Looks through all keys of the proxy, 100 a request, and parks the stray ones that this product made, or whose owner once was a member
 * by this product. The others are counted and left alone. Costs one point read of the store for each person and team with a key, and
 * one request for each team with a key that looks stray.
 */
export async function parkStrayKeys(deps: StrayDeps): Promise<Strays> {
  const { ownUserId } = await deps.proxy.read();
  const search = new StraySearch(deps);
  for await (const page of deps.litellm.readKeyPages({})) await search.page(page, ownUserId);
  const { counts, withoutOwner, leftAlone, closedWithKeys } = search;
  return { counts, withoutOwner, leftAlone, closedWithKeys: closedWithKeys.size };
}
