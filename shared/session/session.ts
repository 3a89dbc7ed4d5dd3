/**
 * The two sealed cookies: a login attempt (10 minutes) and a session (8 hours).
 *
 * Each is a JWE (`dir`, A256GCM) whose key is derived from a ring key for exactly one purpose, tenant and audience, so
 * a cookie of one kind, tenant or site never opens as another: it is the wrong key, not a claim that could be forgotten.
 */
import type { KeyRing, RingKey } from '../storage/keyRing.ts';
import { createSecretKey, hash, hkdfSync, type webcrypto } from 'node:crypto';
import { decodeProtectedHeader, EncryptJWT, jwtDecrypt } from 'jose';
import * as z from 'zod/mini';
import { isSafeId } from '../model/isSafeId.ts';
import type { ObservationKey } from '../model/observation.ts';
import { AppError } from '../model/errors.ts';
import type { Clock } from '../model/ports.ts';

/** How long a person has to come back from Microsoft. */
export const ATTEMPT_LIFETIME_SECONDS = 10 * 60;
/** How long a session lasts from its sign-in; using it does not extend it. */
export const SESSION_LIFETIME_SECONDS = 8 * 60 * 60;

export const SESSION_COOKIE_NAME = '__Host-litellm-session';

/**
 * How many attempts a browser may bring along. Each is up to 2 KB (a long way back), and a host answers 431 to everything
 * once the cookies are too many for it (Node: 16 KB in all).
 */
export const MAX_PENDING_ATTEMPTS = 4;

/** Browsers keep no larger cookie, so a larger one is not ours and costs no work. */
const MAX_COOKIE_LENGTH = 4096;

/** What must be remembered from the redirect to Microsoft until its callback. */
export interface LoginAttempt {
  readonly state: string;
  readonly nonce: string;
  /** PKCE. */
  readonly codeVerifier: string;
  /** A path on this site. */
  readonly returnTo: string;
  /** This attempt already replays a claims challenge, so another one is not replayed. */
  readonly claimsReplayed: boolean;
}

/** Who is signed in: ids only. */
export interface Session {
  readonly userId: string;
  readonly tenantId: string;
  /** What the sign-in saw, so that its progress can be shown. */
  readonly observation: ObservationKey;
  /** ISO 8601 UTC with milliseconds, by this service's clock: to be compared with "sessions valid from". */
  readonly issuedAt: string;
}

/** A cookie to set, in the shape of `@azure/functions`' `Cookie`. */
export interface ResponseCookie {
  readonly name: string;
  readonly value: string;
  /** 0 clears it. */
  readonly maxAge: number;
  readonly path: '/';
  readonly secure: true;
  readonly httpOnly: true;
  /** Not `Strict`: the callback is a navigation that comes from Microsoft's site. */
  readonly sameSite: 'Lax';
}

/** A request's cookies by name. */
export type RequestCookies = ReadonlyMap<string, string>;

/** What sealing is bound to. */
export interface SealContext {
  readonly keyRing: Pick<KeyRing, 'sealingKey' | 'findKey'>;
  readonly clock: Clock;
  readonly tenantId: string;
  readonly clientId: string;
  readonly publicUrl: string;
}

type Purpose = 'attempt' | 'session';

const attemptSchema = z.object({
  state: z.string(),
  nonce: z.string(),
  codeVerifier: z.string(),
  returnTo: z.string(),
  claimsReplayed: z.boolean(),
});

const sessionSchema = z.object({
  userId: z.string(),
  tenantId: z.string(),
  observation: z.object({ id: z.string(), observed_at: z.string() }),
  issuedAt: z.string(),
});

/** Gives the sealed cookie of an attempt. Throws what {@link KeyRing} throws. */
export async function sealAttempt(context: SealContext, attempt: LoginAttempt): Promise<ResponseCookie> {
  const value = await seal(context, 'attempt', { ...attempt });
  return cookie(attemptCookieName(attempt.state), value, ATTEMPT_LIFETIME_SECONDS);
}

/**
 * Finds the attempt that was started with `state`; `undefined` where its cookie is absent, expired or not ours. The caller
 * compares the attempt's own state. Throws what {@link KeyRing} throws.
 */
export async function openAttempt(
  context: SealContext,
  cookies: RequestCookies,
  state: string,
): Promise<LoginAttempt | undefined> {
  const payload = await open(context, 'attempt', cookies.get(attemptCookieName(state)));
  return attemptSchema.safeParse(payload).data;
}

/** Gives the cookie that removes the attempt of `state` from the browser. */
export function clearAttempt(state: string): ResponseCookie {
  return cookie(attemptCookieName(state), '', 0);
}

/**
 * Gives the cookies that remove every attempt of a request which brings more than {@link MAX_PENDING_ATTEMPTS}; else none.
 * All of them, not the oldest: a name does not tell its age, and whoever comes so far has most likely given the others
 * up; a tab that has not is told so at its callback and starts again with one click.
 */
