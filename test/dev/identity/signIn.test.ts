import { createHash, generateKeyPairSync } from 'node:crypto';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { maxGroupsInToken } from '../../../dev/identity/idTokenClaims.ts';
import { sampleGroups, samplePeople } from '../../../dev/identity/sampleDirectory.ts';
import { CookieJar, walkSignIn } from '../../../dev/identity/signInWalk.ts';
import type { IdentityFixture } from './identityFixture.ts';
import { openIdentityFixture, redirectUri } from './identityFixture.ts';

const anyString: unknown = expect.any(String);
const containing = (text: string): unknown => expect.stringContaining(text);
const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);

let fixture: IdentityFixture;

beforeAll(async () => {
  fixture = await openIdentityFixture();
});
afterAll(() => fixture.close());
beforeEach(() => fixture.identity.control.clearFaults());

const errorOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'nothing was thrown',
    (error: unknown) => error,
  );

describe('a sign-in with MSAL', () => {
  it("returns an id_token that verifies with the published key and has Entra's claims", async () => {
    const { identity } = fixture;
    const attempt = await fixture.attempt({ loginHint: 'alice@company.com' });
    expect(attempt.walk.redirect?.origin).toBe('http://localhost:7071');
    expect(attempt.answer.get('state')).toBe('the-state');
    expect(attempt.answer.has('iss')).toBe(false);

    const { idToken } = await fixture.redeem(attempt);
    const keys = createRemoteJWKSet(new URL(`${identity.url}/${identity.tenantId}/discovery/v2.0/keys`));
    const { payload, protectedHeader } = await jwtVerify(idToken, keys, {
      algorithms: ['RS256'],
      issuer: `${identity.url}/${identity.tenantId}/v2.0`,
      audience: identity.clientId,
    });
    expect(protectedHeader.kid).toBeTypeOf('string');
    const { iat = 0, exp = 0, sub, ...claims } = payload;
    expect(sub).not.toBe(samplePeople.alice);
    expect(claims).toEqual({
      iss: `${identity.url}/${identity.tenantId}/v2.0`,
      aud: identity.clientId,
      oid: samplePeople.alice,
      tid: identity.tenantId,
      ver: '2.0',
      name: 'Alice Anderson',
      preferred_username: 'alice@company.com',
      email: 'alice@company.com',
      groups: [sampleGroups.production],
      nonce: 'the-nonce',
      nbf: iat,
    });
    // Entra dates iat five minutes back and lets the token live an hour from now.
    expect(Date.now() / 1000 - iat).toBeGreaterThanOrEqual(299);
    expect(exp - iat).toBe(3900);
  });

  it('returns an access token that lets that person call Graph', async () => {
    const { accessToken } = await fixture.signIn('bob@company.com');
    const me: unknown = await (await fixture.readGraph('/me', accessToken)).json();
    expect(me).toMatchObject({ id: samplePeople.bob });
  });

  it.each([
    ['nora@company.com', { email: undefined, roles: undefined, groups: undefined }],
    ['peter@company.com', { roles: ['proxy_admin'], groups: undefined }],
    ['olivia@company.com', { roles: ['org_admin'], groups: [sampleGroups.production] }],
    ['grace@partner.example', { email: 'grace@partner.example', preferred_username: containing('#EXT#') }],
  ])('leaves out the claims of %s that Entra leaves out', async (login, expected) => {
    const claims = decodeJwt((await fixture.signIn(login)).idToken);
    expect({
      email: claims['email'],
      roles: claims['roles'],
      groups: claims['groups'],
      ...claims,
    }).toMatchObject(expected);
    for (const [claim, value] of Object.entries(expected)) {
      expect(claim in claims).toBe(value !== undefined);
    }
  });

  it('points to Graph instead of listing more than 200 groups, and lists exactly 200', async () => {
    const over = decodeJwt((await fixture.signIn('mary@company.com')).idToken);
    expect(over['groups']).toBeUndefined();
    expect(over['_claim_names']).toEqual({ groups: 'src1' });
    expect(over['_claim_sources']).toEqual({
      src1: { endpoint: containing('https://graph.windows.net/') },
    });

    const { control } = fixture.identity;
    await control.editDirectory(
      {
        edit: 'createPerson',
        person: { id: 'two-hundred', displayName: 'Two Hundred', userPrincipalName: 'two@company.com' },
      },
      { edit: 'createManyGroups', count: maxGroupsInToken, prefix: 'exactly', members: ['two-hundred'] },
    );
    const exact = decodeJwt((await fixture.signIn('two@company.com')).idToken);
    expect(exact['groups']).toHaveLength(maxGroupsInToken);
    expect(exact['_claim_names']).toBeUndefined();
  });

  it('puts into the token which groups the person is in when the code is redeemed', async () => {
    const { control } = fixture.identity;
    const attempt = await fixture.attempt({ loginHint: 'bob@company.com' });
    await control.addToGroup('bob@company.com', sampleGroups.empty);
    expect(decodeJwt((await fixture.redeem(attempt)).idToken)['groups']).toEqual([
      sampleGroups.production,
      sampleGroups.empty,
    ]);
    await control.unassignGroup(sampleGroups.empty);
    expect(decodeJwt((await fixture.signIn('bob@company.com')).idToken)['groups']).toEqual([
      sampleGroups.production,
    ]);
    await control.assignGroup(sampleGroups.empty);
    await control.removeFromGroup('bob@company.com', sampleGroups.empty);
    expect(decodeJwt((await fixture.signIn('bob@company.com')).idToken)['groups']).toEqual([
      sampleGroups.production,
    ]);
  });

  it("returns a refresh token if the request has offline_access, as MSAL's always have", async () => {
    const attempt = await fixture.attempt({ loginHint: 'alice@company.com' });
    const answer: unknown = await (
      await fixture.postToken({
        client_id: fixture.identity.clientId,
        client_secret: fixture.identity.clientSecret,
        grant_type: 'authorization_code',
        code: attempt.answer.get('code') ?? '',
        code_verifier: attempt.verifier,
        redirect_uri: redirectUri,
        scope: 'openid profile User.Read offline_access',
      })
    ).json();
    expect(answer).toMatchObject({
      refresh_token: anyString,
      token_type: 'Bearer',
      expires_in: 3600,
      scope: containing('User.Read'),
    });
  });
});

