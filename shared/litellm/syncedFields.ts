/** Which fields of an organization, a team and a user are kept in step with the proxy, and which of them it never empties. */
import type { OrganizationValues, TeamValues, UserValues } from '../model/litellmValues.ts';

export interface SyncedFields<Values> {
  readonly fields: readonly (keyof Values & string)[];
  /** LiteLLM drops an empty value of these in an update, so what is set there cannot be taken back. */
  readonly neverCleared: readonly (keyof Values & string)[];
}

const LIMITS = ['max_budget', 'budget_duration', 'tpm_limit', 'rpm_limit'] as const;

export const ORGANIZATION_FIELDS: SyncedFields<OrganizationValues> = {
  fields: ['organization_alias', 'models', ...LIMITS],
  neverCleared: LIMITS,
};

/** Not the organization: a team that is moved needs all its members in the new one first. */
export const TEAM_FIELDS: SyncedFields<TeamValues> = {
  fields: ['team_alias', 'models', ...LIMITS],
  neverCleared: LIMITS,
};

/** Not the email: LiteLLM's own login writes it. */
export const USER_FIELDS: SyncedFields<UserValues> = {
  fields: ['user_alias', 'user_role', 'models', 'max_budget', 'budget_duration'],
  neverCleared: ['user_alias', 'models', 'max_budget', 'budget_duration'],
};
