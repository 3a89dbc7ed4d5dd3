/** The emulator's two doors: https for the application, http for the browser and the control interface. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';

import type { Provider } from 'oidc-provider';

import { dressAuthorizeAnswers, prepareAuthorizeRequest } from './authorizeEndpoint.ts';
import { handleControl } from './control.ts';
import type { Directory } from './directory.ts';
import { graphBaseUrl, issuerOf, tenantPath } from './emulator.ts';
import type { Emulator } from './emulator.ts';
import { entraErrors, renderTokenError } from './entraErrors.ts';
import { actOutFault, FaultSwitches } from './faults.ts';
import { handleGraph, isGraphPath } from './graph.ts';
import { handleInteraction } from './interaction.ts';
import { handleManagedIdentity } from './managedIdentity.ts';
import { renderFrontPage } from './pages.ts';
import { createProvider, routes } from './provider.ts';
import { RequestRecord } from './requestRecord.ts';
import type { RecordedRequest, RequestKind } from './requestRecord.ts';
import type { State } from './stateDirectory.ts';
import { admitTokenRequest, dressTokenAnswers } from './tokenEndpoint.ts';

const managedIdentityPath = '/msi/token';

/** Gives the discovery document as Entra would word it, with the browser's part at the http address. */
function renderDiscovery(emulator: Emulator): object {
  const { tenantId } = emulator.directory();
  const tenant = `${emulator.origin}/${tenantId}`;
  return {
    token_endpoint: `${tenant}${routes.token}`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
    jwks_uri: `${tenant}${routes.jwks}`,
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    issuer: issuerOf(emulator),
    request_uri_parameter_supported: false,
    authorization_endpoint: `${emulator.browserOrigin}/${tenantId}${routes.authorization}`,
    claims_supported: [
      'sub',
      'iss',
      'aud',
      'exp',
      'iat',
      'nonce',
      'preferred_username',
      'name',
      'tid',
      'ver',
      'email',
    ],
    code_challenge_methods_supported: ['S256'],
    msgraph_host: new URL(graphBaseUrl(emulator)).host,
  };
}

/** The path below the tenant, or `undefined` outside of it. Entra has most endpoints beside `/v2.0`, discovery in it. */
function pathInTenant(emulator: Emulator, path: string): string | undefined {
  const tenant = tenantPath(emulator);
  return [`${tenant}/v2.0/`, `${tenant}/`]
    .map((prefix) => prefix.slice(0, -1))
    .find((prefix) => path.startsWith(`${prefix}/`));
}

function classify(emulator: Emulator, path: string): RequestKind {
  const prefix = pathInTenant(emulator, path);
  const inTenant = prefix === undefined ? '' : path.slice(prefix.length);
  if (inTenant === '/.well-known/openid-configuration') {
    return 'discovery';
  }
  if (inTenant === routes.jwks) {
    return 'jwks';
  }
  if (inTenant === routes.token) {
    return 'token';
  }
  if (inTenant.startsWith(routes.authorization)) {
    return 'authorize';
  }
  if (inTenant.startsWith('/interaction/')) {
    return 'interaction';
  }
  return path === managedIdentityPath ? 'managedIdentity' : isGraphPath(emulator, path) ? 'graph' : 'other';
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly recorded: RecordedRequest;
}

type ProviderCallback = (request: IncomingMessage, response: ServerResponse) => unknown;

/** Hands a request to the provider, which knows its routes without the tenant, but must see where it is mounted. */
async function passToProvider(
  emulator: Emulator,
  callback: ProviderCallback,
  exchange: Exchange,
): Promise<void> {
  const { request, response } = exchange;
  const original = request.url ?? '/';
  const prefix = pathInTenant(emulator, original.split('?')[0] ?? '/') ?? '';
  Object.assign(request, { originalUrl: original, url: original.slice(prefix.length) });
  await callback(request, response);
}

function sendJson(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}

interface Doors {
  readonly emulator: Emulator;
  readonly provider: Provider;
  readonly callback: ProviderCallback;
}

async function handleProviderKinds(doors: Doors, exchange: Exchange): Promise<void> {
  const { emulator, callback } = doors;
  const { request, response, recorded } = exchange;
  const { kind } = recorded;
  const renderTransient = (): object => renderTokenError(entraErrors.transient, emulator.now());
  if (kind === 'token') {
    const admitted = await admitTokenRequest(emulator, exchange);
    if (admitted !== undefined) {
      await passToProvider(emulator, callback, { ...exchange, request: admitted });
    }
    return;
  }
  if (kind === 'jwks' || kind === 'discovery' || kind === 'authorize') {
    if (await actOutFault(emulator.faults.take(kind), response, renderTransient)) {
      return;
    }
  }
  if (kind === 'discovery') {
    sendJson(response, renderDiscovery(emulator));
    return;
  }
  if (kind === 'authorize') {
    prepareAuthorizeRequest(request);
  }
  await passToProvider(emulator, callback, exchange);
}

