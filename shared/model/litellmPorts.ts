/** What this product needs from a LiteLLM proxy, as types only. */
import type { Metadata, OrganizationRole, TeamRole } from './entities.ts';
import type { Changes, OrganizationValues, TeamValues, UserValues } from './litellmValues.ts';
import type { Secret } from './secret.ts';

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
  /** No key of a blocked team may call a model. */
  readonly blocked: boolean;
}

/** A user in LiteLLM. */
export interface LitellmUser {
  readonly userId: string;
  /** A role that this product doesn't know is left out, because the product cannot have written it. */
  readonly values: Partial<UserValues>;
  /** The role as LiteLLM has it, also one that this product does not know. */
  readonly role?: string;
  /** An update replaces all of it. `scim_active: false` refuses every key of the user (from 1.84.0). */
  readonly metadata: Metadata;
  /** Teams by the user's own row. It may be stale or name a team twice: only a team's own list says who is in it. */
  readonly teams: readonly string[];
}

/** A key in LiteLLM, without its secret. */
export interface LitellmKey {
  /** LiteLLM's hash of the key, its id in every call. */
  readonly hash: string;
  /** `sk-...` and the last four characters. */
  readonly name: string;
  readonly alias?: string;
  /** Absent: a service account of its team. */
  readonly userId?: string;
  /** Absent: a personal key, which no team's budget covers. */
  readonly teamId?: string;
  readonly blocked: boolean;
  /** Empty: all models of the team. */
  readonly models: readonly string[];
  /** ISO 8601 UTC. Absent: it never expires. */
  readonly expires?: string;
  readonly createdAt?: string;
  /** From 1.84. Absent: never used, or not known. */
  readonly lastActive?: string;
  /** In USD. */
  readonly spend: number;
  readonly maxBudget?: number;
  readonly metadata: Metadata;
  /** Present: LiteLLM has deleted the key, and keeps this row of it. Only {@link KeyFilter.isDeleted} lists such rows. */
  readonly deleted?: {
    /** ISO 8601 UTC, by the proxy's clock. */
    readonly at: string;
    /** The user who did it, or whose key did. */
    readonly by?: string;
  };
}

/** Which keys to list. Only keys with exactly these values are returned. */
export interface KeyFilter {
  readonly userId?: string;
  readonly teamId?: string;
  /** Lists deleted keys instead (`status=deleted`, known by 1.84.0). A version that ignores it lists live keys. */
  readonly isDeleted?: true;
}

/** What to change of a key. `teamId: null` takes it out of its team. */
export interface KeyChanges {
  readonly userId?: string;
  readonly teamId?: string | null;
  readonly blocked?: boolean;
  readonly models?: readonly string[];
  /** From now on, in LiteLLM's duration syntax. */
  readonly duration?: string;
}

/** A key to create for a person and a team. It may only call models (`key_type: llm_api`). */
export interface NewKey {
  readonly userId: string;
  readonly teamId: string;
  /** Unique in the whole proxy. */
  readonly alias: string;
  readonly models: readonly string[];
  /** In LiteLLM's duration syntax. */
  readonly duration: string;
  readonly maxBudget?: number;
  readonly metadata: Metadata;
}

/** What the proxy says once about a new key. */
export interface CreatedKey {
  readonly hash: string;
  /** The key itself. Never stored, logged or traced. */
  readonly secret: Secret;
  readonly expires?: string;
}

/**
 * How a creation ended. `done`: this call created it, and `values` is what LiteLLM has, with its own defaults in fields that were
 * left out. `already`: it existed before, so it has to be read.
 */
export type Created<Values> =
  | { readonly ensured: 'done'; readonly values: Partial<Values> }
  | { readonly ensured: 'already' };

/** `done`: this call made the change. `already`: the change had been made before. Either way, it is in effect now. */
export type Ensured = 'done' | 'already';

