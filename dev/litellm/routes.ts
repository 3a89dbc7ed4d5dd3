/** Which endpoint answers which call, and who may make it. */
import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

import { detailError, noRoute, proxyError } from './apiError.ts';
import type { ApiError } from './apiError.ts';
import type { Call, Caller, Endpoint } from './call.ts';
import { modelHubInfo, readiness, readinessDetails } from './healthEndpoints.ts';
import { listTeams, listTeamsV1, listUsers } from './listEndpoints.ts';
import {
  deleteOrganizations,
  listOrganizations,
  newOrganization,
  oldOrganizationInfo,
  organizationInfo,
  updateOrganization,
} from './organizationEndpoints.ts';
import {
  addOrganizationMembers,
  deleteOrganizationMember,
  updateOrganizationMember,
} from './organizationMemberEndpoints.ts';
import { masterUserId } from './proxyData.ts';
import type { ProxyStore } from './proxyStore.ts';
import { deleteTeams, newTeam, teamInfo, updateTeam } from './teamEndpoints.ts';
import {
  addTeamMembers,
  bulkAddTeamMembers,
  deleteTeamMember,
  updateTeamMember,
} from './teamMemberEndpoints.ts';
import { deleteUsers, newUser, updateUser, userInfo, userInfoV2 } from './userEndpoints.ts';

const endpoints: Readonly<Record<string, Endpoint>> = {
  'GET /health/readiness': readiness,
  'GET /health/readiness/details': readinessDetails,
  'GET /public/model_hub/info': modelHubInfo,
  'POST /organization/new': newOrganization,
  'PATCH /organization/update': updateOrganization,
  'GET /organization/info': organizationInfo,
  'POST /organization/info': oldOrganizationInfo,
  'GET /organization/list': listOrganizations,
  'DELETE /organization/delete': deleteOrganizations,
  'POST /organization/member_add': addOrganizationMembers,
  'PATCH /organization/member_update': updateOrganizationMember,
  'DELETE /organization/member_delete': deleteOrganizationMember,
  'POST /team/new': newTeam,
  'POST /team/update': updateTeam,
  'GET /team/info': teamInfo,
  'GET /v2/team/list': listTeams,
  'GET /team/list': listTeamsV1,
  'POST /team/delete': deleteTeams,
  'POST /team/member_add': addTeamMembers,
  'POST /team/bulk_member_add': bulkAddTeamMembers,
  'POST /team/member_update': updateTeamMember,
  'POST /team/member_delete': deleteTeamMember,
  'POST /user/new': newUser,
  'POST /user/update': updateUser,
  'GET /user/info': userInfo,
  'GET /v2/user/info': userInfoV2,
  'GET /user/list': listUsers,
  'POST /user/delete': deleteUsers,
};

const publicPaths: ReadonlySet<string> = new Set(['/health/readiness', '/public/model_hub/info']);
const knownPaths: ReadonlySet<string> = new Set(Object.keys(endpoints).map((key) => key.split(' ')[1] ?? ''));

/** Gives the endpoint for a call; throws 404 for an unknown path, 405 for a known one with another method. */
export function requireEndpoint(method: string, path: string): Endpoint {
  const endpoint = endpoints[`${method} ${path}`];
  if (endpoint === undefined) throw noRoute(knownPaths.has(path) ? 405 : 404);
  return endpoint;
}

const nobody: Caller = { userId: undefined, role: 'none' };

export interface Admission {
  readonly store: ProxyStore;
  readonly masterKey: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

/**
 * Gives whose call it is. Throws 401 for no key or an unknown one, and for a key that is neither the master's nor a
 * proxy_admin's; except `/team/new` for an org_admin of the named organization, and routes that a key is allowed by name.
 */
export function admit(admission: Admission): Caller {
  const { store, masterKey, path, authorization } = admission;
  if (publicPaths.has(path)) return nobody;
  const key = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1];
  if (key === undefined) throw refuse('No api key passed in.', 'auth_error');
  if (areEqual(key, masterKey)) return { userId: masterUserId, role: 'proxy_admin' };
  const row = store.findKey(key);
  if (row === undefined) throw refuse('Invalid proxy server token passed.', 'token_not_found_in_db');
  const role = store.users.get(row.user_id ?? '')?.user_role ?? 'internal_user';
  const caller = { userId: row.user_id ?? undefined, role };
  if (role === 'proxy_admin' || row.allowed_routes.includes(path)) return caller;
  if (path === '/team/new' && isAdministratorOf(store, caller.userId, admission.body)) return caller;
  if (path === '/organization/new')
    throw detailError(401, `Only admins can create orgs. Your role is = ${role}`);
  throw refuse(
    `Only proxy admin can be used to generate, delete, update info for new keys/users/teams. Route=${path}. Your role=${role}.`,
    'auth_error',
  );
}

const refuse = (reason: string, type: string): ApiError =>
  proxyError(401, `Authentication Error, ${reason}`, { type, param: 'key' });

function areEqual(left: string, right: string): boolean {
  const [one, other] = [Buffer.from(left), Buffer.from(right)];
  return one.length === other.length && timingSafeEqual(one, other);
}

const namesOrganizationSchema = z.object({ organization_id: z.string() });

function isAdministratorOf(store: ProxyStore, userId: string | undefined, body: unknown): boolean {
  const named = namesOrganizationSchema.safeParse(body);
  if (!named.success) return false;
  return store.membersOf(named.data.organization_id).get(userId ?? '')?.user_role === 'org_admin';
}

/** Gives the endpoint's answer, with the database's state taken into account. */
export async function runEndpoint(call: Call, endpoint: Endpoint): Promise<object | null> {
  if (call.faults.current.databaseDown === true && call.recorded.path !== '/health/readiness') {
    throw proxyError(503, 'Service Unavailable', { type: 'no_db_connection' });
  }
  return endpoint(call);
}
