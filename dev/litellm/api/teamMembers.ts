/** `/team/member_add`, `member_update` and `member_delete` (`management_endpoints/team_endpoints.py`). */
import { randomUUID } from 'node:crypto';

import { ApiError, crash, detailError, noTeamText, proxyError } from './apiError.ts';
import { callerName, parseBody } from './call.ts';
import type { Call, Endpoint } from './call.ts';
import type { Team, TeamMember, TeamMembership, User } from '../proxyData.ts';
import { renderTeam } from './renderTeam.ts';
import { addTeamMembersSchema, deleteTeamMemberSchema, updateTeamMemberSchema } from './requestSchemas.ts';
import type { TeamMemberInput } from './requestSchemas.ts';
import { addMembership } from './teams.ts';

const licenceText =
  'Assigning team admins is a premium feature. You must be a LiteLLM Enterprise user to use this feature.';

interface Addition {
  readonly teamId: string;
  readonly members: readonly TeamMemberInput[];
  readonly isList: boolean;
  readonly maxBudget: number | null | undefined;
}

interface Added {
  readonly team: Team;
  readonly users: readonly User[];
  readonly memberships: readonly TeamMembership[];
}

export const addTeamMembers: Endpoint = async (call) => {
  const body = parseBody(call, addTeamMembersSchema);
  const { team, users, memberships } = await addMembers(call, {
    teamId: body.team_id,
    members: Array.isArray(body.member) ? body.member : [body.member],
    isList: Array.isArray(body.member),
    maxBudget: body.max_budget_in_team,
  });
  return { ...renderTeam(team), updated_users: users, updated_team_memberships: memberships };
};

/** Adds users to a team as `/team/member_add` does: first in the users' rows, then the team's list as a whole. */
export async function addMembers(call: Call, addition: Addition): Promise<Added> {
  const { store, behaviours } = call;
  const { teamId, members, maxBudget } = addition;
  if (members.some((member) => member.role === 'admin') && call.settings.licence !== true) {
    throw detailError(400, licenceText);
  }
  const team = store.teams.get(teamId);
  if (team === undefined) {
    throw behaviours.addToUnknownTeamCrashes ? crash() : detailError(404, noTeamText(teamId));
  }
  const before = [...team.members_with_roles];
  refuseDuplicates(before, addition);
  const users = members.map((member) => requireUser(call, member));
  const usersBefore = structuredClone(users);
  const budgets = users.flatMap((user) =>
    typeof maxBudget === 'number' ? [addBudget(call, { teamId, user, maxBudget })] : [],
  );
  for (const user of users) {
    if (behaviours.repeatedAddListsTwice || !user.teams.includes(teamId)) user.teams.push(teamId);
  }
  if (call.halfWrite) throw detailError(500, `Unable to add user to team - ${teamId}`);
  const after = withAdded(
    call,
    before,
    users.map((user, index) => ({ user, asked: members[index] })),
  );
  const written = await writeMembers(call, teamId, after);
  const added = new Set(after.slice(before.length).map((member) => member.user_id ?? ''));
  for (const userId of added) {
    store.addedBy.set(`team/${teamId}/${userId}`, 'call');
    addMembership(call, teamId, userId);
  }
  const shown = behaviours.addShowsUsersBefore ? usersBefore : structuredClone(users);
  return {
    team: written,
    users: behaviours.addShowsOnlyNew ? shown.filter((user) => added.has(user.user_id)) : shown,
    memberships: behaviours.everyMemberHasMembership
      ? [...store.budgetsOf(teamId).values()].filter((row) => added.has(row.user_id))
      : budgets,
  };
}

interface AskedMember {
  readonly user: User;
  readonly asked: TeamMemberInput | undefined;
}

function withAdded(
  { behaviours }: Call,
  before: readonly TeamMember[],
  asked: readonly AskedMember[],
): TeamMember[] {
  const after = [...before];
  for (const { user, asked: member } of asked) {
    if (after.some((other) => other.user_id === user.user_id)) continue;
    const email = member?.user_email ?? (behaviours.memberHasEmail ? user.user_email : null);
    after.push({ user_id: user.user_id, user_email: email, role: member?.role ?? 'user' });
  }
  return after;
}

function refuseDuplicates(before: readonly TeamMember[], { members, isList }: Addition): void {
  const isMember = (member: TeamMemberInput): boolean =>
    before.some(
      (other) =>
        (typeof member.user_id === 'string' && other.user_id === member.user_id) ||
        (typeof member.user_email === 'string' && other.user_email === member.user_email),
    );
  if (!members.every(isMember)) return;
  const [{ user_id: userId, user_email: email } = {}] = members;
  const existing = before.map((member) => `Member(user_id='${member.user_id}')`).join(', ');
  const message = isList
    ? 'All users are already in team.'
    : `User already in team. Member: user_id=${userId ?? 'None'}, user_email=${email ?? 'None'}. Existing members=[${existing}]`;
  throw proxyError(400, message, { type: 'team_member_already_in_team', param: 'member' });
}

