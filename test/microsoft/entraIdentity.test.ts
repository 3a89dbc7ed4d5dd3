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
    ['that is not a token', async () => 'rubbish', 'err_jws_invalid'],
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
    ['with another nonce', { nonce: 'nonce-2' }, 'claim_nonce'],
    ['without a nonce', { nonce: undefined }, 'claim_nonce'],
    ['whose nonce is no text', { nonce: 7 }, 'claim_nonce'],
    ['without a subject', { sub: undefined }, 'claim_sub'],
    ['whose subject is empty', { sub: '' }, 'claim_sub'],
    ['whose subject is longer than OpenID Connect allows', { sub: 'x'.repeat(256) }, 'claim_sub'],
    ['of another authorized party', { azp: 'another-client' }, 'claim_azp'],
    ['whose authorized party is a list', { azp: [CLIENT_ID] }, 'claim_azp'],
    ['issued after the year 9999', { iat: 1e15 }, 'claim_iat'],
    ['issued before 1970', { iat: -1 }, 'claim_iat'],
    ['issued at no whole second', { iat: 1.5 }, 'claim_iat'],
    ['that expires after the year 9999', { exp: 1e300 }, 'claim_exp'],
    ['whose name is no text', { name: 7 }, 'claim_name'],
    ['whose name is null', { name: null }, 'claim_name'],
    ['whose email is a list', { email: ['a@company.com'] }, 'claim_email'],
    ['whose UPN is an object', { preferred_username: {} }, 'claim_preferred_username'],
    ['whose overage is no object', { _claim_names: 7 }, 'claim__claim_names'],
    ['whose overage names no text', { _claim_names: { groups: 7 } }, 'claim__claim_names'],
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

  it.each([7, true, {}, [], null, ''])('never fails without a code where claims are %j', async (value) => {
    const claims = ['sub', 'oid', 'tid', 'iat', 'nbf', 'exp', 'aud', 'iss', 'nonce', 'roles', 'groups'];
    const failures = claims.map(async (claim) =>
      signIn({ [claim]: value }).then(
        () => 'AppError',
        (error: unknown) => (error instanceof Error ? error.name : typeof error),
      ),
    );
    expect(new Set(await Promise.all(failures))).toEqual(new Set(['AppError']));
  });

  it.each(['null', '[]', '7', '"x"', '{'])('whose payload is %s is refused', async (payload) => {
    const forge: Forge = async (claims, keys) => {
      const [header, , signature] = (await keys.sign(claims)).split('.');
      return `${header}.${Buffer.from(payload).toString('base64url')}.${signature}`;
    };
    await expect(signIn({}, { forge })).rejects.toMatchObject({ code: 'id_token_invalid' });
  });

  it('names our own client as the authorized party', async () => {
    await expect(signIn({ azp: CLIENT_ID })).resolves.toMatchObject({ userId: 'alice-oid' });
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
    ['application_misconfigured', refuse('invalid_request', 900_144)],
    ['application_disabled', refuse('unauthorized_client', 7_000_112)],
    ['policy_blocked', refuse('access_denied', 53_003)],
    ['sign_in_refused', refuse('invalid_request', 999_999)],
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

describe('an answer of the token endpoint that is malformed', () => {
  const answerWith = (change: Readonly<Record<string, unknown>>): Response =>
    Response.json({
      token_type: 'Bearer',
      scope: 'openid User.Read',
      expires_in: 3600,
      access_token: 'person-token',
      id_token: 'x.y.z',
      ...change,
    });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['scope', { scope: 7 }],
    ['scope', { scope: ['openid'] }],
    ['access_token', { access_token: 7 }],
    ['access_token', { access_token: '' }],
    ['access_token', { access_token: undefined }],
    ['id_token', { id_token: 7 }],
    ['id_token', { id_token: null }],
    ['id_token', { id_token: '' }],
    ['token_type', { token_type: 'pop' }],
    ['token_type', { token_type: undefined }],
    ['expires_in', { expires_in: 'soon' }],
    ['expires_in', { expires_in: 1e300 }],
    ['expires_in', { expires_in: -1 }],
    ['expires_in', { expires_in: undefined }],
    ['ext_expires_in', { ext_expires_in: {} }],
    ['refresh_token', { refresh_token: 7 }],
    ['client_info', { client_info: {} }],
    ['error', { error: 7 }],
    ['error', { error: {} }],
    ['error', { error: '' }],
    ['error_description', { error: 'invalid_grant', error_description: 7 }],
    ['error_codes', { error: 'invalid_grant', error_codes: '50105' }],
    ['error_codes', { error: 'invalid_grant', error_codes: [{}] }],
    ['suberror', { error: 'interaction_required', suberror: [] }],
    ['claims', { error: 'interaction_required', claims: { id_token: {} } }],
  ])('in %s (%#) has its own code', async (field, change) => {
    entra.intercept('/token', async () => answerWith(change));
    await expect(signIn()).rejects.toMatchObject({
      code: 'id_token_invalid',
      retryable: false,
      details: { fault: `answer_${field}` },
    });
  });

  it('has no id_token', async () => {
    entra.intercept('/token', async () => answerWith({ id_token: undefined }));
    await expect(signIn()).rejects.toMatchObject({ code: 'id_token_invalid' });
  });

  it('with fields that nobody knows, or a number as text, is not malformed', async () => {
    const identity = createIdentity();
    let idToken = '';
    const forge: Forge = async (claims, keys) => (idToken = await keys.sign(claims));
    await signIn({}, { identity, forge });
    entra.intercept('/token', async () =>
      answerWith({
        id_token: idToken,
        expires_in: '3599',
        foci: 7,
        refresh_in: 'x',
        key_id: {},
        client_info: '%',
      }),
    );
    await expect(signIn({}, { identity })).resolves.toMatchObject({ userId: 'alice-oid' });
  });
});

describe('keys that Entra has just changed', () => {
  const signedBy =
    (kid: string): Forge =>
    async (claims, keys) =>
      keys.sign(claims, { kid });
  const keyRequests = (): number => entra.requests.filter((request) => request.endsWith('/keys')).length;

  it('are read at once, also right after the last read, and nobody is refused', async () => {
    const identity = createIdentity();
    await signIn({}, { identity });
    entra.publish('key-2');
    await expect(signIn({}, { identity, forge: signedBy('key-2') })).resolves.toBeDefined();
    entra.publish('key-3');
    await expect(signIn({}, { identity, forge: signedBy('key-3') })).resolves.toBeDefined();
    expect(keyRequests()).toBe(3);
  });

  it('that are not published yet cost one read, and another only after seconds', async () => {
    const identity = createIdentity();
    await signIn({}, { identity });
    const refused = { code: 'signing_key_unknown', retryable: true };
    await expect(signIn({}, { identity, forge: signedBy('key-2') })).rejects.toMatchObject(refused);
    clock.advance(4_999);
    await expect(signIn({}, { identity, forge: signedBy('key-2') })).rejects.toMatchObject(refused);
    expect(keyRequests()).toBe(2);
    clock.advance(1);
    entra.publish('key-2');
    await expect(signIn({}, { identity, forge: signedBy('key-2') })).resolves.toBeDefined();
    expect(keyRequests()).toBe(3);
  });

  it('are asked for with the application’s id, so that its own key is among them', async () => {
    await signIn();
    expect(entra.urls.find((url) => url.pathname.endsWith('/keys'))?.searchParams.get('appid')).toBe(
      CLIENT_ID,
    );
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
