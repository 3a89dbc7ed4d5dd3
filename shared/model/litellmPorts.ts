/** What this product needs from a LiteLLM proxy, as types only. */
import type { OrganizationRole, TeamRole } from './entities.ts';
import type { OrganizationValues, TeamValues, UserValues } from './litellmValues.ts';

/** A member in LiteLLM. The role is plain text, because LiteLLM may know more roles than this product. */
export interface LitellmMember {
  readonly userId: string;
  readonly role: string;
}

/** An organization in LiteLLM. A field without a value in LiteLLM is absent or an empty list. */
export interface LitellmOrganization {
  readonly organizationId: string;
  readonly values: OrganizationValues;
  readonly members: readonly LitellmMember[];
  /**
   * Its teams by id. Contains only the teams that the answer includes with their members, so that no further request is needed.
   */
  readonly teams: ReadonlyMap<string, LitellmTeam>;
}

/** A team in LiteLLM. A field without a value in LiteLLM is absent or an empty list. */
export interface LitellmTeam {
  readonly teamId: string;
  readonly values: TeamValues;
  readonly members: readonly LitellmMember[];
}

/** A user in LiteLLM. */
export interface LitellmUser {
  readonly userId: string;
  /** A role that this product doesn't know is left out, because the product cannot have written it. */
  readonly values: Partial<UserValues>;
}

/** `done`: this call made the change. `already`: the change had been made before. Either way, it is in effect now. */
export type Ensured = 'done' | 'already';

/**
 * LiteLLM's management API. A method sends one request unless its docstring says otherwise. Memberships are the only thing that
 * it can delete.
 *
 * Throws AppError:
 * - `litellm_unreachable` (retryable): network, time-out, 408, 429, 5xx. `details.mayHaveWritten` says that a write may still
 *   take effect, now or later. `details.retryAfterSeconds` is set if the answer names a time.
 * - `litellm_key_refused` (retryable): 401, or 403 of a read: the key or its role is wrong.
 * - `litellm_answer_invalid` (retryable): the answer isn't LiteLLM's. It may be a page, a redirect or the 404 of a wrong address.
 *   After a write that was answered with 2xx, `details.mayHaveWritten` is set too.
 * - `litellm_refused`: 400, 403, 409, 422, and LiteLLM's own 404, for this one call. `details.status` has the status. LiteLLM's
 *   text is dropped.
 *
 * A read is repeated once if the connection broke or a gateway answered (502 to 504). A write is sent only once. If a 400, 404,
 * 409 or 500 leaves open whether the change is in effect, the client checks with one more request and returns `already` if it
 * is.
 */
export interface LitellmClient {
  /** Reads one organization. This method and the next two return `undefined` if LiteLLM has no such entity. */
  findOrganization(organizationId: string): Promise<LitellmOrganization | undefined>;
  findTeam(teamId: string): Promise<LitellmTeam | undefined>;
  findUser(userId: string): Promise<LitellmUser | undefined>;
  /**
   * Creates an organization. Check first whether it exists: a try to create an existing organization or team leaves an unused
   * budget in LiteLLM.
   */
  createOrganization(organizationId: string, values: OrganizationValues): Promise<Ensured>;
  createTeam(teamId: string, values: TeamValues): Promise<Ensured>;
  /**
   * Creates a user without a key. Throws `litellm_email_taken` if another user has the email. In older versions of LiteLLM, a
   * second try would create a key.
   */
  createUser(userId: string, values: UserValues): Promise<Ensured>;
  /** Updates an organization. Like the other updates, it sends only the given fields. */
  updateOrganization(organizationId: string, changes: Partial<OrganizationValues>): Promise<void>;
  /** Updates a team. For a team in an organization, always pass `models`, because some versions rewrite them otherwise. */
  updateTeam(teamId: string, changes: Partial<TeamValues>): Promise<void>;
  /** Updates a user. The user must exist, because LiteLLM would create a missing one. */
  updateUser(userId: string, changes: Partial<UserValues>): Promise<void>;
  /** Adds a member to an organization. The user must exist, because LiteLLM would create a missing one. */
  addOrganizationMember(organizationId: string, userId: string, role: OrganizationRole): Promise<Ensured>;
  /** Adds a member to a team. Throws `litellm_role_needs_licence` (final) for `admin` if LiteLLM has no licence. */
  addTeamMember(teamId: string, userId: string, role: TeamRole): Promise<Ensured>;
  changeOrganizationRole(organizationId: string, userId: string, role: OrganizationRole): Promise<void>;
  /**
   * Changes the role of a team member. It sends two requests and reads the member first: LiteLLM does not check whether the
   * person is a member, and older versions drop a member's own limits unless the request repeats them. Throws `litellm_refused`
   * if the person isn't a member, and otherwise as {@link LitellmClient.addTeamMember}.
   */
  changeTeamRole(teamId: string, userId: string, role: TeamRole): Promise<void>;
  removeOrganizationMember(organizationId: string, userId: string): Promise<Ensured>;
  removeTeamMember(teamId: string, userId: string): Promise<Ensured>;
  /**
   * Reads every team with its members, ordered by id, 100 a page and one request a page. A page that fails throws. If a team is
   * deleted meanwhile, a later page can skip another one. So read a team by id before treating it as absent.
   */
  readTeamPages(): AsyncIterable<readonly LitellmTeam[]>;
  /** Reads every organization with its members in one request, because LiteLLM does not page them. */
  readOrganizations(): Promise<readonly LitellmOrganization[]>;
  /** Reads at most 100 users in one request. Returns those that exist, by id. */
  findUsers(userIds: readonly string[]): Promise<ReadonlyMap<string, LitellmUser>>;
  /** Checks with two requests that the proxy answers and accepts the key. Throws if it doesn't. */
  check(): Promise<void>;
}
