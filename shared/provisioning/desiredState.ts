/** What one observation asks for, given the groups that count: memberships and roles. Pure. */
import type { Reported } from '../model/access.ts';
import { groupsById, type KnownGroup } from '../model/assignedGroups.ts';
import { GLOBAL_ROLES, type GlobalRole, type OrganizationRole, type TeamRole } from '../model/entities.ts';
import type { Observation, Person } from '../model/observation.ts';
import type { Rules } from '../model/rules.ts';

/** The person's groups, sorted by what this product may make of them. */
export interface CountedGroups {
  /** Groups that count. */
  readonly counted: readonly KnownGroup[];
  /**
   * Ids of an `ApplicationGroup` claim that the accepted list does not have (`appRoleAssignedTo` lags): the person has
   * the group, so nothing is removed because of it, and nothing is granted yet.
   */
  readonly unknown: readonly string[];
  /**
   * Groups that a held-back list lost, if the observation is a claim: Entra left them out of it for the same reason, so
   * nothing is removed because of them until the list is accepted (brake).
   */
  readonly braked: readonly string[];
  /**
   * Groups of the accepted list that a claim lacks although Entra granted the person a membership of them, where the list was not
   * read after the observation: they may have lost their assignment by mistake, so nothing is removed because of them yet.
   */
  readonly unchecked?: readonly string[];
}

/** Sorts the person's group ids by the accepted list (docs/domain.md, "Which groups count"). Repeated ids count once. */
export function countGroups(
  observation: Observation,
  accepted: readonly KnownGroup[],
  lostIds: readonly string[] = [],
): CountedGroups {
  const known = groupsById(accepted);
  const counted: KnownGroup[] = [];
  const unknown: string[] = [];
  for (const id of new Set(observation.group_ids)) {
    const group = known.get(id);
    if (group !== undefined) counted.push(group);
    else if (observation.groups_source === 'claim') unknown.push(id);
  }
  return { counted, unknown, braked: observation.groups_source === 'claim' ? lostIds : [] };
}

/** What a person should have. */
export interface DesiredState {
  /** Team id → role. */
  readonly teams: ReadonlyMap<string, TeamRole>;
  /** Organization id → role. */
  readonly organizations: ReadonlyMap<string, OrganizationRole>;
  /**
   * Ids of groups that the person has or may have: a membership under such an id is not removed even if it is not
   * desired now (withheld, not yet known, or the flag was switched off).
   */
  readonly held: ReadonlySet<string>;
  readonly userRole: GlobalRole;
  /** The role if the groups that are not decided yet counted: a higher current one is lowered to this and no further yet. */
  readonly userRoleOnceKnown: GlobalRole;
  /** `PROXY_ADMIN_ID` names this person: the role holds even against a hand edit. */
  readonly userRoleIsFixed: boolean;
  /** The role in every organization. A membership that is no longer desired may be lowered to it, never raised. */
  readonly organizationRole: OrganizationRole;
  /** What was kept back, and why. */
  readonly reported: readonly Reported[];
}

function unreadableRow(kind: 'team' | 'organization', id: string, detail: string | undefined): Reported {
  return { kind, id, code: 'row_unreadable', ...(detail === undefined ? {} : { detail }) };
}

function withheldTeam(group: KnownGroup): Reported | undefined {
  if (group.team === 'present') return undefined;
  if (group.team === 'degraded') return { kind: 'team', id: group.id, code: 'standalone_for_now' };
  if (group.team === 'absent') return { kind: 'team', id: group.id, code: 'row_missing' };
  return unreadableRow('team', group.id, group.unreadableTeam);
}

function withheldOrganization(group: KnownGroup): Reported | undefined {
  if (group.organization === 'present') return undefined;
  if (group.organization === 'unreadable') {
    return unreadableRow('organization', group.id, group.unreadableOrganization);
  }
  return { kind: 'organization', id: group.id, code: 'organization_unavailable' };
}

/**
 * Returns what the person should have (docs/domain.md, "The flag" and "Roles").
 * Without a service principal nothing is created, so a group without a team or organization doesn't belong to this
 * product and is not reported.
 */
export function desiredState(observation: Observation, groups: CountedGroups, rules: Rules): DesiredState {
  const teams = new Map<string, TeamRole>();
  const organizations = new Map<string, OrganizationRole>();
  const reported: Reported[] = [];
  const organizationRole = organizationRoleOf(observation.person);
  const report = (entry: Reported | undefined): void => {
    if (entry !== undefined && (rules.assignedGroupsAreKnown || entry.code === 'row_unreadable'))
      reported.push(entry);
  };
  for (const group of groups.counted) {
    if (group.team === 'present' || group.team === 'degraded') teams.set(group.id, 'user');
    report(withheldTeam(group));
    if (!rules.groupsAlsoCreateOrgs) continue;
    if (group.organization === 'present') organizations.set(group.id, organizationRole);
    report(withheldOrganization(group));
  }
  for (const id of groups.unknown) reported.push({ kind: 'group', id, code: 'group_not_yet_known' });
  const { unchecked = [] } = groups;
  for (const id of unchecked) reported.push({ kind: 'group', id, code: 'removal_not_checked' });
  // Without an accepted list every id that the person has may carry a mapped role, team or not.
  const roleGroupIds = rules.assignedGroupsAreKnown
    ? groups.counted.map((group) => group.id)
    : observation.group_ids;
  return {
    teams,
    organizations,
    held: new Set([
      ...groups.counted.map((group) => group.id),
      ...groups.unknown,
      ...groups.braked,
      ...unchecked,
      ...heldRaw(observation, rules),
    ]),
    userRole: globalRoleOf(observation.person, roleGroupIds, rules),
    userRoleIsFixed: rules.proxyAdminId === observation.person.user_id,
    userRoleOnceKnown: globalRoleOf(
      observation.person,
      [...roleGroupIds, ...groups.unknown, ...groups.braked, ...unchecked],
      rules,
    ),
    organizationRole,
    reported,
  };
}

/** Without an accepted list, having the group is all that can be known. */
function heldRaw(observation: Observation, rules: Rules): readonly string[] {
  return rules.assignedGroupsAreKnown ? [] : observation.group_ids;
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
