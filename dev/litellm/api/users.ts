/** `/user/new`, `update`, `info` and `list` (`management_endpoints/internal_user_endpoints.py`). */
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';

import { ApiError, proxyError, wrappedError } from './apiError.ts';
import { isAdmin, parseBody, parseQuery } from './call.ts';
import type { Call, Endpoint } from './call.ts';
import { keepGiven } from './keepGiven.ts';
import type { Team, User } from '../proxyData.ts';
import { renderTeam } from './renderTeam.ts';
import type { UserFields } from '../proxyStore.ts';
import { takePage } from './paging.ts';
import { newUserSchema, updateUserSchema, userIdSchema, userListSchema } from './requestSchemas.ts';
import { addMembers } from './teamMembers.ts';

const settings = [
  'user_email',
  'user_alias',
  'user_role',
  'sso_user_id',
  'models',
  'metadata',
  'max_budget',
  'budget_duration',
  'tpm_limit',
  'rpm_limit',
] as const;

type NewUser = z.infer<typeof newUserSchema>;

const limits = ['budget_duration', 'tpm_limit', 'rpm_limit'] as const;

export const newUser: Endpoint = async (call) => {
  const { store, behaviours, now } = call;
  const body = withDefaults(call, parseBody(call, newUserSchema));
  const userId = body.user_id ?? randomUUID();
  const known = store.users.get(userId);
  if (known !== undefined && behaviours.duplicateUserIdIsRefused) {
    throw wrappedError(409, `User with id ${userId} already exists`);
  }
  const owner = store.findUserByEmail(body.user_email ?? '');
  if (owner !== undefined) {
    throw wrappedError(behaviours.duplicateEmailStatus, `User with email ${owner.user_email} already exists`);
  }
  const cap = call.faults.current.userCap;
  if (known === undefined && cap !== undefined && store.users.size >= cap) {
    throw wrappedError(403, 'License is over limit. Please contact support to upgrade your license.');
  }
  // If the user exists, the row stays as it is.
  const user =
    known ?? store.addUser({ ...keepGiven<UserFields>(body, settings), user_id: userId }, 'call', now);
  const key = body.auto_create_key ? store.addKey({ user_id: userId }, now) : '';
  await join(call, user, body);
  const { teams, ...shown } = user;
  return {
    key,
    token: null,
    allowed_routes: [],
    ...shown,
    ...(behaviours.newUserShowsTeams ? { teams } : { teams: null }),
    organizations: body.organizations ?? null,
  };
};

/** Fills in what is left out. An empty list of models counts as left out. */
function withDefaults(
  { settings: { defaultInternalUserParams: defaults = {} } }: Call,
  body: NewUser,
): NewUser {
  const { teams, models, user_role: role, ...rest } = defaults;
  return {
    ...rest,
    ...body,
    ...keepGiven<NewUser>(
      rest,
      limits.filter((name) => (body[name] ?? null) === null),
    ),
    max_budget: body.max_budget ?? rest.max_budget,
    models: keepFull(body.models) ?? models,
    user_role: body.user_role ?? roleSchema.safeParse(role).data,
    teams: body.teams ?? teams,
  };
}

const roleSchema = newUserSchema.shape.user_role;

/** Adds a new user to the teams and organizations of the request. Never reports a failure. */
async function join(call: Call, user: User, body: NewUser): Promise<void> {
  const { store, now } = call;
  for (const teamId of body.teams ?? []) {
    const member = { user_id: user.user_id, role: 'user' as const };
    await swallow(() => addMembers(call, { teamId, members: [member], isList: false, maxBudget: null }));
  }
  for (const id of body.organizations ?? []) {
    if (store.organizations.has(id) && !store.membersOf(id).has(user.user_id)) {
      const member = { organization_id: id, user_id: user.user_id, user_role: 'internal_user' };
      store.addOrganizationMember(member, 'call', now);
    }
  }
}

