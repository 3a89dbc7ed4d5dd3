import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { ConfidentialClientApplication, CryptoProvider } from '@azure/msal-node';
import type { AuthenticationResult, NodeAuthOptions } from '@azure/msal-node';

import type { IdentityProcess } from '../../../dev/identity/identityProcess.ts';
import { startIdentityProcess } from '../../../dev/identity/identityProcess.ts';
import { walkSignIn } from '../../../dev/identity/signInWalk.ts';
import type { SignInWalk, SignInWalkOptions } from '../../../dev/identity/signInWalk.ts';

export const redirectUri = 'http://localhost:7071/sso/callback';
const scopes = ['openid', 'profile', 'email', 'User.Read'];

export interface SignInOptions extends SignInWalkOptions {
  readonly loginHint?: string;
  readonly prompt?: string;
  readonly scopes?: readonly string[];
  readonly redirectUri?: string;
  readonly claims?: string;
}

export interface Attempt {
  readonly walk: SignInWalk;
  readonly verifier: string;
  /** The query of the redirect. */
  readonly answer: URLSearchParams;
}

export interface IdentityFixture {
  readonly identity: IdentityProcess;
  createClient(credential?: Partial<NodeAuthOptions>): ConfidentialClientApplication;
  /** Goes to the authorize endpoint with MSAL's own URL, and follows the emulator's redirects to the end. */
  attempt(options: SignInOptions): Promise<Attempt>;
  redeem(
    attempt: Attempt,
    changes?: { readonly verifier?: string; readonly redirectUri?: string },
  ): Promise<AuthenticationResult>;
  signIn(loginHint: string): Promise<AuthenticationResult>;
  /** Posts to the token endpoint without MSAL. */
  postToken(form: Readonly<Record<string, string>>): Promise<Response>;
  readGraph(path: string, accessToken?: string): Promise<Response>;
  readAppToken(): Promise<string>;
  close(): Promise<void>;
}

/** Creates a folder for one emulator's state, with a function that removes it. */
export function createStateDir(): { readonly stateDir: string; readonly remove: () => void } {
  const stateDir = mkdtempSync(join(tmpdir(), 'identity-'));
  return {
    stateDir,
    remove: () => {
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

/** Starts an emulator in its own process, whose certificate this process trusts. */
export async function openIdentityFixture(): Promise<IdentityFixture> {
  const { stateDir, remove } = createStateDir();
  const identity = await startIdentityProcess({ stateDir });
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), readFileSync(identity.caFile, 'utf8')]);
  const createClient = (credential: Partial<NodeAuthOptions> = { clientSecret: identity.clientSecret }) =>
    new ConfidentialClientApplication({
      auth: {
        clientId: identity.clientId,
        authority: `${identity.url}/${identity.tenantId}`,
        knownAuthorities: [new URL(identity.url).host],
        ...credential,
      },
    });
  const attempt: IdentityFixture['attempt'] = async (options) => {
    const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
    const url = await createClient().getAuthCodeUrl({
      scopes: [...(options.scopes ?? scopes)],
      redirectUri: options.redirectUri ?? redirectUri,
      state: 'the-state',
      nonce: 'the-nonce',
      codeChallenge: challenge,
      codeChallengeMethod: 'S256',
      ...(options.loginHint === undefined ? {} : { loginHint: options.loginHint }),
      ...(options.prompt === undefined ? {} : { prompt: options.prompt }),
      ...(options.claims === undefined ? {} : { claims: options.claims }),
    });
    const walk = await walkSignIn(url, options);
    return { walk, verifier, answer: walk.redirect?.searchParams ?? new URLSearchParams() };
  };
  const redeem: IdentityFixture['redeem'] = (attempted, changes = {}) =>
    createClient().acquireTokenByCode({
      code: attempted.answer.get('code') ?? '',
      scopes,
      redirectUri: changes.redirectUri ?? redirectUri,
      codeVerifier: changes.verifier ?? attempted.verifier,
      nonce: 'the-nonce',
    });
  return {
    identity,
    createClient,
    attempt,
    redeem,
    signIn: async (loginHint) => redeem(await attempt({ loginHint })),
    postToken: (form) =>
      fetch(`${identity.url}/${identity.tenantId}/oauth2/v2.0/token`, {
        method: 'POST',
        body: new URLSearchParams(form),
      }),
    readGraph: (path, accessToken) =>
      fetch(`${identity.graphBaseUrl}${path}`, {
        headers: accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` },
      }),
    readAppToken: async () => {
      const result = await createClient().acquireTokenByClientCredential({
        scopes: ['https://graph.microsoft.com/.default'],
      });
      return result?.accessToken ?? '';
    },
    close: async () => {
      await identity.stop();
      remove();
    },
  };
}
