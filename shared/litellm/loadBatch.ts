/**
 * Adds up to 100 people to an organization and a team in lists. Each of them is held by a lease, was read under it, has a user that was
 * just looked at or created, and has a recorded intent, so that a crash at any point loses nothing and adds nothing of an administrator's.
 */
import type { OrganizationRole, TeamRole } from '../model/entities.ts';
import { errorCodeOf } from '../model/errors.ts';
import type { LitellmMember } from '../model/litellmPorts.ts';
import { userValues } from '../model/litellmValues.ts';
import type { SyncedMembership, SyncOutcome } from '../model/synced.ts';
import { chunksOf, inParallel } from '../platform/inParallel.ts';
import type { MembershipPartition } from '../storage/membershipStore.ts';
import type { PersonRecordChanges, SyncedPerson } from '../storage/syncRecord.ts';
import { type LitellmMembershipPlan, planLitellmMemberships } from './planLitellmMemberships.ts';
import { type PersonSync, readPerson } from './readPerson.ts';
import { standingOf } from './standing.ts';
import type { SyncDeps } from './syncDeps.ts';
import { KeptErrors, mayStillTakeEffect } from './syncErrors.ts';
import { type SyncLease, takeFreeLease, takeLease } from './syncLease.ts';
import { intentsOf, type MembershipPlans, syncMemberships } from './syncMemberships.ts';
import type { EntityInLitellm } from './upsertEntity.ts';
import { upsertUser } from './upsertUser.ts';

/** Requests of storage at a time. */
export const PARALLEL_STORAGE = 16;
/** New users at a time: few enough for a proxy that also serves models. */
const PARALLEL_CREATIONS = 8;
/** What LiteLLM takes in one request. */
const LIST_LENGTH = 50;

type Kind = 'organization' | 'team';

/** An organization or team, and who is in it in LiteLLM. */
export interface Place {
  readonly kind: Kind;
  readonly id: string;
  readonly roles: ReadonlyMap<string, string>;
}

export function rolesOf(members: readonly LitellmMember[]): Place['roles'] {
  return new Map(members.map(({ userId, role }) => [userId, role]));
}

/** Returns those of them that LiteLLM has. */
export function placesOf(
  ...entities: readonly (Pick<Place, 'kind' | 'id'> & {
    readonly upserted: Pick<EntityInLitellm, 'members' | 'isMissing'> | undefined;
  })[]
): readonly Place[] {
  return entities.flatMap(({ kind, id, upserted }) =>
    upserted === undefined || upserted.isMissing ? [] : [{ kind, id, roles: rolesOf(upserted.members) }],
  );
}

/** One person of the batch. */
interface Candidate {
  readonly person: PersonSync;
  /** Adds to the batch's places, and what is to be recorded of them. Nothing else. */
  readonly plans: MembershipPlans;
  /** A sync of the person alone does the rest. */
  isOut: boolean;
  hasIntents: boolean;
  /** Added in a list, and not recorded yet. */
  readonly added: Set<Kind>;
  /** Nothing more is to be recorded: done one at a time, or the answer was lost and the intent stays. */
  readonly settled: Set<Kind>;
}

/** What came of a batch. */
export interface LoadedBatch {
  /** How many memberships were added. */
  readonly added: number;
  /** People who are now in a place, by {@link placeKey}. */
  readonly members: ReadonlyMap<string, readonly string[]>;
  /** People for whom a list does not do. Each needs a sync alone. */
  readonly others: readonly string[];
  /** People whom another sync holds at present. */
  readonly busy: readonly string[];
}

export function placeKey({ kind, id }: Pick<Place, 'kind' | 'id'>): string {
  return `${kind}:${id}`;
}

/** Whether keys rest, or a removal or the end of a membership is not finished: then keys have to be parked or returned too. */
function isLeaving({ keys, left, teams, organizations }: SyncedPerson): boolean {
  const memberships = [...teams.values(), ...organizations.values()];
  return (
    keys.size > 0 ||
    [...left.values()].some(({ isOpen }) => isOpen) ||
    memberships.some(({ state }) => state === 'removed')
  );
}

/**
 * Whether the person needs nothing but memberships. Resting keys, unfinished leavings, closed and deactivated accounts, unfinished
 * runs and unreadable rows need the rules of a person's own sync.
 */
