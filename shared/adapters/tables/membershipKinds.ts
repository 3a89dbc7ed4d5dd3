/** What differs between the two kinds of membership: tables and column names. */
import type { OrganizationRole, TeamRole } from '../../domain/entities.ts';
import { ORGANIZATION_ROLES, TEAM_ROLES } from '../../domain/roles.ts';
import { TABLES } from './tableNames.ts';

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