export function clearCrowdedAttempts(cookies: RequestCookies): readonly ResponseCookie[] {
  const names = [...cookies.keys()].filter((name) => ATTEMPT_COOKIE_NAME.test(name));
  return names.length > MAX_PENDING_ATTEMPTS ? names.map((name) => cookie(name, '', 0)) : [];
}

/** Gives the sealed cookie of a session. Throws what {@link KeyRing} throws. */
export async function sealSession(context: SealContext, session: Session): Promise<ResponseCookie> {
  const value = await seal(context, 'session', { ...session });
  return cookie(SESSION_COOKIE_NAME, value, SESSION_LIFETIME_SECONDS);
}

/**
 * Finds the session that a request carries; `undefined` where its cookie is absent, expired or not ours. The caller checks
 * "sessions valid from" and `active` on the user's row. Throws what {@link KeyRing} throws: a store that cannot be read
 * is not the same as being signed out.
 */
export async function openSession(
  context: SealContext,
  cookies: RequestCookies,
): Promise<Session | undefined> {
  const payload = await open(context, 'session', cookies.get(SESSION_COOKIE_NAME));
  return sessionSchema.safeParse(payload).data;
}

/** As {@link openSession}, but throws `session_missing` where there is none. */
export async function requireSession(context: SealContext, cookies: RequestCookies): Promise<Session> {
  const session = await openSession(context, cookies);
  if (session === undefined) throw new AppError('session_missing', 'Nobody is signed in with this request.');
  return session;
}

/** Gives the cookie that removes the session from the browser. */
export function clearSession(): ResponseCookie {
  return cookie(SESSION_COOKIE_NAME, '', 0);
}

const ATTEMPT_COOKIE_NAME = /^__Host-litellm-attempt-[A-Za-z0-9_-]{16}$/;

/** One cookie per state, so that two tabs can sign in at once. The hash keeps a foreign `state` out of the name. */
function attemptCookieName(state: string): string {
  return `__Host-litellm-attempt-${hash('sha256', state, 'base64url').slice(0, 16)}`;
}

function cookie(name: string, value: string, maxAge: number): ResponseCookie {
  return { name, value, maxAge, path: '/', secure: true, httpOnly: true, sameSite: 'Lax' };
}

async function seal(
  context: SealContext,
  purpose: Purpose,
  payload: Record<string, unknown>,
): Promise<string> {
  const ringKey = await context.keyRing.sealingKey();
  const lifetime = purpose === 'attempt' ? ATTEMPT_LIFETIME_SECONDS : SESSION_LIFETIME_SECONDS;
  return new EncryptJWT(payload)
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: ringKey.id })
    .setExpirationTime(Math.floor(context.clock.now().getTime() / 1000) + lifetime)
    .encrypt(sealingKeyOf(context, purpose, ringKey));
}

async function open(context: SealContext, purpose: Purpose, sealed: string | undefined): Promise<unknown> {
  if (sealed === undefined || sealed.length > MAX_COOKIE_LENGTH) return undefined;
  const keyId = findKeyId(sealed);
  if (keyId === undefined) return undefined;
  // Outside the try: a store that cannot be read must not look like a bad cookie.
  const ringKey = await context.keyRing.findKey(keyId);
  if (ringKey === undefined) return undefined;
  try {
    const { payload } = await jwtDecrypt(sealed, sealingKeyOf(context, purpose, ringKey), {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
      requiredClaims: ['exp'],
      currentDate: context.clock.now(),
    });
    return payload;
  } catch {
    // Pure computation on a stranger's input: whatever fails here, the cookie is not ours or no longer valid.
    return undefined;
  }
}

function findKeyId(sealed: string): string | undefined {
  try {
    const { kid } = decodeProtectedHeader(sealed);
    return typeof kid === 'string' && isSafeId(kid) ? kid : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What was derived, kept as long as the ring holds its key in memory: a key that is read anew, even under the same id, or that
 * was dropped, leaves nothing behind. Whether a key still opens is asked of the ring each time, before this.
 */
const derivedKeys = new WeakMap<RingKey, Map<string, webcrypto.CryptoKey>>();

/** The info is JSON so that no two (purpose, tenant, client, site) share one; it also finds the key that was derived with it. */
function sealingKeyOf(context: SealContext, purpose: Purpose, ringKey: RingKey): webcrypto.CryptoKey {
  const info = JSON.stringify([
    'litellm-cookie',
    purpose,
    context.tenantId,
    context.clientId,
    context.publicUrl,
  ]);
  const derived = derivedKeys.get(ringKey) ?? new Map<string, webcrypto.CryptoKey>();
  derivedKeys.set(ringKey, derived);
  const key = derived.get(info) ?? deriveKey(ringKey, info);
  derived.set(info, key);
  return key;
}

/** The secret is uniform, so no salt. What comes out cannot be exported again. */
function deriveKey(ringKey: RingKey, info: string): webcrypto.CryptoKey {
  const bytes = hkdfSync('sha256', ringKey.secret, '', info, 32);
  return createSecretKey(new Uint8Array(bytes)).toCryptoKey('AES-GCM', false, ['encrypt', 'decrypt']);
}
