/**
 * Computes what a person may really use: an entity's own values, limited by its organization's (docs/domain.md,
 * "Limits between levels"). Rows are never rewritten for it. The effective value is the smaller one, with the
 * reason, computed at read time.
 */
import type {
  EffectiveBudget,
  EffectiveModels,
  EffectiveNumber,
  OrganizationAccess,
  TeamAccess,
} from '../model/access.ts';
import {
  type BudgetAndLimits,
  type Organization,
  type OrganizationRole,
  type Team,
  type TeamRole,
  ALL_ORG_MODELS,
  ALL_PROXY_MODELS,
  limitsOf,
} from '../model/entities.ts';
import { allowsAllModels, intersectModels, namedModels } from '../model/modelNames.ts';
import { findDegradation } from '../model/newEntities.ts';

/** Returns the models of an organization, or of a standalone team. */
export function ownModels(models: readonly string[]): EffectiveModels {
  return allowsAllModels(models)
    ? { all_models: true, models: [], reason: models.length === 0 ? 'unlimited' : 'own' }
    : { all_models: false, models: namedModels(models), reason: 'own' };
}

/**
 * Returns the models of a team. A team that inherits has its organization's **current** list; another team has its
 * own models within that list.
 */
export function teamModels(
  team: Pick<Team, 'models'>,
  organization: Pick<Organization, 'models'> | undefined,
): EffectiveModels {
  if (organization === undefined) return ownModels(team.models);
  const fromOrganization = ownModels(organization.models);
  if (team.models.length === 0 || team.models.includes(ALL_ORG_MODELS)) {
    return { ...fromOrganization, reason: 'inherited' };
  }
  if (fromOrganization.all_models) return ownModels(team.models);
  if (team.models.includes(ALL_PROXY_MODELS)) return { ...fromOrganization, reason: 'limited' };
  const own = namedModels(team.models);
  const allowed = intersectModels(team.models, organization.models) ?? own;
  const isOwn = own.every((model) => allowed.includes(model));
  return { all_models: false, models: allowed, reason: isOwn ? 'own' : 'limited' };
}

function effectiveNumber(own: number | undefined, bound: number | undefined): EffectiveNumber {
  if (own === undefined)
    return bound === undefined ? { reason: 'unlimited' } : { value: bound, reason: 'inherited' };
  if (bound !== undefined && own > bound) return { value: bound, reason: 'limited' };
  return { value: own, reason: 'own' };
}

function effectiveBudget(own: BudgetAndLimits, organization: BudgetAndLimits | undefined): EffectiveBudget {
  const number = effectiveNumber(own.max_budget, organization?.max_budget);
  const isOrganizations = number.reason === 'inherited' || number.reason === 'limited';
  const duration = isOrganizations ? organization?.budget_duration : own.budget_duration;
  return {
    ...number,
    ...(duration === undefined || number.value === undefined ? {} : { budget_duration: duration }),
    shared_by: isOrganizations ? 'organization' : 'team',
  };
}

/** Returns an organization as its member sees it. */
export function organizationAccess(organization: Organization, role: OrganizationRole): OrganizationAccess {
  return {
    organization_id: organization.organization_id,
    organization_alias: organization.organization_alias,
    user_role: role,
    models: organization.models,
    ...limitsOf(organization),
    effective_models: ownModels(organization.models),
    spend: organization.spend,
  };
}

/**
 * Returns a team as its member sees it. `organization` is the one that the team names; `undefined` for a standalone
 * team.
 */
export function teamAccess(team: Team, role: TeamRole, organization: Organization | undefined): TeamAccess {
  return {
    team_id: team.team_id,
    team_alias: team.team_alias,
    ...(team.organization_id === undefined ? {} : { organization_id: team.organization_id }),
    ...(organization === undefined ? {} : { organization_alias: organization.organization_alias }),
    role,
    models: team.models,
    ...limitsOf(team),
    effective_models: teamModels(team, organization),
    effective_max_budget: effectiveBudget(team, organization),
    effective_tpm_limit: effectiveNumber(team.tpm_limit, organization?.tpm_limit),
    effective_rpm_limit: effectiveNumber(team.rpm_limit, organization?.rpm_limit),
    spend: team.spend,
    degraded: findDegradation(team) !== undefined,
  };
}
