import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { generateKeyPair, SignJWT } from 'jose';
import { beforeEach, describe, expect, it } from 'vitest';
import { createIdTokenVerifier } from '../../shared/microsoft/idTokenVerifier.ts';
import { createEntraIdentity, type EntraIdentityOptions } from '../../shared/microsoft/entraIdentity.ts';
import type { Fetch, Identity, IdTokenClaims } from '../../shared/model/ports.ts';
import {
  createEntraConfig,
  createEntraDouble,
  type EntraDouble,
  type Forge,
  REDIRECT_URI,
  refuse,
} from '../support/entraDouble.ts';
import { CLIENT_ID, createTestClock, TENANT_ID, type TestClock } from '../support/signInDoubles.ts';

const VERIFIER = 'a-verifier-that-is-long-enough-for-rfc-7636-to-be-happy';
const challengeOf = (verifier: string): string => createHash('sha256').update(verifier).digest('base64url');

let clock: TestClock;
let entra: EntraDouble;

function createIdentity(parts: Partial<EntraIdentityOptions> = {}): Identity {
  return createEntraIdentity({
    entra: createEntraConfig(),
    redirectUri: REDIRECT_URI,
    clock,
    fetch: entra.fetch,
    timeoutMs: 1_000,
    ...parts,
  });
}

function createUrl(identity: Identity, nonce = 'nonce-1'): Promise<string> {
  return identity.createAuthorizeUrl({ state: 'state-1', nonce, codeChallenge: challengeOf(VERIFIER) });
}

/** One whole sign-in at the double, with some claims changed (`undefined`: left out) or signed in another way. */
async function signIn(
  claims: Record<string, unknown> = {},
  options: { readonly forge?: Forge; readonly identity?: Identity } = {},
): Promise<IdTokenClaims> {
  const identity = options.identity ?? createIdentity();
  const url = await createUrl(identity);
  const code = entra.authorize(url, { claims, ...(options.forge ? { forge: options.forge } : {}) });
  return (await identity.redeemCode({ code, codeVerifier: VERIFIER, nonce: 'nonce-1' })).claims;
}

beforeEach(async () => {
  clock = createTestClock();
  entra = await createEntraDouble(clock);
});

describe('createAuthorizeUrl', () => {
  it('asks for a code by query with PKCE, state, nonce and the scopes that a person can consent to', async () => {
    const url = new URL(await createUrl(createIdentity()));
    expect(url.origin + url.pathname).toBe(createEntraConfig().authorizationEndpoint);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      client_id: CLIENT_ID,
      redirect_uri: REDIRECT_URI,
      response_type: 'code',
      response_mode: 'query',
      state: 'state-1',
      nonce: 'nonce-1',
      code_challenge: challengeOf(VERIFIER),
      code_challenge_method: 'S256',
    });
    // The last is MSAL's own doing.
    expect(new Set(url.searchParams.get('scope')?.split(' '))).toEqual(
      new Set(['openid', 'profile', 'email', 'User.Read', 'offline_access']),
    );
    expect(url.searchParams.has('prompt')).toBe(false);
    expect(url.searchParams.has('login_hint')).toBe(false);
    expect(url.searchParams.has('prompt')).toBe(false);
  });

  it('sends nothing', async () => {
    await createUrl(createIdentity());
    expect(entra.requests).toEqual([]);
  });

  it('lets the person choose the account where asked', async () => {
    const request = { state: 's', nonce: 'n', codeChallenge: 'c', selectAccount: true };
    const url = new URL(await createIdentity().createAuthorizeUrl(request));
    expect(url.searchParams.get('prompt')).toBe('select_account');
  });

  it('passes the login hint and a claims challenge on', async () => {
    const url = new URL(
      await createIdentity().createAuthorizeUrl({
        state: 's',
        nonce: 'n',
        codeChallenge: 'c',
        loginHint: 'alice@company.com',
        claims: '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}',
      }),
    );
    expect(url.searchParams.get('login_hint')).toBe('alice@company.com');
    expect(JSON.parse(url.searchParams.get('claims') ?? '')).toMatchObject({
      access_token: { acrs: { essential: true, value: 'c1' } },
    });
  });
});

