/** `/team/member_add`, `member_update` and `member_delete` (`management_endpoints/team_endpoints.py`). */
import { ApiError, detailError, proxyError } from './apiError.ts';
import { callerName, parseBody } from './call.ts';
import type { Call, Endpoint } from './call.ts';
import type { Team, TeamMember, User } from '../proxyData.ts';
import { addTeamMembersSchema, deleteTeamMemberSchema, updateTeamMemberSchema } from './requestSchemas.ts';
import type { TeamMemberInput } from './requestSchemas.ts';

const licenceText = 'Assigning team admins is a premium feature. You must be a LiteLLM Enterprise user.';

export const addTeamMembers: Endpoint = async (call) => {
  const { team_id: teamId, member } = parseBody(call, addTeamMembersSchema);
  const { team, users } = await addMembers(call, teamId, member);
  return { ...team, updated_users: users, updated_team_memberships: [] };
};

/** Adds users to a team as `/team/member_add` does: first in the users' rows, then the team's list as a whole. */
export async function addMembers(
  call: Call,
  teamId: string,
  member: TeamMemberInput | readonly TeamMemberInput[],
): Promise<{ readonly team: Team; readonly users: readonly User[] }> {
  const { store, now } = call;
  const members = [member].flat();
  if (members.some(({ role }) => role === 'admin') && call.faults.current.isLicensed !== true) {
    throw detailError(400, licenceText);
  }
  const before = store.teams.get(teamId)?.members_with_roles;
  if (before === undefined) throw detailError(404, `Team not found for team_id=${teamId}`);
  const isMember = (userId: string): boolean => before.some((other) => other.user_id === userId);
  if (members.every(({ user_id: userId }) => isMember(userId))) {
    const message = Array.isArray(member) ? 'All users are already in team.' : 'User already in team.';
    throw proxyError(400, message, { type: 'team_member_already_in_team', param: 'member' });
  }
  const users = members.map(({ user_id: userId }) => store.ensureUser({ user_id: userId }, now));
  for (const user of users) {
    if (!user.teams.includes(teamId)) user.teams.push(teamId);
  }
  if (call.halfWrite) throw detailError(500, `Unable to add user to team - ${teamId}`);
  const added = members
    .filter(({ user_id: userId }) => !isMember(userId))
    .map(({ user_id: userId, role }) => ({ user_id: userId, user_email: null, role }));
  const team = await writeMembers(call, teamId, [...before, ...added]);
  for (const { user_id: userId } of added) store.addedBy.set(`team/${teamId}/${userId}`, 'call');
  return { team, users };
}

/** Writes the whole list. In older versions, that loses what other calls wrote since this call read the list. */
async function writeMembers(call: Call, teamId: string, members: TeamMember[]): Promise<Team> {
  if (call.behaviours.parallelMemberWrites === 'lost') await call.gap.pass(teamId);
  const team = call.store.teams.get(teamId);
  if (team === undefined) throw detailError(404, `Team with id ${teamId} not found`);
  for (const { user_id: userId } of team.members_with_roles) {
    if (!members.some((member) => member.user_id === userId))
      call.store.addedBy.delete(`team/${teamId}/${userId}`);
  }
  team.members_with_roles = members;
  team.updated_at = call.now;
  return team;
}

/** Doesn't check that the user is a member: for any other user it answers 200 and may leave a budget behind. */
export const updateTeamMember: Endpoint = async (call) => {
  const { store } = call;
  const body = parseBody(call, updateTeamMemberSchema);
  if (body.role === 'admin' && call.faults.current.isLicensed !== true) {
    throw new ApiError(400, { detail: licenceText });
  }
  const before = [...requireTeam(call, body.team_id).members_with_roles];
  const { user_id: userId } = body;
  const limits = {
    max_budget: body.max_budget_in_team ?? null,
    tpm_limit: body.tpm_limit ?? null,
    rpm_limit: body.rpm_limit ?? null,
  };
  const rows = store.budgetsOf(body.team_id);
  if (Object.values(limits).some((limit) => limit !== null)) {
    const { budget_id: budgetId } = store.addBudget(limits, callerName(call));
    rows.set(userId, {
      spend: 0,
      ...rows.get(userId),
      user_id: userId,
      team_id: body.team_id,
      budget_id: budgetId,
    });
  } else if (call.behaviours.roleUpdateDropsBudget) {
    rows.delete(userId);
  }
  if (typeof body.role === 'string') {
    const { role } = body;
    await writeMembers(
      call,
      body.team_id,
      before.map((member) => (member.user_id === userId ? { ...member, role } : member)),
    );
  }
  return {
    team_id: body.team_id,
    user_id: userId,
    user_email: null,
    max_budget_in_team: body.max_budget_in_team ?? null,
    tpm_limit: body.tpm_limit ?? null,
    rpm_limit: body.rpm_limit ?? null,
  };
};

export const deleteTeamMember: Endpoint = async (call) => {
  const { store } = call;
  const { team_id: teamId, user_id: userId } = parseBody(call, deleteTeamMemberSchema);
  const { members_with_roles: before } = requireTeam(call, teamId);
  const rest = before.filter((member) => member.user_id !== userId);
  if (rest.length === before.length) throw detailError(400, 'User not found in team');
  const row = await writeMembers(call, teamId, rest);
  const user = store.users.get(userId);
  if (user !== undefined) user.teams = user.teams.filter((id) => id !== teamId);
  store.budgetsOf(teamId).delete(userId);
  return row;
};

function requireTeam(call: Call, teamId: string): Team {
  const team = call.store.teams.get(teamId);
  if (team === undefined) throw detailError(400, `Team id=${teamId} does not exist in db`);
  return team;
}
