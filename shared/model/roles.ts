import type { GlobalRole, OrganizationRole } from './entities.ts';
import type { Person } from './observation.ts';
import type { Rules } from './rules.ts';

/** LiteLLM's global roles, the most powerful first. */
export const GLOBAL_ROLES = [
  'proxy_admin',
  'proxy_admin_viewer',
  'internal_user',
  'internal_user_viewer',
] as const;

/** LiteLLM's organization roles. */
export const ORGANIZATION_ROLES = ['org_admin', 'internal_user', 'internal_user_viewer'] as const;

/** LiteLLM's team roles. */
export const TEAM_ROLES = ['admin', 'user'] as const;

/** Returns whether `a` carries more power than `b`. */
export function isHigherRole(a: GlobalRole, b: GlobalRole): boolean {
  return GLOBAL_ROLES.indexOf(a) < GLOBAL_ROLES.indexOf(b);
}

function highestOf(candidates: ReadonlySet<string>): GlobalRole | undefined {
  return GLOBAL_ROLES.find((role) => candidates.has(role));
}

/**
 * Returns the global role that a person has by Entra and the settings (docs/domain.md, "Roles"): `PROXY_ADMIN_ID`, then the
 * highest app role, then the highest of `ROLE_MAPPINGS` over the groups that count, then the default.
 */
export function globalRoleOf(person: Person, countingGroupIds: Iterable<string>, rules: Rules): GlobalRole {
  if (rules.proxyAdminId === person.user_id) return 'proxy_admin';
  const fromAppRoles = highestOf(new Set(person.app_roles.map((role) => role.toLowerCase())));
  if (fromAppRoles !== undefined) return fromAppRoles;
  const mapped = new Set<string>();
  for (const id of countingGroupIds) {
    const role = rules.roleMappings.get(id);
    if (role !== undefined) mapped.add(role);
  }
  return highestOf(mapped) ?? rules.defaultUserParams.user_role ?? 'internal_user_viewer';
}

/** Returns the role of an organization membership: `org_admin` by the app role of that name, else `internal_user`. */
export function organizationRoleOf(person: Person): OrganizationRole {
  return person.app_roles.some((role) => role.toLowerCase() === 'org_admin') ? 'org_admin' : 'internal_user';
}