describe('the page', () => {
  it('shows who can sign in, says that it is an emulator, and signs the picked person in', async () => {
    const shown = await fixture.attempt({});
    expect(shown.walk.page).toContain('Local emulator');
    expect(shown.walk.page).toContain('alice@company.com');
    const picked = await fixture.attempt({ login: samplePeople.bob });
    expect(decodeJwt((await fixture.redeem(picked)).idToken)['oid']).toBe(samplePeople.bob);
  });

  it('asks the same browser again, and only a silent request finds the last person', async () => {
    const jar = new CookieJar();
    await fixture.attempt({ loginHint: 'alice@company.com', jar });
    expect((await fixture.attempt({ jar })).walk.page).toContain('Pick an account');
    expect((await fixture.attempt({ loginHint: 'bob@company.com', jar })).answer.has('code')).toBe(true);
    const silent = await fixture.attempt({ prompt: 'none', jar });
    expect(decodeJwt((await fixture.redeem(silent)).idToken)['oid']).toBe(samplePeople.bob);
  });

  it('appears in spite of a hint if the application asks for a choice', async () => {
    const attempt = await fixture.attempt({ loginHint: 'alice@company.com', prompt: 'select_account' });
    expect(attempt.walk.page).toContain('Pick an account');
    const picked = await fixture.attempt({
      loginHint: 'alice@company.com',
      prompt: 'select_account',
      login: 'bob@company.com',
    });
    expect(decodeJwt((await fixture.redeem(picked)).idToken)['oid']).toBe(samplePeople.bob);
  });

  it('answers a silent request with login_required if no one is signed in', async () => {
    const attempt = await fixture.attempt({ prompt: 'none' });
    expect(attempt.answer.get('error')).toBe('login_required');
    expect(attempt.answer.get('error_description')).toMatch(/^AADSTS50058: /);
  });

  it('shows that an account is unknown (AADSTS50034)', async () => {
    const attempt = await fixture.attempt({ loginHint: '<b>nobody</b>@company.com' });
    expect(attempt.walk.page).toContain('AADSTS50034');
    expect(attempt.walk.page).not.toContain('<b>nobody');
  });

  it('shows that an account is disabled (AADSTS50057), and does not go back', async () => {
    const attempt = await fixture.attempt({ loginHint: 'dora@company.com' });
    expect(attempt.walk.redirect).toBeUndefined();
    expect(attempt.walk.page).toContain('AADSTS50057');
  });

  it('asks for consent with prompt=consent, and returns a refusal as AADSTS65004', async () => {
    expect(
      (await fixture.attempt({ loginHint: 'alice@company.com', prompt: 'consent' })).walk.page,
    ).toContain('Permissions requested');
    const accepted = await fixture.attempt({
      loginHint: 'alice@company.com',
      prompt: 'consent',
      consent: 'yes',
    });
    expect(decodeJwt((await fixture.redeem(accepted)).idToken)['oid']).toBe(samplePeople.alice);
    const declined = await fixture.attempt({
      loginHint: 'alice@company.com',
      prompt: 'consent',
      consent: 'no',
    });
    expect(declined.answer.get('error')).toBe('access_denied');
    expect(declined.answer.get('error_subcode')).toBe('cancel');
    expect(declined.answer.get('error_description')).toMatch(/^AADSTS65004: /);
  });

  it('asks a person for consent once', async () => {
    const { control } = fixture.identity;
    await control.editDirectory({
      edit: 'updatePerson',
      person: 'bob@company.com',
      changes: { consented: false },
    });
    expect((await fixture.attempt({ loginHint: 'bob@company.com' })).walk.page).toContain(
      'Permissions requested',
    );
    expect((await fixture.attempt({ loginHint: 'bob@company.com', consent: 'yes' })).answer.has('code')).toBe(
      true,
    );
    expect((await fixture.attempt({ loginHint: 'bob@company.com' })).answer.has('code')).toBe(true);
  });

  it('shows a page, and no exception, if the sign-in has expired', async () => {
    const { identity } = fixture;
    const response = await fetch(`${identity.browserUrl}/${identity.tenantId}/interaction/none`);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('Start at the application again');
  });
});