async function swallow(act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

/** Creates an unknown user. Empty lists change nothing, `metadata` is replaced, and null clears what the version lets it. */
export const updateUser: Endpoint = (call) => {
  const { store, behaviours, now } = call;
  const body = parseBody(call, updateUserSchema);
  const changes: Partial<User> = keepGiven<UserFields>({ ...body, models: keepFull(body.models) }, [
    ...settings,
  ]);
  const known = store.users.get(body.user_id ?? '') ?? store.findUserByEmail(body.user_email ?? '');
  if (known === undefined) {
    const fields = { user_role: null, ...changes, user_id: body.user_id ?? randomUUID() };
    const user = store.addUser(fields, 'call', now);
    return { user_id: user.user_id, data: user };
  }
  if (behaviours.userNullClearsBudget && body.max_budget === null) changes.max_budget = null;
  if (behaviours.userNullClearsRest) {
    for (const name of limits) if (body[name] === null) changes[name] = null;
  }
  store.changeUser(known, changes, now);
  return { user_id: known.user_id, data: known };
};

/** Shows a user with their keys and teams. Without an id, the caller. A person sees only themselves. */
export const userInfo: Endpoint = (call) => {
  const { store, caller, behaviours } = call;
  const id = parseQuery(call, userIdSchema).user_id ?? caller.userId ?? '';
  // (?) The text.
  if (!isAdmin(caller) && id !== caller.userId) throw proxyError(403, `User not allowed to view ${id}`);
  const user = store.users.get(id);
  if (user === undefined) {
    if (behaviours.unknownUserIs404) throw proxyError(404, `User ${id} not found`);
    return { user_id: id, user_info: { spend: 0 }, keys: [], teams: [] };
  }
  const memberships = [...store.organizationMembers.values()].flatMap((rows) => rows.get(id) ?? []);
  return {
    user_id: id,
    user_info: { ...user, organization_memberships: memberships },
    keys: [...store.keys.values()]
      .filter((key) => key.user_id === id)
      .map((key) => ({ ...key, team_alias: store.teams.get(key.team_id ?? '')?.team_alias ?? 'None' })),
    teams: [...new Set(user.teams)].flatMap((teamId) => renderTeamOf(call, id, store.teams.get(teamId))),
  };
};

/** A team that the user is in comes with its keys. One that only the user's row names comes without. */
function renderTeamOf({ store, behaviours }: Call, userId: string, team: Team | undefined): object[] {
  if (team === undefined) return [];
  if (!team.members_with_roles.some((member) => member.user_id === userId)) return [renderTeam(team)];
  const memberships = behaviours.everyMemberHasMembership
    ? [...store.budgetsOf(team.team_id).values()].filter((row) => row.user_id === userId)
    : [];
  const keys = [...store.keys.values()].filter((key) => key.team_id === team.team_id);
  return [{ ...renderTeam(team), team_memberships: memberships, keys }];
}

const keepFull = (list: string[] | null | undefined): string[] | undefined =>
  list === null || list?.length === 0 ? undefined : list;

/** Lists users. Looks for a single value in `user_ids` anywhere in the ids, but compares several exactly. */
export const listUsers: Endpoint = (call) => {
  const { store } = call;
  const query = parseQuery(call, userListSchema);
  const ids = query.user_ids?.split(',').map((id) => id.trim());
  const matching = [...store.users.values()].filter((user) => isAskedFor(user.user_id, ids));
  const { rows, ...paging } = takePage(matching, query);
  const keyCounts = new Map<string, number>();
  for (const { user_id: owner } of store.keys.values()) {
    if (owner !== null) keyCounts.set(owner, (keyCounts.get(owner) ?? 0) + 1);
  }
  return { users: rows.map((user) => ({ ...user, key_count: keyCounts.get(user.user_id) ?? 0 })), ...paging };
};

function isAskedFor(userId: string, ids: readonly string[] | undefined): boolean {
  const [first, ...others] = ids ?? [];
  if (first === undefined) return true;
  return others.length === 0
    ? userId.toLowerCase().includes(first.toLowerCase())
    : first === userId || others.includes(userId);
}
