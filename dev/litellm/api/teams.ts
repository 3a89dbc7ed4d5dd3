/** `/team/new`, `update`, `info` and `/v2/team/list` (`management_endpoints/team_endpoints.py`). */
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';

import { detailError, proxyError, wrappedError } from './apiError.ts';
import { noteChangedBy, parseBody, parseQuery } from './call.ts';
import type { Call, Endpoint } from './call.ts';
import { keepGiven } from './keepGiven.ts';
import { masterUserId } from '../proxyData.ts';
import type { Organization, Team, TeamMember } from '../proxyData.ts';
import { takePage } from './paging.ts';
import { newTeamSchema, teamIdSchema, teamListSchema, updateTeamSchema } from './requestSchemas.ts';

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
    throw proxyError(500, `Internal Server Error, Organization doesn't exist in db.`);
  }
  const cap = call.faults.current.teamCap;
  if (cap !== undefined && store.teams.size >= cap) {
    throw wrappedError(403, 'License is over limit. Please contact support to upgrade your license.');
  }
  const teamId = body.team_id ?? randomUUID();
  if (store.teams.has(teamId)) {
    throw wrappedError(400, `Team id = ${teamId} already exists. Please use a different team id.`);
  }
  const models = resolveModels(call, { organization, models: body.models, refuse: wrappedError });
  const row: Team = {
    team_id: teamId,
    team_alias: body.team_alias ?? null,
    organization_id: body.organization_id ?? null,
    members_with_roles: addCaller(call, teamId),
    models: models ?? [],
    metadata: body.metadata ?? {},
    max_budget: body.max_budget ?? null,
    budget_duration: body.budget_duration ?? null,
    tpm_limit: body.tpm_limit ?? null,
    rpm_limit: body.rpm_limit ?? null,
    blocked: body.blocked ?? false,
    spend: 0,
    created_at: now,
    updated_at: now,
  };
  store.teams.set(teamId, row);
  store.addedBy.set(`team/${teamId}`, 'call');
  return row;
};

function withDefaults(call: Call, body: NewTeam): NewTeam {
  return { ...call.faults.current.defaultTeamParams, ...keepGiven<NewTeam>(body, namesOf(body)) };
}

const namesOf = (body: NewTeam): (keyof NewTeam)[] =>
  newTeamSchema.keyof().options.filter((name) => name in body);

/** Adds the calling key's user as an admin, without a licence. */
function addCaller({ store, caller, now }: Call, teamId: string): TeamMember[] {
  const { userId } = caller;
  if (userId === undefined) return [];
  store.addedBy.set(`team/${teamId}/${userId}`, 'proxy');
  store.ensureUser({ user_id: userId }, now).teams.push(teamId);
  return [{ user_id: userId, user_email: null, role: 'admin' }];
}

interface AskedModels {
  readonly organization: Organization | undefined;
  readonly models: readonly string[] | null | undefined;
  readonly refuse: (status: number, error: string) => Error;
}

/**
 * Returns a team's models as they are stored. Where the organization has a list of its own, they must be a subset of it.
 * In newer versions, an empty list becomes a copy of the organization's. A later change of that list does not reach it.
 */
function resolveModels(call: Call, { organization, models, refuse }: AskedModels): string[] | undefined {
  const allowed = organization?.models ?? [];
  if (allowed.length === 0 || allowed.includes('all-proxy-models')) {
    return models === null || models === undefined ? undefined : [...models];
  }
  if (models === null || models === undefined || models.length === 0) {
    return call.behaviours.emptyTeamModels === 'copyOrganization' ? [...allowed] : models?.slice();
  }
  // (?) Special names like all-proxy-models probably fail too.
  const outside = models.find((model) => !allowed.includes(model));
  if (outside !== undefined) {
    throw refuse(
      400,
      `Model '${outside}' not in organization's allowed models. Organization allowed models=${allowed.join(', ')}`,
    );
  }
  return [...models];
}

/** Writes every field that was sent, null included. `organization_id: ""` removes the team from its organization. */
export const updateTeam: Endpoint = (call) => {
  const { store } = call;
  noteChangedBy(call);
  const body = parseBody(call, updateTeamSchema);
  const row = store.teams.get(body.team_id);
  if (row === undefined) throw detailError(404, `Team not found, passed team_id=${body.team_id}`);
  const target = body.organization_id ?? row.organization_id;
  const organization = store.organizations.get(target ?? '');
  if (typeof body.organization_id === 'string' && body.organization_id !== '') {
    if (organization === undefined) {
      throw detailError(404, `Organization not found, passed organization_id=${body.organization_id}`);
    }
    if (row.organization_id !== body.organization_id) checkMove(call, row, organization);
  }
  const models = resolveModels(call, { organization, models: body.models, refuse: detailError });
  for (const name of limitFields) {
    const value = body[name];
    if (value !== undefined) Object.assign(row, { [name]: value });
  }
  if (body.team_alias !== undefined) row.team_alias = body.team_alias;
  if (body.organization_id !== undefined)
    row.organization_id = body.organization_id === '' ? null : body.organization_id;
  if (body.metadata !== undefined) row.metadata = body.metadata ?? {};
  row.blocked = body.blocked ?? row.blocked;
  row.models = models ?? row.models;
  row.updated_at = call.now;
  return { team_id: row.team_id, data: row };
};

function checkMove({ store }: Call, team: Team, organization: Organization): void {
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
  const members = store.membersOf(organization.organization_id);
  const outsiders = team.members_with_roles
    .map((member) => member.user_id ?? '')
    .filter((userId) => userId !== masterUserId && !members.has(userId));
  if (outsiders.length > 0)
    throw refuse(`Team has user_id ${outsiders.join(', ')} that is not a member of the organization.`);
}

/** Shows the team. `team_memberships` has only members with a budget; `members_with_roles` has all of them. */
export const teamInfo: Endpoint = (call) => {
  const { store } = call;
  const { team_id: id } = parseQuery(call, teamIdSchema);
  const row = store.teams.get(id);
  if (row === undefined) throw wrappedError(404, `Team not found, passed team id: ${id}.`);
  return {
    team_id: id,
    team_info: row,
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
    teams: rows.map((team) => ({ ...team, members_count: team.members_with_roles.length })),
    ...paging,
  };
};
