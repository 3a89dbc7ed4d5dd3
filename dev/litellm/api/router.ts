/** Which endpoint answers which call. */
import { detailError, noRoute, proxyError } from './apiError.ts';
import type { Call, Endpoint } from './call.ts';
import { deleteOrganizations, deleteTeams, deleteUsers } from './deletions.ts';
import { openApi, readiness, readinessDetails } from './health.ts';
import { blockKey, deleteKeys, generateKey, keyInfo, listKeys, unblockKey, updateKey } from './keys.ts';
import { completeChat, listModels } from './models.ts';
import {
  addOrganizationMembers,
  deleteOrganizationMember,
  updateOrganizationMember,
} from './organizationMembers.ts';
import { listOrganizations, newOrganization, organizationInfo, updateOrganization } from './organizations.ts';
import { addTeamMembers, deleteTeamMember, updateTeamMember } from './teamMembers.ts';
import {
  blockTeam,
  listTeamPermissions,
  listTeams,
  newTeam,
  teamInfo,
  unblockTeam,
  updateTeam,
  updateTeamPermissions,
} from './teams.ts';
import { listUsers, newUser, updateUser, userInfo } from './users.ts';

const endpoints: Readonly<Record<string, Endpoint>> = {
  'GET /openapi.json': openApi,
  'GET /health/readiness': readiness,
  'GET /health/readiness/details': readinessDetails,
  'POST /organization/new': newOrganization,
  'PATCH /organization/update': updateOrganization,
  'GET /organization/info': organizationInfo,
  'GET /organization/list': listOrganizations,
  'DELETE /organization/delete': deleteOrganizations,
  'POST /organization/member_add': addOrganizationMembers,
  'PATCH /organization/member_update': updateOrganizationMember,
  'DELETE /organization/member_delete': deleteOrganizationMember,
  'POST /team/new': newTeam,
  'POST /team/update': updateTeam,
  'GET /team/info': teamInfo,
  'GET /v2/team/list': listTeams,
  'POST /team/delete': deleteTeams,
  'POST /team/block': blockTeam,
  'POST /team/unblock': unblockTeam,
  'POST /team/permissions_update': updateTeamPermissions,
  'GET /team/permissions_list': listTeamPermissions,
  'POST /team/member_add': addTeamMembers,
  'POST /team/member_update': updateTeamMember,
  'POST /team/member_delete': deleteTeamMember,
  'POST /user/new': newUser,
  'POST /user/update': updateUser,
  'POST /user/delete': deleteUsers,
  'GET /user/info': userInfo,
  'GET /user/list': listUsers,
  'POST /key/generate': generateKey,
  'POST /key/update': updateKey,
  'POST /key/delete': deleteKeys,
  'POST /key/block': blockKey,
  'POST /key/unblock': unblockKey,
  'GET /key/info': keyInfo,
  'GET /key/list': listKeys,
  'GET /models': listModels,
  'GET /v1/models': listModels,
  'POST /chat/completions': completeChat,
  'POST /v1/chat/completions': completeChat,
};

const knownPaths: ReadonlySet<string> = new Set(Object.keys(endpoints).map((key) => key.split(' ')[1] ?? ''));

/** Returns the endpoint for a call. Throws 404 for an unknown path, and 405 for a known one with another method. */
export function requireEndpoint(method: string, path: string): Endpoint {
  const endpoint = endpoints[`${method} ${path}`];
  if (endpoint === undefined) throw noRoute(knownPaths.has(path) ? 405 : 404);
  return endpoint;
}

/** Runs the endpoint. Throws 503 while the database is switched off, and 403 without the licence that the path needs. */
export async function runEndpoint(call: Call, endpoint: Endpoint): Promise<object | null> {
  const { path } = call.recorded;
  if (call.faults.current.databaseDown === true && !path.startsWith('/health/')) {
    throw proxyError(503, 'Service Unavailable', { type: 'no_db_connection' });
  }
  if (
    path.startsWith('/organization/') &&
    call.behaviours.organizationsNeedLicence &&
    call.settings.licence !== true
  ) {
    throw detailError(
      403,
      'Organizations are only available for LiteLLM Enterprise users. You must be a LiteLLM Enterprise user to use this feature.',
    );
  }
  return endpoint(call);
}