describe('a refusal', () => {
  it('sends a person who is not assigned back with AADSTS50105', async () => {
    const attempt = await fixture.attempt({ loginHint: 'ulrich@company.com' });
    expect(attempt.answer.get('error')).toBe('access_denied');
    expect(attempt.answer.get('error_description')).toMatch(
      /^AADSTS50105: .* Trace ID: .* Correlation ID: .* Timestamp: /,
    );
    expect(attempt.answer.get('error_uri')).toContain('code=50105');
    expect(attempt.answer.get('state')).toBe('the-state');
  });

  it('lets in a direct member of an assigned group', async () => {
    const { control } = fixture.identity;
    await control.addToGroup('ulrich@company.com', sampleGroups.empty);
    expect((await fixture.attempt({ loginHint: 'ulrich@company.com' })).answer.has('code')).toBe(true);
    await control.removeFromGroup('ulrich@company.com', sampleGroups.empty);
  });

  it('keeps a person who is not assigned on its own page if the switch is on', async () => {
    await fixture.identity.control.setFaults({ notAssignedPage: true });
    const attempt = await fixture.attempt({ loginHint: 'ulrich@company.com' });
    expect(attempt.walk.redirect).toBeUndefined();
    expect(attempt.walk.page).toContain('AADSTS50105');
  });

  it.each([
    'http://localhost:7071/sso/callback/',
    'http://localhost:7071/SSO/callback',
    'http://localhost:7071/sso/callback?x=1',
    'https://localhost:7071/sso/callback',
    'http://127.0.0.1:7071/sso/callback',
    'http://localhost.example.com/sso/callback',
    'http://localhost:7071@example.com/sso/callback',
    'https://example.com/sso/callback',
  ])('does not go to the redirect URI %s (AADSTS50011)', async (uri) => {
    const attempt = await fixture.attempt({ loginHint: 'alice@company.com', redirectUri: uri });
    expect(attempt.walk.redirect).toBeUndefined();
    expect(attempt.walk.status).toBe(400);
    expect(attempt.walk.page).toContain('AADSTS50011');
  });

  it('goes to any port of localhost', async () => {
    const attempt = await fixture.attempt({
      loginHint: 'alice@company.com',
      redirectUri: 'http://localhost:50123/sso/callback',
    });
    expect(attempt.walk.redirect?.host).toBe('localhost:50123');
  });

  it('redeems a code only once (AADSTS54005), also for requests at the same moment', async () => {
    const attempt = await fixture.attempt({ loginHint: 'alice@company.com' });
    await fixture.redeem(attempt);
    for (const _ of [1, 2]) {
      expect(await errorOf(fixture.redeem(attempt))).toMatchObject({
        errorCode: 'invalid_grant',
        message: containing('AADSTS54005'),
      });
    }
    const raced = await fixture.attempt({ loginHint: 'alice@company.com' });
    const form = {
      client_id: fixture.identity.clientId,
      client_secret: fixture.identity.clientSecret,
      grant_type: 'authorization_code',
      code: raced.answer.get('code') ?? '',
      code_verifier: raced.verifier,
      redirect_uri: redirectUri,
    };
    const responses = await Promise.all(Array.from({ length: 10 }, () => fixture.postToken(form)));
    expect(responses.filter((response) => response.ok)).toHaveLength(1);
  });

  it('refuses a code that was never issued (AADSTS9002313)', async () => {
    const attempt = await fixture.attempt({ loginHint: 'alice@company.com' });
    const forged = { ...attempt, answer: new URLSearchParams({ code: 'never-issued' }) };
    expect(await errorOf(fixture.redeem(forged))).toMatchObject({
      errorCode: 'invalid_grant',
      message: containing('AADSTS9002313'),
    });
  });

  it('refuses a code after its time (AADSTS70008)', async () => {
    await fixture.identity.control.setFaults({ codeLifetimeSeconds: 1 });
    const attempt = await fixture.attempt({ loginHint: 'alice@company.com' });
    await new Promise((resolve) => {
      setTimeout(resolve, 1500);
    });
    expect(await errorOf(fixture.redeem(attempt))).toMatchObject({
      message: containing('AADSTS70008'),
    });
  });

  it('refuses a code with another verifier, or with none (AADSTS501481)', async () => {
    const attempt = await fixture.attempt({ loginHint: 'alice@company.com' });
    const verifier = createHash('sha256').update('another').digest('base64url');
    for (const wrong of [verifier, '']) {
      expect(await errorOf(fixture.redeem(attempt, { verifier: wrong }))).toMatchObject({
        errorCode: 'invalid_grant',
        message: containing('AADSTS501481'),
      });
    }
    // The right one still works: a wrong guess does not use up the code.
    expect((await fixture.redeem(attempt)).idToken).not.toBe('');
  });

  it('refuses a code for another redirect URI (AADSTS500112)', async () => {
    const attempt = await fixture.attempt({ loginHint: 'alice@company.com' });
    const elsewhere = 'http://localhost:7072/sso/callback';
    expect(await errorOf(fixture.redeem(attempt, { redirectUri: elsewhere }))).toMatchObject({
      message: containing('AADSTS500112'),
    });
  });

  it('refuses a sign-in without PKCE, or with the method plain', async () => {
    const { identity } = fixture;
    const authorize = (extra: Record<string, string>): string => {
      const query = new URLSearchParams({
        client_id: identity.clientId,
        response_type: 'code',
        redirect_uri: redirectUri,
        scope: 'openid',
        state: 'the-state',
        ...extra,
      });
      return `${identity.browserUrl}/${identity.tenantId}/oauth2/v2.0/authorize?${query.toString()}`;
    };
    const challenge = 'a'.repeat(43);
    for (const extra of [{}, { code_challenge: challenge, code_challenge_method: 'plain' }]) {
      const { redirect } = await walkSignIn(authorize(extra), { login: 'alice@company.com' });
      expect(redirect?.searchParams.get('error')).toBe('invalid_request');
      expect(redirect?.searchParams.get('error_description')).toMatch(/^AADSTS9002325: /);
    }
  });

  it('refuses a scope that Graph does not have, and accepts one with its address', async () => {
    const unknown = await fixture.attempt({ loginHint: 'alice@company.com', scopes: ['User.Raed'] });
    expect(unknown.answer.get('error_description')).toMatch(/^AADSTS650053: /);
    const full = await fixture.attempt({
      loginHint: 'alice@company.com',
      scopes: ['https://graph.microsoft.com/User.Read'],
    });
    expect((await fixture.redeem(full)).scopes).toContain('User.Read');
  });

  it('refuses a wrong secret (AADSTS7000215), no secret (AADSTS7000218) and another client (AADSTS700016)', async () => {
    const wrong = await errorOf(
      fixture
        .createClient({ clientSecret: 'wrong' })
        .acquireTokenByClientCredential({ scopes: ['https://graph.microsoft.com/.default'] }),
    );
    expect(wrong).toMatchObject({
      errorCode: 'invalid_client',
      message: containing('AADSTS7000215'),
    });
    const { clientId, clientSecret } = fixture.identity;
    const form = { grant_type: 'client_credentials', scope: 'https://graph.microsoft.com/.default' };
    const none = await fixture.postToken({ ...form, client_id: clientId });
    expect(none.status).toBe(401);
    expect(await none.json()).toMatchObject({ error: 'invalid_client', error_codes: [7000218] });
    const other = await fixture.postToken({
      ...form,
      client_id: 'somebody-else',
      client_secret: clientSecret,
    });
    expect(await other.json()).toMatchObject({ error: 'unauthorized_client', error_codes: [700016] });
  });

  it("contains numbers, trace, correlation and time beside the error, as Entra's does", async () => {
    const response = await fixture.postToken({
      client_id: fixture.identity.clientId,
      client_secret: 'wrong',
    });
    expect(await response.json()).toEqual({
      error: 'invalid_client',
      error_description: matching(/^AADSTS7000215: /),
      error_codes: [7000215],
      timestamp: matching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/),
      trace_id: anyString,
      correlation_id: anyString,
      error_uri: containing('7000215'),
    });
  });
});