describe('redeemCode', () => {
  it('returns the verified claims and the person’s token', async () => {
    const identity = createIdentity();
    const code = entra.authorize(await createUrl(identity), {
      claims: { email: 'a@company.com', roles: ['org_admin'] },
    });
    expect(await identity.redeemCode({ code, codeVerifier: VERIFIER, nonce: 'nonce-1' })).toEqual({
      accessToken: 'person-token',
      answeredAt: clock.now().toISOString(),
      claims: {
        userId: 'alice-oid',
        tenantId: TENANT_ID,
        displayName: 'Alice',
        email: 'a@company.com',
        preferredUsername: 'alice@company.com',
        appRoles: ['org_admin'],
        issuedAt: new Date(clock.now().getTime() - 300_000).toISOString(),
        groups: { kind: 'listed', groupIds: ['entra-group-123'] },
      },
    });
  });

  it('says when Entra answered, not the time to which Entra dates its tokens back', async () => {
    const identity = createIdentity();
    const code = entra.authorize(await createUrl(identity));
    const { answeredAt, claims } = await identity.redeemCode({
      code,
      codeVerifier: VERIFIER,
      nonce: 'nonce-1',
    });
    expect(Date.parse(answeredAt) - Date.parse(claims.issuedAt)).toBe(300_000);
  });

  it('uses the token’s own time where the answer has no date', async () => {
    const fetchWithoutDate: Fetch = async (url, init) => {
      const response = await entra.fetch(url, init);
      response.headers.delete('date');
      return response;
    };
    const identity = createIdentity({ fetch: fetchWithoutDate });
    const code = entra.authorize(await createUrl(identity));
    const { answeredAt, claims } = await identity.redeemCode({
      code,
      codeVerifier: VERIFIER,
      nonce: 'nonce-1',
    });
    expect(answeredAt).toBe(claims.issuedAt);
  });

  it('costs one token request, and one for the signing keys in the first and after an hour', async () => {
    const identity = createIdentity();
    await signIn({}, { identity });
    expect(entra.requests).toEqual(['GET /discovery/v2.0/keys', 'POST /oauth2/v2.0/token']);
    entra.requests.length = 0;
    await signIn({}, { identity });
    await signIn({}, { identity });
    expect(entra.requests).toEqual(['POST /oauth2/v2.0/token', 'POST /oauth2/v2.0/token']);
  });

  it('asks for the signing keys while Entra still thinks about the code', async () => {
    const asked = Promise.withResolvers<undefined>();
    entra.intercept('/keys', async () => {
      asked.resolve(undefined);
      return new Response('', { status: 503 });
    });
    entra.intercept('/token', async () => {
      await asked.promise;
      return refuse('invalid_grant', 54_005);
    });
    await expect(signIn()).rejects.toMatchObject({ code: 'code_refused' });
  });

  it('asks for the signing keys again where the first answer was none', async () => {
    entra.intercept('/keys', async () => {
      entra.intercept('/keys', undefined);
      throw new TypeError('fetch failed');
    });
    await expect(signIn()).resolves.toMatchObject({ userId: 'alice-oid' });
    expect(entra.requests.filter((request) => request.startsWith('GET'))).toHaveLength(2);
  });

  it('proves itself with the secret, and with an assertion where the credential is federated', async () => {
    await signIn();
    expect(entra.forms[0]?.get('client_secret')).toBe('client-secret');
    const federated = createIdentity({
      entra: createEntraConfig({ credential: { kind: 'federated', managedIdentityClientId: 'mi' } }),
      assertion: async () => 'managed-token',
    });
    await signIn({}, { identity: federated });
    expect(entra.forms[1]?.get('client_assertion')).toBe('managed-token');
    expect(entra.forms[1]?.has('client_secret')).toBe(false);
  });

  it('works with an emulator’s endpoints, without discovery', async () => {
    const origin = `https://localhost:8443/${TENANT_ID}`;
    const config = createEntraConfig({
      authority: origin,
      authorizationEndpoint: `http://localhost:8080/${TENANT_ID}/oauth2/v2.0/authorize`,
      tokenEndpoint: `${origin}/oauth2/v2.0/token`,
      jwksUri: `${origin}/discovery/v2.0/keys`,
      issuer: `${origin}/v2.0`,
      endpointsAreOverridden: true,
    });
    const identity = createIdentity({ entra: config });
    expect(await createUrl(identity)).toMatch(/^http:\/\/localhost:8080\//);
    await expect(signIn({ iss: config.issuer }, { identity })).resolves.toMatchObject({
      userId: 'alice-oid',
    });
    expect(entra.requests).toEqual(['GET /discovery/v2.0/keys', 'POST /oauth2/v2.0/token']);
  });

  it('refuses a code that was redeemed, one of another verifier, and never tries twice', async () => {
    const identity = createIdentity();
    const code = entra.authorize(await createUrl(identity));
    await identity.redeemCode({ code, codeVerifier: VERIFIER, nonce: 'nonce-1' });
    const again = identity.redeemCode({ code, codeVerifier: VERIFIER, nonce: 'nonce-1' });
    await expect(again).rejects.toMatchObject({ code: 'code_refused', retryable: false });
    const other = entra.authorize(await createUrl(identity));
    await expect(
      identity.redeemCode({ code: other, codeVerifier: `${VERIFIER}x`, nonce: 'nonce-1' }),
    ).rejects.toMatchObject({ code: 'code_refused', details: { aadsts: '501481' } });
    expect(entra.forms).toHaveLength(3);
  });
});

describe('the groups of an id_token', () => {
  it.each([
    ['listed, and empty is empty', { groups: [] }, { kind: 'listed', groupIds: [] }],
    ['missing', { groups: undefined }, { kind: 'missing' }],
    [
      'overage',
      {
        groups: undefined,
        _claim_names: { groups: 'src1' },
        _claim_sources: { src1: { endpoint: 'https://graph.windows.net/x' } },
      },
      { kind: 'overage' },
    ],
    ['overage as hasgroups', { groups: undefined, hasgroups: true }, { kind: 'overage' }],
    ['overage beside a list', { _claim_names: { groups: 'src1' } }, { kind: 'overage' }],
    [
      'missing beside other distributed claims',
      { groups: undefined, _claim_names: { other: 'src1' } },
      { kind: 'missing' },
    ],
  ])('are %s', async (_, claims, expected) => {
    expect((await signIn(claims)).groups).toEqual(expected);
  });
});

describe('a forged id_token', () => {
  const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

  const forgeries: readonly (readonly [name: string, forge: Forge, fault: string])[] = [
    [
      'signed with a key of the same id that is not Entra’s',
      async (claims) => {
        const { privateKey } = await generateKeyPair('RS256');
        return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'key-1' }).sign(privateKey);
      },
      'err_jws_signature_verification_failed',
    ],
    [
      'signed with a key that Entra does not know',
      (claims, keys) => keys.sign(claims, { kid: 'key-2' }),
      'err_jwks_no_matching_key',
    ],
    [
      'with one claim changed after signing',
      async (claims, keys) => {
        const [header, , signature] = (await keys.sign(claims)).split('.');
        return `${header}.${base64url({ ...claims, oid: 'mallory-oid' })}.${signature}`;
      },
      'err_jws_signature_verification_failed',
    ],
    [
      'unsigned (alg none)',
      async (claims) => `${base64url({ alg: 'none', typ: 'JWT' })}.${base64url(claims)}.`,
      'err_jose_alg_not_allowed',
    ],
    [
      'signed HS256 with the public key as the secret',
      async (claims, keys) =>
        new SignJWT(claims)
          .setProtectedHeader({ alg: 'HS256', kid: 'key-1' })
          .sign(new TextEncoder().encode(keys.publicPem)),
      'err_jose_alg_not_allowed',
    ],
    [
      'signed with another RSA algorithm',
      async (claims) => {
        const { privateKey } = await generateKeyPair('PS256');
        return new SignJWT(claims).setProtectedHeader({ alg: 'PS256', kid: 'key-1' }).sign(privateKey);
      },
      'err_jose_alg_not_allowed',
    ],
    ['that is not a token', async () => 'rubbish', 'token_parsing_error'],
  ];

  it.each(forgeries)('%s is refused', async (_, forge, fault) => {
    await expect(signIn({}, { forge })).rejects.toMatchObject({
      code: 'id_token_invalid',
      retryable: false,
      details: { fault },
    });
  });

  it.each([
    ['of another issuer', { iss: 'https://evil.example/v2.0' }, 'claim_iss'],
    ['whose issuer only starts as ours', { iss: `${createEntraConfig().issuer}/` }, 'claim_iss'],
    ['for another audience', { aud: 'another-client' }, 'claim_aud'],
    ['for several audiences', { aud: [CLIENT_ID, 'another-client'] }, 'claim_aud'],
    ['with another nonce', { nonce: 'nonce-2' }, 'nonce_mismatch'],
    ['without a nonce', { nonce: undefined }, 'nonce_mismatch'],
    ['without an object id', { oid: undefined }, 'claim_oid'],
    ['whose object id is not a table key', { oid: '../x' }, 'claim_oid'],
    ['whose object id is not text', { oid: 7 }, 'claim_oid'],
    ['without a tenant', { tid: undefined }, 'claim_tid'],
    ['without an expiry', { exp: undefined }, 'claim_exp'],
    ['without an issuing time', { iat: undefined }, 'claim_iat'],
    ['whose groups are no texts', { groups: [1] }, 'claim_groups'],
    ['whose roles are no list', { roles: 'org_admin' }, 'claim_roles'],
  ])('%s is refused', async (_, claims, fault) => {
    await expect(signIn(claims)).rejects.toMatchObject({ code: 'id_token_invalid', details: { fault } });
  });

  it('of another tenant is refused as such, under our issuer and under its own', async () => {
    const tid = '99999999-0000-4000-8000-000000000000';
    const iss = `https://login.microsoftonline.com/${tid}/v2.0`;
    await expect(signIn({ tid })).rejects.toMatchObject({ code: 'wrong_tenant' });
    await expect(signIn({ tid, iss })).rejects.toMatchObject({ code: 'wrong_tenant' });
  });

  it('that has expired is refused, a minute late at most', async () => {
    const nowSeconds = clock.now().getTime() / 1000;
    await expect(signIn({ exp: nowSeconds - 59 })).resolves.toBeDefined();
    await expect(signIn({ exp: nowSeconds - 60 })).rejects.toMatchObject({
      code: 'id_token_invalid',
      details: { fault: 'err_jwt_expired' },
    });
  });

  it('from the future is refused as a clock that is wrong', async () => {
    const nowSeconds = clock.now().getTime() / 1000;
    await expect(signIn({ iat: nowSeconds + 300 })).resolves.toBeDefined();
    await expect(signIn({ iat: nowSeconds + 301 })).rejects.toMatchObject({
      code: 'clock_skew',
      details: { aheadSeconds: 301 },
    });
    await expect(signIn({ nbf: nowSeconds + 61 })).rejects.toMatchObject({ code: 'clock_skew' });
  });
});

