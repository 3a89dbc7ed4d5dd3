import { createPublicKey, verify } from 'node:crypto';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';

import type { FaultsInput } from '../../../dev/identity/faults.ts';
import { sampleGroups, samplePeople } from '../../../dev/identity/sampleDirectory.ts';
import type { IdentityFixture } from './identityFixture.ts';
import { openIdentityFixture } from './identityFixture.ts';

const containing = (text: string): unknown => expect.stringContaining(text);

let fixture: IdentityFixture;

beforeAll(async () => {
  fixture = await openIdentityFixture();
});
afterAll(() => fixture.close());
beforeEach(async () => {
  await fixture.identity.control.clearFaults();
  await fixture.identity.control.clearRequests();
});

const setFaults = (faults: FaultsInput): Promise<void> => fixture.identity.control.setFaults(faults);

const tokenSchema = z.object({ id_token: z.string() });

/** The id_token as it comes, without MSAL. */
async function readIdToken(): Promise<string> {
  const { identity } = fixture;
  const attempt = await fixture.attempt({ loginHint: 'alice@company.com' });
  const response = await fixture.postToken({
    client_id: identity.clientId,
    client_secret: identity.clientSecret,
    grant_type: 'authorization_code',
    code: attempt.answer.get('code') ?? '',
    code_verifier: attempt.verifier,
    redirect_uri: 'http://localhost:7071/sso/callback',
  });
  return tokenSchema.parse(await response.json()).id_token;
}

async function verifyIdToken(idToken: string): Promise<string> {
  const { identity } = fixture;
  const keys = createRemoteJWKSet(new URL(`${identity.url}/${identity.tenantId}/discovery/v2.0/keys`));
  try {
    await jwtVerify(idToken, keys, {
      algorithms: ['RS256'],
      issuer: `${identity.url}/${identity.tenantId}/v2.0`,
      audience: identity.clientId,
    });
    return 'verified';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  }
}

const errorOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'nothing was thrown',
    (error: unknown) => error,
  );

