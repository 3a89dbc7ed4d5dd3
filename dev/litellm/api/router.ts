/** Which endpoint answers which call, and who may call it. */
import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { masterUserId } from '../proxyData.ts';
import type { ProxyStore } from '../proxyStore.ts';
import { detailError, noRoute, proxyError, ApiError } from './apiError.ts';
import type { Call, Caller, Endpoint } from './call.ts';
import {
  addOrganizationMembers,
  deleteOrganizationMember,
  updateOrganizationMember,
} from './organizationMembers.ts';
import { listOrganizations, newOrganization, organizationInfo, updateOrganization } from './organizations.ts';
import { addTeamMembers, deleteTeamMember, updateTeamMember } from './teamMembers.ts';
import { listTeams, newTeam, teamInfo, updateTeam } from './teams.ts';
import { listUsers, newUser, updateUser } from './users.ts';

/** Shows whether the proxy works. Needs no key. Newer versions no longer include their version. */
const readiness: Endpoint = ({ faults, behaviours }) => {
  if (faults.current.databaseDown === true) {
    throw new ApiError(503, { detail: 'Service Unhealthy (database not connected)' });
  }
  const state = { status: 'healthy', db: 'connected' };
  return behaviours.readinessHasVersion
    ? { ...state, cache: null, litellm_version: behaviours.version, success_callbacks: [] }
    : state;
};

const endpoints: Readonly<Record<string, Endpoint>> = {
  'GET /health/readiness': readiness,
  'POST /organization/new': newOrganization,
  'PATCH /organization/update': updateOrganization,
  'GET /organization/info': organizationInfo,
  'GET /organization/list': listOrganizations,
  'POST /organization/member_add': addOrganizationMembers,
  'PATCH /organization/member_update': updateOrganizationMember,
  'DELETE /organization/member_delete': deleteOrganizationMember,
  'POST /team/new': newTeam,
  'POST /team/update': updateTeam,
  'GET /team/info': teamInfo,
  'GET /v2/team/list': listTeams,
  'POST /team/member_add': addTeamMembers,
  'POST /team/member_update': updateTeamMember,
  'POST /team/member_delete': deleteTeamMember,
  'POST /user/new': newUser,
  'POST /user/update': updateUser,
  'GET /user/list': listUsers,
};

const publicPaths: ReadonlySet<string> = new Set(['/health/readiness']);
const knownPaths: ReadonlySet<string> = new Set(Object.keys(endpoints).map((key) => key.split(' ')[1] ?? ''));

/** Returns the endpoint for a call. Throws 404 for an unknown path, and 405 for a known one with another method. */
export function requireEndpoint(method: string, path: string): Endpoint {
  const endpoint = endpoints[`${method} ${path}`];
  if (endpoint === undefined) throw noRoute(knownPaths.has(path) ? 405 : 404);
  return endpoint;
}

const noCaller: Caller = { userId: undefined, role: 'none' };

export interface Admission {
  readonly store: ProxyStore;
  readonly masterKey: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

/**
 * Returns who calls. Throws 401 without a key, for an unknown key, and for a key that is neither the master key nor a
 * proxy_admin's. Two exceptions: routes that a key is allowed by name, and `/team/new` for an org_admin of the named
 * organization.
 */
export function admit(admission: Admission): Caller {
  const { store, masterKey, path, authorization } = admission;
  if (publicPaths.has(path)) return noCaller;
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

/** Runs the endpoint. Throws 503 while the database is switched off. */
export async function runEndpoint(call: Call, endpoint: Endpoint): Promise<object | null> {
  if (call.faults.current.databaseDown === true && call.recorded.path !== '/health/readiness') {
    throw proxyError(503, 'Service Unavailable', { type: 'no_db_connection' });
  }
  return endpoint(call);
}
