/**
 * What the flows need from the store, as types only. Every method throws `storage_unavailable` or `storage_refused`; what
 * else a method throws stands beside it.
 */
import type { AcceptedGroups } from '../model/assignedGroups.ts';
import type { Organization, OrganizationRole, Team, TeamRole, User } from '../model/entities.ts';
import type { ActualMembership, Grant, Removal, RoleChange } from '../model/membershipPlan.ts';
import type { Relink } from '../model/newEntities.ts';
import type { ObservationKey } from '../model/observation.ts';
import type { Outcome, UserPatch, UserRecord } from '../model/userRecord.ts';

/** `written` with the new ETag, or not: somebody else was there first, so read again. */
export type Written = { readonly written: true; readonly etag: string } | { readonly written: false };

/** A row that a person edited into something unreadable, named so that an operator finds it. */
export interface UnreadableRow {
  readonly id: string;
  readonly table: string;
  readonly columns: readonly string[];
}

/** A person whom a run has provisioned. */
export interface PersonRow {
  readonly user: User;
}

export interface UserStore {
  /** Throws `row_unreadable` where observation, state or sessions of the row cannot be read. */
  find(userId: string): Promise<UserRecord | undefined>;
  /** One partition read gives both. Throws as {@link UserStore.find}. */
  findWithOutcome(userId: string): Promise<{ readonly record?: UserRecord; readonly outcome?: Outcome }>;
  /** Refused where the row exists. */
  create(userId: string, patch: UserPatch): Promise<Written>;
  /** Refused where the row is gone or another one than `etag` names. */
  update(userId: string, patch: UserPatch, etag: string): Promise<Written>;
  /**
   * Ends every session issued before `from`; makes the row where there is none. A later end that is there already stays.
   * One read and one write. Idempotent. Throws `storage_contention` where others keep changing the row.
   */
  endSessions(userId: string, from: Date): Promise<void>;
  /**
   * Keeps the outcome unless the stored one belongs to a newer observation. Idempotent. Throws `storage_contention` where
   * others keep changing the row.
   */
  recordOutcome(userId: string, outcome: Outcome): Promise<void>;
  /** Everybody whom a run has provisioned, one request a page, by id. A row that cannot be read is named and hides no other. */
  readPages(): AsyncIterable<{
    readonly people: readonly PersonRow[];
    readonly unreadable: readonly UnreadableRow[];
  }>;
}

/** Fence of a membership partition: every transaction on the partition moves it. */
export interface Fence {
  /** `undefined`: nobody has written the partition yet. */
  readonly etag: string | undefined;
  /** The observation that moved it last; `undefined` where something without one did. */
  readonly observation: ObservationKey | undefined;
}

export interface MembershipPartition<Role extends string> {
  readonly rows: readonly ActualMembership<Role>[];
  readonly unreadable: readonly UnreadableRow[];
  readonly fence: Fence;
}

/** Writes of one phase; each transaction takes up to 99 of them and the fence. */
export interface MembershipWrites<Role extends string> {
  readonly removals: readonly Removal<Role>[];
  readonly roleChanges: readonly RoleChange<Role>[];
  readonly grants: readonly Grant<Role>[];
}

/** Index rows that stand already, by entity id: the role they name, and their ETag. */
export type Announced<Role extends string> = ReadonlyMap<
  string,
  { readonly role: Role; readonly etag: string | undefined }
>;

export interface ApplyContext<Role extends string> {
  readonly userId: string;
  readonly fence: Fence;
  /** By {@link MembershipStore.announce}, for this run. */
  readonly announced?: Announced<Role>;
  readonly observation: ObservationKey;
  readonly now: Date;
}

/** The fence as moved, or refused: somebody else moved it, or a row is gone (back to reading). */
export type Applied = { readonly applied: true; readonly fence: Fence } | { readonly applied: false };

export interface MembershipStore<Role extends string> {
  /** One partition read. */
  read(userId: string): Promise<MembershipPartition<Role>>;
  /** One point read: the role a person has now; `undefined` where there is no (readable) membership. */
  findRole(userId: string, entityId: string): Promise<Role | undefined>;
  /**
   * Writes the index rows of memberships that are about to be granted, one request for up to 100, all at once. A row too many
   * harms nobody: the reconcile takes it after an hour.
   */
  announce(userId: string, members: readonly Grant<Role>[], now: Date): Promise<Announced<Role>>;
  /**
   * Writes what is missing of the index rows first (as {@link announce}), then the transactions, then deletes the index rows of
   * removed memberships (one request each) under the ETag that their grant left. Moves the fence even when there is nothing to
   * write. Refused also where the fence or a granted membership is there although none was read.
   */
  apply(context: ApplyContext<Role>, writes: MembershipWrites<Role>): Promise<Applied>;
}

/** One row of an index of members: it says that the person may be a member, and the person's own partition is the truth. */
export interface IndexEntry {
  readonly entityId: string;
  readonly userId: string;
  readonly etag: string;
  /** The role as the index has it: a copy, and possibly an old one. */
  readonly role: string | undefined;
  /** When a grant or a repair wrote it last; `undefined` where that cannot be read. */
  readonly writtenAt: string | undefined;
}

/** A membership as the index must name it. */
export interface IndexedMembership {
  readonly entityId: string;
  readonly userId: string;
  readonly role: string;
}

