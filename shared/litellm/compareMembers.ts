/** Compares the members of organizations or teams: the store's member index with LiteLLM. */
import {
  compareMembership,
  KEY_USER_ID,
  isWrite,
  leaveAlone,
  type MembershipDifference,
  type LitellmDifference,
  type WhyLeftAlone,
} from './differences.ts';
import { chunksOf, inParallel } from '../platform/inParallel.ts';
import { isSafeId } from '../model/entities.ts';
import { errorCodeOf } from '../model/errors.ts';
import type { LitellmClient, LitellmMember } from '../model/litellmPorts.ts';
import type { ProxyState } from './proxyState.ts';
import type { SharedBudget } from './teamLimits.ts';
import type { MemberIndex } from '../storage/memberIndex.ts';
import { isClosed } from '../model/userRecord.ts';
import type { ClosingRules } from './syncDeps.ts';
import type { Store } from '../storage/store.ts';
import type { SyncedPerson, SyncRecord } from '../storage/syncRecord.ts';

/** What a comparison reads. None of it can write. */
export interface CompareDeps extends ClosingRules {
  readonly store: {
    readonly teamMemberships: Pick<Store['teamMemberships'], 'read'>;
    readonly organizationMemberships: Pick<Store['organizationMemberships'], 'read'>;
    readonly users: Pick<Store['users'], 'find' | 'readPages'>;
    readonly entities: Pick<
      Store['entities'],
      'readOrganizations' | 'readTeams' | 'readOrganizationPages' | 'readTeamPages'
    >;
    readonly memberIndexes: readonly Pick<MemberIndex, 'kind' | 'readMembersOf' | 'findRole'>[];
  };
  readonly litellm: Pick<LitellmClient, 'readOrganizations' | 'readTeamPages' | 'findTeam' | 'findUsers'>;
  readonly record: Pick<SyncRecord, 'readPerson' | 'findOrganization' | 'findTeam'>;
  readonly proxy: Pick<ProxyState, 'read'>;
  /** `LITELLM_SHARED_BUDGET` */
  readonly sharedBudget: SharedBudget;
}

/** Receives differences, a page at a time. The comparison waits for it. */
export type OnDifferences = (differences: readonly LitellmDifference[]) => Promise<void>;

/** An organization or team, whose members are compared. */
export interface EntityMembers {
  readonly of: 'organization' | 'team';
  readonly id: string;
  readonly members: readonly LitellmMember[];
  /** Why no membership of it can be written; `undefined`: all can. */
  readonly withheld: WhyLeftAlone | undefined;
  /** It isn't ours, unless the index names a member. */
  readonly isOther?: boolean;
}

export interface ComparedMembers {
  /** How many members the index named. */
  readonly indexed: number;
  /** The organizations or teams with members in the index. */
  readonly named: ReadonlySet<string>;
}

/** Differing members looked up at a time. */
export const PARALLEL_LOOKS = 16;
/** Members that only LiteLLM has, reported at a time: as many as a page of the index has. */
const PAGE_ROWS = 1_000;

interface Member {
  readonly entity: EntityMembers;
  readonly userId: string;
  readonly actual: string | undefined;
}

/** Returns what was read, or `unreadable` if a manual edit made the row unreadable. */
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
  if (index === undefined) throw new Error(`The store has no index of members by ${kind}.`);
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

/** Without the person's own row, a sync of the person does nothing. */
async function findObstacle(deps: CompareDeps, userId: string): Promise<WhyLeftAlone | undefined> {
  const user = await orUnreadable(deps.store.users.find(userId));
  if (user === 'unreadable') return 'row_unreadable';
  if (user !== undefined && isClosed(user)) return 'account_closed';
  return user?.run === undefined ? 'row_missing' : undefined;
}

async function compareMember(
  deps: CompareDeps,
  { entity, userId, actual }: Member,
): Promise<readonly MembershipDifference[]> {
  const { of, id } = entity;
  // Our people's ids are safe as row keys, so an unsafe id isn't one of them.
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
    withheld: isUnreadable ? 'row_unreadable' : entity.withheld,
    actual,
    recorded: person === undefined || person === 'unreadable' ? undefined : recordedOf(person, entity),
  });
  if (person === 'unreadable') return rows.map((row) => leaveAlone(row, 'row_unreadable'));
  if (!rows.some(isWrite)) return rows;
  const obstacle = await findObstacle(deps, userId);
  return obstacle === undefined ? rows : rows.map((row) => leaveAlone(row, obstacle));
}

/**
 * Compares the members of several organizations or teams. Costs one request for each page of the index, and two reads for each member
 * that differs (three if a sync would write). The index may name too many members, so the membership itself decides. It never names
 * too few, except for memberships that were edited by hand since the last repair of the indexes.
 */
export async function compareMembers(
  deps: CompareDeps,
  { of, entities }: { readonly of: EntityMembers['of']; readonly entities: readonly EntityMembers[] },
  onDifferences: OnDifferences,
): Promise<ComparedMembers> {
  const open = new Map(entities.map((entity) => [entity.id, { entity, roles: rolesOf(entity) }]));
  const report = async (members: readonly Member[]): Promise<void> => {
    const found = await inParallel(members, PARALLEL_LOOKS, async (member) => compareMember(deps, member));
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
      const { entity, roles } = opened;
      const actual = roles.get(userId);
      if (role === undefined || actual !== role) differing.push({ entity, userId, actual });
      roles.delete(userId);
    }
    await report(differing);
  }
  for (const { entity, roles } of open.values()) {
    if (entity.isOther === true && !named.has(entity.id)) continue;
    const others = [...roles].map(([userId, actual]) => ({ entity, userId, actual }));
    for (const chunk of chunksOf(others, PAGE_ROWS)) await report(chunk);
  }
  return { indexed, named };
}
