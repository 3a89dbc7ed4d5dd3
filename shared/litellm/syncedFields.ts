/** Which fields of an organization, a team and a user a sync keeps equal in LiteLLM, and which of them it cannot empty. */
import type { OrganizationValues, TeamValues, UserValues } from '../model/litellmValues.ts';

export interface SyncedFields<Values> {
  readonly fields: readonly (keyof Values & string)[];
  /** LiteLLM drops an empty value of these in an update, so a value that is set there cannot be taken back. */
  readonly neverCleared: readonly (keyof Values & string)[];
}

const LIMITS = ['max_budget', 'budget_duration', 'tpm_limit', 'rpm_limit'] as const;

export const ORGANIZATION_FIELDS: SyncedFields<OrganizationValues> = {
  fields: ['organization_alias', 'models', ...LIMITS],
  neverCleared: LIMITS,
};

/** Without the organization: before a team can move, the new organization needs all of its members. */
export const TEAM_FIELDS: SyncedFields<TeamValues> = {
  fields: ['team_alias', 'models', ...LIMITS],
  neverCleared: LIMITS,
};

/** Without the email: LiteLLM's own login writes it. */
export const USER_FIELDS: SyncedFields<UserValues> = {
  fields: ['user_alias', 'user_role', 'models', 'max_budget', 'budget_duration'],
  neverCleared: ['user_alias', 'models', 'max_budget', 'budget_duration'],
};