function isPlain({ stored, recorded }: PersonSync): boolean {
  const { user, teamRows, organizationRows } = stored;
  if (user?.run?.state !== 'applied' || user.unreadable !== undefined) return false;
  if (standingOf(stored) !== 'open' || recorded.standing !== undefined) return false;
  if (recorded.outcome?.status === 'failed' && recorded.outcome.reported.length > 0) return false;
  if (isLeaving(recorded)) return false;
  return teamRows.unreadable.length === 0 && organizationRows.unreadable.length === 0;
}

/** Returns only what is to be added to the place, or recorded of it. */
function planFor<Role extends string>(
  place: Place | undefined,
  person: {
    readonly userId: string;
    readonly stored: MembershipPartition<Role>;
    readonly recorded: ReadonlyMap<string, SyncedMembership>;
  },
): LitellmMembershipPlan<Role> {
  const { userId, stored, recorded } = person;
  const row = stored.rows.find(({ entityId }) => entityId === place?.id);
  const plan = planLitellmMemberships({
    desired: new Map(row === undefined ? [] : [[row.entityId, row.role]]),
    // Everything else is the business of the person's own sync.
    withheld: new Set(recorded.keys()),
    actual: new Map(place === undefined ? [] : [[place.id, place.roles.get(userId)]]),
    recorded,
  });
  return { ...plan, roleChanges: [], differs: [], lesser: [] };
}

function withoutAll<Role extends string>(plan: LitellmMembershipPlan<Role>): LitellmMembershipPlan<Role> {
  return { ...plan, adds: [], recordings: [] };
}

class Batch {
  readonly others = new Set<string>();
  readonly busy: string[] = [];
  added = 0;
  readonly #deps: SyncDeps;
  readonly #places: readonly Place[];
  readonly #leases: SyncLease[] = [];
  #candidates: Candidate[] = [];

  constructor(deps: SyncDeps, places: readonly Place[]) {
    this.#deps = deps;
    this.#places = places;
  }

