/**
 * The two sealed cookies: a login attempt (10 minutes) and a session (8 hours).
 *
 * Each is a JWE (`dir`, A256GCM). Its key is derived from a ring key for exactly one purpose, tenant and audience.
 * So a cookie of another kind, tenant or site can't be opened: the key is wrong, and no check can be forgotten.
 */
import type { KeyRing, RingKey } from '../storage/keyRing.ts';
import { createSecretKey, hash, hkdfSync, type webcrypto } from 'node:crypto';
import { decodeProtectedHeader, EncryptJWT, jwtDecrypt } from 'jose';
import * as z from 'zod/mini';
import { isSafeId } from '../model/entities.ts';
import type { ObservationKey } from '../model/observation.ts';
import { AppError } from '../model/errors.ts';
import type { Clock } from '../model/ports.ts';
import type { UserRecord } from '../model/userRecord.ts';

/** How long a person has to come back from Microsoft. */
const ATTEMPT_LIFETIME_SECONDS = 10 * 60;
/** How long a session lasts from its sign-in; using it does not extend it. */
const SESSION_LIFETIME_SECONDS = 8 * 60 * 60;

export const SESSION_COOKIE_NAME = '__Host-litellm-session';

/**
 * How many attempts a browser may bring along. Each has up to 2 KB (a long return path), and a host answers 431 to
 * every request once the cookies are too large (Node: 16 KB in all).
 */
export const MAX_PENDING_ATTEMPTS = 4;

/** Browsers keep no larger cookie, so a larger one isn't ours and isn't opened. */
const MAX_COOKIE_LENGTH = 4096;

/** What must be remembered from the redirect to Microsoft until its callback. */
export interface LoginAttempt {
  readonly state: string;
  readonly nonce: string;
  /** PKCE. */
  readonly codeVerifier: string;
  /** A path on this site. */
  readonly returnTo: string;
  /** This attempt already replays a claims challenge, so it doesn't replay another one. */
  readonly claimsReplayed: boolean;
}

/** Who is signed in: ids, and what the first page shows of the person. */
export interface Session {
  readonly userId: string;
  readonly tenantId: string;
  /** As the id_token said at the sign-in. Shown until the person's row says more; nothing depends on them. */
  readonly displayName?: string;
  readonly email?: string;
  /** The observation of this sign-in, so that its progress can be shown. */
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
  displayName: z.exactOptional(z.string()),
  email: z.exactOptional(z.string()),
});

/** How many bytes of the cookie the name and the email may take. */
const MAX_PROFILE_BYTES = 300;

/** Returns the sealed cookie of an attempt. Throws what {@link KeyRing} throws. */
export async function sealAttempt(context: SealContext, attempt: LoginAttempt): Promise<ResponseCookie> {
  const value = await seal(context, 'attempt', { ...attempt });
  return cookie(attemptCookieName(attempt.state), value, ATTEMPT_LIFETIME_SECONDS);
}

/**
 * Finds the attempt that was started with `state`. Returns `undefined` if its cookie is absent, expired or not
 * ours. The caller compares the attempt's own state. Throws what {@link KeyRing} throws.
 */
export async function openAttempt(
  context: SealContext,
  cookies: RequestCookies,
  state: string,
): Promise<LoginAttempt | undefined> {
  const payload = await open(context, 'attempt', cookies.get(attemptCookieName(state)));
  return attemptSchema.safeParse(payload).data;
}

/** Returns the cookie that removes the attempt of `state` from the browser. */
export function clearAttempt(state: string): ResponseCookie {
  return cookie(attemptCookieName(state), '', 0);
}

/**
 * Returns the cookies that remove all attempts of a request with more than {@link MAX_PENDING_ATTEMPTS}, else none.
 * It removes all of them because a cookie's name doesn't show its age. Most of them were probably abandoned. A tab
 * that still needs one gets an error page at its callback, and starts again with one click.
 */
export function clearCrowdedAttempts(cookies: RequestCookies): readonly ResponseCookie[] {
  const names = [...cookies.keys()].filter((name) => ATTEMPT_COOKIE_NAME.test(name));
  return names.length > MAX_PENDING_ATTEMPTS ? names.map((name) => cookie(name, '', 0)) : [];
}

