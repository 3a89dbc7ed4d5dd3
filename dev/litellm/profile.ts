/** The behaviours that differ between LiteLLM's versions, in one table, so that tests can run over both profiles. */

/** `older` answers as versions of late 2025 do, `newer` as those of mid 2026. */
export type Profile = 'older' | 'newer';

export const profiles: readonly Profile[] = ['older', 'newer'];

interface Difference<Value> {
  readonly older: Value;
  readonly newer: Value;
  /** The code, test, issue or pull request of LiteLLM that shows it. `(?)` marks what isn't confirmed. */
  readonly source: string;
}

const difference = <const Value>(older: Value, newer: Value, source: string): Difference<Value> => ({
  older,
  newer,
  source,
});

const users = 'management_endpoints/internal_user_endpoints.py';
const teams = 'management_endpoints/team_endpoints.py';
const organizations = 'management_endpoints/organization_endpoints.py';

/** Every behaviour that depends on the version. All others are the same in both profiles. */
export const differences = {
  /** The value of `litellm_version`, where an answer has it. */
  version: difference(
    '1.80.0',
    '1.84.0',
    'pull request 27868: the public readiness names no version from 1.84',
  ),
  /** The public `/health/readiness` names the version. */
  readinessHasVersion: difference(true, false, 'pull request 27868'),
  /** `/user/new` with a `user_id` that exists: 409, or 200 and another key for the same row. */
  duplicateUserId: difference('secondKey', 'conflict', `${users}; issue 11368`),
  /** The status of `/user/new` with an email that exists, in any case. */
  duplicateEmailStatus: difference(400, 409, users),
  /** Empty models of a team in a restricted organization mean all models, or become a copy of the organization's. */
  emptyTeamModels: difference(
    'meanAll',
    'copyOrganization',
    `pull request 20846 (its unit tests expect the list copied into the request, new and update alike); issue 17283`,
  ),
  /** Two writes of one team's members at the same time both answer 200. The first is lost, or both are kept. */
  parallelMemberWrites: difference('lost', 'kept', 'issue 25951; pull requests 34185 and 37969'),
  /** `/team/member_update` with a role alone drops the member's budget. */
  roleUpdateDropsBudget: difference(
    true,
    false,
    `${teams}: the budget is written from the request, absent or not`,
  ),
  /** `/team/member_add` of a list with a budget, where one of the users is already a member. */
  mixedListWithBudget: difference('crash', 'added', `${teams}: the second membership row is refused (?)`),
  /** `/organization/list` filters by `org_id` and `org_alias`, or ignores them. */
  organizationListFilters: difference(false, true, organizations),
} as const;

/** The behaviours of one profile. */
export type Behaviours = {
  readonly [Name in keyof typeof differences]: (typeof differences)[Name]['older' | 'newer'];
};

/** Returns the behaviours of a profile. */
export function readBehaviours(profile: Profile): Behaviours {
  return {
    version: differences.version[profile],
    readinessHasVersion: differences.readinessHasVersion[profile],
    duplicateUserId: differences.duplicateUserId[profile],
    duplicateEmailStatus: differences.duplicateEmailStatus[profile],
    emptyTeamModels: differences.emptyTeamModels[profile],
    parallelMemberWrites: differences.parallelMemberWrites[profile],
    roleUpdateDropsBudget: differences.roleUpdateDropsBudget[profile],
    mixedListWithBudget: differences.mixedListWithBudget[profile],
    organizationListFilters: differences.organizationListFilters[profile],
  };
}
