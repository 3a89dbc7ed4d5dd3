/** Decides what one team is to have in LiteLLM, wherever it is there (docs/litellm.md). */
import { createHash } from 'node:crypto';
import { limitsOf, type Organization, type Team } from '../model/entities.ts';
import type { OrganizationValues, TeamValues } from '../model/litellmValues.ts';
import type { SyncReport } from '../model/synced.ts';
import type { Store } from '../storage/store.ts';
import type { SyncRecord } from '../storage/syncRecord.ts';
import type { Desired, Look } from './entityLook.ts';
import {
  type Budget,
  canonical,
  type CarriedTeam,
  type SharedBudget,
  shareOf,
  standaloneTeam,
  teamFrozen,
  teamInside,
  teamOutside,
} from './teamLimits.ts';

/** Reads all teams once. Returns what `pick` keeps of each, by organization. Standalone and unreadable teams are left out. */
export async function readTeamsByOrganization<T>(
  entities: Pick<Store['entities'], 'readTeamPages'>,
  pick: (team: Team) => T,
): Promise<ReadonlyMap<string, readonly T[]>> {
  const teams = new Map<string, T[]>();
  for await (const { found } of entities.readTeamPages()) {
    for (const { value } of found.values()) {
      const { organization_id: organizationId } = value;
      if (organizationId === undefined) continue;
      const known = teams.get(organizationId);
      if (known === undefined) teams.set(organizationId, [pick(value)]);
      else known.push(pick(value));
    }
  }
  return teams;
}

/** Counts the teams of organizations, for their shares of a budget. Reads all teams at most once, at the first share that needs it. */
export class TeamShares {
  readonly #entities: Pick<Store['entities'], 'readTeamPages'>;
  readonly #how: SharedBudget;
  #teams: Promise<ReadonlyMap<string, readonly string[]>> | undefined;

  constructor(entities: Pick<Store['entities'], 'readTeamPages'>, how: SharedBudget) {
    this.#entities = entities;
    this.#how = how;
  }