  get members(): LoadedBatch['members'] {
    return new Map(
      this.#places.map((place) => [
        placeKey(place),
        this.#candidates.filter(({ added }) => added.has(place.kind)).map(({ person: { userId } }) => userId),
      ]),
    );
  }

  /** Takes each person's lease and reads what the store and the record say. 2 requests of storage for each lease. */
  async read(userIds: readonly string[]): Promise<void> {
    const read = await inParallel(userIds, PARALLEL_STORAGE, async (userId) => {
      try {
        return await this.#readOne(userId);
      } catch (error) {
        // The person's own sync says what is wrong with the row.
        if (errorCodeOf(error) !== 'row_unreadable') throw error;
        this.others.add(userId);
        return undefined;
      }
    });
    this.#candidates = read.flatMap((each) => each ?? []);
  }

  async #readOne(userId: string): Promise<Candidate | undefined> {
    const lease = await takeFreeLease(this.#deps, { kind: 'user', id: userId });
    if (lease === undefined) {
      this.busy.push(userId);
      return undefined;
    }
    this.#leases.push(lease);
    const person = await readPerson(this.#deps, userId, lease);
    if (!isPlain(person)) {
      this.others.add(userId);
      return undefined;
    }
    const { stored, recorded } = person;
    const place = (kind: Kind): Place | undefined => this.#places.find((each) => each.kind === kind);
    const plans = {
      organization: planFor(place('organization'), {
        userId,
        stored: stored.organizationRows,
        recorded: recorded.organizations,
      }),
      team: planFor(place('team'), { userId, stored: stored.teamRows, recorded: recorded.teams }),
    };
    return { person, plans, isOut: false, hasIntents: false, added: new Set(), settled: new Set() };
  }

  /** Looks at everyone's user with one request, and creates those that LiteLLM lacks. */
  async ensureUsers(): Promise<void> {
    const { litellm } = this.#deps;
    const joining = this.#candidates.filter(
      ({ plans }) => plans.organization.adds.length + plans.team.adds.length > 0,
    );
    if (joining.length === 0) return;
    const found = await litellm.findUsers(joining.map(({ person }) => person.userId));
    const missing = joining.filter(({ person }) => !found.has(person.userId));
    await inParallel(missing, PARALLEL_CREATIONS, async (candidate) => this.#createUser(candidate));
  }

  async #createUser(candidate: Candidate): Promise<void> {
    const { person } = candidate;
    const { user } = person.stored;
    if (user === undefined) return;
    try {
      const desired = userValues(user.user);
      const { isMissing } = await upsertUser(this.#deps, person, { desired, found: undefined });
      if (isMissing) this.#leaveOut(candidate);
    } catch (error) {
      person.lease.noteFailure(error);
      if (errorCodeOf(error) !== 'litellm_email_taken') person.errors.keep(error);
      this.#leaveOut(candidate);
    }
  }

  #leaveOut(candidate: Candidate): void {
    candidate.isOut = true;
    this.others.add(candidate.person.userId);
  }

  /** Records who is about to be added, before the first of them is. */
  async recordIntents(): Promise<void> {
    const at = this.#deps.clock.now().toISOString();
    await inParallel(this.#candidates, PARALLEL_STORAGE, async (candidate) => {
      if (candidate.isOut) return;
      const { plans, person } = candidate;
      const changes = {
        organizations: intentsOf(plans.organization, at),
        teams: intentsOf(plans.team, at),
      };
      if (changes.organizations.size + changes.teams.size === 0) return;
      candidate.hasIntents = true;
      await person.lease.write(async (held) => this.#deps.record.writePerson(held, changes));
    });
  }

  /** Adds the people to each place, the organization first. */
  async add(): Promise<void> {
    for (const place of this.#places) {
      const joining = this.#candidates.filter(
        ({ isOut, plans }) => !isOut && plans[place.kind].adds.length > 0,
      );
      // LiteLLM refuses a whole list because of one role that needs a licence.
      const isListed = ({ plans }: Candidate): boolean =>
        place.kind === 'organization' || plans.team.adds.every(({ role }) => role === 'user');
      for (const chunk of chunksOf(joining.filter(isListed), LIST_LENGTH)) await this.#addList(place, chunk);
      for (const each of joining.filter((candidate) => !isListed(candidate)))
        await this.#addAlone(place, each);
    }
  }

  async #addList(place: Place, chunk: readonly Candidate[]): Promise<void> {
    const [only] = chunk;
    if (chunk.length === 1 && only !== undefined) return this.#addAlone(place, only);
    if (await this.#isListAccepted(place, chunk)) {
      for (const { added } of chunk) added.add(place.kind);
      this.added += chunk.length;
      return;
    }
    for (const each of chunk) await this.#addAlone(place, each);
  }

  /** Returns whether LiteLLM accepted the list. After a refusal, some of them may be members. */
  async #isListAccepted(place: Place, chunk: readonly Candidate[]): Promise<boolean> {
    const lease = await takeLease(this.#deps, { kind: place.kind, id: place.id });
    try {
      await inParallel(chunk, PARALLEL_STORAGE, async ({ person }) => person.lease.keep());
      await lease.keep();
      await this.#sendList(place, chunk);
      return true;
    } catch (error) {
      if (errorCodeOf(error) === 'litellm_refused') return false;
      if (errorCodeOf(error) === 'litellm_role_needs_licence') return false;
      for (const each of [lease, ...chunk.map(({ person }) => person.lease)]) each.noteFailure(error);
      if (mayStillTakeEffect(error)) for (const { settled } of chunk) settled.add(place.kind);
      throw error;
    } finally {
      await lease.release();
    }
  }

  async #sendList({ kind, id }: Place, chunk: readonly Candidate[]): Promise<void> {
    const { litellm } = this.#deps;
    const membersOf = <Role extends OrganizationRole | TeamRole>(
      planOf: (plans: MembershipPlans) => LitellmMembershipPlan<Role>,
    ): readonly { readonly userId: string; readonly role: Role }[] =>
      chunk.flatMap(({ person: { userId }, plans }) =>
        planOf(plans).adds.map(({ role }) => ({ userId, role })),
      );
    if (kind === 'team')
      await litellm.addTeamMembers(
        id,
        membersOf(({ team }) => team),
      );
    else
      await litellm.addOrganizationMembers(
        id,
        membersOf(({ organization }) => organization),
      );
  }

  /** Adds one person as a person's own sync does, with its rules for roles and refusals. */
  async #addAlone(place: Place, candidate: Candidate): Promise<void> {
    const { person, plans, settled } = candidate;
    const { organization, team } = plans;
    // The intents are recorded: what a refused list has added is ours.
    const recorded = {
      ...person.recorded,
      organizations: withIntents(person.recorded.organizations, organization),
      teams: withIntents(person.recorded.teams, team),
    };
    const errors = new KeptErrors();
    settled.add(place.kind);
    try {
      const alone =
        place.kind === 'team'
          ? { organization: withoutAll(organization), team }
          : { organization, team: withoutAll(team) };
      const { changes, reported } = await syncMemberships(this.#deps, { ...person, recorded, errors }, alone);
      this.added += changes.added;
      if (reported.some(({ code }) => code === 'refused')) this.#leaveOut(candidate);
    } catch (error) {
      person.lease.noteFailure(error);
      throw error;
    }
    try {
      errors.throwKept();
    } catch (error) {
      person.lease.noteFailure(error);
      this.#leaveOut(candidate);
    }
  }

  /** Records what was added. Takes back intents that certainly came to nothing: what an administrator adds later is not ours. */
  async settle(): Promise<void> {
    const now = this.#deps.clock.now().toISOString();
    await inParallel(this.#candidates, PARALLEL_STORAGE, async (candidate) => {
      if (!candidate.hasIntents) return;
      const { person } = candidate;
      const changes = {
        organizations: changesOf(candidate, 'organization', now),
        teams: changesOf(candidate, 'team', now),
      };
      const outcome = outcomeAfter(candidate, changes, now);
      if (changes.organizations.size + changes.teams.size === 0 && outcome === undefined) return;
      const all = { ...changes, ...(outcome === undefined ? {} : { outcome }) };
      await person.lease.write(async (held) => this.#deps.record.writePerson(held, all));
    });
  }

  async release(): Promise<void> {
    await inParallel(this.#leases, PARALLEL_STORAGE, async (lease) => lease.release());
  }
}