/** An index of members beside the truth, read whole and page by page for the reconcile. */
export interface MemberIndex {
  readonly kind: 'team' | 'organization';
  readPages(): AsyncIterable<readonly IndexEntry[]>;
  /**
   * Of these teams or organizations: one request a page of whatever stands between the first and the last of them (at least one for
   * each partition of the index), so ask for neighbours.
   */
  readMembersOf(entityIds: readonly string[]): AsyncIterable<readonly IndexEntry[]>;
  /** Memberships that no grant of this product wrote, or whose role is not what one wrote: the index may not say so. */
  readUnindexedPages(): AsyncIterable<readonly IndexedMembership[]>;
  /** One point read of the truth: the role, `unreadable` where the membership has none of ours, `undefined` without one. */
  findRole(userId: string, entityId: string): Promise<string | undefined>;
  /** Idempotent. */
  add(membership: IndexedMembership, now: Date): Promise<void>;
  /** Gives the index row the true role; `false` where a grant has rewritten the row since it was read. */
  mend(entry: IndexEntry, role: string, now: Date): Promise<boolean>;
  /** `false` where a grant has rewritten the row since it was read. */
  remove(entry: IndexEntry): Promise<boolean>;
}

/** A person whose `org_admin` is being taken by the run of this observation. */
export interface Leaving {
  readonly userId: string;
  readonly observation: ObservationKey;
}

/** An organization's guard row and the people that its index names: as administrators (a hint, to be checked), and else. */
export interface AdminGuard {
  readonly etag: string | undefined;
  readonly leaving: readonly Leaving[];
  readonly hintedAdmins: readonly string[];
  readonly otherMembers: readonly string[];
}

export interface OrganizationGuardStore {
  /**
   * The guard, and beside it the index: one request and one for each of its partitions, all at once. Read it before anybody's
   * membership: only who begins to leave after that is sure to refuse {@link moveGuard}. Throws `row_unreadable` for a guard that
   * is no list of who is leaving.
   */
  readGuard(organizationId: string): Promise<AdminGuard>;
  /** Replaces the list of leaving administrators under the ETag read; `false` where somebody else moved the guard. */
  moveGuard(organizationId: string, etag: string | undefined, leaving: readonly Leaving[]): Promise<boolean>;
}

export interface StoredEntity<T> {
  readonly value: T;
  readonly etag: string;
}

export interface EntityRead<T> {
  /** By id. */
  readonly found: ReadonlyMap<string, StoredEntity<T>>;
  /** By id: there, but unreadable. */
  readonly unreadable: ReadonlyMap<string, UnreadableRow>;
}

/** What is there after a create: what it made, and what it met and left as it is. */
export interface EntityCreation<T> extends EntityRead<T> {
  /** Ids of what this call made, just as it was given. */
  readonly created: ReadonlySet<string>;
}

export interface EntityStore {
  /** Few ids are read by key, many by partition. No id costs no request. */
  readOrganizations(ids: readonly string[]): Promise<EntityRead<Organization>>;
  readTeams(ids: readonly string[]): Promise<EntityRead<Team>>;
  /** All of them, one request a page. */
  readOrganizationPages(): AsyncIterable<EntityRead<Organization>>;
  readTeamPages(): AsyncIterable<EntityRead<Team>>;
  /**
   * Creates what is absent, and reads nothing before: one request for up to 100 of a partition. Where one of them is there
   * already, those are read and the rest is tried again; what exists stays untouched. A call that is repeated meets its own rows.
   * Where somebody keeps deleting rows meanwhile, some may be in neither of the three.
   */
  createOrganizations(organizations: readonly Organization[]): Promise<EntityCreation<Organization>>;
  createTeams(teams: readonly Team[]): Promise<EntityCreation<Team>>;
  /** Links a degraded team to its organization under its ETag; `false` where the row has changed since. */
  relinkTeam(team: StoredEntity<Team>, relink: Relink, now: Date): Promise<boolean>;
}

export interface AssignedGroupsStore {
  /** The list in force, with its ETag. Throws `row_unreadable`, never an empty list in its place. */
  find(): Promise<{ readonly list: AcceptedGroups; readonly etag: string } | undefined>;
  /** Writes the list under the ETag read (`undefined`: there was none); `false` where somebody else was first. */
  write(list: AcceptedGroups, etag: string | undefined): Promise<boolean>;
  /** Takes the turn to refresh; `false` where any instance took it less than `intervalMs` ago. */
  takeTurn(now: Date, intervalMs: number): Promise<boolean>;
}

/** A message that the queue gave up on, whole. */
export interface FailedMessage {
  /** The queue message's id. */
  readonly id: string;
  readonly text: string;
  readonly reason: string;
  readonly failedAt: string;
  /** Where the message could be read. */
  readonly userId?: string;
  readonly observation?: ObservationKey;
  readonly redrivenAt?: string;
}

/** Every kept message: those that can be read, oldest first, and where the others are. */
export interface KeptFailures {
  readonly failures: readonly FailedMessage[];
  readonly unreadable: readonly UnreadableRow[];
}

export interface FailureStore {
  /** Idempotent by id. */
  keep(failure: FailedMessage): Promise<void>;
  /** Throws `row_unreadable`. */
  find(id: string): Promise<FailedMessage | undefined>;
  /** One damaged row hides no other. */
  read(): Promise<KeptFailures>;
  markRedriven(id: string, at: Date): Promise<void>;
}

export interface Store {
  readonly users: UserStore;
  readonly teamMemberships: MembershipStore<TeamRole>;
  readonly organizationMemberships: MembershipStore<OrganizationRole>;
  readonly organizationGuards: OrganizationGuardStore;
  readonly memberIndexes: readonly MemberIndex[];
  readonly entities: EntityStore;
  readonly assignedGroups: AssignedGroupsStore;
  readonly failures: FailureStore;
}