/**
 * LiteLLM's management API. A method sends one request unless its docstring says otherwise. It can delete memberships and keys, but
 * never a user, a team or an organization.
 *
 * Throws AppError:
 * - `litellm_unreachable` (retryable): network, time-out, 408, 429, 5xx. `details.mayHaveWritten` says that a write may still
 *   take effect, now or later. `details.retryAfterSeconds` is set if the answer names a time.
 * - `litellm_key_refused` (retryable): 401: the key is wrong.
 * - `litellm_right_missing` (retryable): 401 with LiteLLM's text about the role, or 403 of a read: the key's owner is no administrator
 *   of the proxy.
 * - `organizations_unlicensed` (retryable): from LiteLLM 1.102.0, every call about organizations without a licence.
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
  createOrganization(
    organizationId: string,
    values: OrganizationValues,
  ): Promise<Created<OrganizationValues>>;
  createTeam(teamId: string, values: TeamValues): Promise<Created<TeamValues>>;
  /**
   * Creates a user without a key. Throws `litellm_email_taken` if another user has the email. In older versions of LiteLLM, a
   * second try would create a key.
   */
  createUser(userId: string, values: UserValues, metadata?: Metadata): Promise<Created<UserValues>>;
  /** Updates an organization. Like the other updates, it sends only the given fields. */
  updateOrganization(organizationId: string, changes: Changes<OrganizationValues>): Promise<void>;
  /**
   * Updates a team. For a team in an organization, always pass `models`, because some versions rewrite them otherwise.
   * `team_member_permissions` go in a second request, and need not come with anything else. `organization_id` is ignored: see
   * {@link LitellmClient.moveTeam}.
   */
  updateTeam(teamId: string, changes: Changes<TeamValues>): Promise<void>;
  /**
   * Moves a team into an organization, or out of every organization (`undefined`). LiteLLM checks the team as it is and not what
   * this request changes. From 1.84, a move puts every member of the team into the organization.
   */
  moveTeam(
    teamId: string,
    organizationId: string | undefined,
    values: Pick<TeamValues, 'models'>,
  ): Promise<void>;
  blockTeam(teamId: string): Promise<void>;
  unblockTeam(teamId: string): Promise<void>;
  /**
   * Updates a user. The user must exist, because LiteLLM would create a missing one: read it right before. `metadata` replaces all
   * of the user's metadata.
   */
  updateUser(userId: string, changes: Changes<UserValues> & { readonly metadata?: Metadata }): Promise<void>;
  /** Adds a member to an organization. The user must exist, because LiteLLM would create a missing one. */
  addOrganizationMember(organizationId: string, userId: string, role: OrganizationRole): Promise<Ensured>;
  /**
   * Adds up to 50 members to an organization in one request. The users must exist. Not atomic: after a refusal, some may be
   * members, so the caller adds them one by one. Throws `litellm_refused` also for the 500 with which LiteLLM reports a member who
   * is one already.
   */
  addOrganizationMembers(
    organizationId: string,
    members: readonly { readonly userId: string; readonly role: OrganizationRole }[],
  ): Promise<void>;
  /** Adds a member to a team. Throws `litellm_role_needs_licence` (final) for `admin` if LiteLLM has no licence. */
  addTeamMember(teamId: string, userId: string, role: TeamRole): Promise<Ensured>;
  /** Adds up to 50 members to a team in one request, as {@link LitellmClient.addOrganizationMembers}. */
  addTeamMembers(
    teamId: string,
    members: readonly { readonly userId: string; readonly role: TeamRole }[],
  ): Promise<void>;
  changeOrganizationRole(organizationId: string, userId: string, role: OrganizationRole): Promise<void>;
  /**
   * Changes the role of a team member. It sends two requests and reads the member first: LiteLLM does not check whether the
   * person is a member, and older versions drop a member's own limits unless the request repeats them. Throws `litellm_refused`
   * if the person isn't a member, and otherwise as {@link LitellmClient.addTeamMember}.
   */
  changeTeamRole(teamId: string, userId: string, role: TeamRole): Promise<void>;
  removeOrganizationMember(organizationId: string, userId: string): Promise<Ensured>;
  /** Removes a member from a team. From 1.80.6, LiteLLM deletes the person's keys of the team: park them first. */
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
  /**
   * Lists keys, 100 a page and one request a page, without the keys of LiteLLM's own pages. Rows that LiteLLM's filter matched only
   * in part (1.84) are left out.
   */
  readKeyPages(filter: KeyFilter): AsyncIterable<readonly LitellmKey[]>;
  /** Reads one key by its hash. Returns `undefined` if LiteLLM has no such key. */
  findKey(hash: string): Promise<LitellmKey | undefined>;
  /** Changes a key. Throws `litellm_refused` if the key is gone, or LiteLLM does not accept the change. */
  updateKey(hash: string, changes: KeyChanges): Promise<void>;
  /** Deletes one key. `already`: LiteLLM has no such key. */
  deleteKey(hash: string): Promise<Ensured>;
  /** Creates a key. After a lost answer (`details.mayHaveWritten`), the key is found by its alias. */
  createKey(key: NewKey): Promise<CreatedKey>;
  /** Returns who owns the key that this product calls with; `undefined` if LiteLLM does not say. */
  findOwnUser(): Promise<string | undefined>;
  /** Reads the proxy's version from its public API description. Returns `undefined` if it names none. */
  findVersion(): Promise<string | undefined>;
  /** Returns how many users the proxy has. */
  countUsers(): Promise<number>;
  /**
   * Tries, with one harmless read each, the rights that a sync needs: users, teams, keys and organizations. Throws what the first
   * of users, teams and keys throws. Organizations alone may be without a licence.
   */
  checkRights(): Promise<{ readonly hasOrganizations: boolean }>;
}