function requireUser({ store, now }: Call, member: TeamMemberInput): User {
  const byId = store.users.get(member.user_id ?? '');
  const byEmail = store.findUserByEmail(member.user_email ?? '');
  if (byEmail !== undefined && typeof member.user_id === 'string' && byEmail.user_id !== member.user_id) {
    throw detailError(400, `user_id and user_email belong to two different users`);
  }
  const found = byId ?? byEmail;
  return (
    found ??
    store.ensureUser({ user_id: member.user_id ?? randomUUID(), user_email: member.user_email ?? null }, now)
  );
}

function addBudget(
  call: Call,
  { teamId, user, maxBudget }: { readonly teamId: string; readonly user: User; readonly maxBudget: number },
): TeamMembership {
  const rows = call.store.budgetsOf(teamId);
  const found = rows.get(user.user_id);
  if (found !== undefined) {
    if (!call.behaviours.mixedListWithBudgetFails) return found;
    throw detailError(
      500,
      'Unable to add user: Unique constraint failed on the fields: (`user_id`,`team_id`)',
    );
  }
  const budget = call.store.addBudget({ max_budget: maxBudget }, callerName(call));
  const row = { user_id: user.user_id, team_id: teamId, budget_id: budget.budget_id, spend: 0 };
  rows.set(user.user_id, row);
  return row;
}

/** Writes the whole list. In older versions, that loses what other calls wrote since this call read the list. */
async function writeMembers(call: Call, teamId: string, members: TeamMember[]): Promise<Team> {
  if (!call.behaviours.parallelMemberWritesKept) await call.gap.pass(teamId);
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

/** Older versions don't check that the user is a member: they answer 200 for any other, and may leave a budget behind. */
export const updateTeamMember: Endpoint = async (call) => {
  const { store } = call;
  const body = parseBody(call, updateTeamMemberSchema);
  if (body.role === 'admin' && call.settings.licence !== true) {
    throw new ApiError(400, { detail: licenceText });
  }
  const team = requireTeam(call, body.team_id);
  const before = [...team.members_with_roles];
  const userId = body.user_id ?? before.find((member) => member.user_email === body.user_email)?.user_id;
  if (typeof userId !== 'string') throw detailError(400, `User id doesn't exist in team table.`);
  if (call.behaviours.updateRequiresMember && !before.some((member) => member.user_id === userId)) {
    throw detailError(404, `User ${userId} is not a member of team ${body.team_id}`);
  }
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
    user_email: body.user_email ?? null,
    max_budget_in_team: body.max_budget_in_team ?? null,
    tpm_limit: body.tpm_limit ?? null,
    rpm_limit: body.rpm_limit ?? null,
  };
};

export const deleteTeamMember: Endpoint = async (call) => {
  const { store } = call;
  const body = parseBody(call, deleteTeamMemberSchema);
  const team = requireTeam(call, body.team_id);
  const isMeant = (member: TeamMember): boolean =>
    (typeof body.user_id === 'string' && member.user_id === body.user_id) ||
    (typeof body.user_email === 'string' && member.user_email === body.user_email);
  const removed = team.members_with_roles.filter((member) => isMeant(member));
  if (removed.length === 0) throw detailError(400, 'User not found in team');
  const row = await writeMembers(
    call,
    body.team_id,
    team.members_with_roles.filter((member) => !isMeant(member)),
  );
  for (const { user_id: userId } of removed) {
    const user = store.users.get(userId ?? '');
    if (user !== undefined) removeFirst(user.teams, body.team_id);
    store.budgetsOf(body.team_id).delete(userId ?? '');
    if (call.behaviours.removalDeletesKeys) {
      const doomed = [...store.keys.values()].filter(
        (key) => key.team_id === body.team_id && key.user_id === userId,
      );
      store.deleteKeys(doomed, callerName(call), call.now);
    }
  }
  return renderTeam(row);
};

/** Removes one entry. A user's `teams` may list a team twice, and then it stays once. */
function removeFirst(list: string[], entry: string): void {
  const index = list.indexOf(entry);
  if (index !== -1) list.splice(index, 1);
}

function requireTeam(call: Call, teamId: string): Team {
  const team = call.store.teams.get(teamId);
  if (team === undefined) throw detailError(400, `Team id=${teamId} does not exist in db`);
  return team;
}
