/** Makes sure that groups have their team (and organization): created if absent, never overwritten. */
import type { Reported } from '../domain/access.ts';
import type { AssignedGroup, KnownGroup, Presence } from '../domain/assignedGroups.ts';
import { describeUnreadable } from '../domain/describeUnreadable.ts';
import type { Organization, Team } from '../domain/entities.ts';
import {
  findDegradation,
  newDegradedTeam,
  newOrganization,
  newOrgScopedTeam,
  newStandaloneTeam,
  planRelink,
} from '../domain/newEntities.ts';
import type { Rules } from '../domain/rules.ts';
import { AppError } from '../errors.ts';
import type { Clock } from '../ports.ts';
import type { EntityRead, Store, StoredEntity, UnreadableRow } from '../storePorts.ts';

export interface EnsureDeps {
  readonly store: Pick<Store, 'entities'>;
  readonly clock: Clock;
  readonly rules: Rules;
}

export interface Ensured {
  /** The groups given, in their order, with what is there now. */
  readonly groups: readonly KnownGroup[];
  readonly reported: readonly Reported[];
  /** Rows that a person edited into something unreadable, by table, row and column. */
  readonly unreadable: readonly UnreadableRow[];
  /** Why organizations could not be read or created; the teams of such groups are absent or degraded. */
  readonly organizationFailure: AppError | undefined;
}

interface Organizations {
  readonly found: ReadonlyMap<string, Organization>;
  readonly unreadable: ReadonlyMap<string, UnreadableRow>;
  readonly failure: AppError | undefined;
}

const NO_ORGANIZATIONS: Organizations = { found: new Map(), unreadable: new Map(), failure: undefined };

async function ensureOrganizations(
  deps: EnsureDeps,
  groups: readonly AssignedGroup[],
): Promise<Organizations> {
  const { entities } = deps.store;
  let read: EntityRead<Organization> = { found: new Map(), unreadable: new Map() };
  const found = new Map<string, Organization>();
  try {
    read = await entities.readOrganizations(groups.map((group) => group.id));
    for (const [id, { value }] of read.found) found.set(id, value);
    const missing = groups.filter((group) => !found.has(group.id) && !read.unreadable.has(group.id));
    if (missing.length === 0) return { found, unreadable: read.unreadable, failure: undefined };
    const wanted = missing.map((group) => newOrganization(group, deps.rules, deps.clock.now()));
    const created = await entities.createOrganizations(wanted);
    for (const one of wanted) if (created.has(one.organization_id)) found.set(one.organization_id, one);
    // Somebody else created the others meanwhile: their values are theirs.
    const raced = wanted.map((one) => one.organization_id).filter((id) => !created.has(id));
    const again = raced.length === 0 ? undefined : await entities.readOrganizations(raced);
    for (const [id, { value }] of again?.found ?? []) found.set(id, value);
    return {
      found,
      unreadable: new Map([...read.unreadable, ...(again?.unreadable ?? [])]),
      failure: undefined,
    };
  } catch (error) {
    // The teams may still be served (docs/domain.md, "The flag", rule 7): the caller decides whether to retry or degrade.
    if (!(error instanceof AppError)) throw error;
    return { found, unreadable: read.unreadable, failure: error };
  }
}

interface TeamPlan {
  readonly create: readonly Team[];
  readonly relink: readonly StoredEntity<Team>[];
}

interface EnsureContext {
  readonly organizations: Organizations;
  readonly degradeOnFailure: boolean;
}

function planTeam(deps: EnsureDeps, group: AssignedGroup, context: EnsureContext): Team | undefined {
  const { rules } = deps;
  const now = deps.clock.now();
  if (!rules.groupsAlsoCreateOrgs) return newStandaloneTeam(group, rules, now);
  const { organizations } = context;
  const organization = organizations.found.get(group.id);
  if (organization !== undefined) return newOrgScopedTeam(group, organization, { rules, now });
  if (organizations.unreadable.has(group.id)) {
    // To inherit, the id is enough; to copy, the organization's limits must be readable.
    return rules.orgTeamBudget === 'inherit'
      ? newOrgScopedTeam(group, { organization_id: group.id }, { rules, now })
      : undefined;
  }
  return context.degradeOnFailure ? newDegradedTeam(group, rules, now) : undefined;
}

