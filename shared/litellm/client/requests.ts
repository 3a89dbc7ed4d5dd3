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
const page = { page: z.int(), page_size: z.int() };

export const REQUESTS = {
  /** `litellm/proxy/health_endpoints/_health_endpoints.py`: health_readiness. */
  readiness: { method: 'GET', path: '/health/readiness', schema: z.object({}), isPublic: true },

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
      ...limits,
    }),
  },
  /** `organization_endpoints.py`: organization_member_add (OrganizationMemberAddRequest). Never by email, and one member at a time. */
  addOrganizationMember: {
    method: 'POST',
    path: '/organization/member_add',
    schema: z.object({
      organization_id: id,
      member: z.object({ user_id: id, role: z.enum(ORGANIZATION_ROLES) }),
    }),
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
      ...limits,
    }),
    readsChangedBy: true,
  },
  /** `team_endpoints.py`: update_team (UpdateTeamRequest). Without the organization: a team is not moved. */
  updateTeam: {
    method: 'POST',
    path: '/team/update',
    schema: z.object({
      team_id: id,
      team_alias: z.exactOptional(z.string()),
      models: z.exactOptional(names),
      ...limits,
    }),
    readsChangedBy: true,
  },
  /** `team_endpoints.py`: team_member_add (TeamMemberAddRequest). Never by email, and one member at a time. */
  addTeamMember: {
    method: 'POST',
    path: '/team/member_add',
    schema: z.object({ team_id: id, member: z.object({ user_id: id, role: z.enum(TEAM_ROLES) }) }),
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
      sso_user_id: id,
      auto_create_key: z.literal(false),
      teams: z.readonly(z.tuple([])),
    }),
  },
  /** `internal_user_endpoints.py`: user_update (UpdateUserRequest). Without the email: LiteLLM's own login writes it. */
  updateUser: {
    method: 'POST',
    path: '/user/update',
    schema: z.object({
      user_id: id,
      user_alias: z.exactOptional(z.string()),
      user_role: z.exactOptional(z.enum(GLOBAL_ROLES)),
      models: z.exactOptional(names),
      max_budget: z.exactOptional(amount),
      budget_duration: z.exactOptional(z.string()),
    }),
  },
} as const satisfies Readonly<Record<string, RequestKind>>;

/**
 * Returns `user_ids` for these users. LiteLLM would search for a single value anywhere in the ids, without an index. Of two or more
 * values it returns the users with equal ids, so a single one is sent twice.
 */
export function userIdsQuery(userIds: readonly string[]): string {
  return (userIds.length === 1 ? [...userIds, ...userIds] : userIds).join(',');
}
