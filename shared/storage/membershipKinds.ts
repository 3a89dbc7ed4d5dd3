/** The tables and column names of the two kinds of membership, and the shape of their index rows. */
import { type OrganizationRole, type TeamRole, ORGANIZATION_ROLES, TEAM_ROLES } from '../model/entities.ts';
import { hashPartition, TABLES } from './tables/tableNames.ts';
import type { Properties, RowKey } from '../model/tables.ts';

/** The row key of a partition's fence. It sorts before every id and cannot be an id, because ids start with a letter or digit. */
export const FENCE_ROW_KEY = '_fence';

const GUARD_ROW_KEY = '_guard';

/**
 * Returns the key of the guard row that protects an organization's last administrator. The row is in the index table, in its
 * own partition.
 */
export function guardKey(organizationId: string): RowKey {
  return { partitionKey: organizationId, rowKey: GUARD_ROW_KEY };
}

/** The separator between entity and person in the key of an index row. No id contains it. */
const SEPARATOR = ':';

/** The character that follows {@link SEPARATOR} in sort order. It ends the range of one entity's rows. */
const BEHIND_SEPARATOR = ';';

/**
 * Returns the key of the index row for one member. All index rows of a person are in one partition, so one transaction can write
 * many of them. Within the partition, the rows of an entity are adjacent.
 */
export function memberKey({ entityId, userId }: Pick<IndexedMember, 'entityId' | 'userId'>): RowKey {
  return { partitionKey: hashPartition(userId), rowKey: `${entityId}${SEPARATOR}${userId}` };
}

/**
 * Parses the key of an index row into entity and person. Returns `undefined` for any other row, such as a guard or a row that an
 * operator added.
 */
export function parseMemberKey({ rowKey }: RowKey): Pick<IndexedMember, 'entityId' | 'userId'> | undefined {
  const at = rowKey.indexOf(SEPARATOR);
  return at < 0 ? undefined : { entityId: rowKey.slice(0, at), userId: rowKey.slice(at + 1) };
}

/** Returns the range of row keys of an entity's members. The range is the same in every partition of the index. */
export function memberRange(entityId: string): { readonly rowKeyFrom: string; readonly rowKeyBelow: string } {
  return { rowKeyFrom: `${entityId}${SEPARATOR}`, rowKeyBelow: `${entityId}${BEHIND_SEPARATOR}` };
}

/** One kind of membership: its table, its index and its column names. */
export interface MembershipKind<Role extends string> {
  readonly entity: 'team' | 'organization';
  readonly table: string;
  readonly indexTable: string;
  readonly idColumn: 'team_id' | 'organization_id';
  readonly roleColumn: 'role' | 'user_role';
  readonly roles: readonly Role[];
}

/** The tables and columns of team memberships. */
export const TEAM_MEMBERSHIPS: MembershipKind<TeamRole> = {
  entity: 'team',
  table: TABLES.teamMemberships,
  indexTable: TABLES.teamMembers,
  idColumn: 'team_id',
  roleColumn: 'role',
  roles: TEAM_ROLES,
};

/** The tables and columns of organization memberships. */
export const ORGANIZATION_MEMBERSHIPS: MembershipKind<OrganizationRole> = {
  entity: 'organization',
  table: TABLES.organizationMemberships,
  indexTable: TABLES.organizationMembers,
  idColumn: 'organization_id',
  roleColumn: 'user_role',
  roles: ORGANIZATION_ROLES,
};

/** The content of an index row: one member and the role. */
export interface IndexedMember {
  readonly entityId: string;
  readonly userId: string;
  readonly role: string;
}

/** Returns the key and all columns of a member's index row. */
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
