/** `/team/new`, `update`, `info`, `block`, permissions and `/v2/team/list` (`management_endpoints/team_endpoints.py`). */
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';

import { detailError, noTeamText, printLikePython, proxyError, wrappedError } from './apiError.ts';
import { noteChangedBy, parseBody, parseQuery } from './call.ts';
import type { Call, Endpoint } from './call.ts';
import { keepGiven } from './keepGiven.ts';
import { masterUserId } from '../proxyData.ts';
import type { Organization, Team, TeamMember } from '../proxyData.ts';
import { renderTeam } from './renderTeam.ts';
import { takePage } from './paging.ts';
import {
  newTeamSchema,
  teamIdSchema,
  teamListSchema,
  teamPermissionsSchema,
  updateTeamSchema,
} from './requestSchemas.ts';

type NewTeam = z.infer<typeof newTeamSchema>;
const limitFields = ['max_budget', 'budget_duration', 'tpm_limit', 'rpm_limit'] as const;

export const newTeam: Endpoint = (call) => {
  const { store, now } = call;
  noteChangedBy(call);
  const body = withDefaults(call, parseBody(call, newTeamSchema));
  if (typeof body.max_budget === 'number' && body.max_budget < 0) {
    throw wrappedError(400, `max_budget cannot be negative. Received: ${body.max_budget}`);
  }
  const organization = store.organizations.get(body.organization_id ?? '');
  if (typeof body.organization_id === 'string' && organization === undefined) {
    throw noOrganization(call, body.organization_id);
  }
  checkBudget(call, { organization, maxBudget: body.max_budget, refuse: wrappedError });
  const cap = call.faults.current.teamCap;
  if (cap !== undefined && store.teams.size >= cap) {
    throw wrappedError(403, 'License is over limit. Please contact support to upgrade your license.');
  }
  const teamId = body.team_id ?? randomUUID();
  if (store.teams.has(teamId)) {
    throw wrappedError(400, `Team id = ${teamId} already exists. Please use a different team id.`);
  }
  checkModels(call, { organization, models: body.models, refuse: wrappedError });
  const members = resolveMembers(call, teamId, body.members_with_roles ?? []);
  const row: Team = {
    team_id: teamId,
    team_alias: body.team_alias ?? null,
    organization_id: body.organization_id ?? null,
    members_with_roles: members,
    models: body.models ?? [],
    metadata: body.metadata ?? {},
    max_budget: body.max_budget ?? null,
    budget_duration: body.budget_duration ?? null,
    tpm_limit: body.tpm_limit ?? null,
    rpm_limit: body.rpm_limit ?? null,
    team_member_permissions: body.team_member_permissions ?? [],
    blocked: body.blocked ?? false,
    spend: 0,
    created_at: now,
    updated_at: now,
  };
  store.teams.set(teamId, row);
  store.addedBy.set(`team/${teamId}`, 'call');
  for (const { user_id: userId } of members) addMembership(call, teamId, userId ?? '');
  return renderTeam(row);
};

function noOrganization({ behaviours }: Call, id: string): Error {
  const text = `Organization doesn't exist in db. Organization=${id}. Create organization via \`/organization/new\` call.`;
  const { unknownOrganization: how } = behaviours;
  if (how === '400') return proxyError(400, `Organization not found for organization_id=${id}`);
  return proxyError(500, how === '500' ? text : `Internal Server Error, ${text}`);
}

/** Fills in what is left out. Null counts as left out, but for `budget_duration`. */
function withDefaults(call: Call, body: NewTeam): NewTeam {
  if (!call.behaviours.hasTeamDefaults) return body;
  const { budget_duration: duration, ...defaults } = call.settings.defaultTeamParams ?? {};
  const durations =
    body.budget_duration === null || duration === undefined ? {} : { budget_duration: duration };
  return { ...defaults, ...durations, ...keepGiven<NewTeam>(body, namesOf(body)) };
}

const namesOf = (body: NewTeam): (keyof NewTeam)[] =>
  newTeamSchema.keyof().options.filter((name) => name in body);

