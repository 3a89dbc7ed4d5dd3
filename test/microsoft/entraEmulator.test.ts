/** The real adapters against the identity emulator, whose provider is as strict as Entra, over TLS. */
import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FaultsInput } from '../../dev/identity/faults.ts';
import {
  sampleApplication,
  sampleGroups,
  sampleManyGroupsCount,
  samplePeople,
} from '../../dev/identity/sampleDirectory.ts';
import { walkSignIn } from '../../dev/identity/signInWalk.ts';
import { createAppTokens } from '../../shared/microsoft/appTokens.ts';
import { createEntraIdentity } from '../../shared/microsoft/entraIdentity.ts';
import { createGraphDirectory } from '../../shared/microsoft/graphDirectory.ts';
import { outgoingFetch } from '../../shared/platform/outgoingFetch.ts';
import { createAssertion, createManagedIdentity } from '../../shared/microsoft/managedIdentity.ts';
import { type Config, Secret } from '../../shared/config/config.ts';
import { AppError } from '../../shared/model/errors.ts';
import { signInError } from '../../shared/microsoft/signInError.ts';
import type { Clock, Directory, Identity } from '../../shared/model/ports.ts';
import { type IdentityFixture, openIdentityFixture, redirectUri } from '../dev/identity/identityFixture.ts';

const clock: Clock = { now: () => new Date() };
const fetch = outgoingFetch;
const base64url = (text: string): string => createHash('sha256').update(text).digest('base64url');

let fixture: IdentityFixture;
let config: Config['entra'];
let identity: Identity;

function createDirectory(): Directory {
  const appTokens = createAppTokens({ entra: config, clock, fetch, timeoutMs: 5_000 });
  return createGraphDirectory({
    graphBaseUrl: config.graphBaseUrl,
    servicePrincipalId: fixture.identity.servicePrincipalId,
    appToken: async (options) => (await appTokens(options)).token,
    fetch,
    clock,
    sleep: async () => {},
  });
}

beforeAll(async () => {
  fixture = await openIdentityFixture();
  const { url, browserUrl, tenantId, clientId, clientSecret, graphBaseUrl, servicePrincipalId } =
    fixture.identity;
  const authority = `${url}/${tenantId}`;
  config = {
    tenantId,
    clientId,
    credential: { kind: 'secret', secret: new Secret(clientSecret) },
    servicePrincipalId,
    groupsClaimIsApplicationGroup: true,
    authority,
    issuer: `${authority}/v2.0`,
    jwksUri: `${authority}/discovery/v2.0/keys`,
    authorizationEndpoint: `${browserUrl}/${tenantId}/oauth2/v2.0/authorize`,
    tokenEndpoint: `${authority}/oauth2/v2.0/token`,
    graphBaseUrl,
    endpointsAreOverridden: true,
  };
  // More than two pages of 999.
  await fixture.identity.control.editDirectory({
    edit: 'createManyGroups',
    count: 2000,
    prefix: 'long',
    members: ['mary@company.com'],
  });
});
afterAll(() => fixture.close());
beforeEach(async () => {
  await fixture.identity.control.clearFaults();
  // Its own signing keys and its own clock of reading them, so that one test's faults stay its own.
  identity = createEntraIdentity({ entra: config, redirectUri, clock, fetch });
});

interface Walked {
  readonly query: URLSearchParams;
  readonly redeem: () => ReturnType<Identity['redeemCode']>;
}

/** To the authorize endpoint, over its http address as a browser would, and back with its answer. */
async function walk(loginHint: string, claims?: string): Promise<Walked> {
  const codeVerifier = `${randomUUID()}${randomUUID()}`;
  const url = await identity.createAuthorizeUrl({
    state: 'state-1',
    nonce: 'nonce-1',
    codeChallenge: base64url(codeVerifier),
    loginHint,
    ...(claims === undefined ? {} : { claims }),
  });
  const query = (await walkSignIn(url)).redirect?.searchParams ?? new URLSearchParams();
  return {
    query,
    redeem: () => identity.redeemCode({ code: query.get('code') ?? '', codeVerifier, nonce: 'nonce-1' }),
  };
}

const signIn = async (login: string): ReturnType<Identity['redeemCode']> => (await walk(login)).redeem();

