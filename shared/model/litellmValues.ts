/**
 * The values of an organization, a team and a person that are written to LiteLLM, with LiteLLM's own field names. Names are
 * cleaned again: a row edited by hand may contain a NUL, which LiteLLM answers with 500. Pure.
 */
import { type BudgetAndLimits, type GlobalRole, limitsOf, type Organization, type User } from './entities.ts';
import { cleanName } from './foreignNames.ts';

/** Changes of some fields of an entity. `null` clears a field; some versions ignore that. */
export type Changes<Values> = { readonly [Field in keyof Values]?: Exclude<Values[Field], undefined> | null };

/** The synced values of an organization. An absent limit means none of its own. Empty `models` allow every model. */
export interface OrganizationValues extends BudgetAndLimits {
  readonly organization_alias: string;
  readonly models: readonly string[];
}

/** The synced values of a team. */
export interface TeamValues extends BudgetAndLimits {
  readonly team_alias: string;
  /** Changed only by moving the team. */
  readonly organization_id?: string;
  readonly models: readonly string[];
  /** What a plain member may do with keys, as LiteLLM's routes, such as `/key/generate`. Absent: nothing. */
  readonly team_member_permissions?: readonly string[];
}

/** The synced values of a person. */
export interface UserValues {
  /** Set when the user is created and never changed, because LiteLLM's own login writes it too. */
  readonly user_email?: string;
  readonly user_alias?: string;
  readonly user_role: GlobalRole;
  readonly models: readonly string[];
  readonly max_budget?: number;
  readonly budget_duration?: string;
}

/** Returns the values of an organization for LiteLLM. */
export function organizationValues(organization: Organization): OrganizationValues {
  return {
    organization_alias: cleanName(organization.organization_alias) ?? organization.organization_id,
    models: organization.models,
    ...limitsOf(organization),
  };
}

/** Returns the values of a person for LiteLLM. */
export function userValues(user: User): UserValues {
  const { user_id, user_email, display_name, user_role, models, max_budget, budget_duration } = user;
  const email = user_email === undefined ? undefined : cleanName(user_email);
  return {
    ...(email === undefined ? {} : { user_email: email }),
    ...(display_name === undefined ? {} : { user_alias: cleanName(display_name) ?? user_id }),
    user_role,
    models,
    ...(max_budget === undefined ? {} : { max_budget }),
    ...(budget_duration === undefined ? {} : { budget_duration }),
  };
}

/** Returns the values of a person whose account is closed: as {@link userValues}, with the lowest role. */
export function closedUserValues(user: User): UserValues {
  return { ...userValues(user), user_role: 'internal_user_viewer' };
}
