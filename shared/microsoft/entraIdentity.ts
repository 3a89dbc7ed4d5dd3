import type { ConfidentialClientApplication } from '@azure/msal-node';
import type { Config } from '../config/config.ts';
import { AppError } from '../model/errors.ts';
import type { AuthorizeRequest, Clock, Fetch, Identity, RedeemRequest } from '../model/ports.ts';
import { createIdTokenVerifier } from './idTokenVerifier.ts';
import {
  createMsalClient,
  appErrorOfMsal,
  type GrantedTokens,
  type MsalClientOptions,
} from './msalClient.ts';

/**
 * What a person consents to. MSAL also adds `offline_access`. The refresh token that it brings is dropped with the
 * client, unread.
 */
const SCOPES = ['openid', 'profile', 'email', 'User.Read'];
const TIMEOUT_MS = 15_000;

export interface EntraIdentityOptions {
  readonly entra: Config['entra'];
  readonly redirectUri: string;
  readonly clock: Clock;
  readonly fetch: Fetch;
  /** For each request. Default 15 s. */
  readonly timeoutMs?: number;
  /** A managed identity's token for the token exchange; needed with the credential `federated`. */
  readonly assertion?: () => Promise<string>;
}

/**
 * Creates Entra ID's OAuth part of a sign-in. Each call has its own MSAL client: a shared one gets slower with every
 * person it remembers, and after one 503 refuses all people for a minute. Redeeming a code costs one request, and
 * one more per hour for Entra's signing keys.
 */
export function createEntraIdentity(options: EntraIdentityOptions): Identity {
  const { redirectUri } = options;
  const bounded = { ...options, timeoutMs: options.timeoutMs ?? TIMEOUT_MS };
  const verifier = createIdTokenVerifier(bounded);
  return {
    async createAuthorizeUrl(request) {
      return createUrl(createMsalClient(bounded), redirectUri, request);
    },
    async redeemCode(request) {
      // In parallel with the token, so that the person doesn't wait for two answers in a row.
      verifier.prepare();
      const { idToken, accessToken, date } = await redeem(bounded, request);
      const claims = await verifier.verify(idToken, request.nonce);
      // Without a `Date`, the token's own time is used. Entra dates it back, so this observation can only lose
      // against others.
      return { claims, accessToken, answeredAt: readDate(date) ?? claims.issuedAt };
    },
  };
}

function readDate(date: string | undefined): string | undefined {
  const time = Date.parse(date ?? '');
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}

/** Computes; sends nothing. */
function createUrl(
  client: ConfidentialClientApplication,
  redirectUri: string,
  request: AuthorizeRequest,
): Promise<string> {
  return client.getAuthCodeUrl({
    scopes: SCOPES,
    redirectUri,
    responseMode: 'query',
    state: request.state,
    nonce: request.nonce,
    codeChallenge: request.codeChallenge,
    codeChallengeMethod: 'S256',
    ...(request.selectAccount === true ? { prompt: 'select_account' } : {}),
    ...(request.loginHint === undefined ? {} : { loginHint: request.loginHint }),
    ...(request.claims === undefined ? {} : { claims: request.claims }),
  });
}

interface Redeemed {
  /** Unverified. */
  readonly idToken: string;
  readonly accessToken: string;
  readonly date: string | undefined;
}

/** Redeems the code at Entra. The caller has compared the state; the verifier compares the nonce. */
async function redeem(
  options: EntraIdentityOptions & MsalClientOptions,
  request: RedeemRequest,
): Promise<Redeemed> {
  const seen: { granted?: GrantedTokens } = {};
  const client = createMsalClient({
    ...options,
    onGranted(granted) {
      seen.granted = granted;
    },
  });
  const { accessToken } = await acquireToken(client, options.redirectUri, request);
  const { idToken, date } = seen.granted ?? {};
  if (idToken !== undefined) return { idToken, accessToken, date };
  throw new AppError('id_token_invalid', 'The token endpoint gave no id_token');
}

async function acquireToken(
  client: ConfidentialClientApplication,
  redirectUri: string,
  request: RedeemRequest,
): Promise<{ readonly accessToken: string }> {
  try {
    return await client.acquireTokenByCode({
      scopes: SCOPES,
      redirectUri,
      code: request.code,
      codeVerifier: request.codeVerifier,
      // No nonce: it is in the id_token, which MSAL doesn't see. The verifier requires and compares it.
    });
  } catch (error) {
    throw appErrorOfMsal(error);
  }
}
