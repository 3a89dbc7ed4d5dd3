/**
 * Every request that this product can send to LiteLLM's management API: its method, its path, and the fields of its query or body.
 * Sources are files of LiteLLM under `litellm/proxy/management_endpoints/`. The types of the bodies are in
 * `litellm/proxy/_types.py`. To check the requests against LiteLLM's types, go through {@link REQUESTS}.
 */
import * as z from 'zod/mini';
import { GLOBAL_ROLES, ORGANIZATION_ROLES, TEAM_ROLES } from '../../model/entities.ts';

/** The schema of what is sent: fields by name. */
export type InputSchema = z.ZodMiniType<Readonly<Record<string, unknown>>>;

/** One kind of request. */
export interface RequestKind<Schema extends InputSchema = InputSchema> {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** The schema of the query if the method is GET, else of the JSON body. Only what it names is sent. */
  readonly schema: Schema;
  /** The request needs no key, so the key is not sent. */
  readonly isPublic?: true;
  /** LiteLLM reads the header `litellm-changed-by` of this request for its audit log. */
  readonly readsChangedBy?: true;
}

const id = z.string();
const names = z.readonly(z.array(z.string()));
const amount = z.number();
/** Pydantic's `int`: a fraction is a 422. */
const whole = z.int();

const limits = {
  max_budget: z.exactOptional(amount),
  budget_duration: z.exactOptional(z.string()),
  tpm_limit: z.exactOptional(whole),
  rpm_limit: z.exactOptional(whole),
};
/** In an update, null clears a limit. Some versions ignore it (docs/litellm.md). */
const clearableLimits = {
  max_budget: z.exactOptional(z.nullable(amount)),
  budget_duration: z.exactOptional(z.nullable(z.string())),
  tpm_limit: z.exactOptional(z.nullable(whole)),
  rpm_limit: z.exactOptional(z.nullable(whole)),
};
const metadata = z.record(z.string(), z.unknown());
const page = { page: z.int(), page_size: z.int() };

function memberOf<const Role extends string>(roles: readonly Role[]) {
  return z.object({ user_id: id, role: z.enum(roles) });
}

/** One member, or a list of at most 50: LiteLLM takes a second for them. */
function oneOrMany<Member extends z.ZodMiniType>(member: Member) {
  return z.union([member, z.readonly(z.array(member).check(z.minLength(1), z.maxLength(50)))]);
}

