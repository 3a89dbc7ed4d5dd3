/** Who may call which route. */
import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

import type { KeyCache, KnownKey } from '../keyCache.ts';
import { masterUserId } from '../proxyData.ts';
import { hashKey } from '../proxyStore.ts';
import type { ProxyStore } from '../proxyStore.ts';
import type { Behaviours } from '../versions.ts';
import { detailError, proxyError } from './apiError.ts';
import type { ApiError } from './apiError.ts';
import { isAdmin } from './call.ts';
import type { Caller } from './call.ts';

export const publicPaths: ReadonlySet<string> = new Set(['/health/readiness', '/openapi.json']);

/** What every key may call: the models. A key of the type `llm_api` may call nothing else. */
export const modelPaths: ReadonlySet<string> = new Set([
  '/chat/completions',
  '/v1/chat/completions',
  '/models',
  '/v1/models',
]);
const modelRoutes = 'llm_api_routes';

/** What a person may call about themselves with any key. The endpoints look further. */
const readPaths: ReadonlySet<string> = new Set(['/key/info', '/key/list', '/user/info']);

/** What the role `internal_user` may call. The endpoints look further. */
const ownKeyPaths: ReadonlySet<string> = new Set([
  '/key/generate',
  '/key/update',
  '/key/delete',
  '/key/block',
  '/key/unblock',
]);

const noCaller: Caller = { userId: undefined, role: 'none' };

export interface Admission {
  readonly store: ProxyStore;
  readonly keyCache: KeyCache;
  readonly behaviours: Behaviours;
  readonly masterKey: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
  readonly body: unknown;
  /** ISO 8601 UTC. */
  readonly now: string;
}

/** Returns who calls. Throws 401 or 403 if the key is missing, unknown, blocked, expired, or may not call this route. */
export function admit(admission: Admission): Caller {
  const { masterKey, path, authorization, now } = admission;
  if (publicPaths.has(path)) return noCaller;
  const secret = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1];
  if (secret === undefined) throw refuse('No api key passed in.', 'auth_error');
  if (areEqual(secret, masterKey)) return { userId: masterUserId, role: 'proxy_admin' };
  const known = admission.keyCache.find(secret, Date.parse(now));
  if (known === undefined) throw unknownKey(admission, secret);
  requireLive(admission, known);
  const { key, user } = known;
  const role = user?.user_role ?? 'internal_user';
  const caller = { userId: key.user_id ?? undefined, role, key };
  if (isAllowed(admission, caller)) return caller;
  if (key.allowed_routes.length > 0) throw wrongRoute(key.allowed_routes, path);
  if (path === '/organization/new') {
    throw detailError(401, `Only admins can create orgs. Your role is = ${role}`);
  }
  throw refuse(
    `Only proxy admin can be used to generate, delete, update info for new keys/users/teams. Route=${path}. Your role=${role}.`,
    'auth_error',
  );
}

function unknownKey({ behaviours }: Admission, secret: string): ApiError {
  const text = behaviours.unknownKeyIsQuoted
    ? `Invalid proxy server token passed. Received API Key = sk-...${secret.slice(-4)}, Key Hash (Token) =${hashKey(secret)}. Unable to find token in cache or \`LiteLLM_VerificationTokenTable\``
    : 'Invalid API key provided.';
  return refuse(text, 'token_not_found_in_db');
}

/** Throws 401 for a key that is blocked or expired, or whose user or team is. (?) The text for a team. */
function requireLive({ behaviours, now }: Admission, { key, user, team }: KnownKey): void {
  if (key.blocked === true) {
    throw refuse(`Key is blocked. Update via \`/key/unblock\` ${behaviours.blockedKeyText}`, 'auth_error');
  }
  if (key.expires !== null && key.expires < now) {
    throw refuse(`Expired Key. Key Expiry time ${key.expires} and current time ${now}`, 'expired_key');
  }
  if (behaviours.deactivationStopsKeys && user?.metadata['scim_active'] === false) {
    throw refuse(
      `User=${user.user_id} has been deactivated via SCIM. Keys owned by this user cannot be used.`,
      'auth_error',
    );
  }
  if (team?.blocked === true) {
    throw refuse(
      `Team=${team.team_id} is blocked. Update via \`/team/unblock\` if you're an admin.`,
      'auth_error',
    );
  }
}

function isAllowed(admission: Admission, caller: Caller): boolean {
  const { store, path, body, query } = admission;
  const routes = caller.key?.allowed_routes ?? [];
  if (routes.length > 0) {
    return routes.includes(path) || (routes.includes(modelRoutes) && modelPaths.has(path));
  }
  if (isAdmin(caller) || modelPaths.has(path) || readPaths.has(path)) return true;
  if (ownKeyPaths.has(path)) return caller.role === 'internal_user';
  if (path === '/team/info') return isMember(store, query.get('team_id'), caller.userId);
  const named = namedSchema.safeParse({ ...Object.fromEntries(query), ...asRecord(body) }).data;
  switch (path) {
    case '/team/new':
    case '/organization/info':
      return isAdministrator(store, named?.organization_id, caller.userId);
    case '/team/member_add':
      return isAdministrator(store, store.teams.get(named?.team_id ?? '')?.organization_id, caller.userId);
    default:
      return false;
  }
}

const namedSchema = z.object({ organization_id: z.string().nullish(), team_id: z.string().nullish() });

const asRecord = (value: unknown): object => (typeof value === 'object' && value !== null ? value : {});

function isMember(store: ProxyStore, teamId: string | null, userId: string | undefined): boolean {
  const members = store.teams.get(teamId ?? '')?.members_with_roles ?? [];
  return userId !== undefined && members.some((member) => member.user_id === userId);
}

function isAdministrator(
  store: ProxyStore,
  organizationId: string | null | undefined,
  userId: string | undefined,
): boolean {
  if (typeof organizationId !== 'string') return false;
  return store.membersOf(organizationId).get(userId ?? '')?.user_role === 'org_admin';
}

const refuse = (reason: string, type: string): ApiError =>
  proxyError(401, `Authentication Error, ${reason}`, {
    type,
    ...(type === 'token_not_found_in_db' ? { param: 'key' } : {}),
  });

/** (?) The text. That it is a 403 was measured. */
const wrongRoute = (routes: readonly string[], path: string): ApiError =>
  proxyError(
    403,
    `Virtual key is not allowed to call this route. Only allowed to call routes: ['${routes.join("', '")}']. Tried to call route: ${path}`,
    { type: 'auth_error' },
  );

function areEqual(left: string, right: string): boolean {
  const [one, other] = [Buffer.from(left), Buffer.from(right)];
  return one.length === other.length && timingSafeEqual(one, other);
}
