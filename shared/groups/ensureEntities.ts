/** Makes sure that groups have their team (and organization): created if absent, never overwritten. */
import { describeUnreadable, type UnreadableRow } from '../model/unreadableRow.ts';
import type { EntityRead } from '../storage/entityStore.ts';
import type { Store } from '../storage/store.ts';
import type { Reported } from '../model/access.ts';
import type { AssignedGroup, KnownGroup, Presence } from '../model/assignedGroups.ts';
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

/**
 * A group, and what the accepted list says of its entities, where it says anything. What it calls absent is created without being
 * looked for: that is refused where something is there, and only then it is read. So an old list costs a request and no correctness.
 */
export type GroupToEnsure = AssignedGroup & Partial<Pick<KnownGroup, 'team' | 'organization'>>;

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
  groups: readonly GroupToEnsure[],
): Promise<Organizations> {
  const { entities } = deps.store;
  const found = new Map<string, Organization>();
  const unreadable = new Map<string, UnreadableRow>();
  const take = (read: EntityRead<Organization>): void => {
    for (const [id, { value }] of read.found) found.set(id, value);
    for (const [id, row] of read.unreadable) unreadable.set(id, row);
  };
  const look = async (ids: readonly string[]): Promise<void> => take(await entities.readOrganizations(ids));
  try {
    await look(groups.filter((group) => group.organization !== 'absent').map(({ id }) => id));
    const wanted = groups
      .filter(({ id }) => !found.has(id) && !unreadable.has(id))
      .map((group) => newOrganization(group, deps.rules, deps.clock.now()));
    try {
      const made = await entities.createOrganizations(wanted);
      // What somebody else made keeps that person's values.
      take(made);
      for (const one of wanted)
        if (made.created.has(one.organization_id)) found.set(one.organization_id, one);
    } catch (error) {
      // Only part of them may have failed, and some may have been there: their teams must not go without.
      await look(wanted.map((one) => one.organization_id));
      throw error;
    }
    return { found, unreadable, failure: undefined };
  } catch (error) {
    // The teams may still be served (docs/domain.md, "The flag", rule 7): the caller decides whether to retry or degrade.
    if (!(error instanceof AppError)) throw error;
    return { found, unreadable, failure: error };
  }
}

interface EnsureContext {
  readonly organizations: Organizations;
  readonly degradeOnFailure: boolean;
}

function planTeam(deps: EnsureDeps, group: GroupToEnsure, context: EnsureContext): Team | undefined {
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

interface Teams extends EntityRead<Team> {
  /** By id. */
  readonly created: ReadonlyMap<string, Team>;
}

/** Creates the teams that are missing, as far as their organizations allow. `read` has those that the list did not call absent. */
async function ensureTeams(
  deps: EnsureDeps,
  groups: readonly GroupToEnsure[],
  context: EnsureContext & { readonly read: EntityRead<Team> },
): Promise<Teams> {
  const { entities } = deps.store;
  const { read } = context;
  const wanted = new Map<string, Team>();
  const unseen: string[] = [];
  for (const group of groups) {
    if (read.found.has(group.id) || read.unreadable.has(group.id)) continue;
    const team = planTeam(deps, group, context);
    if (team !== undefined) wanted.set(group.id, team);
    // No create will tell whether it is there after all.
    else if (group.team === 'absent') unseen.push(group.id);
  }
  const [made, seen] = await Promise.all([
    entities.createTeams([...wanted.values()]),
    entities.readTeams(unseen),
  ]);
  return {
    found: new Map([...read.found, ...made.found, ...seen.found]),
    unreadable: new Map([...read.unreadable, ...made.unreadable, ...seen.unreadable]),
    created: new Map([...wanted].filter(([id]) => made.created.has(id))),
  };
}

/** Gives the ids of the teams that are linked now, and what was reported of them. */
async function relinkTeams(
  deps: EnsureDeps,
  teams: Teams,
  organizations: Organizations,
): Promise<{ readonly linked: ReadonlySet<string>; readonly reported: readonly Reported[] }> {
  const linked = new Set<string>();
  const reported: Reported[] = [];
  // With the flag off there are no organizations, so nothing is linked to them.
  for (const [id, team] of teams.found) {
    const degradation = findDegradation(team.value);
    if (degradation === undefined || !organizations.found.has(id)) continue;
    const relink = planRelink(team.value, degradation);
    // A row that changed meanwhile stays as it is; the next run reads it again.
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
 * flag"). What the list calls absent is not read before. Idempotent, safe to run at once in several places. Where organizations
 * fail, the rest is still done: a team whose organization is missing is left absent, or with `degradeOnFailure` made standalone
 * and marked. Throws `storage_unavailable` or `storage_refused` when teams cannot be read or written.
 */
export async function ensureEntities(
  deps: EnsureDeps,
  groups: readonly GroupToEnsure[],
  options: { readonly degradeOnFailure: boolean },
): Promise<Ensured> {
  const { groupsAlsoCreateOrgs } = deps.rules;
  const [organizations, read] = await Promise.all([
    groupsAlsoCreateOrgs ? ensureOrganizations(deps, groups) : NO_ORGANIZATIONS,
    deps.store.entities.readTeams(groups.filter((group) => group.team !== 'absent').map(({ id }) => id)),
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
