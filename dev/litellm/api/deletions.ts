/** `/user/delete`, `/team/delete` and `/organization/delete`. This product never sends them; only the contract check does. */
import { applyHandEdit } from '../applyHandEdit.ts';
import { detailError } from './apiError.ts';
import { parseBody } from './call.ts';
import type { Call, Endpoint } from './call.ts';
import { deleteOrganizationsSchema, deleteTeamsSchema, deleteUsersSchema } from './requestSchemas.ts';

/** Deletes users with their memberships and keys. */
export const deleteUsers: Endpoint = (call) => {
  const { user_ids: ids } = parseBody(call, deleteUsersSchema);
  requireAll(call.store.users, ids, 'User');
  for (const userId of ids) applyHandEdit(call.store, { edit: 'deleteUser', userId }, call.now);
  return { deleted_users: ids.length };
};

/** Deletes teams with their keys. */
export const deleteTeams: Endpoint = (call) => {
  const { team_ids: ids } = parseBody(call, deleteTeamsSchema);
  requireAll(call.store.teams, ids, 'Team');
  for (const teamId of ids) deleteTeam(call, teamId);
  return { deleted_teams: ids };
};

/** Deletes organizations with their teams, memberships and keys. */
export const deleteOrganizations: Endpoint = (call) => {
  const { organization_ids: ids } = parseBody(call, deleteOrganizationsSchema);
  requireAll(call.store.organizations, ids, 'Organization');
  for (const organizationId of ids) {
    for (const { team_id: teamId } of call.store.teamsOf(organizationId)) deleteTeam(call, teamId);
    call.store.removeKeys((key) => key.organization_id === organizationId);
    applyHandEdit(call.store, { edit: 'deleteOrganization', organizationId }, call.now);
  }
  return ids.map((id) => ({ organization_id: id }));
};

const deleteTeam = ({ store, now }: Call, teamId: string): void =>
  applyHandEdit(store, { edit: 'deleteTeam', teamId }, now);

/** (?) The text. An unknown id is a 404, and then nothing is deleted. */
function requireAll(rows: ReadonlyMap<string, unknown>, ids: readonly string[], what: string): void {
  const missing = ids.find((id) => !rows.has(id));
  if (missing !== undefined) throw detailError(404, `${what} not found, passed id=${missing}`);
}