describe('the verifier, without MSAL before it', () => {
  it('compares the nonce itself', async () => {
    const { verify } = createIdTokenVerifier({
      entra: createEntraConfig(),
      clock,
      fetch: entra.fetch,
      timeoutMs: 1_000,
    });
    let idToken = '';
    const forge: Forge = async (claims, keys) => (idToken = await keys.sign(claims));
    await signIn({}, { forge });
    await expect(verify(idToken, 'nonce-1')).resolves.toMatchObject({ userId: 'alice-oid' });
    for (const nonce of ['nonce-2', 'nonce-11', '']) {
      await expect(verify(idToken, nonce)).rejects.toMatchObject({ details: { fault: 'claim_nonce' } });
    }
  });
});

describe('a refusal of Entra', () => {
  it('has the code of its meaning and does not name the person', async () => {
    entra.intercept('/token', async () => refuse('invalid_grant', 50_105));
    const error: unknown = await signIn().catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'not_assigned',
      retryable: false,
      details: { oauthError: 'invalid_grant', aadsts: '50105' },
    });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('alice@company.com');
  });

  it.each([
    ['consent_missing', refuse('invalid_grant', 65_001, { suberror: 'consent_required' })],
    ['consent_missing', refuse('interaction_required', 65_001)],
    ['account_disabled', refuse('invalid_grant', 50_057)],
    ['credential_refused', refuse('invalid_client', 7_000_222, { status: 401 })],
    ['credential_refused', refuse('invalid_request', 700_213)],
    ['sign_in_refused', refuse('invalid_request', 900_144)],
  ])('is %s', async (code, answer) => {
    entra.intercept('/token', async () => answer);
    await expect(signIn()).rejects.toMatchObject({ code, retryable: false });
  });

  it('that asks for more brings the challenge', async () => {
    const claims = '{"access_token":{"capolids":{"essential":true,"values":["policy-1"]}}}';
    entra.intercept('/token', async () =>
      refuse('interaction_required', 50_076, { suberror: 'basic_action', claims }),
    );
    await expect(signIn()).rejects.toMatchObject({ code: 'interaction_required', details: { claims } });
  });
});

