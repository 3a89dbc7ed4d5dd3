/**
 * The answer of `GET /api/me` and the data of the home page: what a person can use, and why.
 * Field names are LiteLLM's; what this product adds is snake_case too.
 */
import type { BudgetAndLimits, GlobalRole, OrganizationRole, TeamRole } from './entities.ts';
import type { ProxyReport } from './litellmProxy.ts';
import type { SyncReport } from './synced.ts';

/**
 * The reason for an effective value.
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

/**
 * Whether something is in the LiteLLM proxy.
 * - `in_litellm`: it is.
 * - `not_yet`: the sync will bring it, without anybody's help.
 * - `refused`: LiteLLM refused it, so an administrator has to change something in LiteLLM.
 * - `failed`: the sync gave up.
 * - `unknown`: the record of the sync cannot be read.
 */
export type LitellmState = 'in_litellm' | 'not_yet' | 'refused' | 'failed' | 'unknown';

/** Something that differs between the store and the LiteLLM proxy. `detail`: the fields, or the status of LiteLLM's answer. */
export type LitellmReported = Pick<SyncReport, 'code' | 'detail'>;

/** Whether a membership, or the user, is in the LiteLLM proxy. */
export interface LitellmPresence {
  readonly state: LitellmState;
  /** The time when this product added it to LiteLLM or found it in LiteLLM. ISO 8601 UTC. */
  readonly since?: string;
  /** The role in LiteLLM, if it is known to differ from the one in the store. */
  readonly role?: string;
  /** Why it is not in LiteLLM: an error code, or `row_missing`. */
  readonly reason?: string;
  readonly reported: readonly LitellmReported[];
}

/** The progress of this person's sync to the LiteLLM proxy. */
export interface LitellmProgress {
  /** `false`: no proxy is connected, and everything else is absent. */
  readonly connected: boolean;
  /** `unknown`: the record of the sync cannot be read. */
  readonly status?: 'pending' | 'waiting' | 'done' | 'failed' | 'unknown';
  /** Why it is not done: an error code. */
  readonly reason?: string;
  /** The number of tries so far, if none has succeeded yet. */
  readonly attempts?: number;
  /** When the next try is due, if one is planned. */
  readonly next_try_at?: string;
  readonly updated_at?: string;
  /** The state of the proxy as a whole, for its administrators (`proxy_admin`). Absent before the first check. */
  readonly proxy?: ProxyReport;
}

/** Absent if no proxy is connected. */
interface InLitellm {
  readonly litellm?: LitellmPresence;
}

export interface UserAccess extends BudgetAndLimits, InLitellm {
  readonly user_id: string;
  readonly user_email?: string;
  readonly display_name?: string;
  readonly user_role: GlobalRole;
  readonly models: readonly string[];
}

export interface OrganizationAccess extends BudgetAndLimits, InLitellm {
  readonly organization_id: string;
  readonly organization_alias: string;
  readonly user_role: OrganizationRole;
  readonly models: readonly string[];
  readonly effective_models: EffectiveModels;
  readonly spend: number;
}

export interface TeamAccess extends BudgetAndLimits, InLitellm {
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
  /** The organization could not be created together with the team, so the team is standalone for now. */
  readonly degraded: boolean;
}

export type ProvisioningStatus = 'pending' | 'waiting' | 'done' | 'failed' | 'superseded';

/** A change that a run withheld or did not make, and why. `code` is stable, and `detail` is safe to log. */
export interface Reported {
  readonly kind: 'organization' | 'team' | 'group' | 'user';
  readonly id: string;
  readonly code:
    | 'organization_unavailable'
    | 'row_unreadable'
    | 'row_missing'
    | 'last_org_admin'
    | 'no_org_admin_left'
    | 'group_not_yet_known'
    | 'removal_not_checked'
    | 'standalone_for_now'
    | 'models_kept';
  readonly detail?: string;
}

/** The progress of one observation's provisioning. */
export interface ProvisioningProgress {
  readonly status: ProvisioningStatus;
  /** Absent: this person was never observed. */
  readonly id?: string;
  readonly observed_at?: string;
  readonly updated_at?: string;
  /** Why it waits or failed: an error code. */
  readonly reason?: string;
  /** The number of tries so far, if none has succeeded yet. */
  readonly attempts?: number;
  /** When the next try is due, if one is planned. */
  readonly next_try_at?: string;
  /** What a finished run did. */
  readonly granted?: number;
  readonly removed?: number;
  readonly reported: readonly Reported[];
}

/** A key of the person that rests: it is blocked, and no longer in its team. */
export interface RestingKeyAccess {
  /** `sk-...` and the last four characters. */
  readonly name: string;
  readonly alias?: string;
  readonly team_id: string;
  readonly team_alias?: string;
  /**
   * - `left_team`: the membership ended.
   * - `no_membership`: the key was in a team in which the person was no member.
   * - `returning`: the person is in the team again, and a sync gives the key back.
   * - `refused`: likewise, but LiteLLM did not accept that.
   */
  readonly why: 'left_team' | 'no_membership' | 'returning' | 'refused';
  readonly since: string;
  /** When it may be deleted; absent if it returns, or waits for LiteLLM to accept it. */
  readonly until?: string;
}

/** The body of `GET /api/me`. Organizations and teams are sorted by alias, then id. */
export interface MyAccess {
  readonly user: UserAccess;
  readonly organizations: readonly OrganizationAccess[];
  readonly teams: readonly TeamAccess[];
  readonly provisioning: ProvisioningProgress;
  readonly litellm: LitellmProgress;
  /** By team, then name. Absent: none rests. */
  readonly resting_keys?: readonly RestingKeyAccess[];
}