/** Adds the calling key's user as admin, creates unknown users, and needs no licence for admins. */
function resolveMembers(
  { store, caller, now }: Call,
  teamId: string,
  asked: NonNullable<NewTeam['members_with_roles']>,
): TeamMember[] {
  const members: TeamMember[] = asked.map((member) => {
    const byEmail = store.findUserByEmail(member.user_email ?? '');
    const userId = member.user_id ?? byEmail?.user_id ?? randomUUID();
    return { user_id: userId, user_email: member.user_email ?? null, role: member.role };
  });
  for (const member of members) store.addedBy.set(`team/${teamId}/${member.user_id}`, 'call');
  const { userId } = caller;
  if (userId !== undefined && !members.some((member) => member.user_id === userId)) {
    members.push({ user_id: userId, user_email: null, role: 'admin' });
    store.addedBy.set(`team/${teamId}/${userId}`, 'proxy');
  }
  for (const member of members) {
    const fields = { user_id: member.user_id ?? '', user_email: member.user_email };
    const user = store.ensureUser(fields, now);
    if (!user.teams.includes(teamId)) user.teams.push(teamId);
  }
  return members;
}

interface Asked {
  readonly organization: Organization | undefined;
  readonly refuse: (status: number, error: string) => Error;
}

/**
 * Refuses models that the organization does not have, if it has a list of its own. An empty list passes, stays empty, and
 * means every model of the proxy.
 */
function checkModels(
  { behaviours }: Call,
  { organization, models, refuse }: Asked & { readonly models: readonly string[] | null | undefined },
): void {
  const allowed = organization?.models ?? [];
  if (!behaviours.teamModelsAreChecked || allowed.length === 0 || allowed.includes('all-proxy-models'))
    return;
  const outside = models?.find((model) => !allowed.includes(model));
  if (outside === undefined) return;
  throw refuse(
    400,
    `Model '${outside}' not in organization's allowed models. Organization allowed models=${allowed.join(', ')}`,
  );
}

/** Refuses a budget above the organization's in newer versions. (?) The text. */
function checkBudget(
  { store, behaviours }: Call,
  { organization, maxBudget, refuse }: Asked & { readonly maxBudget: number | null | undefined },
): void {
  const budget = store.budgets.get(organization?.budget_id ?? '')?.max_budget;
  if (!behaviours.teamBudgetIsChecked || typeof budget !== 'number' || typeof maxBudget !== 'number') return;
  if (maxBudget <= budget) return;
  throw refuse(400, `Team max_budget (${maxBudget}) exceeds organization's max_budget (${budget})`);
}

/** Adds a row for a member in the versions in which every member has one. */
export function addMembership({ store, behaviours }: Call, teamId: string, userId: string): void {
  const rows = store.budgetsOf(teamId);
  if (!behaviours.everyMemberHasMembership || rows.has(userId)) return;
  rows.set(userId, { user_id: userId, team_id: teamId, budget_id: null, spend: 0 });
}

/** Writes every field that was sent, null included. Null or `""` takes the team out of its organization. */
export const updateTeam: Endpoint = (call) => {
  const { store } = call;
  noteChangedBy(call);
  const body = parseBody(call, updateTeamSchema);
  const row = store.teams.get(body.team_id);
  if (row === undefined) throw detailError(404, `Team not found, passed team_id=${body.team_id}`);
  const target = body.organization_id === undefined ? row.organization_id : body.organization_id;
  const organization = store.organizations.get(target ?? '');
  if (typeof body.organization_id === 'string' && body.organization_id !== '') {
    if (organization === undefined) {
      throw detailError(404, `Organization not found, passed organization_id=${body.organization_id}`);
    }
    if (row.organization_id !== body.organization_id) checkMove(call, row, organization);
  }
  checkModels(call, { organization, models: body.models, refuse: detailError });
  checkBudget(call, { organization, maxBudget: body.max_budget, refuse: detailError });
  if (organization !== undefined && row.organization_id !== organization.organization_id) {
    takeMembersAlong(call, row, organization.organization_id);
  }
  for (const name of limitFields) {
    const value = body[name];
    if (value !== undefined) Object.assign(row, { [name]: value });
  }
  if (body.team_alias !== undefined) row.team_alias = body.team_alias;
  if (body.organization_id !== undefined)
    row.organization_id = body.organization_id === '' ? null : body.organization_id;
  if (body.metadata !== undefined) row.metadata = body.metadata ?? {};
  row.blocked = body.blocked ?? row.blocked;
  row.models = body.models ?? row.models;
  row.updated_at = call.now;
  return { team_id: row.team_id, data: renderTeam(row) };
};