function planTeams(
  deps: EnsureDeps,
  groups: readonly AssignedGroup[],
  context: EnsureContext & { readonly teams: EntityRead<Team> },
): TeamPlan {
  const create: Team[] = [];
  const relink: StoredEntity<Team>[] = [];
  for (const group of groups) {
    const stored = context.teams.found.get(group.id);
    if (stored === undefined) {
      const team = context.teams.unreadable.has(group.id) ? undefined : planTeam(deps, group, context);
      if (team !== undefined) create.push(team);
    } else if (deps.rules.groupsAlsoCreateOrgs && context.organizations.found.has(group.id)) {
      if (findDegradation(stored.value) !== undefined) relink.push(stored);
    }
  }
  return { create, relink };
}

/** Gives the ids of the teams that are linked now, and what was reported of them. */
async function relinkTeams(
  deps: EnsureDeps,
  teams: readonly StoredEntity<Team>[],
): Promise<{ readonly linked: ReadonlySet<string>; readonly reported: readonly Reported[] }> {
  const linked = new Set<string>();
  const reported: Reported[] = [];
  for (const team of teams) {
    const degradation = findDegradation(team.value);
    if (degradation === undefined) continue;
    const relink = planRelink(team.value, degradation);
    // A row that changed meanwhile stays as it is; the next run reads it again.
    if (!(await deps.store.entities.relinkTeam(team, relink, deps.clock.now()))) continue;
    linked.add(team.value.team_id);
    if (relink.models === undefined)
      reported.push({ kind: 'team', id: team.value.team_id, code: 'models_kept' });
  }
  return { linked, reported };
}

function organizationPresence(id: string, organizations: Organizations): Presence {
  if (organizations.found.has(id)) return 'present';
  return organizations.unreadable.has(id) ? 'unreadable' : 'absent';
}

/** Gives the fields of a known group that say which of its rows cannot be read. */
export function unreadableDetails(
  team: UnreadableRow | undefined,
  organization: UnreadableRow | undefined,
): Pick<KnownGroup, 'unreadableTeam' | 'unreadableOrganization'> {
  return {
    ...(team === undefined ? {} : { unreadableTeam: describeUnreadable(team) }),
    ...(organization === undefined ? {} : { unreadableOrganization: describeUnreadable(organization) }),
  };
}

/**
 * Creates what the groups lack, organizations before teams, and re-links teams that were degraded (docs/domain.md, "The
 * flag"). Idempotent, safe to run at once in several places. Where organizations fail, the rest is still done: a team
 * whose organization is missing is left absent, or with `degradeOnFailure` made standalone and marked.
 * Throws `storage_unavailable` or `storage_refused` when teams cannot be read or written.
 */
export async function ensureEntities(
  deps: EnsureDeps,
  groups: readonly AssignedGroup[],
  options: { readonly degradeOnFailure: boolean },
): Promise<Ensured> {
  if (groups.length === 0)
    return { groups: [], reported: [], unreadable: [], organizationFailure: undefined };
  const { entities } = deps.store;
  const ids = groups.map((group) => group.id);
  const [organizations, teams] = await Promise.all([
    deps.rules.groupsAlsoCreateOrgs ? ensureOrganizations(deps, groups) : NO_ORGANIZATIONS,
    entities.readTeams(ids),
  ]);
  const plan = planTeams(deps, groups, { organizations, teams, degradeOnFailure: options.degradeOnFailure });
  if (plan.create.length > 0) await entities.createTeams(plan.create);
  const { linked, reported } = await relinkTeams(deps, plan.relink);

  const planned = new Map(plan.create.map((team) => [team.team_id, team]));
  const teamPresence = (id: string): Presence => {
    if (teams.unreadable.has(id)) return 'unreadable';
    const team = teams.found.get(id)?.value ?? planned.get(id);
    if (team === undefined) return 'absent';
    const standsAlone =
      deps.rules.groupsAlsoCreateOrgs && !linked.has(id) && findDegradation(team) !== undefined;
    return standsAlone ? 'degraded' : 'present';
  };
  return {
    groups: groups.map(({ id, displayName }) => ({
      id,
      displayName,
      team: teamPresence(id),
      organization: organizationPresence(id, organizations),
      ...unreadableDetails(teams.unreadable.get(id), organizations.unreadable.get(id)),
    })),
    reported,
    unreadable: [...organizations.unreadable.values(), ...teams.unreadable.values()],
    organizationFailure: organizations.failure,
  };
}