/**
 * Returns the sealed cookie of a session. It keeps the email and the name only as far as both fit into 300 bytes: a longer name is
 * cut, and a longer email is left out. Throws what {@link KeyRing} throws.
 */
export async function sealSession(context: SealContext, session: Session): Promise<ResponseCookie> {
  const { displayName, email, ...ids } = session;
  const value = await seal(context, 'session', { ...ids, ...fitProfile({ displayName, email }) });
  return cookie(SESSION_COOKIE_NAME, value, SESSION_LIFETIME_SECONDS);
}

interface Profile {
  readonly displayName?: string | undefined;
  readonly email?: string | undefined;
}

function fitProfile({ displayName = '', email = '' }: Profile): Profile {
  const keptEmail = bytesOf(email) <= MAX_PROFILE_BYTES ? email : '';
  const keptName = cutText(displayName, MAX_PROFILE_BYTES - bytesOf(keptEmail));
  return {
    ...(keptName === '' ? {} : { displayName: keptName }),
    ...(keptEmail === '' ? {} : { email: keptEmail }),
  };
}

/** The bytes of a text in the cookie's JSON, without its quotes. */
function bytesOf(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
}

const characters = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Cuts a text to `maxBytes`, between two characters as people see them. A cut text ends with `…`. */
function cutText(text: string, maxBytes: number): string {
  if (bytesOf(text) <= maxBytes) return text;
  let kept = '';
  let left = maxBytes - bytesOf('…');
  for (const { segment } of characters.segment(text)) {
    left -= bytesOf(segment);
    if (left < 0) break;
    kept += segment;
  }
  return kept === '' ? '' : `${kept}…`;
}

/**
 * Finds the session that a request carries. Returns `undefined` if its cookie is absent, expired or not ours. The
 * caller checks "sessions valid from" and `active` on the user's row. Throws what {@link KeyRing} throws: an
 * unreadable store doesn't mean that the person is signed out.
 */
export async function openSession(
  context: SealContext,
  cookies: RequestCookies,
): Promise<Session | undefined> {
  const payload = await open(context, 'session', cookies.get(SESSION_COOKIE_NAME));
  return sessionSchema.safeParse(payload).data;
}

/** Does the same as {@link openSession}, but throws `session_missing` if it finds no session. */
export async function requireSession(context: SealContext, cookies: RequestCookies): Promise<Session> {
  const session = await openSession(context, cookies);
  if (session === undefined) throw new AppError('session_missing', 'This request has no valid session.');
  return session;
}

/** Returns the cookie that removes the session from the browser. */
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
  // Outside the try: an unreadable store must not look like a bad cookie.
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
    // This only computes on untrusted input. If it fails, the cookie isn't ours or has expired.
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
 * The derived keys. Each is kept for as long as the ring holds its own key in memory: when the ring reads a key
 * again, or drops it, the derived ones are garbage. Whether a key may still open cookies is asked of the ring
 * before, each time.
 */
const derivedKeys = new WeakMap<RingKey, Map<string, webcrypto.CryptoKey>>();

/**
 * Derives the sealing key. The info is JSON, so that no two combinations of purpose, tenant, client and site share
 * one. It is also the cache's key.
 */
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

/** Derives a key that can't be exported. The secret is uniform, so it needs no salt. */
function deriveKey(ringKey: RingKey, info: string): webcrypto.CryptoKey {
  const bytes = hkdfSync('sha256', ringKey.secret, '', info, 32);
  return createSecretKey(new Uint8Array(bytes)).toCryptoKey('AES-GCM', false, ['encrypt', 'decrypt']);
}

/**
 * Throws `session_missing` if the person signed out since the session was issued (a copied cookie dies too), and
 * `account_inactive` if an admin closed the account. Every page and API calls it with the row that it reads anyway.
 */
export function requireLiveSession(session: Session, record: UserRecord | undefined): void {
  if (record === undefined) return;
  if (!record.active)
    throw new AppError('account_inactive', 'The account was closed here by an administrator.');
  const validFrom = record.sessionsValidFrom;
  // A time that cannot be read ends the session: unknown is not "never".
  if (validFrom !== undefined && !(Date.parse(session.issuedAt) > Date.parse(validFrom))) {
    throw new AppError('session_missing', 'The person signed out since the session was issued.');
  }
}