describe('a sign-in', () => {
  it('returns the person, the assigned groups and a token that Graph accepts', async () => {
    const { claims, accessToken } = await signIn('alice@company.com');
    expect(claims).toMatchObject({
      userId: samplePeople.alice,
      tenantId: config.tenantId,
      email: 'alice@company.com',
      groups: { kind: 'listed', groupIds: [sampleGroups.production] },
    });
    const { groupIds, observedAt } = await createDirectory().readMyGroupIds(accessToken);
    expect(groupIds).toContain(sampleGroups.production);
    expect(Math.abs(Date.parse(observedAt) - Date.now())).toBeLessThan(10_000);
  });

  it('asks the token endpoint once and never for a discovery document', async () => {
    await signIn('alice@company.com');
    const { redeem } = await walk('alice@company.com');
    await fixture.identity.control.clearRequests();
    await redeem();
    const { requests } = await fixture.identity.control.readRequests();
    expect(requests.map((request) => request.kind)).toEqual(['token']);
  });

  it('sees overage and reads every page of both lists, of three', async () => {
    const { claims, accessToken } = await signIn('mary@company.com');
    expect(claims.groups).toEqual({ kind: 'overage' });
    const { groupIds } = await createDirectory().readMyGroupIds(accessToken);
    expect(groupIds).toHaveLength(sampleManyGroupsCount + 2000);
    expect(new Set(groupIds).size).toBe(groupIds.length);
    expect((await createDirectory().readAssignedGroups()).map((group) => group.id)).toEqual(
      expect.arrayContaining(['long-1', 'long-2000']),
    );
  });

  it('works with a federated credential: a managed identity’s token instead of a secret', async () => {
    process.env['IDENTITY_ENDPOINT'] = fixture.identity.managedIdentityEndpoint;
    process.env['IDENTITY_HEADER'] = fixture.identity.managedIdentityHeader;
    identity = createEntraIdentity({
      entra: { ...config, credential: { kind: 'federated', managedIdentityClientId: 'any' } },
      redirectUri,
      clock,
      fetch,
      assertion: createAssertion(
        createManagedIdentity({ clock, fetch, clientId: sampleApplication.managedIdentity.clientId }),
      ),
    });
    await expect(signIn('alice@company.com')).resolves.toMatchObject({
      claims: { userId: samplePeople.alice },
    });
    delete process.env['IDENTITY_ENDPOINT'];
    delete process.env['IDENTITY_HEADER'];
  });

  it('answers a claims challenge when it is replayed', async () => {
    await fixture.identity.control.setFaults({ conditionalAccess: true });
    const error: unknown = await signIn('alice@company.com').catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'interaction_required' });
    const challenge = error instanceof AppError ? String(error.details['claims']) : '';
    const { redeem } = await walk('alice@company.com', challenge);
    await expect(redeem()).resolves.toMatchObject({ claims: { userId: samplePeople.alice } });
  });
});

describe('a code', () => {
  it('is refused the second time', async () => {
    const { redeem } = await walk('alice@company.com');
    await redeem();
    await expect(redeem()).rejects.toMatchObject({ code: 'code_refused' });
  });

  it('of another attempt is refused by its challenge', async () => {
    const one = await walk('alice@company.com');
    const codeVerifier = `${randomUUID()}${randomUUID()}`;
    const stolen = identity.redeemCode({ code: one.query.get('code') ?? '', codeVerifier, nonce: 'nonce-1' });
    await expect(stolen).rejects.toMatchObject({ code: 'code_refused', details: { aadsts: '501481' } });
  });
});

describe('a callback that brings an error', () => {
  it.each<readonly [string, FaultsInput, string]>([
    ['ulrich@company.com', {}, 'not_assigned'],
    ['alice@company.com', { consentMissing: true }, 'consent_missing'],
  ])('%s with %j is %s', async (login, faults, code) => {
    await fixture.identity.control.setFaults(faults);
    const { query } = await walk(login);
    expect(query.get('code')).toBeNull();
    const error = signInError({
      error: query.get('error') ?? undefined,
      description: query.get('error_description') ?? undefined,
    });
    expect(error.code).toBe(code);
  });
});

