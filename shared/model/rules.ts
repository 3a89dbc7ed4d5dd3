import type { BudgetAndLimits, GlobalRole } from './entities.ts';

/** `DEFAULT_TEAM_PARAMS`: the first values of a new organization or team. Not set: no limits, empty `models`. */
export interface DefaultTeamParams extends BudgetAndLimits {
  readonly models: readonly string[];
  readonly team_member_permissions: readonly string[];
}

/** `DEFAULT_INTERNAL_USER_PARAMS`: the first values of a new user. */
export interface DefaultUserParams {
  readonly user_role?: GlobalRole;
  readonly max_budget?: number;
  readonly budget_duration?: string;
  readonly models: readonly string[];
}

/** The settings that decide what is provisioned; part of every run's digest. */
export interface Rules {
  /** `ENTRA_GROUPS_ALSO_CREATE_ORGS` */
  readonly groupsAlsoCreateOrgs: boolean;
  readonly defaultTeamParams: DefaultTeamParams;
  readonly defaultUserParams: DefaultUserParams;
  /** `ROLE_MAPPINGS`: group id → global role. */
  readonly roleMappings: ReadonlyMap<string, GlobalRole>;
  /** `PROXY_ADMIN_ID`: this user is always `proxy_admin`. */
  readonly proxyAdminId?: string;
  /** `ORG_TEAM_BUDGET` */
  readonly orgTeamBudget: 'inherit' | 'copy';
  /** `MEMBERSHIP_SYNC_MODE` */
  readonly membershipSyncMode: 'full' | 'additive';
  /** Whether `MICROSOFT_SERVICE_PRINCIPAL_ID` is set, so that assigned groups create teams and organizations. */
  readonly assignedGroupsAreKnown: boolean;
}
