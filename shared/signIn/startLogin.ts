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

/** Paths that are no page: the sign-in itself, data, and what the Functions host answers itself. */
const NOT_A_PAGE = /^\/(?:sso|api|admin|runtime)(?:\/|$)/i;

/**
 * Returns a path on this site, or `/` if another origin was asked for, in any spelling that browsers accept.
 * Otherwise an attacker could use the sign-in page to send people to their own site. Paths below `/sso/`, `/api/`, `/admin/` and
 * `/runtime/` become `/` too: one link to `/sso/login` could otherwise make a person sign in many times.
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
  if (path.startsWith('//') || path.length > MAX_RETURN_TO_LENGTH) return '/';
  return isPage(url.pathname) ? path : '/';
}

/** A path that is encoded more often than this isn't one of ours. */
const MAX_DECODINGS = 5;

/** Whether no server reads the path as one of {@link NOT_A_PAGE}, also after it decoded `%73so` or `x%2f..%2fsso`. */
function isPage(pathname: string): boolean {
  let path = pathname;
  for (let time = 0; time < MAX_DECODINGS; time += 1) {
    if (NOT_A_PAGE.test(path)) return false;
    const decoded = decodePath(path);
    if (decoded === path) return true;
    path = decoded;
  }
  return false;
}

/** Decodes a path once and resolves what this brings: dot segments, backslashes, empty segments. */
function decodePath(path: string): string {
  const segments: string[] = [];
  for (const segment of decodeOnce(path).split(/[/\\]/)) {
    if (segment === '..') segments.pop();
    else if (segment !== '.' && segment !== '') segments.push(segment);
  }
  return `/${segments.join('/')}`;
}

function decodeOnce(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    // No server can decode it either.
    return path;
  }
}

/** 256 bits, base64url: 43 characters, which PKCE allows (RFC 7636, 4.1). */
function randomText(random: Random): string {
  return Buffer.from(random.bytes(32)).toString('base64url');
}
