/** The behaviours that differ between LiteLLM's versions. Tests run over both profiles. */

/** `older` answers as versions of late 2025 do, `newer` as those of mid 2026. */
export type Profile = 'older' | 'newer';

export const profiles: readonly Profile[] = ['older', 'newer'];

/**
 * Every behaviour that depends on the version, with the code, issue or pull request of LiteLLM that shows it. `(?)` marks
 * what isn't confirmed. Files are in `litellm/proxy/management_endpoints/`.
 */
export interface Behaviours {
  /** The value of `litellm_version`, where an answer has it. */
  readonly version: string;
  /** The public `/health/readiness` contains the version. Pull request 27868. */
  readonly readinessHasVersion: boolean;
  /** `/user/new` with an existing `user_id` answers 409, or 200 with another key. `internal_user_endpoints.py`; issue 11368. */
  readonly duplicateUserId: 'secondKey' | 'conflict';
  /** The status of `/user/new` with an existing email, in any case. `internal_user_endpoints.py`. */
  readonly duplicateEmailStatus: 400 | 409;
  /**
   * Empty models of a team in a restricted organization mean all models, or become a copy of the organization's. Issue
   * 17283; pull request 20846, whose tests expect the copy in `/team/new` and `/team/update`.
   */
  readonly emptyTeamModels: 'meanAll' | 'copyOrganization';
  /**
   * Two writes of one team's members at the same time both answer 200. The first is lost, or both are kept. Issue 25951;
   * pull requests 34185 and 37969.
   */
  readonly parallelMemberWrites: 'lost' | 'kept';
  /** `/team/member_update` with only a role drops the member's budget. `team_endpoints.py`. */
  readonly roleUpdateDropsBudget: boolean;
}

export const behavioursOf: Readonly<Record<Profile, Behaviours>> = {
  older: {
    version: '1.80.0',
    readinessHasVersion: true,
    duplicateUserId: 'secondKey',
    duplicateEmailStatus: 400,
    emptyTeamModels: 'meanAll',
    parallelMemberWrites: 'lost',
    roleUpdateDropsBudget: true,
  },
  newer: {
    version: '1.84.0',
    readinessHasVersion: false,
    duplicateUserId: 'conflict',
    duplicateEmailStatus: 409,
    emptyTeamModels: 'copyOrganization',
    parallelMemberWrites: 'kept',
    roleUpdateDropsBudget: false,
  },
};