/** Looks at the row as it is, not at what the same call sets. */
function checkMove({ store, behaviours }: Call, team: Team, organization: Organization): void {
  const refuse = (reason: string): Error => detailError(403, `Cannot move team to organization. ${reason}`);
  const { models: allowed } = organization;
  if (allowed.length > 0 && !allowed.includes('all-proxy-models')) {
    if (team.models.length === 0)
      throw refuse('Team has access to all proxy models, but the organization does not.');
    const outside = team.models.find((model) => !allowed.includes(model));
    if (outside !== undefined) throw refuse(`The organization has no access to model ${outside}.`);
  }
  const budget = store.budgets.get(organization.budget_id);
  for (const name of ['max_budget', 'tpm_limit', 'rpm_limit'] as const) {
    if ((team[name] ?? 0) > (budget?.[name] ?? Infinity))
      throw refuse(`Team has ${name} ${team[name]}, which is greater.`);
  }
  if (behaviours.moveTakesMembers) return;
  // Older versions refuse members who are in the organization, too.
  const others = membersWithoutMaster(team);
  if (others.length > 0) {
    throw refuse(`Team has user_id ${others.join(', ')} that is not a member of the organization.`);
  }
}

/** Makes every member of the team a member of the organization, also those who were added by hand. */
function takeMembersAlong({ store, now }: Call, team: Team, organizationId: string): void {
  const known = store.membersOf(organizationId);
  for (const userId of membersWithoutMaster(team).filter((id) => !known.has(id))) {
    const member = { organization_id: organizationId, user_id: userId, user_role: 'internal_user' };
    store.addOrganizationMember(member, 'proxy', now);
  }
}

const membersWithoutMaster = (team: Team): string[] =>
  team.members_with_roles.map((member) => member.user_id ?? '').filter((userId) => userId !== masterUserId);

export const blockTeam: Endpoint = (call) => setBlocked(call, true);
export const unblockTeam: Endpoint = (call) => setBlocked(call, false);

function setBlocked(call: Call, blocked: boolean): object {
  const row = requireTeam(call, parseBody(call, teamIdSchema).team_id);
  row.blocked = blocked;
  return renderTeam(row);
}

export const updateTeamPermissions: Endpoint = (call) => {
  const body = parseBody(call, teamPermissionsSchema);
  const row = requireTeam(call, body.team_id);
  row.team_member_permissions = [...body.team_member_permissions];
  return renderTeam(row);
};

const availablePermissions = [
  '/key/generate',
  '/key/update',
  '/key/delete',
  '/key/info',
  '/key/regenerate',
  '/key/service-account/generate',
  '/key/{key_id}/regenerate',
  '/key/list',
  '/key/block',
  '/key/unblock',
];

export const listTeamPermissions: Endpoint = (call) => {
  const row = requireTeam(call, parseQuery(call, teamIdSchema).team_id);
  return {
    team_id: row.team_id,
    team_member_permissions: row.team_member_permissions,
    all_available_permissions: availablePermissions,
  };
};

/** (?) The status and the text. */
function requireTeam({ store }: Call, teamId: string): Team {
  const row = store.teams.get(teamId);
  if (row === undefined) throw detailError(404, noTeamText(teamId));
  return row;
}

/** Shows the team. `members_with_roles` has all members; `team_memberships` may have only those with a budget. */
export const teamInfo: Endpoint = (call) => {
  const { store, behaviours } = call;
  const { team_id: id } = parseQuery(call, teamIdSchema);
  const row = store.teams.get(id);
  if (row === undefined) {
    const message = printLikePython({ message: `Team not found, passed team id: ${id}.` });
    throw proxyError(404, message, { type: 'auth_error' });
  }
  const members = row.members_with_roles.map((member) => ({
    ...member,
    user_alias: store.users.get(member.user_id ?? '')?.user_alias ?? null,
  }));
  return {
    team_id: id,
    team_info: {
      ...renderTeam(row),
      members_with_roles: behaviours.teamInfoHasAliases ? members : row.members_with_roles,
    },
    keys: [...store.keys.values()].filter((key) => key.team_id === id),
    team_memberships: [...store.budgetsOf(id).values()].map((membership) => ({
      ...membership,
      litellm_budget_table: store.budgets.get(membership.budget_id ?? '') ?? null,
    })),
  };
};

/** Lists all teams. 422 for more than 100 a page. */
export const listTeams: Endpoint = (call) => {
  const { rows, ...paging } = takePage([...call.store.teams.values()], parseQuery(call, teamListSchema));
  return {
    teams: rows.map((team) => ({ ...renderTeam(team), members_count: team.members_with_roles.length })),
    ...paging,
  };
};