export const REQUESTS = {
  /** `litellm/proxy/health_endpoints/_health_endpoints.py`: health_readiness. */
  readiness: { method: 'GET', path: '/health/readiness', schema: z.object({}), isPublic: true },

  /** FastAPI's description of the API. `info.version` is LiteLLM's version. */
  openApi: { method: 'GET', path: '/openapi.json', schema: z.object({}), isPublic: true },

  /** `organization_endpoints.py`: info_organization. */
  organizationInfo: {
    method: 'GET',
    path: '/organization/info',
    schema: z.object({ organization_id: id }),
  },
  /** `organization_endpoints.py`: list_organization. */
  organizationList: { method: 'GET', path: '/organization/list', schema: z.object({}) },
  /** `organization_endpoints.py`: new_organization (NewOrganizationRequest). */
  newOrganization: {
    method: 'POST',
    path: '/organization/new',
    schema: z.object({ organization_id: id, organization_alias: z.string(), models: names, ...limits }),
  },
  /** `organization_endpoints.py`: update_organization (LiteLLM_OrganizationTableUpdate). */
  updateOrganization: {
    method: 'PATCH',
    path: '/organization/update',
    schema: z.object({
      organization_id: id,
      organization_alias: z.exactOptional(z.string()),
      models: z.exactOptional(names),
      ...clearableLimits,
    }),
  },
  /** `organization_endpoints.py`: organization_member_add (OrganizationMemberAddRequest). Never by email. */
  addOrganizationMember: {
    method: 'POST',
    path: '/organization/member_add',
    schema: z.object({ organization_id: id, member: oneOrMany(memberOf(ORGANIZATION_ROLES)) }),
  },
  /** `organization_endpoints.py`: organization_member_update (OrganizationMemberUpdateRequest). */
  updateOrganizationMember: {
    method: 'PATCH',
    path: '/organization/member_update',
    schema: z.object({ organization_id: id, user_id: id, role: z.enum(ORGANIZATION_ROLES) }),
  },
  /** `organization_endpoints.py`: organization_member_delete (OrganizationMemberDeleteRequest). */
  removeOrganizationMember: {
    method: 'DELETE',
    path: '/organization/member_delete',
    schema: z.object({ organization_id: id, user_id: id }),
  },

  /** `team_endpoints.py`: team_info. */
  teamInfo: { method: 'GET', path: '/team/info', schema: z.object({ team_id: id }) },
  /** `team_endpoints.py`: list_team_v2. */
  teamList: {
    method: 'GET',
    path: '/v2/team/list',
    // Sorted by the key: with equal values in another column, the order could differ from page to page.
    schema: z.object({ ...page, sort_by: z.literal('team_id'), sort_order: z.literal('asc') }),
  },
  /** `team_endpoints.py`: new_team (NewTeamRequest). Without members: LiteLLM makes the calling key's user a member. */
  newTeam: {
    method: 'POST',
    path: '/team/new',
    schema: z.object({
      team_id: id,
      team_alias: z.string(),
      organization_id: z.exactOptional(id),
      models: names,
      team_member_permissions: z.exactOptional(names),
      ...limits,
    }),
    readsChangedBy: true,
  },
  /** `team_endpoints.py`: update_team (UpdateTeamRequest). `organization_id` moves the team; null takes it out. */
  updateTeam: {
    method: 'POST',
    path: '/team/update',
    schema: z.object({
      team_id: id,
      team_alias: z.exactOptional(z.string()),
      organization_id: z.exactOptional(z.nullable(id)),
      models: z.exactOptional(names),
      ...clearableLimits,
    }),
    readsChangedBy: true,
  },
  /** `team_endpoints.py`: update_team_member_permissions. */
  updateTeamPermissions: {
    method: 'POST',
    path: '/team/permissions_update',
    schema: z.object({ team_id: id, team_member_permissions: names }),
  },
  /** `team_endpoints.py`: block_team. */
  blockTeam: { method: 'POST', path: '/team/block', schema: z.object({ team_id: id }) },
  /** `team_endpoints.py`: unblock_team. */
  unblockTeam: { method: 'POST', path: '/team/unblock', schema: z.object({ team_id: id }) },
  /** `team_endpoints.py`: team_member_add (TeamMemberAddRequest). Never by email. */
  addTeamMember: {
    method: 'POST',
    path: '/team/member_add',
    schema: z.object({ team_id: id, member: oneOrMany(memberOf(TEAM_ROLES)) }),
  },
  /** `team_endpoints.py`: team_member_update (TeamMemberUpdateRequest). The limits are the member's present ones. */
  updateTeamMember: {
    method: 'POST',
    path: '/team/member_update',
    schema: z.object({
      team_id: id,
      user_id: id,
      role: z.enum(TEAM_ROLES),
      max_budget_in_team: z.exactOptional(amount),
      tpm_limit: z.exactOptional(whole),
      rpm_limit: z.exactOptional(whole),
    }),
  },
  /** `team_endpoints.py`: team_member_delete (TeamMemberDeleteRequest). */
  removeTeamMember: {
    method: 'POST',
    path: '/team/member_delete',
    schema: z.object({ team_id: id, user_id: id }),
  },

  /** `internal_user_endpoints.py`: get_users. Ids are separated by commas; see `userIdsQuery`. */
  userList: {
    method: 'GET',
    path: '/user/list',
    schema: z.object({ ...page, user_ids: z.exactOptional(z.string()) }),
  },
  /** `internal_user_endpoints.py`: new_user (NewUserRequest). Without the last two, LiteLLM creates a key and adds the user to default teams. */
  newUser: {
    method: 'POST',
    path: '/user/new',
    schema: z.object({
      user_id: id,
      user_email: z.exactOptional(z.string()),
      user_alias: z.exactOptional(z.string()),
      user_role: z.enum(GLOBAL_ROLES),
      models: names,
      max_budget: z.exactOptional(amount),
      budget_duration: z.exactOptional(z.string()),
      // LiteLLM's own Microsoft login finds the user by this, beside the id (`ui_sso.py`).
      sso_user_id: z.exactOptional(id),
      metadata: z.exactOptional(metadata),
      auto_create_key: z.literal(false),
      teams: z.readonly(z.tuple([])),
    }),
  },
  /** `internal_user_endpoints.py`: user_update (UpdateUserRequest). The email is left out, because LiteLLM's own login writes it. */
  updateUser: {
    method: 'POST',
    path: '/user/update',
    schema: z.object({
      user_id: id,
      user_alias: z.exactOptional(z.string()),
      user_role: z.exactOptional(z.enum(GLOBAL_ROLES)),
      models: z.exactOptional(names),
      max_budget: z.exactOptional(z.nullable(amount)),
      budget_duration: z.exactOptional(z.nullable(z.string())),
      metadata: z.exactOptional(metadata),
    }),
  },

  /** `key_management_endpoints.py`: list_keys. At most 100 keys a page. */
  keyList: {
    method: 'GET',
    path: '/key/list',
    schema: z.object({
      page: z.int(),
      size: z.int(),
      return_full_object: z.literal(true),
      user_id: z.exactOptional(id),
      team_id: z.exactOptional(id),
      // Known by 1.84.0 (pull request 19260).
      status: z.exactOptional(z.literal('deleted')),
    }),
  },
  /** `key_management_endpoints.py`: info_key_fn. Without a key: the calling key. */
  keyInfo: { method: 'GET', path: '/key/info', schema: z.object({ key: z.exactOptional(id) }) },
  /** `key_management_endpoints.py`: generate_key_fn (GenerateKeyRequest). */
  newKey: {
    method: 'POST',
    path: '/key/generate',
    schema: z.object({
      user_id: id,
      team_id: id,
      key_alias: z.string(),
      key_type: z.literal('llm_api'),
      models: names,
      duration: z.string(),
      max_budget: z.exactOptional(amount),
      metadata,
    }),
    readsChangedBy: true,
  },
  /** `key_management_endpoints.py`: update_key_fn (UpdateKeyRequest). `key` is a hash, never a secret. */
  updateKey: {
    method: 'POST',
    path: '/key/update',
    schema: z.object({
      key: id,
      user_id: z.exactOptional(id),
      team_id: z.exactOptional(z.nullable(id)),
      blocked: z.exactOptional(z.boolean()),
      models: z.exactOptional(names),
      duration: z.exactOptional(z.string()),
    }),
    readsChangedBy: true,
  },
  /** `key_management_endpoints.py`: delete_key_fn (KeyRequest). One hash. */
  deleteKey: {
    method: 'POST',
    path: '/key/delete',
    schema: z.object({ keys: z.readonly(z.tuple([id])) }),
    readsChangedBy: true,
  },
} as const satisfies Readonly<Record<string, RequestKind>>;

/**
 * Returns `user_ids` for these users. LiteLLM would search for a single value anywhere in the ids, without an index. Of two or more
 * values it returns the users with equal ids, so a single one is sent twice.
 */
export function userIdsQuery(userIds: readonly string[]): string {
  return (userIds.length === 1 ? [...userIds, ...userIds] : userIds).join(',');
}
