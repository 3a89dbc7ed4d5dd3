/** What LiteLLM is told of an organization, a team and a person, in LiteLLM's own field names. Pure. */
import {
  ALL_ORG_MODELS,
  type BudgetAndLimits,
  type GlobalRole,
  limitsOf,
  type Organization,
  type Team,
  type User,
} from './entities.ts';

/** What is pushed of an organization. Absent: no limit of its own; empty `models`: every model. */
export interface OrganizationValues extends BudgetAndLimits {
  readonly organization_alias: string;
  readonly models: readonly string[];
}

/** What is pushed of a team. */
export interface TeamValues extends BudgetAndLimits {
  readonly team_alias: string;
  /** Given when the team is made and never changed. */
  readonly organization_id?: string;
  readonly models: readonly string[];
}

/** What is pushed of a person. */
export interface UserValues {
  /** Given when the user is made and never changed: LiteLLM's own login writes it too. */
  readonly user_email?: string;
  readonly user_alias?: string;
  readonly user_role: GlobalRole;
  readonly models: readonly string[];
  readonly max_budget?: number;
  readonly budget_duration?: string;
}

/** Gives what LiteLLM is told of an organization. */
export function organizationValues(organization: Organization): OrganizationValues {
  return {
    organization_alias: organization.organization_alias,
    models: organization.models,
    ...limitsOf(organization),
  };
}

/**
 * Gives what LiteLLM is told of a team. `all-org-models`, which no LiteLLM knows, becomes the organization's list of now, and is
 * told again when that changes. An empty list does not do: older versions take it for every model of the proxy (issue 17283), newer
 * ones write the organization's list of that moment in its place (PR 20846) and do not follow it.
 * `undefined` where the organization that decides is not given: unknown is not unlimited.
 */
export function teamValues(
  team: Team,
  organization: Pick<Organization, 'models'> | undefined,
): TeamValues | undefined {
  const { organization_id } = team;
  if (organization_id !== undefined && organization === undefined) return undefined;
  const followsOrganization = organization_id !== undefined && team.models.includes(ALL_ORG_MODELS);
  return {
    team_alias: team.team_alias,
    ...(organization_id === undefined ? {} : { organization_id }),
    models: followsOrganization ? (organization?.models ?? []) : team.models,
    ...limitsOf(team),
  };
}

/** Gives what LiteLLM is told of a person. */
export function userValues(user: User): UserValues {
  const { user_email, display_name, user_role, models, max_budget, budget_duration } = user;
  return {
    ...(user_email === undefined ? {} : { user_email }),
    ...(display_name === undefined ? {} : { user_alias: display_name }),
    user_role,
    models,
    ...(max_budget === undefined ? {} : { max_budget }),
    ...(budget_duration === undefined ? {} : { budget_duration }),
  };
}
