/** `/key/…` (`management_endpoints/key_management_endpoints.py`). */
import type { z } from 'zod';

import type { Team, VirtualKey } from '../proxyData.ts';
import { hashKey } from '../proxyStore.ts';
import { detailError, noTeamText, proxyError, wrappedError } from './apiError.ts';
import type { ApiError } from './apiError.ts';
import { callerName, isAdmin, parseBody, parseQuery } from './call.ts';
import type { Call, Endpoint } from './call.ts';
import { keepGiven } from './keepGiven.ts';
import { takePage } from './paging.ts';
import {
  deleteKeysSchema,
  keyListSchema,
  keyQuerySchema,
  keyRefSchema,
  newKeySchema,
  updateKeySchema,
} from './requestSchemas.ts';

const settings = [
  'key_alias',
  'user_id',
  'team_id',
  'models',
  'metadata',
  'allowed_routes',
  'max_budget',
  'budget_duration',
  'tpm_limit',
  'rpm_limit',
] as const;

/** What the type of a key allows. The other types allow everything that its user may do. */
const routesOfType: Readonly<Record<string, string[]>> = {
  llm_api: ['llm_api_routes'],
  management: ['management_routes'],
  read_only: ['info_routes'],
};

/** Creates a key. It is in this answer in clear text, and nowhere afterwards. Neither membership nor models are checked. */
export const generateKey: Endpoint = (call) => {
  const { store, caller, behaviours, now } = call;
  const body = parseBody(call, newKeySchema);
  const team = findTeam(call, body.team_id);
  if (!isAdmin(caller)) requireMayGenerate(call, body.user_id, team);
  requireFreeAlias(call, body.key_alias);
  const inherited = isAdmin(caller) || !behaviours.keyInheritsOwner ? null : (caller.userId ?? null);
  const secret = store.addKey(
    {
      ...keepGiven<Partial<VirtualKey>>(body, settings),
      user_id: body.user_id ?? inherited,
      organization_id: team?.organization_id ?? null,
      allowed_routes: routesOfType[body.key_type ?? ''] ?? body.allowed_routes ?? [],
      blocked: body.blocked ?? null,
      expires: toInstant(body.duration, now),
      created_by: callerName(call),
    },
    now,
  );
  return { ...store.findKey(secret), key: secret, duration: null };
};

/** A person may make keys without a team, and in a team whose permissions say so. */
function requireMayGenerate(
  { caller }: Call,
  userId: string | null | undefined,
  team: Team | undefined,
): void {
  if (typeof userId === 'string' && userId !== caller.userId) {
    throw proxyError(403, `User=${caller.userId} cannot create keys for user=${userId}`, {
      type: 'auth_error',
    });
  }
  if (team === undefined) return;
  const isMember = team.members_with_roles.some((member) => member.user_id === caller.userId);
  if (isMember && team.team_member_permissions.includes('/key/generate')) return;
  throw proxyError(401, `Team member does not have permissions for endpoint: /key/generate`, {
    type: 'team_member_permission_error',
  });
}

/** Returns the named team. An empty or missing name is no team. */
function findTeam({ store, behaviours }: Call, teamId: string | null | undefined): Team | undefined {
  if (typeof teamId !== 'string' || teamId === '') return undefined;
  const team = store.teams.get(teamId);
  if (team !== undefined) return team;
  throw behaviours.keyToUnknownTeamStatus === 400
    ? proxyError(400, `Authentication Error, ${noTeamText(teamId)}`, { type: 'auth_error' })
    : wrappedError(404, noTeamText(teamId), 'auth_error');
}

function requireFreeAlias({ store }: Call, alias: string | null | undefined, token?: string): void {
  if (typeof alias !== 'string') return;
  const isTaken = [...store.keys.values()].some((key) => key.key_alias === alias && key.token !== token);
  if (!isTaken) return;
  throw proxyError(
    400,
    `Key with alias '${alias}' already exists. Unique key aliases across all keys are required.`,
    { type: 'bad_request_error', param: 'key_alias' },
  );
}

/**
 * Writes what is given. `team_id: null` takes the key out of its team. A move into a team needs the key's owner to be a
 * member, and LiteLLM looks at the owner before this call.
 */
export const updateKey: Endpoint = (call) => {
  const body = parseBody(call, updateKeySchema);
  const key = requireKey(call, body.key);
  if (!isAdmin(call.caller)) requireMayChange(call, key, body);
  const team = findTeam(call, body.team_id);
  if (team !== undefined && team.team_id !== key.team_id) requireOwnerIn(team, key);
  requireFreeAlias(call, body.key_alias, key.token);
  Object.assign(key, keepGiven<Partial<VirtualKey>>(body, settings));
  if (body.team_id === null || body.team_id === '') key.team_id = null;
  if (typeof body.duration === 'string') key.expires = toInstant(body.duration, call.now);
  key.blocked = body.blocked ?? key.blocked;
  return { key: key.token, ...key };
};

function requireOwnerIn(team: Team, key: VirtualKey): void {
  if (key.user_id === null || team.members_with_roles.some(({ user_id: id }) => id === key.user_id)) return;
  throw proxyError(
    403,
    `User=${key.user_id} is not a member of the team=${team.team_id}. Check team members via \`/team/info\`.`,
    { type: 'auth_error' },
  );
}

