import { createHash } from 'node:crypto';
import type { Identity, Random } from '../model/ports.ts';
import {
  clearCrowdedAttempts,
  type RequestCookies,
  type ResponseCookie,
  type SealContext,
  sealAttempt,
} from '../session/session.ts';

export interface StartLoginDeps {
  readonly identity: Identity;
  readonly seal: SealContext;
  readonly random: Random;
}

export interface StartLoginRequest {
  readonly loginHint?: string;
  /** Lets the person choose an account other than the one that is signed in to Microsoft. */
  readonly selectAccount?: boolean;
  /** Where to go after signing in, as the browser asked for it. */
  readonly returnTo?: string;
  /** The cookies of the request, whose number of attempts is limited. Default: none. */
  readonly cookies?: RequestCookies;
  /** A claims challenge to replay. Such an attempt doesn't replay a second one. */
  readonly claims?: string;
}

export interface LoginStarted {
  /** The authorize URL at Microsoft. */
  readonly location: string;
  readonly cookie: ResponseCookie;
  /** Cookies that remove attempts when there are too many. */
  readonly clearing: readonly ResponseCookie[];
}

/** Longer ones would not fit into the attempt's cookie. */
const MAX_RETURN_TO_LENGTH = 1024;
const MAX_LOGIN_HINT_LENGTH = 320;

/**
 * Starts a login attempt. Returns the address to send the browser to, and the cookie that the callback must bring
 * back. Sends nothing to Microsoft and writes nothing. Throws what the key ring throws.
 */
export async function startLogin(deps: StartLoginDeps, request: StartLoginRequest): Promise<LoginStarted> {
  const state = randomText(deps.random);
  const nonce = randomText(deps.random);
  const codeVerifier = randomText(deps.random);
  const hint = request.loginHint;
  const [location, cookie] = await Promise.all([
    deps.identity.createAuthorizeUrl({
      state,
      nonce,
      codeChallenge: createHash('sha256').update(codeVerifier).digest('base64url'),
      ...(hint === undefined || hint.length > MAX_LOGIN_HINT_LENGTH ? {} : { loginHint: hint }),
      ...(request.selectAccount === true ? { selectAccount: true } : {}),
      ...(request.claims === undefined ? {} : { claims: request.claims }),
    }),
    sealAttempt(deps.seal, {
      state,
      nonce,
      codeVerifier,
      returnTo: readReturnTo(request.returnTo, deps.seal.publicUrl),
      claimsReplayed: request.claims !== undefined,
    }),
  ]);
  return { location, cookie, clearing: clearCrowdedAttempts(request.cookies ?? new Map()) };
}

/**
 * Returns a path on this site, or `/` if another origin was asked for, in any spelling that browsers accept.
 * Otherwise an attacker could use the sign-in page to send people to their own site.
 */
export function readReturnTo(returnTo: string | undefined, publicUrl: string): string {
  if (returnTo === undefined || returnTo.length > MAX_RETURN_TO_LENGTH) return '/';
  // Browsers read a backslash as a slash, and drop tabs and line ends anywhere.
  if (!/^\/(?![/\\])[^\\\p{Cc}]*$/u.test(returnTo)) return '/';
  if (!URL.canParse(returnTo, publicUrl)) return '/';
  const url = new URL(returnTo, publicUrl);
  if (url.origin !== new URL(publicUrl).origin) return '/';
  const path = url.pathname + url.search + url.hash;
  // Dot segments may leave a path that starts with two slashes (`/.//host`), which names another host.
  return path.startsWith('//') || path.length > MAX_RETURN_TO_LENGTH ? '/' : path;
}

/** 256 bits, base64url: 43 characters, which PKCE allows (RFC 7636, 4.1). */
function randomText(random: Random): string {
  return Buffer.from(random.bytes(32)).toString('base64url');
}