describe('the application itself', () => {
  it("gets a token for Graph, by any of Graph's names, and for nothing else", async () => {
    const client = fixture.createClient();
    for (const resource of [
      'https://graph.microsoft.com',
      fixture.identity.url,
      fixture.identity.graphBaseUrl,
    ]) {
      const result = await client.acquireTokenByClientCredential({
        scopes: [`${resource}/.default`],
        skipCache: true,
      });
      expect(result?.accessToken).toBeTypeOf('string');
    }
    expect(
      await errorOf(client.acquireTokenByClientCredential({ scopes: ['https://vault.azure.net/.default'] })),
    ).toMatchObject({ message: containing('AADSTS500011') });
    expect(
      await errorOf(
        client.acquireTokenByClientCredential({ scopes: ['https://graph.microsoft.com/User.Read'] }),
      ),
    ).toMatchObject({ message: containing('AADSTS1002012') });
  });

  it('can use a managed identity instead of a secret', async () => {
    const { identity } = fixture;
    const readAssertion = async (clientId: string): Promise<string> => {
      const query = new URLSearchParams({
        'api-version': '2019-08-01',
        resource: 'api://AzureADTokenExchange',
        client_id: clientId,
      });
      const response = await fetch(`${identity.managedIdentityEndpoint}?${query.toString()}`, {
        headers: { 'x-identity-header': identity.managedIdentityHeader },
      });
      const answer: unknown = await response.json();
      return typeof answer === 'object' && answer !== null && 'access_token' in answer
        ? String(answer.access_token)
        : '';
    };
    const { application } = await identity.control.readDirectory();
    const managed = application.managedIdentities[0];
    const getToken = (clientAssertion: () => Promise<string>): Promise<unknown> =>
      fixture.createClient({ clientAssertion }).acquireTokenByClientCredential({
        scopes: ['https://graph.microsoft.com/.default'],
        skipCache: true,
      });
    expect(await getToken(() => readAssertion(managed?.clientId ?? ''))).toMatchObject({
      accessToken: anyString,
    });
    const token = await readAssertion(managed?.clientId ?? '');
    await identity.control.editDirectory({ edit: 'updateApplication', changes: { managedIdentities: [] } });
    expect(await errorOf(getToken(() => Promise.resolve(token)))).toMatchObject({
      message: containing('AADSTS700213'),
    });
    expect(await readAssertion(managed?.clientId ?? '')).toBe('');
  });

  it('can use a registered certificate, and no other', async () => {
    const { control } = fixture.identity;
    const keys = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const getToken = (): Promise<unknown> =>
      fixture
        .createClient({
          clientCertificate: { thumbprintSha256: 'a'.repeat(64), privateKey: keys.privateKey },
        })
        .acquireTokenByClientCredential({
          scopes: ['https://graph.microsoft.com/.default'],
          skipCache: true,
        });
    expect(await errorOf(getToken())).toMatchObject({ message: containing('AADSTS700027') });
    await control.editDirectory({ edit: 'updateApplication', changes: { certificates: [keys.publicKey] } });
    expect(await getToken()).toMatchObject({ accessToken: anyString });
  });
});