  async shareOf(organization: Organization): Promise<Budget> {
    if (organization.max_budget === undefined || this.#how === 'each')
      return shareOf(organization, 1, this.#how);
    return shareOf(organization, (await this.teamsOf(organization.organization_id)).length, this.#how);
  }

  /** Returns the ids of an organization's teams in the store. A team whose row is unreadable is not among them. */
  async teamsOf(organizationId: string): Promise<readonly string[]> {
    this.#teams ??= readTeamsByOrganization(this.#entities, ({ team_id: id }) => id);
    return (await this.#teams).get(organizationId) ?? [];
  }
}

export interface CarryDeps {
  readonly record: Pick<SyncRecord, 'findOrganization'>;
  readonly shares: TeamShares;
  /** LiteLLM's version. */
  readonly version: string | undefined;
}

/** One team of the store, and its organization. */
export interface StoredTeam {
  readonly team: Team;
  /** The organization's row; `undefined`: the team is standalone. */
  readonly organization: Organization | undefined;
  /** What LiteLLM has of the organization; `undefined`: LiteLLM has no organizations now. */
  readonly inLitellm: Partial<OrganizationValues> | undefined;
  readonly hasOrganizations: boolean;
}

/** What a team is to have in LiteLLM. It is blocked where LiteLLM accepts no list inside its organization that allows nothing. */
export type DesiredTeam = Required<Desired<TeamValues>>;

type TeamLook = Look<TeamValues>;

function desiredOf(id: string, carried: CarriedTeam, frozen: readonly string[] = []): DesiredTeam {
  const { values, hasNoModels, capped } = carried;
  const report = (code: SyncReport['code'], fields: readonly string[]): SyncReport[] =>
    fields.length === 0 ? [] : [{ kind: 'team', id, code, detail: fields.join(', ') }];
  return {
    values,
    isBlocked: hasNoModels && values.organization_id !== undefined,
    reported: [
      ...report('capped_to_organization', capped),
      ...(hasNoModels ? [{ kind: 'team' as const, id, code: 'no_models_left' as const }] : []),
      ...report('organization_frozen', frozen),
    ],
  };
}

function insideOf(organization: Organization, inLitellm: Partial<OrganizationValues>) {
  const { organization_id } = organization;
  const { max_budget, budget_duration, tpm_limit, rpm_limit, models = [] } = inLitellm;
  return { organization_id, models, ...limitsOf({ max_budget, budget_duration, tpm_limit, rpm_limit }) };
}

/**
 * Returns where the team is, if this product put it there: the organization's id, or `undefined` for none. Where an administrator
 * moved it, returns where it was put, so that the plan shows the difference.
 */
function placeOf({ found, recorded }: TeamLook): string | undefined {
  const have = found?.values.organization_id;
  const { written, moving } = recorded ?? {};
  const isOurs = [written?.organization_id ?? '', moving?.from, moving?.to].includes(have ?? '');
  return isOurs ? have : written?.organization_id;
}

/** Returns a digest of what decides whether LiteLLM moves the team: the version, its models, and its organization's limits. */
export function moveDigest(version: string | undefined, { team, inLitellm = {} }: StoredTeam): string {
  const { models, max_budget, tpm_limit, rpm_limit } = inLitellm;
  const decides = [models, team.models].map(canonical);
  const text = JSON.stringify([version, decides, max_budget, tpm_limit, rpm_limit]);
  return createHash('sha256').update(text).digest('base64url');
}

/** Whether LiteLLM refused the move that the store wants, and nothing has changed since. */
function isNotMoved(version: string | undefined, stored: StoredTeam, { found, recorded }: TeamLook): boolean {
  const { team, hasOrganizations } = stored;
  const { notMoved } = recorded ?? {};
  const to = team.organization_id ?? '';
  if (!hasOrganizations || found === undefined || notMoved === undefined) return false;
  if ((found.values.organization_id ?? '') === to) return false;
  return notMoved.to === to && notMoved.reason === moveDigest(version, stored);
}

/** What the team carries in an organization that stays as it is. Without a record of its values, nothing of the team is changed. */
async function carryFrozen(
  { record }: CarryDeps,
  { team, organization }: StoredTeam,
  { place, look }: { readonly place: string; readonly look: TeamLook },
): Promise<{ readonly carried: CarriedTeam; readonly frozen: readonly string[] }> {
  const frozen = (await record.findOrganization(place))?.written;
  if (frozen !== undefined) {
    const inside = teamFrozen(team, organization, { organization_id: place, ...frozen });
    return { carried: inside, frozen: inside.frozen };
  }
  const wanted = organization === undefined ? standaloneTeam(team) : teamInside(team, organization);
  const { team_alias } = wanted.values;
  const values: TeamValues = { models: [], ...look.found?.values, organization_id: place, team_alias };
  const fields = ['models', 'max_budget', 'budget_duration', 'tpm_limit', 'rpm_limit'] as const;
  return {
    carried: { values, hasNoModels: false, capped: [] },
    frozen: fields.filter((field) => canonical(values[field]) !== canonical(wanted.values[field])),
  };
}

/** Where a team is to be. */
interface Placed {
  readonly place: string | undefined;
  /** It belongs elsewhere, but LiteLLM does not let it be moved. */
  readonly stays: boolean;
}

function placedBy(version: string | undefined, stored: StoredTeam, look: TeamLook): Placed {
  const stays = isNotMoved(version, stored, look);
  const isFixed = look.found !== undefined && look.recorded !== undefined;
  if (isFixed && (stays || !stored.hasOrganizations)) return { place: placeOf(look), stays };
  return { place: stored.hasOrganizations ? stored.organization?.organization_id : undefined, stays };
}

async function carry(
  deps: CarryDeps,
  stored: StoredTeam,
  {
    place,
    look,
  }: {
    readonly place: string | undefined;
    readonly look: TeamLook;
  },
): Promise<DesiredTeam> {
  const { team, organization, inLitellm, hasOrganizations } = stored;
  const { team_id: id } = team;
  if (organization !== undefined && place === organization.organization_id && inLitellm !== undefined) {
    return desiredOf(id, teamInside(team, insideOf(organization, inLitellm)));
  }
  if (place !== undefined) {
    const { carried, frozen } = await carryFrozen(deps, stored, { place, look });
    return desiredOf(id, carried, hasOrganizations ? [] : frozen);
  }
  if (organization === undefined) return desiredOf(id, standaloneTeam(team));
  const share = await deps.shares.shareOf(organization);
  return desiredOf(id, teamOutside(team, organization, share));
}

/**
 * Returns what the team is to have. While LiteLLM has organizations, that is a place in its own, so the plan may be a move. Without
 * them, or if LiteLLM refused the move, the team stays where it is. Costs nothing, or one read of the record, or one read of all
 * teams for its share of a budget.
 */
export async function desireTeam(deps: CarryDeps, stored: StoredTeam, look: TeamLook): Promise<DesiredTeam> {
  const { place, stays } = placedBy(deps.version, stored, look);
  const desired = await carry(deps, stored, { place, look });
  if (!stays) return desired;
  const { team_id: id } = stored.team;
  return { ...desired, reported: [...desired.reported, { kind: 'team', id, code: 'not_moved' }] };
}