function withIntents(
  recorded: ReadonlyMap<string, SyncedMembership>,
  { adds }: LitellmMembershipPlan<string>,
): ReadonlyMap<string, SyncedMembership> {
  const intents = new Map(recorded);
  for (const { entityId, role } of adds) intents.set(entityId, { entityId, state: 'adding', role });
  return intents;
}

function recordedOf({ person: { recorded } }: Candidate, kind: Kind): ReadonlyMap<string, SyncedMembership> {
  return kind === 'team' ? recorded.teams : recorded.organizations;
}

function changesOf(
  candidate: Candidate,
  kind: Kind,
  since: string,
): ReadonlyMap<string, SyncedMembership | null> {
  const { plans, added, settled } = candidate;
  if (settled.has(kind)) return new Map();
  const { adds } = plans[kind];
  return new Map(
    adds.map(({ entityId, role }) =>
      added.has(kind)
        ? ([entityId, { entityId, state: 'added', role, since }] as const)
        : ([entityId, recordedOf(candidate, kind).get(entityId) ?? null] as const),
    ),
  );
}

/** A failure from before is over once LiteLLM has everything. `undefined`: the outcome stays as it is. */
function outcomeAfter(
  candidate: Candidate,
  changes: PersonRecordChanges,
  updatedAt: string,
): SyncOutcome | undefined {
  const { person, isOut } = candidate;
  const { stored, recorded } = person;
  if (isOut || recorded.outcome?.status !== 'failed') return undefined;
  const isIn = (
    rows: readonly { readonly entityId: string }[],
    before: ReadonlyMap<string, SyncedMembership>,
    after: ReadonlyMap<string, SyncedMembership | null> = new Map(),
  ): boolean =>
    rows.every(({ entityId }) => {
      const membership = after.has(entityId) ? after.get(entityId) : before.get(entityId);
      return membership?.state === 'added' || membership?.state === 'found';
    });
  const isDone =
    isIn(stored.teamRows.rows, recorded.teams, changes.teams) &&
    isIn(stored.organizationRows.rows, recorded.organizations, changes.organizations);
  return isDone ? { status: 'done', attempts: 1, updatedAt, reported: [] } : undefined;
}

/**
 * Adds these people to the places where the store has them and LiteLLM does not: one request to look at them, one for each new user,
 * and one for each list of 50. What was done is recorded even if it throws. Throws what concerns the proxy as a whole, and what the
 * store throws. Whatever needs more than a list is left to a sync of that person alone.
 */
export async function loadBatch(
  deps: SyncDeps,
  { places, userIds }: { readonly places: readonly Place[]; readonly userIds: readonly string[] },
): Promise<LoadedBatch> {
  const batch = new Batch(deps, places);
  try {
    try {
      await batch.read(userIds);
      await batch.ensureUsers();
      await batch.recordIntents();
      await batch.add();
    } finally {
      await batch.settle();
    }
  } finally {
    await batch.release();
  }
  const { added, members, others, busy } = batch;
  return { added, members, others: [...others], busy };
}