describe('a token endpoint that cannot be reached', () => {
  it.each([
    ['answers 503 with a page', async () => new Response('<html>', { status: 503 }), 503],
    ['answers 500 with an error', async () => refuse('server_error', 90_033, { status: 500 }), 500],
    ['answers 429', async () => refuse('invalid_request', 90_055, { status: 429 }), 429],
    ['answers with a page', async () => new Response('<html>'), 200],
    ['answers with a list', async () => Response.json([]), 200],
    ['breaks the connection', async () => Promise.reject(new TypeError('fetch failed')), undefined],
    [
      'does not answer in time',
      (signal: AbortSignal) =>
        new Promise<Response>((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('timed out')));
        }),
      undefined,
    ],
  ])('%s: retryable', async (_, answer, status) => {
    entra.intercept('/token', answer);
    await expect(signIn({}, { identity: createIdentity({ timeoutMs: 30 }) })).rejects.toMatchObject({
      code: 'microsoft_unreachable',
      retryable: true,
      details: status === undefined ? {} : { status },
    });
  });

  it('does not affect later sign-ins once it is over', async () => {
    const identity = createIdentity();
    entra.intercept(
      '/token',
      async () => new Response('', { status: 503, headers: { 'retry-after': '60' } }),
    );
    await expect(signIn({}, { identity })).rejects.toMatchObject({ code: 'microsoft_unreachable' });
    entra.intercept('/token', undefined);
    await expect(signIn({}, { identity })).resolves.toBeDefined();
  });

  it('is the same for the signing keys, and an id_token is not accepted unverified', async () => {
    for (const answer of [
      async () => new Response('', { status: 503 }),
      async () => new Response('<html>'),
      async () => Response.json({ keys: 'none' }),
      async () => Promise.reject(new TypeError('fetch failed')),
    ]) {
      entra.intercept('/keys', answer);
      await expect(signIn()).rejects.toMatchObject({ code: 'microsoft_unreachable', retryable: true });
    }
  });
});
