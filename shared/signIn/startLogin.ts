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
  /** Lets the person choose another account than the one that Microsoft has signed in. */
  readonly selectAccount?: boolean;
  /** Where to go after signing in, as the browser asked for it. */
  readonly returnTo?: string;
  /** What the browser brings along, whose attempts are bounded. Default: nothing. */
  readonly cookies?: RequestCookies;
  /** A claims challenge to replay; such an attempt replays no second one. */
  readonly claims?: string;
}

export interface LoginStarted {
  /** The authorize URL at Microsoft. */
  readonly location: string;
  readonly cookie: ResponseCookie;
  /** Remove attempts that have become too many. */
  readonly clearing: readonly ResponseCookie[];
}

/** Longer ones would not fit into the attempt's cookie. */
const MAX_RETURN_TO_LENGTH = 1024;
const MAX_LOGIN_HINT_LENGTH = 320;

/**
 * Starts a login attempt: where to send the browser, and the cookie that its callback must bring back. Sends nothing to
 * Microsoft and writes nothing. Throws what the key ring throws.
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
 * Gives a path on this site, or `/` for whatever else was asked for: another origin, in any spelling that a browser
 * takes for one, is how a sign-in page is made to send people to a stranger's.
 */
export function readReturnTo(returnTo: string | undefined, publicUrl: string): string {
  if (returnTo === undefined || returnTo.length > MAX_RETURN_TO_LENGTH) return '/';
  // Browsers read a backslash as a slash, and drop tabs and line ends wherever they stand.
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
