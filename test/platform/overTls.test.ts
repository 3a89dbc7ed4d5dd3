/** The identity and directory adapters over real TLS on loopback, with the product’s `fetch` and an authority of our own. */
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import { text } from 'node:stream/consumers';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLoopbackCertificate } from '../../dev/identity/loopbackCertificate.ts';
import { createEntraIdentity } from '../../shared/microsoft/entraIdentity.ts';
import { createGraphDirectory } from '../../shared/microsoft/graphDirectory.ts';
import { outgoingFetch } from '../../shared/platform/outgoingFetch.ts';
import type { Config } from '../../shared/config/config.ts';
import {
  createEntraConfig,
  createEntraDouble,
  type EntraDouble,
  REDIRECT_URI,
} from '../support/entraDouble.ts';
import { createTestClock, TENANT_ID } from '../support/signInDoubles.ts';

const clock = createTestClock();
const fetch = outgoingFetch;
const certificate = await createLoopbackCertificate({ now: new Date(), validDays: 1 });
const trusted = getCACertificates('default');
const redirected: string[] = [];
let entra: EntraDouble;
let server: Server;
let origin: string;
let config: Config['entra'];

/** Serves the double's endpoints, and Graph's list under `/graph`. */
async function startServer(): Promise<void> {
  server = createServer(
    { key: certificate.keyPem, cert: certificate.certificatePem },
    (request, response) => {
      void (async () => {
        const url = `${origin}${request.url ?? '/'}`;
        if (request.url === '/redirected') redirected.push(request.headers.authorization ?? '');
        const answer = request.url?.startsWith('/graph/')
          ? graphAnswer(request.headers.authorization)
          : await entra.fetch(url, { method: request.method ?? 'GET', body: await text(request) });
        response.writeHead(answer.status, Object.fromEntries(answer.headers));
        response.end(await answer.text());
      })();
    },
  );
  await new Promise<void>((resolve) => {
    server.listen(0, 'localhost', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the test server has no port');
  origin = `https://localhost:${address.port}`;
}

function graphAnswer(authorization: string | undefined): Response {
  if (authorization === 'Bearer redirect-me') {
    return new Response('', { status: 302, headers: { location: `${origin}/redirected` } });
  }
  if (authorization !== 'Bearer person-token') return new Response('', { status: 401 });
  return Response.json({ value: [{ '@odata.type': '#microsoft.graph.group', id: 'g1' }] });
}

const createIdentity = (): ReturnType<typeof createEntraIdentity> =>
  createEntraIdentity({ entra: config, redirectUri: REDIRECT_URI, clock, fetch });

async function signIn(): ReturnType<ReturnType<typeof createEntraIdentity>['redeemCode']> {
  const identity = createIdentity();
  const codeChallenge = createHash('sha256').update('verifier').digest('base64url');
  const url = await identity.createAuthorizeUrl({ state: 's', nonce: 'n', codeChallenge });
  const code = entra.authorize(url, { claims: { iss: config.issuer } });
  return identity.redeemCode({ code, codeVerifier: 'verifier', nonce: 'n' });
}

const createDirectory = (): ReturnType<typeof createGraphDirectory> =>
  createGraphDirectory({
    graphBaseUrl: config.graphBaseUrl,
    appToken: async () => 'app-token',
    fetch,
    clock,
    sleep: async () => {},
  });

beforeAll(async () => {
  entra = await createEntraDouble(clock);
  await startServer();
  const authority = `${origin}/${TENANT_ID}`;
  config = createEntraConfig({
    authority,
    issuer: `${authority}/v2.0`,
    jwksUri: `${authority}/discovery/v2.0/keys`,
    authorizationEndpoint: `${authority}/oauth2/v2.0/authorize`,
    tokenEndpoint: `${authority}/oauth2/v2.0/token`,
    graphBaseUrl: `${origin}/graph/v1.0`,
    endpointsAreOverridden: true,
  });
});
afterAll(() => {
  setDefaultCACertificates(trusted);
  server.closeAllConnections();
  server.close();
});

describe('over TLS', () => {
  it('trusts no server whose authority is unknown', async () => {
    await expect(signIn()).rejects.toMatchObject({ code: 'microsoft_unreachable', retryable: true });
    expect(entra.requests).toEqual([]);
  });

  it('signs in and reads the directory at an emulator whose authority is trusted', async () => {
    setDefaultCACertificates([...trusted, certificate.certificatePem]);
    const { claims, accessToken } = await signIn();
    expect(claims).toMatchObject({ userId: 'alice-oid', tenantId: TENANT_ID });
    // Both at once, so either may arrive first.
    expect(entra.requests.toSorted()).toEqual(['GET /discovery/v2.0/keys', 'POST /oauth2/v2.0/token']);
    expect((await createDirectory().readMyGroupIds(accessToken)).groupIds).toEqual(['g1']);
  });

  it('sends the token to no other address', async () => {
    setDefaultCACertificates([...trusted, certificate.certificatePem]);
    await expect(createDirectory().readMyGroupIds('redirect-me')).rejects.toMatchObject({
      code: 'directory_answer_invalid',
      details: { status: 302 },
    });
    expect(redirected).toEqual([]);
  });
});
