/** What differs between the two kinds of membership: tables and column names; and the shape of their index rows. */
import type { OrganizationRole, TeamRole } from '../model/entities.ts';
import { ORGANIZATION_ROLES, TEAM_ROLES } from '../model/roles.ts';
import { hashPartition } from './tables/hashPartition.ts';
import { TABLES } from './tables/tableNames.ts';
import type { Properties, RowKey } from '../model/tables.ts';

/** Sorts before every id and cannot be one: ids start with a letter or digit. */
export const FENCE_ROW_KEY = '_fence';

const GUARD_ROW_KEY = '_guard';

/** Gives where the guard of an organization's administrators stands: in the index table, in a partition of its own. */
export function guardKey(organizationId: string): RowKey {
  return { partitionKey: organizationId, rowKey: GUARD_ROW_KEY };
}

/** Between entity and person in the key of an index row: no id has one. */
const SEPARATOR = ':';

/** Sorts right behind {@link SEPARATOR}. */
const BEHIND_SEPARATOR = ';';

/**
 * Gives where the index names a person as a member. All index rows of a person are in one partition, so that one transaction
 * writes many of them; within it the rows of an entity stand together.
 */
export function memberKey({ entityId, userId }: Pick<IndexedMember, 'entityId' | 'userId'>): RowKey {
  return { partitionKey: hashPartition(userId), rowKey: `${entityId}${SEPARATOR}${userId}` };
}

/** Gives whom an index row names, and where; `undefined` for a row that is none: a guard, or somebody's own. */
export function parseMemberKey({ rowKey }: RowKey): Pick<IndexedMember, 'entityId' | 'userId'> | undefined {
  const at = rowKey.indexOf(SEPARATOR);
  return at < 0 ? undefined : { entityId: rowKey.slice(0, at), userId: rowKey.slice(at + 1) };
}

/** Gives the range of row keys that an entity's members have, the same in every partition of the index. */
export function memberRange(entityId: string): { readonly rowKeyFrom: string; readonly rowKeyBelow: string } {
  return { rowKeyFrom: `${entityId}${SEPARATOR}`, rowKeyBelow: `${entityId}${BEHIND_SEPARATOR}` };
}

/** One kind of membership: its table, its index, and how its columns are called. */
export interface MembershipKind<Role extends string> {
  readonly entity: 'team' | 'organization';
  readonly table: string;
  readonly indexTable: string;
  readonly idColumn: 'team_id' | 'organization_id';
  readonly roleColumn: 'role' | 'user_role';
  readonly roles: readonly Role[];
}

/** Memberships of teams. */
export const TEAM_MEMBERSHIPS: MembershipKind<TeamRole> = {
  entity: 'team',
  table: TABLES.teamMemberships,
  indexTable: TABLES.teamMembers,
  idColumn: 'team_id',
  roleColumn: 'role',
  roles: TEAM_ROLES,
};

/** Memberships of organizations. */
export const ORGANIZATION_MEMBERSHIPS: MembershipKind<OrganizationRole> = {
  entity: 'organization',
  table: TABLES.organizationMemberships,
  indexTable: TABLES.organizationMembers,
  idColumn: 'organization_id',
  roleColumn: 'user_role',
  roles: ORGANIZATION_ROLES,
};

/** What an index row says about one member. */
export interface IndexedMember {
  readonly entityId: string;
  readonly userId: string;
  readonly role: string;
}

/** Gives the index row of a member: where it stands and all of its columns. */
export function indexRow(
  kind: MembershipKind<string>,
  member: IndexedMember,
  now: Date,
): { readonly key: RowKey; readonly properties: Properties } {
  return {
    key: memberKey(member),
    properties: {
      user_id: member.userId,
      [kind.idColumn]: member.entityId,
      [kind.roleColumn]: member.role,
      updated_at: now.toISOString(),
    },
  };
}
