/** Loads the members of one organization or team in lists: everyone whom the store has in it and LiteLLM does not. */
import { isSafeId } from '../model/entities.ts';
import { errorCodeOf } from '../model/errors.ts';
import { inParallel } from '../platform/inParallel.ts';
import { enqueueSync } from '../queue/queueMessage.ts';
import type { IndexEntry, MemberIndex } from '../storage/memberIndex.ts';
import { loadBatch, PARALLEL_STORAGE, type Place, placeKey, rolesOf } from './loadBatch.ts';
import type { SyncChanges, SyncDeps } from './syncDeps.ts';
import { overtaken } from './syncLease.ts';

/** As many as LiteLLM looks up in one request. */
const BATCH_SIZE = 100;

/** A longer load goes on in another message, so that none comes near the host's time limit. */
const LOAD_LIMIT_MS = 3 * 60_000;

/** How long a load comes back for people whom other syncs hold. Loads at the same time share people. */
const BUSY_LIMIT_MS = 2 * 60_000;

export interface LoadSubject {
  readonly kind: 'organization' | 'team';
  readonly id: string;
}

export interface Load {
  readonly subject: LoadSubject;
  /** What LiteLLM has of it, after its organization's. Without its own: LiteLLM does not have it. */
  readonly places: readonly Place[];
  /** How long the message has waited. */
  readonly waitedMs: number;
}

function requireIndex({ store }: SyncDeps, kind: LoadSubject['kind']): MemberIndex {
  const index = store.memberIndexes.find((each) => each.kind === kind);
  if (index === undefined) throw new Error(`The store has no index of members by ${kind}.`);
  return index;
}

/** One load, and what it has done so far. */
class Loading {
  added = 0;
  isBusy = false;
  readonly #deps: SyncDeps;
  readonly #load: Load;
  readonly #index: MemberIndex;
  readonly #startedMs: number;
  /** Ids only, of the members of this organization or team. */
  readonly #members = new Map<string, Set<string>>();

  constructor(deps: SyncDeps, load: Load) {
    this.#deps = deps;
    this.#load = load;
    this.#index = requireIndex(deps, load.subject.kind);
    this.#startedMs = deps.clock.now().getTime();
  }

  /** Returns whether everyone was looked at. */
  async run(): Promise<boolean> {
    let waiting: string[] = [];
    for await (const page of this.#index.readMembersOf([this.#load.subject.id])) {
      waiting.push(...(await this.#absentOf(page)));
      for (; waiting.length >= BATCH_SIZE; waiting = waiting.slice(BATCH_SIZE)) {
        await this.#batch(waiting.slice(0, BATCH_SIZE));
        if (this.#deps.clock.now().getTime() - this.#startedMs >= LOAD_LIMIT_MS) return false;
      }
    }
    if (waiting.length > 0) await this.#batch(waiting);
    return true;
  }

  /** Returns who is to be added, and members of whom an interrupted load left only the intent. */
  async #absentOf(page: readonly IndexEntry[]): Promise<readonly string[]> {
    const { subject, places } = this.#load;
    const place = places.find((each) => placeKey(each) === placeKey(subject));
    const userIds = page.map(({ userId }) => userId).filter(isSafeId);
    const isAbsent = await inParallel(userIds, PARALLEL_STORAGE, async (userId) =>
      place?.roles.has(userId) === true ? this.#isOpen(userId) : true,
    );
    return userIds.filter((_, at) => isAbsent[at]);
  }

  async #isOpen(userId: string): Promise<boolean> {
    const { kind, id } = this.#load.subject;
    try {
      const { teams, organizations } = await this.#deps.record.readPerson(userId);
      return (kind === 'team' ? teams : organizations).get(id)?.state === 'adding';
    } catch (error) {
      if (errorCodeOf(error) === 'row_unreadable') return false;
      throw error;
    }
  }

  async #batch(userIds: readonly string[]): Promise<void> {
    const { places, subject, waitedMs } = this.#load;
    // LiteLLM refused the organization or team. Everyone else's syncs do what can be done for them.
    if (!places.some((each) => placeKey(each) === placeKey(subject))) return this.#askForEach(userIds);
    const { added, members, others, busy } = await loadBatch(this.#deps, { places, userIds });
    this.added += added;
    for (const [key, ids] of members) {
      const all = this.#members.get(key) ?? new Set();
      for (const id of ids) all.add(id);
      this.#members.set(key, all);
    }
    const isTooLong = waitedMs >= BUSY_LIMIT_MS;
    if (busy.length > 0 && !isTooLong) this.isBusy = true;
    // After the leases were released, which these syncs need.
    await this.#askForEach(isTooLong ? [...others, ...busy] : others);
  }

  /** Enqueues a sync of each person alone. */
  async #askForEach(userIds: readonly string[]): Promise<void> {
    const { queue, clock } = this.#deps;
    const requests = { queue, clock, traceparent: () => undefined };
    await inParallel(userIds, PARALLEL_STORAGE, async (id) => enqueueSync(requests, { kind: 'user', id }));
  }

  /** Enqueues the rest of the load. */
  async askForRest(): Promise<void> {
    const { queue, clock } = this.#deps;
    const requests = { queue, clock, traceparent: () => undefined };
    await enqueueSync(requests, this.#load.subject, { members: true });
  }

  /**
   * Reads the members back, and asks for a sync of each person who is not there, because some versions lose simultaneous writes, or
   * whose membership in the store has ended meanwhile.
   */
  async readBack(): Promise<void> {
    const places = this.#load.places.filter((place) => (this.#members.get(placeKey(place))?.size ?? 0) > 0);
    const organization = places.find(({ kind }) => kind === 'organization');
    const found = organization && (await this.#deps.litellm.findOrganization(organization.id));
    for (const place of places) {
      const { kind, id } = place;
      const members =
        kind === 'organization'
          ? found?.members
          : (found?.teams.get(id) ?? (await this.#deps.litellm.findTeam(id)))?.members;
      await this.#check(place, rolesOf(members ?? []));
    }
  }

  async #check({ kind, id }: Place, inLitellm: Place['roles']): Promise<void> {
    const index = requireIndex(this.#deps, kind);
    const userIds = [...(this.#members.get(placeKey({ kind, id })) ?? [])];
    const isWrong = await inParallel(
      userIds,
      PARALLEL_STORAGE,
      async (userId) => !inLitellm.has(userId) || (await index.findRole(userId, id)) === undefined,
    );
    await this.#askForEach(userIds.filter((_, at) => isWrong[at]));
  }
}

/**
 * Adds everyone whom the store has in the organization or team and LiteLLM does not; for a team, to its organization first. Costs a
 * request for each 100 people to look at them, one for each new user, one for each 50 memberships, and one or two to read back. Memory
 * holds 100 people and the ids of the members. Safe to repeat and to interrupt. People who need more than a list get a sync of their own.
 * Throws `sync_overtaken` after everything else is done if other syncs hold some of the people, and as the sync of a person.
 */
export async function loadMembers(deps: SyncDeps, load: Load): Promise<SyncChanges> {
  const loading = new Loading(deps, load);
  const isComplete = await loading.run();
  await loading.readBack();
  if (!isComplete) await loading.askForRest();
  else if (loading.isBusy) throw overtaken(load.subject);
  return { added: loading.added, changed: 0, removed: 0 };
}
