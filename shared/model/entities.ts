/**
 * LiteLLM's entities with LiteLLM's own field names (snake_case), as stored in the tables.
 * Money is in USD, instants are ISO 8601 UTC, and an absent field means "no limit of its own".
 */

/** LiteLLM's global roles, the most powerful first. */
export const GLOBAL_ROLES = [
  'proxy_admin',
  'proxy_admin_viewer',
  'internal_user',
  'internal_user_viewer',
] as const;
export type GlobalRole = (typeof GLOBAL_ROLES)[number];

/** LiteLLM's organization roles, the most powerful first. */
export const ORGANIZATION_ROLES = ['org_admin', 'internal_user', 'internal_user_viewer'] as const;
export type OrganizationRole = (typeof ORGANIZATION_ROLES)[number];

/** LiteLLM's team roles, the most powerful first. */
export const TEAM_ROLES = ['admin', 'user'] as const;
export type TeamRole = (typeof TEAM_ROLES)[number];

/** Returns whether `a` carries more power than `b`. */
export function isHigherRole(a: GlobalRole, b: GlobalRole): boolean {
  return GLOBAL_ROLES.indexOf(a) < GLOBAL_ROLES.indexOf(b);
}

/** Who granted a membership. This product removes only what `entra` granted. */
export type GrantSource = 'entra' | 'manual';

/** `LiteLLM_OrganizationTable` / `LiteLLM_TeamTable` share these. */
export interface BudgetAndLimits {
  readonly max_budget?: number;
  /** LiteLLM's duration syntax, such as `30d`. */
  readonly budget_duration?: string;
  readonly tpm_limit?: number;
  readonly rpm_limit?: number;
}

/** Returns an entity's budget and limits alone. It leaves out what is `undefined`, because absent means "none of its own". */
export function limitsOf(entity: {
  readonly [Field in keyof BudgetAndLimits]: BudgetAndLimits[Field] | undefined;
}): BudgetAndLimits {
  const { max_budget, budget_duration, tpm_limit, rpm_limit } = entity;
  return {
    ...(max_budget === undefined ? {} : { max_budget }),
    ...(budget_duration === undefined ? {} : { budget_duration }),
    ...(tpm_limit === undefined ? {} : { tpm_limit }),
    ...(rpm_limit === undefined ? {} : { rpm_limit }),
  };
}

export type Metadata = Readonly<Record<string, unknown>>;

/** `LiteLLM_OrganizationTable`: the budget holder. Empty `models` allows all models. */
export interface Organization extends BudgetAndLimits {
  readonly organization_id: string;
  readonly organization_alias: string;
  readonly models: readonly string[];
  readonly spend: number;
  readonly metadata: Metadata;
  readonly created_at: string;
  readonly updated_at: string;
}

/** `LiteLLM_TeamTable`: standalone when `organization_id` is absent, else scoped to that organization. */
export interface Team extends BudgetAndLimits {
  readonly team_id: string;
  readonly team_alias: string;
  readonly organization_id?: string;
  readonly models: readonly string[];
  readonly team_member_permissions: readonly string[];
  readonly spend: number;
  readonly metadata: Metadata;
  readonly created_at: string;
  readonly updated_at: string;
}

/** `LiteLLM_UserTable`: `user_id` is the Entra object id, never an email. */
export interface User {
  readonly user_id: string;
  readonly tenant_id: string;
  readonly sso_user_id: string;
  readonly user_email?: string;
  readonly display_name?: string;
  readonly user_role: GlobalRole;
  readonly max_budget?: number;
  readonly budget_duration?: string;
  readonly models: readonly string[];
  readonly active: boolean;
  readonly created_at: string;
  readonly updated_at: string;
}

/** LiteLLM's special model names, and the one by which a team follows its organization. */
export const ALL_ORG_MODELS = 'all-org-models';
export const ALL_PROXY_MODELS = 'all-proxy-models';
export const ALL_TEAM_MODELS = 'all-team-models';
export const NO_DEFAULT_MODELS = 'no-default-models';

const SAFE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/**
 * Returns whether an id can be used unchanged as a table key, a path segment and a log field: 1 to 128 of `A-Z a-z 0-9 . _ -`, starting
 * with a letter or digit. Entra's ids are GUIDs; the product's own example is `entra-group-123`.
 */
export function isSafeId(id: string): boolean {
  return SAFE_ID.test(id);
}
