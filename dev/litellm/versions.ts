/** What differs between LiteLLM's versions, in one table. A recording's step, or a row of docs/litellm.md, is the source. */

/** The recorded versions, oldest first. */
export const versions = ['1.80.0', '1.84.10', '1.101.6', '1.108.0'] as const;

export type Version = (typeof versions)[number];

/** The newest version that has organizations without a licence. */
export const defaultVersion: Version = '1.101.6';

/**
 * One row for each difference, one column for each version, in the order of `versions`. The comment names the recorded step
 * in quotes. (measured) means measured on these versions apart from the steps, and (?) means unconfirmed for at least one
 * version.
 */
const differences = {
  //                              1.80.0        1.84.10       1.101.6       1.108.0

  // The proxy itself
  /** "readiness": the public answer contains the version. */
  readinessHasVersion: /*      */ [true, false, false, false],
  /** "readiness": the word for a working proxy. */
  readinessStatus: /*          */ ['connected', 'healthy', 'healthy', 'healthy'],
  /** "readiness with details" exists. */
  hasReadinessDetails: /*      */ [false, true, true, true],
  /** "a key that is not known": the text quotes the end of the key. */
  unknownKeyIsQuoted: /*       */ [true, true, true, false],

  // Organizations
  /** "organizations, none there": every `/organization/*` call is a 403 without a licence (from 1.102.0). */
  organizationsNeedLicence: /* */ [false, false, false, true],
  /** "make it again": the body of the 500. */
  conflictBody: /*             */ ['text', 'text', 'json', 'json'],
  /** "empty its budget": null in an update clears a limit of an organization. */
  organizationNullClears: /*   */ [false, false, true, true],
  /** "the organization afterwards": `/organization/info` has the members' addresses. */
  organizationHasEmails: /*    */ [false, true, true, true],

  // Users
  /** "make ann again": an existing id is a 409. Before that it was a 200, with another key (issue 11368). */
  duplicateUserIdIsRefused: /* */ [false, true, true, true],
  /** "another id, her address". */
  duplicateEmailStatus: /*     */ [400, 409, 409, 409],
  /** "make ann": the answer repeats the teams. */
  newUserShowsTeams: /*        */ [false, false, true, true],
  /** "nobody": `/user/info` about an unknown user is a 404, not an empty user. */
  unknownUserIs404: /*         */ [false, true, true, true],
  /** "empty what was changed": null clears a user's budget. */
  userNullClearsBudget: /*     */ [false, true, true, true],
  /** "empty what was changed": null clears a user's budget duration, and (?) the other limits. */
  userNullClearsRest: /*       */ [false, false, false, true],
  /** "a call while she is deactivated": `metadata.scim_active: false` stops every key of the user (from 1.84.0). */
  deactivationStopsKeys: /*    */ [false, true, true, true],

  // Teams
  /** "a team in it with a model that it lacks" is refused. (?) The same in an update. */
  teamModelsAreChecked: /*     */ [false, true, true, true],
  /** A budget above the organization's is refused (measured). */
  teamBudgetIsChecked: /*      */ [false, false, true, true],
  /** "a team in an organization that is not there". */
  unknownOrganization: /*      */ ['wrapped 500', '500', '400', '400'],
  /** `default_team_params` fill what `/team/new` leaves out (measured; from 1.82.3). */
  hasTeamDefaults: /*          */ [false, true, true, true],
  /** A move takes the members along into the organization; 1.80 refuses to move a team with members (measured). */
  moveTakesMembers: /*         */ [false, true, true, true],

  // Members of teams
  /** "ann joins": a member's address is filled in from the user. */
  memberHasEmail: /*           */ [false, true, true, true],
  /** "ann joins": `updated_users` are shown as they were before. */
  addShowsUsersBefore: /*      */ [false, false, true, true],
  /** "two join at once, one is in it": the user's `teams` lists the team twice. */
  repeatedAddListsTwice: /*    */ [true, true, false, false],
  /** "two join at once, one is in it": the answer has only the new one. */
  addShowsOnlyNew: /*          */ [false, false, false, true],
  /** "joins a team that is not there" is a 500 in plain text, not a 404. */
  addToUnknownTeamCrashes: /*  */ [true, false, false, false],
  /** "the team": every member has a membership, with the member's spend. Before, only members with a budget had one. */
  everyMemberHasMembership: /* */ [false, false, false, true],
  /** "the team afterwards": `/team/info` has the members' names. */
  teamInfoHasAliases: /*       */ [false, false, false, true],
  /** "who is not in it": an update of a user who is not a member is a 404, not a 200. */
  updateRequiresMember: /*     */ [false, false, false, true],
  /** "keys of ann afterwards": removing a member deletes the member's keys of that team (from 1.80.6). */
  removalDeletesKeys: /*       */ [false, true, true, true],
  /** (?) Two writes of one team's members at the same time are both kept. Issue 25951; pull requests 34185 and 37969. */
  parallelMemberWritesKept: /* */ [false, true, true, true],
  /** (?) `/team/member_update` with only a role drops the member's budget. `team_endpoints.py`. */
  roleUpdateDropsBudget: /*    */ [true, false, false, false],
  /** (?) A list with a budget, where one is already a member, is a 500: the database refuses the second row. */
  mixedListWithBudgetFails: /* */ [true, false, false, false],

  // Keys and model calls
  /** "a key makes a key": the new key belongs to the owner of the calling key. */
  keyInheritsOwner: /*         */ [false, true, true, true],
  /** `user_id` and `key_alias` of `/key/list` match substrings, in any case (measured). */
  keyListMatchesParts: /*      */ [false, true, false, false],
  /**
   * `/key/list?status=deleted` lists deleted keys, with `deleted_at` and `deleted_by` (pull request 19260; a parameter of these
   * versions' own documents). (?) That keys which `/team/member_delete` deleted are among them.
   */
  listsDeletedKeys: /*         */ [false, true, true, true],
  /** "the parked key": the answer has a status. (?) The word for a key that is not blocked. */
  keyInfoHasStatus: /*         */ [false, false, false, true],
  /** "put it into a team that she is not in", where the team does not exist. */
  keyToUnknownTeamStatus: /*   */ [400, 404, 404, 404],
  /** An `internal_user` may open any key (measured). */
  anyUserMayUnblock: /*        */ [true, false, false, false],
  /** The owner may open a key that an administrator blocked, if the owner made it (measured). */
  makerMayUnblock: /*          */ [true, true, true, false],
  /** "a call while it is blocked". */
  blockedKeyText: /*           */ [
    "if you're admin.",
    "if you're an admin.",
    "if you're an admin.",
    "if you're an admin.",
  ],
  /** "a model that the team lacks". */
  deniedModelStatus: /*        */ [401, 401, 403, 403],
  /** "a model that the team lacks": the text does not list the allowed models. */
  deniedModelTextIsShort: /*   */ [false, false, false, true],
  /** A call beyond the organization's budget (measured; `undefined`: it goes on). (?) For other budgets, and for 1.108. */
  budgetExceededStatus: /*     */ [undefined, 400, 429, 429],
} as const satisfies Readonly<Record<string, readonly [unknown, unknown, unknown, unknown]>>;

type Differences = typeof differences;

/** What a version does, by the names of the rows. */
export type Behaviours = { readonly [Name in keyof Differences]: Differences[Name][number] };

/** Returns the column of a version. */
export function behavioursOf(version: Version): Behaviours;
// The names come from the table, so TypeScript cannot see that there is a value for each.
export function behavioursOf(version: Version): object {
  const column = versions.indexOf(version);
  return Object.fromEntries(Object.entries(differences).map(([name, row]) => [name, row[column]]));
}
