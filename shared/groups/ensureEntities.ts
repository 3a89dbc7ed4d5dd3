/** Ensures that groups have their team (and organization). Creates what is absent, and never overwrites. */
import type { Reported } from '../model/access.ts';
import type { AssignedGroup, KnownGroup, Presence } from '../model/assignedGroups.ts';
import { describeUnreadable, type UnreadableRow } from '../model/handEdits.ts';
import type { Organization, Team } from '../model/entities.ts';
import {
  findDegradation,
  newDegradedTeam,
  newOrganization,
  newOrgScopedTeam,
  newStandaloneTeam,
  planRelink,
} from '../model/newEntities.ts';
import type { Rules } from '../model/rules.ts';
import { AppError } from '../model/errors.ts';
import type { Clock } from '../model/ports.ts';
import type { EntityRead } from '../storage/entityStore.ts';
import type { Store } from '../storage/store.ts';

export interface EnsureDeps {
  readonly store: Pick<Store, 'entities'>;
  readonly clock: Clock;
  readonly rules: Rules;
}

export interface Ensured {
  /** The given groups, in their order, with the state of their entities now. */
  readonly groups: readonly KnownGroup[];
  readonly reported: readonly Reported[];
  /** Rows that a hand edit made unreadable, by table, row and column. */
  readonly unreadable: readonly UnreadableRow[];
  /** Why organizations couldn't be read or created. The teams of these groups are absent or degraded. */
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
  const found = new Map<string, Organization>();
  const unreadable = new Map<string, UnreadableRow>();
  const keep = (read: EntityRead<Organization>): void => {
    for (const [id, { value }] of read.found) found.set(id, value);
    for (const [id, row] of read.unreadable) unreadable.set(id, row);
  };
  try {
    keep(await entities.readOrganizations(groups.map(({ id }) => id)));
    const missing = groups
      .filter(({ id }) => !found.has(id) && !unreadable.has(id))
      .map((group) => newOrganization(group, deps.rules, deps.clock.now()));
    try {
      const result = await entities.createOrganizations(missing);
      // An organization that was created meanwhile keeps its values.
      keep(result);
      for (const organization of missing) {
        const id = organization.organization_id;
        if (result.created.has(id)) found.set(id, organization);
      }
    } catch (error) {
      // Some of them may exist all the same, and their teams must not go without.
      keep(await entities.readOrganizations(missing.map((one) => one.organization_id)));
      throw error;
    }
    return { found, unreadable, failure: undefined };
  } catch (error) {
    // Teams may still be created (docs/domain.md, "The flag", rule 7). The caller decides whether to retry or degrade.
    if (!(error instanceof AppError)) throw error;
    return { found, unreadable, failure: error };
  }
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
    // The id is enough to inherit. To copy, the organization's limits must be readable.
    return rules.orgTeamBudget === 'inherit'
      ? newOrgScopedTeam(group, { organization_id: group.id }, { rules, now })
      : undefined;
  }
  return context.degradeOnFailure ? newDegradedTeam(group, rules, now) : undefined;
}

interface Teams extends EntityRead<Team> {
  /** By id. */
  readonly created: ReadonlyMap<string, Team>;
}

/** Creates the teams that `read` doesn't have, as far as their organizations allow. */
async function ensureTeams(
  deps: EnsureDeps,
  groups: readonly AssignedGroup[],
  context: EnsureContext & { readonly read: EntityRead<Team> },
): Promise<Teams> {
  const { entities } = deps.store;
  const { read } = context;
  const missing = new Map<string, Team>();
  for (const group of groups) {
    if (read.found.has(group.id) || read.unreadable.has(group.id)) continue;
    const team = planTeam(deps, group, context);
    if (team !== undefined) missing.set(group.id, team);
  }
  const result = await entities.createTeams([...missing.values()]);
  return {
    found: new Map([...read.found, ...result.found]),
    unreadable: new Map([...read.unreadable, ...result.unreadable]),
    created: new Map([...missing].filter(([id]) => result.created.has(id))),
  };
}

/** Links degraded teams to their organizations. Returns the ids of the teams that are linked now, and what to report about them. */
async function relinkTeams(
  deps: EnsureDeps,
  teams: Teams,
  organizations: Organizations,
): Promise<{ readonly linked: ReadonlySet<string>; readonly reported: readonly Reported[] }> {
  const linked = new Set<string>();
  const reported: Reported[] = [];
  // With the flag off there are no organizations, so no team is linked.
  for (const [id, team] of teams.found) {
    const degradation = findDegradation(team.value);
    if (degradation === undefined || !organizations.found.has(id)) continue;
    const relink = planRelink(team.value, degradation);
    // A row that changed meanwhile stays as it is. The next run reads it again.
    if (!(await deps.store.entities.relinkTeam(team, relink, deps.clock.now()))) continue;
    linked.add(id);
    if (relink.models === undefined) reported.push({ kind: 'team', id, code: 'models_kept' });
  }
  return { linked, reported };
}

function organizationPresence(id: string, organizations: Organizations): Presence {
  if (organizations.found.has(id)) return 'present';
  return organizations.unreadable.has(id) ? 'unreadable' : 'absent';
}

/** Returns the fields of a known group that say which of its rows can't be read. */
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
 * Creates what the groups lack, organizations before teams, and links teams that were degraded to their organizations again
 * (docs/domain.md, "The flag"). Idempotent, and safe to run in several places at once. If organizations fail, the rest is still done: a
 * team without its organization stays absent, or with `degradeOnFailure` becomes standalone and is marked.
 * Throws `storage_unavailable` or `storage_refused` if teams can't be read or written.
 */
export async function ensureEntities(
  deps: EnsureDeps,
  groups: readonly AssignedGroup[],
  options: { readonly degradeOnFailure: boolean },
): Promise<Ensured> {
  const { groupsAlsoCreateOrgs } = deps.rules;
  const [organizations, read] = await Promise.all([
    groupsAlsoCreateOrgs ? ensureOrganizations(deps, groups) : NO_ORGANIZATIONS,
    deps.store.entities.readTeams(groups.map(({ id }) => id)),
  ]);
  const teams = await ensureTeams(deps, groups, { ...options, organizations, read });
  const { linked, reported } = await relinkTeams(deps, teams, organizations);

  const teamPresence = (id: string): Presence => {
    if (teams.unreadable.has(id)) return 'unreadable';
    const team = teams.found.get(id)?.value ?? teams.created.get(id);
    if (team === undefined) return 'absent';
    const standsAlone = groupsAlsoCreateOrgs && !linked.has(id) && findDegradation(team) !== undefined;
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
