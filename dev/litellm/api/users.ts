/** `/user/new`, `update` and `list` (`management_endpoints/internal_user_endpoints.py`). */
import { randomUUID } from 'node:crypto';

import { ApiError, wrappedError } from './apiError.ts';
import { parseBody, parseQuery } from './call.ts';
import type { Endpoint } from './call.ts';
import { keepGiven } from './keepGiven.ts';
import type { UserFields } from '../proxyStore.ts';
import { takePage } from './paging.ts';
import { newUserSchema, updateUserSchema, userListSchema } from './requestSchemas.ts';
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
  // If the user exists, the row stays as it is.
  const user =
    known ?? store.addUser({ ...keepGiven<UserFields>(body, settings), user_id: userId }, 'call', now);
  const key = body.auto_create_key ? store.addKey({ user_id: userId }, now) : '';
  for (const teamId of body.teams ?? call.faults.current.defaultUserTeams ?? []) {
    await swallow(() => addMembers(call, teamId, { user_id: userId, role: 'user' }));
  }
  return { key, token: null, ...user, organizations: null };
};

/** Runs `act`, and ignores LiteLLM's errors: `/user/new` never reports that a user could not join a team. */
async function swallow(act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

/** Creates an unknown user. Nulls and empty lists change nothing. */
export const updateUser: Endpoint = (call) => {
  const { store, now } = call;
  const { user_id: userId, ...body } = parseBody(call, updateUserSchema);
  const changes = keepGiven<UserFields>({ ...body, models: keepFull(body.models) }, settings);
  const known = store.users.get(userId);
  if (known !== undefined) store.changeUser(known, changes, now);
  return { user_id: userId, data: known ?? store.addUser({ ...changes, user_id: userId }, 'call', now) };
};

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
