/**
 * Every request that is sent to LiteLLM's management API, and nothing else can be: its method, path and the fields of its query
 * or body. Sources are files of LiteLLM under `litellm/proxy/management_endpoints/`; the bodies' own types stand in
 * `litellm/proxy/_types.py`. Whoever checks them against LiteLLM's types goes through {@link REQUESTS}.
 */
import * as z from 'zod/mini';
import { GLOBAL_ROLES, ORGANIZATION_ROLES, TEAM_ROLES } from '../../model/roles.ts';

/** Of what is sent: fields by name. */
export type InputSchema = z.ZodMiniType<Readonly<Record<string, unknown>>>;

/** One kind of request. */
export interface RequestKind<Schema extends InputSchema = InputSchema> {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** Of the query where the method is GET, else of the JSON body. What it does not name is not sent. */
  readonly schema: Schema;
  /** Anybody may ask it, so the key is not sent. */
  readonly isPublic?: true;
  /** Reads the header `litellm-changed-by` for LiteLLM's audit log. */
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
  /** `organization_endpoints.py`: organization_member_add (OrganizationMemberAddRequest). Never an email, and one at a time. */
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
    // By the key: of equal values in another column the order could differ from page to page.
    schema: z.object({ ...page, sort_by: z.literal('team_id'), sort_order: z.literal('asc') }),
  },
  /** `team_endpoints.py`: new_team (NewTeamRequest). Without members: the calling key's user becomes one by itself. */
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
  /** `team_endpoints.py`: update_team (UpdateTeamRequest). Never an organization: a team is not moved. */
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
  /** `team_endpoints.py`: team_member_add (TeamMemberAddRequest). Never an email, and one at a time. */
  addTeamMember: {
    method: 'POST',
    path: '/team/member_add',
    schema: z.object({ team_id: id, member: z.object({ user_id: id, role: z.enum(TEAM_ROLES) }) }),
  },
  /** `team_endpoints.py`: team_member_update (TeamMemberUpdateRequest). The limits are those that the member has there. */
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

  /** `internal_user_endpoints.py`: get_users. Ids with commas between; see `userIdsQuery`. */
  userList: {
    method: 'GET',
    path: '/user/list',
    schema: z.object({ ...page, user_ids: z.exactOptional(z.string()) }),
  },
  /** `internal_user_endpoints.py`: new_user (NewUserRequest). Without the last three it makes a key and joins default teams. */
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
      // By which LiteLLM's own Microsoft login finds the user, beside the id (`ui_sso.py`).
      sso_user_id: id,
      auto_create_key: z.literal(false),
      teams: z.readonly(z.tuple([])),
    }),
  },
  /** `internal_user_endpoints.py`: user_update (UpdateUserRequest). Never an email: LiteLLM's own login writes it. */
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
 * Gives `user_ids` for these users. One value alone would be looked for anywhere in the ids, without an index; of two or more
 * LiteLLM takes the equal ones, so one is named twice.
 */
export function userIdsQuery(userIds: readonly string[]): string {
  return (userIds.length === 1 ? [...userIds, ...userIds] : userIds).join(',');
}
