/** `/user/new`, `update`, `info`, `/v2/user/info` and `/user/delete` (`management_endpoints/internal_user_endpoints.py`). */
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';

import { ApiError, noRoute, wrappedError } from './apiError.ts';
import { noteChangedBy, parseBody, parseQuery } from './call.ts';
import type { Call, Endpoint } from './call.ts';
import { keepGiven } from './keepGiven.ts';
import type { User } from './proxyData.ts';
import type { UserFields } from './proxyStore.ts';
import { deleteUsersSchema, newUserSchema, updateUserSchema, userIdSchema } from './requestSchemas.ts';
import { addMembers } from './teamMemberEndpoints.ts';

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

export const newUser: Endpoint = async (call) => {
  const { store, behaviours, now } = call;
  const body = parseBody(call, newUserSchema);
  if (typeof body.user_email === 'string' && store.findUserByEmail(body.user_email) !== undefined) {
    throw wrappedError(behaviours.duplicateEmailStatus, `User with email ${body.user_email} already exists`);
  }
  const userId = body.user_id ?? randomUUID();
  const known = store.users.get(userId);
  if (known !== undefined && behaviours.duplicateUserId === 'conflict') {
    throw wrappedError(409, `User with id ${userId} already exists`);
  }
  const cap = call.faults.current.userCap;
  if (known === undefined && cap !== undefined && store.users.size >= cap) {
    throw wrappedError(403, 'License is over limit. Please contact support to upgrade your license.');
  }
  // Where the user is there already, the row stays as it is.
  const user =
    known ?? store.addUser({ ...keepGiven<UserFields>(body, settings), user_id: userId }, 'call', now);
  const key = body.auto_create_key ? store.addKey({ user_id: userId }, now) : '';
  await join(call, user, body);
  return { key, token: null, ...user, organizations: body.organizations ?? null };
};

/** Puts a new user where it is asked for, else into the default teams; what fails here is never told. */
async function join(call: Call, user: User, body: NewUser): Promise<void> {
  const { store, now } = call;
  for (const teamId of body.teams ?? call.faults.current.defaultUserTeams ?? []) {
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

/** Makes the user where there is none; nulls and empty lists change nothing; `teams` is the user's side alone. */
export const updateUser: Endpoint = (call) => {
  const { store, now } = call;
  const body = parseBody(call, updateUserSchema);
  const changes = keepGiven<UserFields>(
    { ...body, models: keepFull(body.models), teams: keepFull(body.teams) },
    [...settings, 'teams'],
  );
  const known = store.users.get(body.user_id ?? '') ?? store.findUserByEmail(body.user_email ?? '');
  if (known === undefined) {
    const user = store.addUser({ ...changes, user_id: body.user_id ?? randomUUID() }, 'call', now);
    return { user_id: user.user_id, data: user };
  }
  store.changeUser(known, changes, now);
  return { user_id: known.user_id, data: known };
};

const keepFull = (list: string[] | null | undefined): string[] | undefined =>
  list === null || list?.length === 0 ? undefined : list;

/** With the rows of all their keys and teams, which is why it is slow. */
export const userInfo: Endpoint = (call) => {
  const { store, behaviours } = call;
  const userId = parseQuery(call, userIdSchema).user_id ?? call.caller.userId ?? '';
  const user = store.users.get(userId);
  if (user === undefined) {
    if (behaviours.absentUserInfo === 'notFound') throw wrappedError(404, `User ${userId} not found`);
    return { user_id: userId, user_info: { spend: 0 }, keys: [], teams: [] };
  }
  return {
    user_id: userId,
    user_info: user,
    keys: [...store.keys.values()].filter((key) => key.user_id === userId),
    teams: user.teams.flatMap((id) => store.teams.get(id) ?? []),
  };
};

/** The row alone. */
export const userInfoV2: Endpoint = (call) => {
  if (!call.behaviours.hasUserInfoV2) throw noRoute();
  const userId = parseQuery(call, userIdSchema).user_id ?? call.caller.userId ?? '';
  const user = call.store.users.get(userId);
  if (user === undefined) throw wrappedError(404, `User ${userId} not found`);
  return user;
};

/** Takes keys and memberships along. */
export const deleteUsers: Endpoint = (call) => {
  const { store } = call;
  noteChangedBy(call);
  const { user_ids: ids } = parseBody(call, deleteUsersSchema);
  const absent = ids.find((id) => !store.users.has(id));
  if (absent !== undefined) throw wrappedError(404, `User not found, passed user_id=${absent}`);
  store.removeKeys((key) => key.user_id !== null && ids.includes(key.user_id));
  for (const id of ids) {
    for (const organizationId of store.organizationMembers.keys()) {
      store.removeOrganizationMember(organizationId, id);
    }
    for (const team of store.teams.values()) {
      team.members_with_roles = team.members_with_roles.filter((member) => member.user_id !== id);
      store.budgetsOf(team.team_id).delete(id);
      store.addedBy.delete(`team/${team.team_id}/${id}`);
    }
    const user = store.users.get(id);
    if (user !== undefined) store.removeUser(user);
  }
  return { deleted_users: ids.length };
};
