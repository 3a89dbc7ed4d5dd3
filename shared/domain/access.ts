/**
 * What a person can use, and why: the shape of `GET /api/me` and of the home page.
 * Field names are LiteLLM's; what this product adds is snake_case too.
 */
import type { BudgetAndLimits, GlobalRole, OrganizationRole, TeamRole } from './entities.ts';

/**
 * Why a value is what it is.
 * `own`: the entity's own value. `inherited`: the entity has none, the organization's holds.
 * `limited`: the entity's own is wider than its organization's, so the smaller one holds.
 * `unlimited`: neither sets one.
 */
export type EffectiveReason = 'own' | 'inherited' | 'limited' | 'unlimited';

export interface EffectiveModels {
  /** `true`: every model of the proxy, and `models` is empty. */
  readonly all_models: boolean;
  readonly models: readonly string[];
  readonly reason: EffectiveReason;
}

export interface EffectiveNumber {
  /** Absent: no limit. */
  readonly value?: number;
  readonly reason: EffectiveReason;
}

export interface EffectiveBudget extends EffectiveNumber {
  readonly budget_duration?: string;
  /** `organization`: shared by all teams of the organization together. `team`: the team's alone. */
  readonly shared_by: 'organization' | 'team';
}

export interface UserAccess extends BudgetAndLimits {
  readonly user_id: string;
  readonly user_email?: string;
  readonly display_name?: string;
  readonly user_role: GlobalRole;
  readonly models: readonly string[];
}

export interface OrganizationAccess extends BudgetAndLimits {
  readonly organization_id: string;
  readonly organization_alias: string;
  readonly user_role: OrganizationRole;
  readonly models: readonly string[];
  readonly effective_models: EffectiveModels;
  readonly spend: number;
}

export interface TeamAccess extends BudgetAndLimits {
  readonly team_id: string;
  readonly team_alias: string;
  /** Absent: a standalone team. */
  readonly organization_id?: string;
  readonly organization_alias?: string;
  readonly role: TeamRole;
  readonly models: readonly string[];
  readonly effective_models: EffectiveModels;
  readonly effective_max_budget: EffectiveBudget;
  readonly effective_tpm_limit: EffectiveNumber;
  readonly effective_rpm_limit: EffectiveNumber;
  readonly spend: number;
  /** The organization could not be created when the team was, so the team stands alone for now. */
  readonly degraded: boolean;
}

export type ProvisioningStatus = 'pending' | 'waiting' | 'done' | 'failed' | 'superseded';

/** Something that was kept back or left alone, and why. `code` is stable; `detail` is log-safe. */
export interface Reported {
  readonly kind: 'organization' | 'team' | 'group' | 'user';
  readonly id: string;
  readonly code:
    | 'organization_unavailable'
    | 'row_unreadable'
    | 'row_missing'
    | 'last_org_admin'
    | 'group_not_yet_known'
    | 'standalone_for_now'
    | 'models_kept';
  readonly detail?: string;
}

/** Where one observation's provisioning stands. */
export interface ProvisioningProgress {
  readonly status: ProvisioningStatus;
  /** Absent: this person was never observed. */
  readonly id?: string;
  readonly observed_at?: string;
  readonly updated_at?: string;
  /** Why it waits or failed: an error code. */
  readonly reason?: string;
  /** How often it has been tried, where it was tried and did not succeed yet. */
  readonly attempts?: number;
  /** When the next try is due, where one is planned. */
  readonly next_try_at?: string;
  /** What a finished run did. */
  readonly granted?: number;
  readonly removed?: number;
  readonly reported: readonly Reported[];
}

/** The body of `GET /api/me`. Organizations and teams are sorted by alias, then id. */
export interface MyAccess {
  readonly user: UserAccess;
  readonly organizations: readonly OrganizationAccess[];
  readonly teams: readonly TeamAccess[];
  readonly provisioning: ProvisioningProgress;
}