describe('forged id_tokens', () => {
  it('are not created unless a switch is on', async () => {
    expect(await verifyIdToken(await readIdToken())).toBe('verified');
  });

  it('can be signed with another key under the published key id', async () => {
    const genuine = decodeProtectedHeader(await readIdToken());
    await setFaults({ wrongKey: true });
    const forged = await readIdToken();
    expect(decodeProtectedHeader(forged)).toMatchObject({ alg: 'RS256', kid: genuine.kid });
    expect(await verifyIdToken(forged)).toBe('ERR_JWS_SIGNATURE_VERIFICATION_FAILED');
  });

  it('can be signed with a new key, which is published', async () => {
    await setFaults({ signingKey: 'rotated' });
    expect(await verifyIdToken(await readIdToken())).toBe('verified');
  });

  it('can be signed with the application’s own key, which is listed only for the application', async () => {
    await setFaults({ signingKey: 'application' });
    expect(await verifyIdToken(await readIdToken())).toBe('ERR_JWKS_NO_MATCHING_KEY');
  });

  it('can be signed with an unpublished key', async () => {
    await setFaults({ wrongKey: 'unknownKid' });
    expect(await verifyIdToken(await readIdToken())).toBe('ERR_JWKS_NO_MATCHING_KEY');
  });

  it('can be unsigned', async () => {
    await setFaults({ algNone: true });
    const forged = await readIdToken();
    expect(forged.endsWith('.')).toBe(true);
    expect(decodeJwt(forged)['oid']).toBe(samplePeople.alice);
    expect(await verifyIdToken(forged)).toBe('ERR_JOSE_ALG_NOT_ALLOWED');
  });

  it('can be signed with the public key as an HMAC secret', async () => {
    await setFaults({ algHs256: true });
    const forged = await readIdToken();
    expect(decodeProtectedHeader(forged).alg).toBe('HS256');
    expect(await verifyIdToken(forged)).toBe('ERR_JOSE_ALG_NOT_ALLOWED');
  });

  it.each([
    [{ aud: 'somebody-else' }, 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
    [{ iss: 'https://login.example.com' }, 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
    [{ exp: 1 }, 'ERR_JWT_EXPIRED'],
    [{ tid: 'another-tenant', nonce: 'another' }, 'verified'],
  ])('can contain %j, properly signed', async (claimsOverride, outcome) => {
    await setFaults({ claimsOverride });
    const forged = await readIdToken();
    expect(decodeJwt(forged)).toMatchObject(claimsOverride);
    expect(await verifyIdToken(forged)).toBe(outcome);
    const [header = '', payload = '', signature = ''] = forged.split('.');
    const { identity } = fixture;
    const keySet = await (await fetch(`${identity.url}/${identity.tenantId}/discovery/v2.0/keys`)).json();
    const { keys } = z.object({ keys: z.array(z.record(z.string(), z.unknown())) }).parse(keySet);
    const key = createPublicKey({ key: keys[0] ?? {}, format: 'jwk' });
    expect(
      verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url')),
    ).toBe(true);
  });

  it('can lack a claim', async () => {
    await setFaults({ claimsOverride: { oid: null } });
    expect('oid' in decodeJwt(await readIdToken())).toBe(false);
  });

  it('can come from a wrong clock, which also shows in every Date header', async () => {
    const genuine = decodeJwt(await readIdToken());
    await setFaults({ clockSkewSeconds: 3600 });
    const skewed = decodeJwt(await readIdToken());
    for (const claim of ['iat', 'nbf', 'exp'] as const) {
      expect(Math.round(((skewed[claim] ?? 0) - (genuine[claim] ?? 0)) / 60)).toBe(60);
    }
    const { headers } = await fixture.readGraph('/me/memberOf');
    const aheadMs = new Date(headers.get('date') ?? '').getTime() - Date.now();
    expect(Math.round(aheadMs / 60_000)).toBe(60);
  });
});

describe('the groups claim', () => {
  it('can be left out', async () => {
    await setFaults({ dropGroupsClaim: true });
    const claims = decodeJwt((await fixture.signIn('alice@company.com')).idToken);
    expect('groups' in claims || '_claim_names' in claims).toBe(false);
  });

  it('can be too long for some people and not for others', async () => {
    await setFaults({ overageFor: ['alice@company.com'] });
    expect('_claim_names' in decodeJwt((await fixture.signIn('alice@company.com')).idToken)).toBe(true);
    expect(decodeJwt((await fixture.signIn('bob@company.com')).idToken)['groups']).toEqual([
      sampleGroups.production,
    ]);
  });
});

describe('the token endpoint', () => {
  it('answers 429 with Retry-After as often as the switch says', async () => {
    await setFaults({ token: { status: 429, retryAfterSeconds: 7, times: 2 } });
    const form = {
      client_id: fixture.identity.clientId,
      client_secret: fixture.identity.clientSecret,
      grant_type: 'client_credentials',
      scope: 'https://graph.microsoft.com/.default',
    };
    for (const _ of [1, 2]) {
      const refused = await fixture.postToken(form);
      expect(refused.status).toBe(429);
      expect(refused.headers.get('retry-after')).toBe('7');
      expect(await refused.json()).toMatchObject({ error: 'temporarily_unavailable', error_codes: [90033] });
    }
    expect((await fixture.postToken(form)).status).toBe(200);
    const { requests, counts } = await fixture.identity.control.readRequests();
    expect(counts.token).toBe(3);
    expect(requests.map((request) => [request.grantType, request.status])).toEqual([
      ['client_credentials', 429],
      ['client_credentials', 429],
      ['client_credentials', 200],
    ]);
  });

  it('fails for one grant only', async () => {
    await setFaults({ token: { status: 503, grantType: 'client_credentials' } });
    expect((await fixture.signIn('alice@company.com')).idToken).not.toBe('');
    expect(await errorOf(fixture.readAppToken())).toMatchObject({ errorCode: 'temporarily_unavailable' });
  });

  it('answers slowly', async () => {
    await setFaults({ token: { delayMs: 300, times: 1 } });
    const started = performance.now();
    await fixture.readAppToken();
    expect(performance.now() - started).toBeGreaterThanOrEqual(299);
  });

  it('hangs up', async () => {
    await setFaults({ token: { hangUp: true, times: 1 } });
    await expect(fixture.postToken({})).rejects.toThrow('fetch failed');
  });

  it('answers with the error in the switch', async () => {
    await setFaults({ token: { status: 400, error: 'invalid_grant', errorDescription: 'as told' } });
    expect(await (await fixture.postToken({})).json()).toMatchObject({
      error: 'invalid_grant',
      error_description: containing('as told'),
    });
  });

  it('asks for consent (AADSTS65001), with the suberror or without', async () => {
    await setFaults({ consentMissing: { at: 'token' } });
    expect(await errorOf(fixture.signIn('alice@company.com'))).toMatchObject({
      errorCode: 'invalid_grant',
      subError: 'consent_required',
      message: containing('AADSTS65001'),
    });
    await setFaults({ consentMissing: { at: 'token', suberror: false } });
    expect(await errorOf(fixture.signIn('alice@company.com'))).toMatchObject({ subError: '' });
  });

  it('refuses a person until the sign-in answers its challenge', async () => {
    await setFaults({ conditionalAccess: true });
    const error = await errorOf(fixture.signIn('alice@company.com'));
    expect(error).toMatchObject({ errorCode: 'interaction_required', message: containing('AADSTS50076') });
    const { claims } = z.object({ claims: z.string() }).parse(error);
    const answered = await fixture.attempt({ loginHint: 'alice@company.com', claims });
    expect((await fixture.redeem(answered)).idToken).not.toBe('');
  });
});

describe('the way back from the authorize endpoint', () => {
  it('reports that consent is missing', async () => {
    await setFaults({ consentMissing: true });
    const denied = await fixture.attempt({ loginHint: 'alice@company.com' });
    expect(denied.answer.get('error')).toBe('access_denied');
    expect(denied.answer.get('error_description')).toMatch(/^AADSTS65001: /);
    await setFaults({ consentMissing: { at: 'authorize', error: 'consent_required' } });
    const required = await fixture.attempt({ loginHint: 'alice@company.com' });
    expect(required.answer.get('error')).toBe('consent_required');
  });

  it('asks everyone for consent', async () => {
    await setFaults({ askConsent: true });
    expect((await fixture.attempt({ loginHint: 'alice@company.com' })).walk.page).toContain(
      'Permissions requested',
    );
    expect(
      (await fixture.attempt({ loginHint: 'alice@company.com', consent: 'yes' })).answer.has('code'),
    ).toBe(true);
  });

  it('can fail completely', async () => {
    await setFaults({ authorize: { status: 503 } });
    expect((await fixture.attempt({ loginHint: 'alice@company.com' })).walk.status).toBe(503);
  });
});

describe('discovery and keys', () => {
  it('fail when a switch is on, and are counted', async () => {
    const { identity } = fixture;
    const tenant = `${identity.url}/${identity.tenantId}`;
    await setFaults({ jwks: { status: 500 }, discovery: { status: 503, times: 1 } });
    expect((await fetch(`${tenant}/discovery/v2.0/keys`)).status).toBe(500);
    expect((await fetch(`${tenant}/v2.0/.well-known/openid-configuration`)).status).toBe(503);
    expect((await fetch(`${tenant}/v2.0/.well-known/openid-configuration`)).status).toBe(200);
    expect((await identity.control.readRequests()).counts).toMatchObject({
      jwks: 1,
      discovery: 2,
      token: 0,
      graph: 0,
    });
  });

  it('contain the HTTP address for the browser, and HTTPS for everything else', async () => {
    const { identity } = fixture;
    const tenant = `${identity.url}/${identity.tenantId}`;
    expect(await (await fetch(`${tenant}/v2.0/.well-known/openid-configuration`)).json()).toMatchObject({
      issuer: `${tenant}/v2.0`,
      authorization_endpoint: `${identity.browserUrl}/${identity.tenantId}/oauth2/v2.0/authorize`,
      token_endpoint: `${tenant}/oauth2/v2.0/token`,
      jwks_uri: `${tenant}/discovery/v2.0/keys`,
    });
  });
});

describe('Graph', () => {
  it('answers matching calls with the switch’s status, in its own shape', async () => {
    const token = await fixture.readAppToken();
    const { accessToken } = await fixture.signIn('alice@company.com');
    await setFaults({
      graph: { status: 429, retryAfter: 'soon', pathIncludes: 'appRoleAssignedTo', times: 1 },
    });
    const path = `/servicePrincipals/${fixture.identity.servicePrincipalId}/appRoleAssignedTo`;
    expect((await fixture.readGraph('/me/memberOf', accessToken)).status).toBe(200);
    const refused = await fixture.readGraph(path, token);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('soon');
    expect(await refused.json()).toMatchObject({ error: { code: 'TooManyRequests', innerError: {} } });
    expect((await fixture.readGraph(path, token)).status).toBe(200);
  });

  it('fails at one page of a list', async () => {
    const token = await fixture.readAppToken();
    await setFaults({ graph: { status: 502, page: 2 } });
    const path = `/servicePrincipals/${fixture.identity.servicePrincipalId}/appRoleAssignedTo?$top=100`;
    const first = await fixture.readGraph(path, token);
    const next = z.looseObject({ '@odata.nextLink': z.string() }).parse(await first.json())[
      '@odata.nextLink'
    ];
    const read = (url: string): Promise<Response> =>
      fetch(url, { headers: { authorization: `Bearer ${token}` } });
    expect((await read(next)).status).toBe(502);
    await setFaults({});
    expect((await read(next)).status).toBe(200);
  });

  it('answers with text that is not JSON', async () => {
    await setFaults({ graph: { body: '<html>gateway</html>' } });
    const response = await fixture.readGraph('/me/memberOf');
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('<html>gateway</html>');
  });

  it('refuses an application without its permission (403), but not a person', async () => {
    const appToken = await fixture.readAppToken();
    const { accessToken } = await fixture.signIn('alice@company.com');
    await setFaults({ graphPermissionMissing: true });
    const path = `/servicePrincipals/${fixture.identity.servicePrincipalId}/appRoleAssignedTo`;
    const refused = await fixture.readGraph(path, appToken);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ error: { code: 'Authorization_RequestDenied' } });
    expect((await fixture.readGraph('/me/memberOf', accessToken)).status).toBe(200);
  });

  it('links to another origin for the next page', async () => {
    const token = await fixture.readAppToken();
    await setFaults({ nextLinkOrigin: 'https://evil.example' });
    const path = `/servicePrincipals/${fixture.identity.servicePrincipalId}/appRoleAssignedTo`;
    expect(await (await fixture.readGraph(path, token)).json()).toMatchObject({
      '@odata.nextLink': containing('https://evil.example/graph/v1.0/'),
    });
  });
});

describe('the switches', () => {
  it('refuse unknown names, and stay as they were', async () => {
    await setFaults({ algNone: true });
    const response = await fetch(`${fixture.identity.browserUrl}/control/faults`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"algNoen": true}',
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('algNoen');
    expect(await (await fetch(`${fixture.identity.browserUrl}/control/faults`)).json()).toEqual({
      algNone: true,
    });
  });
});
