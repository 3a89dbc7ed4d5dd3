/** The members of one organization or team: the index here beside what the proxy has. */
import type { SyncedPerson, SyncRecord } from '../storage/syncRecord.ts';
import type { MemberIndex } from '../storage/memberIndex.ts';
import type { Store } from '../storage/store.ts';
import {
  compareMembership,
  KEY_USER_ID,
  isWrite,
  leaveAlone,
  type MembershipDifference,
  type LitellmDifference,
  type WhyLeftAlone,
} from './differences.ts';
import { chunksOf } from '../platform/chunksOf.ts';
import { isSafeId } from '../model/isSafeId.ts';
import { errorCodeOf } from '../model/errors.ts';
import type { LitellmClient, LitellmMember } from '../model/litellmPorts.ts';
import { inBatches } from '../platform/inBatches.ts';

/** What a comparison reads. Nothing of it can write. */
export interface CompareDeps {
  readonly store: {
    readonly users: Pick<Store['users'], 'find' | 'readPages'>;
    readonly entities: Pick<
      Store['entities'],
      'readOrganizations' | 'readTeams' | 'readOrganizationPages' | 'readTeamPages'
    >;
    readonly memberIndexes: readonly Pick<MemberIndex, 'kind' | 'readMembersOf' | 'findRole'>[];
  };
  readonly proxy: Pick<LitellmClient, 'readOrganizations' | 'readTeamPages' | 'findTeam' | 'findUsers'>;
  readonly record: Pick<SyncRecord, 'readPerson' | 'findOrganization' | 'findTeam'>;
}

/** Takes what was found, a page at a time; the comparison goes on when it is done. */
export type OnDifferences = (differences: readonly LitellmDifference[]) => Promise<void>;

/** An organization or team, whose members are compared. */
export interface EntityMembers {
  readonly of: 'organization' | 'team';
  readonly id: string;
  readonly members: readonly LitellmMember[];
  /** Why nobody can be pushed into it; `undefined`: everybody can. */
  readonly held: WhyLeftAlone | undefined;
  /** There is nothing of it here, unless the index names somebody in it. */
  readonly isOther?: boolean;
}

export interface ComparedMembers {
  /** Members that the index named. */
  readonly indexed: number;
  /** The organizations or teams in which it named anybody. */
  readonly named: ReadonlySet<string>;
}

/** Members looked up at once, where something differs. */
export const PARALLEL_LOOKS = 16;
/** Members of the proxy alone, told at once: as many as a page of the index has. */
const PAGE_ROWS = 1_000;

interface Member {
  readonly entity: EntityMembers;
  readonly userId: string;
  readonly actual: string | undefined;
}

/** Gives what was read, or `unreadable` where a person edited the row into something that cannot be read. */
export async function orUnreadable<T>(reading: Promise<T>): Promise<T | 'unreadable'> {
  try {
    return await reading;
  } catch (error) {
    if (errorCodeOf(error) === 'row_unreadable') return 'unreadable';
    throw error;
  }
}

function requireIndex({ store }: CompareDeps, kind: EntityMembers['of']) {
  const index = store.memberIndexes.find((each) => each.kind === kind);
  if (index === undefined) throw new Error(`There is no index of the members of each ${kind}.`);
  return index;
}

function rolesOf({ members }: EntityMembers): Map<string, string> {
  const roles = new Map(members.map(({ userId, role }) => [userId, role]));
  roles.delete(KEY_USER_ID);
  return roles;
}

function recordedOf(person: SyncedPerson, { of, id }: EntityMembers) {
  return of === 'team' ? person.teams.get(id) : person.organizations.get(id);
}

/** Without the person's own row a push of them does nothing. */
async function findObstacle(deps: CompareDeps, userId: string): Promise<WhyLeftAlone | undefined> {
  const user = await orUnreadable(deps.store.users.find(userId));
  if (user === 'unreadable') return 'row_unreadable';
  return user?.run === undefined ? 'row_missing' : undefined;
}

async function compareMember(
  deps: CompareDeps,
  { entity, userId, actual }: Member,
): Promise<readonly MembershipDifference[]> {
  const { of, id } = entity;
  // Nobody of ours has an id that no row could stand under.
  const [role, person] = isSafeId(userId)
    ? await Promise.all([
        requireIndex(deps, of).findRole(userId, id),
        orUnreadable(deps.record.readPerson(userId)),
      ])
    : [];
  const isUnreadable = role === 'unreadable' || person === 'unreadable';
  const rows = compareMembership({
    of,
    id,
    userId,
    desired: role,
    held: isUnreadable ? 'row_unreadable' : entity.held,
    actual,
    recorded: person === undefined || person === 'unreadable' ? undefined : recordedOf(person, entity),
  });
  if (person === 'unreadable') return rows.map((row) => leaveAlone(row, 'row_unreadable'));
  if (!rows.some(isWrite)) return rows;
  const obstacle = await findObstacle(deps, userId);
  return obstacle === undefined ? rows : rows.map((row) => leaveAlone(row, obstacle));
}

/**
 * Compares the members of organizations or teams that stand together in the index: one request a page of it, and for each one that
 * differs two reads (three where a push would write). The index may name too many (never too few, but for memberships made by hand
 * until the next reconcile), so the membership itself decides.
 */
export async function compareMembers(
  deps: CompareDeps,
  { of, entities }: { readonly of: EntityMembers['of']; readonly entities: readonly EntityMembers[] },
  onDifferences: OnDifferences,
): Promise<ComparedMembers> {
  const open = new Map(entities.map((entity) => [entity.id, { entity, there: rolesOf(entity) }]));
  const tell = async (members: readonly Member[]): Promise<void> => {
    const found = await inBatches(members, PARALLEL_LOOKS, async (member) => compareMember(deps, member));
    const rows = found.flat();
    if (rows.length > 0) await onDifferences(rows);
  };
  let indexed = 0;
  const named = new Set<string>();
  for await (const page of requireIndex(deps, of).readMembersOf([...open.keys()].filter(isSafeId))) {
    const differing: Member[] = [];
    for (const { entityId, userId, role } of page) {
      const opened = open.get(entityId);
      if (opened === undefined) continue;
      indexed += 1;
      named.add(entityId);
      const { entity, there } = opened;
      const actual = there.get(userId);
      if (role === undefined || actual !== role) differing.push({ entity, userId, actual });
      there.delete(userId);
    }
    await tell(differing);
  }
  for (const { entity, there } of open.values()) {
    if (entity.isOther === true && !named.has(entity.id)) continue;
    const others = [...there].map(([userId, actual]) => ({ entity, userId, actual }));
    for (const chunk of chunksOf(others, PAGE_ROWS)) await tell(chunk);
  }
  return { indexed, named };
}
