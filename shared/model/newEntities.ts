/** The first values of a new organization or team (docs/domain.md, "The flag"). Existing ones are never overwritten. */
import type { AssignedGroup } from './assignedGroups.ts';
import {
  type BudgetAndLimits,
  type Metadata,
  type Organization,
  type Team,
  ALL_ORG_MODELS,
  limitsOf,
} from './entities.ts';
import type { DefaultTeamParams, Rules } from './rules.ts';

/** The key under `metadata` where this product keeps what it knows about an entity. */
export const METADATA_KEY = 'entra_provisioning';

/** The mark of a team that is standalone only because its organization could not be created. */
export interface Degradation {
  readonly degraded: true;
  readonly organization_id: string;
  readonly at: string;
  /** The models written with the mark. A re-link changes the models only if they are still these. */
  readonly models: readonly string[];
}

function smaller(own: number | undefined, bound: number | undefined): number | undefined {
  if (own === undefined) return undefined;
  return bound === undefined ? own : Math.min(own, bound);
}

/**
 * Returns the limits for `ORG_TEAM_BUDGET=copy`: the defaults, clamped to the organization's current limits. A clamped budget
 * gets the organization's duration.
 */
function copiedLimits(params: DefaultTeamParams, organization: BudgetAndLimits): BudgetAndLimits {
  const maxBudget = smaller(params.max_budget, organization.max_budget);
  const isClamped = maxBudget !== params.max_budget;
  return limitsOf({
    max_budget: maxBudget,
    budget_duration: isClamped ? organization.budget_duration : params.budget_duration,
    tpm_limit: smaller(params.tpm_limit, organization.tpm_limit),
    rpm_limit: smaller(params.rpm_limit, organization.rpm_limit),
  });
}

function originOf(entity: string, group: AssignedGroup): Metadata {
  return { litellm_entity: entity, [METADATA_KEY]: { source: 'entra', group_id: group.id } };
}

/** Returns the organization for a group: the group's id and name, and the default models, budget and limits. */
export function newOrganization(group: AssignedGroup, rules: Rules, now: Date): Organization {
  const at = now.toISOString();
  return {
    organization_id: group.id,
    organization_alias: group.displayName,
    models: rules.defaultTeamParams.models,
    ...limitsOf(rules.defaultTeamParams),
    spend: 0,
    metadata: originOf('LiteLLM_OrganizationTable', group),
    created_at: at,
    updated_at: at,
  };
}

function newTeam(group: AssignedGroup, rules: Rules, now: Date): Team {
  const at = now.toISOString();
  return {
    team_id: group.id,
    team_alias: group.displayName,
    models: rules.defaultTeamParams.models,
    team_member_permissions: rules.defaultTeamParams.team_member_permissions,
    spend: 0,
    metadata: originOf('LiteLLM_TeamTable', group),
    created_at: at,
    updated_at: at,
  };
}

/** Returns the standalone team for a group (flag off): all of `DEFAULT_TEAM_PARAMS` is the team's own. */
export function newStandaloneTeam(group: AssignedGroup, rules: Rules, now: Date): Team {
  return { ...newTeam(group, rules, now), ...limitsOf(rules.defaultTeamParams) };
}

/**
 * Returns the org-scoped team for a group (flag on). It inherits budget and limits, so raising the organization's by hand is
 * enough. With `ORG_TEAM_BUDGET=copy` it gets the defaults, clamped to the organization's current ones (a clamped budget with the
 * organization's `budget_duration`).
 */
export function newOrgScopedTeam(
  group: AssignedGroup,
  organization: BudgetAndLimits & { readonly organization_id: string },
  context: { readonly rules: Rules; readonly now: Date },
): Team {
  const { rules, now } = context;
  return {
    ...newTeam(group, rules, now),
    organization_id: organization.organization_id,
    models: [ALL_ORG_MODELS],
    ...(rules.orgTeamBudget === 'copy' ? copiedLimits(rules.defaultTeamParams, organization) : {}),
  };
}

/** Returns the standalone team of a group whose organization could not be created, marked so that it can be re-linked. */
export function newDegradedTeam(group: AssignedGroup, rules: Rules, now: Date): Team {
  const team = newStandaloneTeam(group, rules, now);
  const mark: Degradation = {
    degraded: true,
    organization_id: group.id,
    at: now.toISOString(),
    models: team.models,
  };
  return {
    ...team,
    metadata: { ...team.metadata, [METADATA_KEY]: { source: 'entra', group_id: group.id, ...mark } },
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Finds the mark of {@link newDegradedTeam}, or `undefined`. Only a marked team may be re-linked. */
export function findDegradation(team: Pick<Team, 'metadata' | 'organization_id'>): Degradation | undefined {
  const mark = team.metadata[METADATA_KEY];
  if (team.organization_id !== undefined || !isRecord(mark) || mark['degraded'] !== true) return undefined;
  const { organization_id: organizationId, at, models } = mark;
  if (typeof organizationId !== 'string' || typeof at !== 'string' || !Array.isArray(models))
    return undefined;
  return {
    degraded: true,
    organization_id: organizationId,
    at,
    models: models.filter((model) => typeof model === 'string'),
  };
}

/** The values that re-linking writes to a degraded team. */
export interface Relink {
  readonly organization_id: string;
  /** Absent: an administrator edited the models since, so they stay, and that is reported. */
  readonly models?: readonly string[];
  readonly metadata: Metadata;
}

/** Plans the re-link of a degraded team (docs/domain.md, "The flag", rule 7). */
export function planRelink(team: Team, degradation: Degradation): Relink {
  const untouched = JSON.stringify(team.models) === JSON.stringify(degradation.models);
  return {
    organization_id: degradation.organization_id,
    ...(untouched ? { models: [ALL_ORG_MODELS] } : {}),
    metadata: {
      ...team.metadata,
      [METADATA_KEY]: { source: 'entra', group_id: team.team_id, relinked_from: degradation.at },
    },
  };
}