/** A person may change a key of their own, but opens a blocked one only if the version lets them. */
function requireMayChange(
  { caller, behaviours }: Call,
  key: VirtualKey,
  { blocked, user_id: userId }: Pick<z.infer<typeof updateKeySchema>, 'blocked' | 'user_id'>,
): void {
  const isOwner = key.user_id !== null && key.user_id === caller.userId;
  const mayOpen =
    behaviours.anyUserMayUnblock || (behaviours.makerMayUnblock && key.created_by === caller.userId);
  const takes = typeof userId === 'string' && userId !== caller.userId;
  if (isOwner && !takes && (typeof blocked !== 'boolean' || mayOpen)) return;
  throw notAllowed(caller.userId);
}

/** (?) The text. That it is a 403 was measured. */
const notAllowed = (userId: string | undefined): ApiError =>
  proxyError(403, `User=${userId} is not allowed to change this key`, { type: 'auth_error' });

/** The answer lacks the organization. */
export const blockKey: Endpoint = (call) => ({ ...setBlocked(call, true), organization_id: null });
export const unblockKey: Endpoint = (call) => setBlocked(call, false);

function setBlocked(call: Call, blocked: boolean): object {
  const key = requireKey(call, parseBody(call, keyRefSchema).key);
  if (!isAdmin(call.caller) && !call.behaviours.anyUserMayUnblock) throw notAllowed(call.caller.userId);
  key.blocked = blocked;
  return { ...key };
}

export const deleteKeys: Endpoint = (call) => {
  const { store, caller } = call;
  const body = parseBody(call, deleteKeysSchema);
  const tokens = new Set((body.keys ?? []).map(tokenOf));
  const aliases = new Set(body.key_aliases);
  const doomed = [...store.keys.values()].filter(
    (key) => tokens.has(key.token) || aliases.has(key.key_alias ?? ''),
  );
  if (doomed.length === 0) throw wrappedError(404, 'No keys found');
  if (!isAdmin(caller) && doomed.some((key) => key.user_id !== caller.userId))
    throw notAllowed(caller.userId);
  store.deleteKeys(doomed, callerName(call), call.now);
  return { deleted_keys: body.keys ?? body.key_aliases ?? [] };
};

/** Shows the key of the query, or the calling one. */
export const keyInfo: Endpoint = (call) => {
  const { caller } = call;
  const asked = parseQuery(call, keyQuerySchema).key ?? caller.key?.token;
  // The master key is in no table. Source: `key_management_endpoints.py`, info_key_fn.
  if (asked === undefined) throw detailError(404, 'Key not found in database');
  const { token, ...info } = requireKey(call, asked);
  const isTheirs = info.user_id === caller.userId || token === caller.key?.token;
  if (!isAdmin(caller) && !isTheirs) throw notAllowed(caller.userId);
  const status = info.blocked === true ? 'revoked' : 'active';
  return { key: asked, info: call.behaviours.keyInfoHasStatus ? { ...info, status } : info };
};

/** Lists keys, the newest first. A person sees their own only. */
export const listKeys: Endpoint = (call) => {
  const { store, caller, behaviours } = call;
  const query = parseQuery(call, keyListSchema);
  const matches = behaviours.keyListMatchesParts ? containsText : isEqual;
  const listsDeleted = query.status === 'deleted' && behaviours.listsDeletedKeys;
  const rowsOf = listsDeleted ? store.deletedKeys : store.keys;
  const matching = [...rowsOf.values()].filter(
    (key) =>
      (isAdmin(caller) || key.user_id === caller.userId) &&
      matches(key.user_id, query.user_id) &&
      matches(key.key_alias, query.key_alias) &&
      isEqual(key.team_id, query.team_id) &&
      isEqual(key.organization_id, query.organization_id) &&
      isEqual(key.token, query.key_hash),
  );
  const { rows, page, total, total_pages: pages } = takePage(matching, { ...query, page_size: query.size });
  const keys = rows.map(({ organization_id: id, ...key }) => ({ ...key, org_id: id }));
  return {
    keys: query.return_full_object ? keys : keys.map((key) => key.token),
    total_count: total,
    current_page: page,
    total_pages: pages,
  };
};

const isEqual = (value: string | null, asked: string | undefined): boolean =>
  asked === undefined || value === asked;

const containsText = (value: string | null, asked: string | undefined): boolean =>
  asked === undefined || (value ?? '').toLowerCase().includes(asked.toLowerCase());

/** The hash of a key, which callers may name by either. */
const tokenOf = (key: string): string => (key.startsWith('sk-') ? hashKey(key) : key);

function requireKey({ store }: Call, named: string): VirtualKey {
  const key = store.keys.get(tokenOf(named));
  // (?) The text.
  if (key === undefined) throw wrappedError(404, `Key not found, passed key=${named}`);
  return key;
}

const unitSeconds: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
  mo: 2_592_000,
};

/** Returns when a lifetime from now ends. `null` for none; throws 400 for a text that is not a lifetime. */
function toInstant(duration: string | null | undefined, now: string): string | null {
  if (typeof duration !== 'string' || duration === '-1') return null;
  const [, amount = '', unit = ''] = /^(\d+)(s|m|h|d|w|mo)$/.exec(duration) ?? [];
  const seconds = unitSeconds[unit];
  if (seconds === undefined) throw wrappedError(400, `Unsupported duration: ${duration}`);
  return new Date(Date.parse(now) + Number(amount) * seconds * 1000).toISOString();
}
