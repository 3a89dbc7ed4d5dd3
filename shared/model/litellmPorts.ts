/** What this product needs from a LiteLLM proxy, as types only. */
import type { OrganizationRole, TeamRole } from './entities.ts';
import type { OrganizationValues, TeamValues, UserValues } from './litellmValues.ts';

/** A member as the proxy has it. Roles are text: a proxy may know more of them than we do. */
export interface LitellmMember {
  readonly userId: string;
  readonly role: string;
}

/** Every field that the proxy has; `undefined` or an empty list where it has none. */
export interface LitellmOrganization {
  readonly organizationId: string;
  readonly values: OrganizationValues;
  readonly members: readonly LitellmMember[];
  /** Its teams, by id, as far as the answer carries them whole (with their members), which saves asking for each. */
  readonly teams: ReadonlyMap<string, LitellmTeam>;
}

export interface LitellmTeam {
  readonly teamId: string;
  readonly values: TeamValues;
  readonly members: readonly LitellmMember[];
}

export interface LitellmUser {
  readonly userId: string;
  /** A role that is not one of ours is left out: nobody here can have written it. */
  readonly values: Partial<UserValues>;
}

/** `done`, or it was like that already: both mean that it is so now. */
export type Ensured = 'done' | 'already';

/**
 * LiteLLM's management API, one request a method unless it says otherwise. Never deletes anything but a membership: there is no
 * method for it.
 *
 * Throws AppError:
 * - `litellm_unreachable` (retryable): network, time-out, 408, 429, 5xx. `details.mayHaveWritten` says that a write may still
 *   take effect, now or later; `details.retryAfterSeconds` where the answer said so.
 * - `litellm_key_refused` (retryable): 401, or 403 of a read: the key or its role is wrong.
 * - `litellm_answer_invalid` (retryable): what answers is no LiteLLM, such as a page, a redirect or the 404 of a wrong address.
 *   Of a write that was answered with 2xx it has `details.mayHaveWritten` too.
 * - `litellm_refused`: 400, 403, 409, 422, and LiteLLM's own 404, for this one thing. `details.status`; LiteLLM's text is not passed on.
 *
 * Reads are asked once more where the connection broke or a gateway answered (502 to 504). A write is sent once; where a 400, 404,
 * 409 or 500 does not say whether it is so now, it looks once (one more request), and gives `already` where it is.
 */
export interface LitellmClient {
  /** `undefined`: there is none. Here and below. */
  findOrganization(organizationId: string): Promise<LitellmOrganization | undefined>;
  findTeam(teamId: string): Promise<LitellmTeam | undefined>;
  findUser(userId: string): Promise<LitellmUser | undefined>;
  /** Each try of one that is there leaves a budget behind in LiteLLM, so look first. Here and below. */
  createOrganization(organizationId: string, values: OrganizationValues): Promise<Ensured>;
  createTeam(teamId: string, values: TeamValues): Promise<Ensured>;
  /** Throws `litellm_email_taken` where another user has the email. Makes no key, but a second try would in older versions. */
  createUser(userId: string, values: UserValues): Promise<Ensured>;
  /** Sends the named fields alone. */
  updateOrganization(organizationId: string, changes: Partial<OrganizationValues>): Promise<void>;
  /** `models` must be among the changes of a team inside an organization: a version may rewrite them otherwise. */
  updateTeam(teamId: string, changes: Partial<TeamValues>): Promise<void>;
  /** The user must be there: LiteLLM would create it. */
  updateUser(userId: string, changes: Partial<UserValues>): Promise<void>;
  /** The user must be there: LiteLLM would create it. */
  addOrganizationMember(organizationId: string, userId: string, role: OrganizationRole): Promise<Ensured>;
  /** Throws `litellm_role_needs_licence` (final) for `admin` without one. */
  addTeamMember(teamId: string, userId: string, role: TeamRole): Promise<Ensured>;
  changeOrganizationRole(organizationId: string, userId: string, role: OrganizationRole): Promise<void>;
  /**
   * Throws as {@link LitellmClient.addTeamMember}. Two requests: LiteLLM does not look whether somebody is a member (here: `litellm_refused`),
   * and older versions drop a member's own limits that are not sent along.
   */
  changeTeamRole(teamId: string, userId: string, role: TeamRole): Promise<void>;
  removeOrganizationMember(organizationId: string, userId: string): Promise<Ensured>;
  removeTeamMember(teamId: string, userId: string): Promise<Ensured>;
  /**
   * Every team with its members, 100 a page, one request a page, by id. A page that fails throws. A team that somebody deletes
   * meanwhile can hide another one: look before taking one for absent.
   */
  readTeamPages(): AsyncIterable<readonly LitellmTeam[]>;
  /** Every organization with its members: one request, which LiteLLM does not page. */
  readOrganizations(): Promise<readonly LitellmOrganization[]>;
  /** Those of at most 100 users that are there, by id: one request. */
  findUsers(userIds: readonly string[]): Promise<ReadonlyMap<string, LitellmUser>>;
  /** Whether the proxy answers and takes the key: two requests. */
  check(): Promise<void>;
}
