/** What differs between the two kinds of membership: tables and column names; and the shape of their index rows. */
import type { OrganizationRole, TeamRole } from '../../domain/entities.ts';
import { ORGANIZATION_ROLES, TEAM_ROLES } from '../../domain/roles.ts';
import { TABLES } from './tableNames.ts';
import type { Properties, RowKey } from './tables.ts';

/** Sorts before every id and cannot be one: ids start with a letter or digit. */
export const FENCE_ROW_KEY = '_fence';

/** The guard of an organization's administrators, in its partition of the index. Sorts and stands out as the fence does. */
export const GUARD_ROW_KEY = '_guard';

/** One kind of membership: its table, its index, and how its columns are called. */
export interface MembershipKind<Role extends string> {
  readonly table: string;
  readonly indexTable: string;
  readonly idColumn: 'team_id' | 'organization_id';
  readonly roleColumn: 'role' | 'user_role';
  readonly roles: readonly Role[];
}

/** Memberships of teams. */
export const TEAM_MEMBERSHIPS: MembershipKind<TeamRole> = {
  table: TABLES.teamMemberships,
  indexTable: TABLES.teamMembers,
  idColumn: 'team_id',
  roleColumn: 'role',
  roles: TEAM_ROLES,
};

/** Memberships of organizations. */
export const ORGANIZATION_MEMBERSHIPS: MembershipKind<OrganizationRole> = {
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
    key: { partitionKey: member.entityId, rowKey: member.userId },
    properties: {
      user_id: member.userId,
      [kind.idColumn]: member.entityId,
      [kind.roleColumn]: member.role,
      updated_at: now.toISOString(),
    },
  };
}