async function handleExchange(doors: Doors, exchange: Exchange): Promise<void> {
  const { emulator, provider } = doors;
  const { request, response, recorded } = exchange;
  switch (recorded.kind) {
    case 'graph':
      return handleGraph(emulator, exchange);
    case 'interaction':
      return handleInteraction(emulator, provider, exchange);
    case 'managedIdentity':
      return handleManagedIdentity(emulator, request, response);
    case 'discovery':
    case 'jwks':
    case 'token':
    case 'authorize':
      return handleProviderKinds(doors, exchange);
    default:
      response.writeHead(recorded.path === '/' ? 200 : 404, { 'content-type': 'text/html; charset=utf-8' });
      response.end(renderFrontPage(emulator.directory()));
      return undefined;
  }
}

function startRecord(
  emulator: Emulator,
  request: IncomingMessage,
  response: ServerResponse,
): RecordedRequest {
  const url = new URL(request.url ?? '/', emulator.origin);
  const startedMs = performance.now();
  const kind = classify(emulator, url.pathname);
  const recorded = emulator.record.add({
    kind,
    method: request.method ?? '',
    path: kind === 'graph' ? `${url.pathname}${url.search}` : url.pathname,
    at: new Date().toISOString(),
    status: 0,
    durationMs: 0,
  });
  response.on('finish', () => {
    recorded.status = response.statusCode;
    recorded.durationMs = Math.round(performance.now() - startedMs);
  });
  return recorded;
}

async function handle(doors: Doors, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { emulator } = doors;
  response.setHeader('date', emulator.now().toUTCString());
  // Another name that leads to this machine (DNS rebinding) is not one of ours.
  if (!/^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/.test(request.headers.host ?? '')) {
    response.writeHead(421).end();
    return;
  }
  if (request.url?.startsWith('/control/') === true) {
    await handleControl(emulator, request, response);
    return;
  }
  await handleExchange(doors, { request, response, recorded: startRecord(emulator, request, response) });
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new Error('the server has no port');
  }
  return address.port;
}

export interface ServeOptions {
  readonly state: State;
  /** 0: any free one. */
  readonly port: number;
  readonly browserPort: number;
  readonly redirectUris: readonly string[];
}

export interface RunningEmulator {
  readonly emulator: Emulator;
  close(): Promise<void>;
}

function createEmulator(
  options: ServeOptions,
  ports: { readonly https: number; readonly http: number },
): Emulator {
  let current: Directory = options.state.directory;
  const faults = new FaultSwitches();
  return {
    origin: `https://localhost:${ports.https}`,
    browserOrigin: `http://localhost:${ports.http}`,
    clientSecret: options.state.clientSecret,
    cookieKey: options.state.cookieKey,
    keys: options.state.signingKeys,
    redirectUris: options.redirectUris,
    faults,
    record: new RequestRecord(),
    managedIdentityHeader: randomBytes(16).toString('hex'),
    directory: () => current,
    changeDirectory: (directory) => {
      options.state.saveDirectory(directory);
      current = directory;
    },
    now: () => new Date(Date.now() + (faults.current.clockSkewSeconds ?? 0) * 1000),
  };
}

/** Starts the emulator on the loopback, both doors open when this resolves. Rejects with `EADDRINUSE` for a port in use. */
export async function serveEmulator(options: ServeOptions): Promise<RunningEmulator> {
  let doors: Doors | undefined;
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    if (doors === undefined) {
      response.writeHead(503).end();
      return;
    }
    handle(doors, request, response).catch((error: unknown) => {
      console.error('identity emulator:', error);
      response.destroy();
    });
  };
  const { keyPem, certificatePem } = options.state.certificates;
  const secure = createHttpsServer({ key: keyPem, cert: certificatePem }, onRequest);
  const plain = createHttpServer(onRequest);
  const close = async (): Promise<void> => {
    const servers = [secure, plain].filter((server) => server.listening);
    const closed = servers.map((server) => once(server, 'close'));
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
    await Promise.all(closed);
  };
  try {
    const ports = {
      https: await listen(secure, options.port),
      http: await listen(plain, options.browserPort),
    };
    const emulator = createEmulator(options, ports);
    const provider = createProvider(emulator);
    dressTokenAnswers(emulator, provider);
    dressAuthorizeAnswers(emulator, provider);
    doors = { emulator, provider, callback: provider.callback() };
    return { emulator, close };
  } catch (error) {
    await close();
    throw error;
  }
}