describe('what the emulator forges or breaks', () => {
  it.each<readonly [FaultsInput, string]>([
    [{ wrongKey: true }, 'id_token_invalid'],
    [{ wrongKey: 'unknownKid' }, 'signing_key_unknown'],
    [{ algNone: true }, 'id_token_invalid'],
    [{ algHs256: true }, 'id_token_invalid'],
    [{ claimsOverride: { iss: 'https://evil.example/v2.0' } }, 'id_token_invalid'],
    [{ claimsOverride: { aud: 'another' } }, 'id_token_invalid'],
    [{ claimsOverride: { nonce: 'another' } }, 'id_token_invalid'],
    [{ claimsOverride: { exp: 1 } }, 'id_token_invalid'],
    [{ claimsOverride: { oid: null } }, 'id_token_invalid'],
    [{ claimsOverride: { sub: null } }, 'id_token_invalid'],
    [{ claimsOverride: { sub: 12 } }, 'id_token_invalid'],
    [{ claimsOverride: { iat: 1e15 } }, 'id_token_invalid'],
    [{ claimsOverride: { azp: 'another' } }, 'id_token_invalid'],
    [{ tokenAnswer: { scope: 7 } }, 'id_token_invalid'],
    [{ tokenAnswer: { id_token: null } }, 'id_token_invalid'],
    [{ tokenAnswer: { access_token: {} } }, 'id_token_invalid'],
    [{ tokenAnswer: { token_type: 'mac' } }, 'id_token_invalid'],
    [{ tokenAnswer: { error: 'server_error' } }, 'microsoft_unreachable'],
    [{ claimsOverride: { tid: 'another' } }, 'wrong_tenant'],
    [{ clockSkewSeconds: 3600 }, 'clock_skew'],
    [{ consentMissing: { at: 'token' } }, 'consent_missing'],
    [{ consentMissing: { at: 'token', suberror: false } }, 'consent_missing'],
    [{ token: { status: 503, retryAfterSeconds: 60 } }, 'microsoft_unreachable'],
    [{ token: { hangUp: true } }, 'microsoft_unreachable'],
    [{ token: { status: 200, body: '<html>' } }, 'microsoft_unreachable'],
    [{ jwks: { status: 500 } }, 'microsoft_unreachable'],
    [{ jwks: { hangUp: true } }, 'microsoft_unreachable'],
  ])('%j is %s', async (faults, code) => {
    const { redeem } = await walk('alice@company.com');
    await fixture.identity.control.setFaults(faults);
    await expect(redeem()).rejects.toMatchObject({ code });
  });
});

describe('keys of the emulator', () => {
  it.each(['rotated', 'application'] as const)(
    'that are %s verify the id_token at once',
    async (signingKey) => {
      const { redeem } = await walk('alice@company.com');
      await fixture.identity.control.setFaults({ signingKey });
      await expect(redeem()).resolves.toMatchObject({ claims: { userId: samplePeople.alice } });
    },
  );
});

describe('the directory', () => {
  it('returns the assigned groups, also the empty one, by id and name', async () => {
    const groups = await createDirectory().readAssignedGroups();
    expect(groups).toContainEqual({ id: sampleGroups.production, displayName: 'Production Team' });
    expect(groups).toContainEqual({ id: sampleGroups.empty, displayName: 'Research Team' });
    expect(groups.map((group) => group.id)).not.toContain(sampleGroups.notAssigned);
  });

  it.each<readonly [FaultsInput, string]>([
    [{ graphPermissionMissing: true }, 'directory_permission_missing'],
    [{ graph: { status: 500 } }, 'directory_unreachable'],
    [{ graph: { hangUp: true } }, 'directory_unreachable'],
    [{ graph: { status: 429, retryAfterSeconds: 600 } }, 'directory_unreachable'],
    [{ graph: { status: 200, body: '{"error":"x"}' } }, 'directory_answer_invalid'],
    [{ token: { status: 503 } }, 'microsoft_unreachable'],
  ])('%j is %s', async (faults, code) => {
    await fixture.identity.control.setFaults(faults);
    await expect(createDirectory().readAssignedGroups()).rejects.toMatchObject({ code });
  });

  it('survives what passes', async () => {
    await fixture.identity.control.setFaults({ graph: { status: 502, times: 2 } });
    await expect(createDirectory().readAssignedGroups()).resolves.not.toEqual([]);
  });

  it('sends no token to another origin', async () => {
    const { accessToken } = await signIn('mary@company.com');
    await fixture.identity.control.setFaults({ nextLinkOrigin: 'https://evil.example' });
    await expect(createDirectory().readMyGroupIds(accessToken)).rejects.toMatchObject({
      code: 'directory_answer_invalid',
      details: { fault: 'foreign_next_link' },
    });
  });
});
