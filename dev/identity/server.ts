/** The two servers of the emulator: HTTPS for the application, HTTP for the browser and the control API. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Provider } from 'oidc-provider';

import { createEmulatorListener } from '../emulator/emulatorListener.ts';
import { FaultSwitches } from '../emulator/faults.ts';
import { listenOnLoopback } from '../emulator/loopbackServer.ts';
import type { LoopbackServer } from '../emulator/loopbackServer.ts';
import { RequestRecord } from '../emulator/requestRecord.ts';
import { dressAuthorizeAnswers, prepareAuthorizeRequest } from './authorizeEndpoint.ts';
import { createControlRoutes } from './control.ts';
import type { Directory } from './directory.ts';
import { renderDiscovery } from './discovery.ts';
import { tenantPath } from './emulator.ts';
import type { Emulator } from './emulator.ts';
import { entraErrors, renderTokenError } from './entraErrors.ts';
import { actOutEndpointFault, takeFault } from './faults.ts';
import type { Faults } from './faults.ts';
import { renderOtherKeys } from './forgedToken.ts';
import { handleGraph, isGraphPath } from './graph.ts';
import type { IdentityState } from './identityState.ts';
import { handleInteraction } from './interaction.ts';
import { handleManagedIdentity } from './managedIdentity.ts';
import { renderFrontPage } from './pages.ts';
import { createProvider, routes } from './provider.ts';
import type { RecordedRequest, RequestKind } from './recordedRequest.ts';
import { admitTokenRequest, dressTokenAnswers } from './tokenEndpoint.ts';

/** Where App Service has its endpoint for managed identities. */
export const managedIdentityPath = '/msi/token';

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly recorded: RecordedRequest;
}

interface Parts {
  readonly emulator: Emulator;
  readonly provider: Provider;
  readonly callback: (request: IncomingMessage, response: ServerResponse) => unknown;
}

/** Returns the prefix of a path in the tenant. Discovery is below `/v2.0`, the other endpoints are not. */
function findTenantPrefix(emulator: Emulator, path: string): string | undefined {
  const tenant = tenantPath(emulator);
  return [`${tenant}/v2.0`, tenant].find((prefix) => path.startsWith(`${prefix}/`));
}

function classify(emulator: Emulator, path: string): RequestKind {
  if (path === managedIdentityPath) {
    return 'managedIdentity';
  }
  const prefix = findTenantPrefix(emulator, path);
  if (prefix === undefined) {
    return isGraphPath(emulator, path) ? 'graph' : 'other';
  }
  const inTenant = path.slice(prefix.length);
  if (inTenant.startsWith('/interaction/')) {
    return 'interaction';
  }
  if (inTenant.startsWith(routes.authorization)) {
    return 'authorize';
  }
  const kinds = new Map<string, RequestKind>([
    ['/.well-known/openid-configuration', 'discovery'],
    [routes.jwks, 'jwks'],
    [routes.token, 'token'],
  ]);
  return kinds.get(inTenant) ?? 'other';
}

function startRecord(
  emulator: Emulator,
  request: IncomingMessage,
  response: ServerResponse,
): RecordedRequest {
  const { pathname, search } = new URL(request.url ?? '/', emulator.origin);
  const kind = classify(emulator, pathname);
  const recorded: RecordedRequest = {
    kind,
    method: request.method ?? '',
    path: kind === 'graph' ? `${pathname}${search}` : pathname,
    at: new Date().toISOString(),
    status: 0,
    durationMs: 0,
  };
  return emulator.record.start(recorded, response);
}

/** Passes a request to the provider, whose routes lack the tenant's prefix. */
async function passToProvider({ emulator, callback }: Parts, exchange: Exchange): Promise<void> {
  const { request, response } = exchange;
  const original = request.url ?? '/';
  const prefix = findTenantPrefix(emulator, original.split('?')[0] ?? '/') ?? '';
  // From the original address the provider learns where it is mounted.
  Object.assign(request, { originalUrl: original, url: original.slice(prefix.length) });
  await callback(request, response);
}

async function handleToken(parts: Parts, exchange: Exchange): Promise<void> {
  const admitted = await admitTokenRequest(parts.emulator, exchange);
  if (admitted !== undefined) {
    await passToProvider(parts, { ...exchange, request: admitted });
  }
}

async function handleProviderKind(
  parts: Parts,
  exchange: Exchange,
  kind: 'discovery' | 'jwks' | 'authorize',
): Promise<void> {
  const { emulator } = parts;
  const { request, response } = exchange;
  const renderTransient = (): object => renderTokenError(entraErrors.transient, emulator.now());
  if (await actOutEndpointFault(takeFault(emulator.faults, kind), response, renderTransient)) {
    return;
  }
  if (kind === 'discovery') {
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
    response.end(JSON.stringify(renderDiscovery(emulator)));
    return;
  }
  const { searchParams } = new URL(request.url ?? '/', emulator.origin);
  const otherKeys = kind === 'jwks' ? renderOtherKeys(emulator, searchParams) : undefined;
  if (otherKeys !== undefined) {
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
    response.end(JSON.stringify(otherKeys));
    return;
  }
  if (kind === 'authorize') {
    prepareAuthorizeRequest(request);
  }
  await passToProvider(parts, exchange);
}

async function handle(parts: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { emulator, provider } = parts;
  response.setHeader('date', emulator.now().toUTCString());
  const recorded = startRecord(emulator, request, response);
  const exchange = { request, response, recorded };
  const { kind } = recorded;
  switch (kind) {
    case 'graph':
      return handleGraph(emulator, exchange);
    case 'interaction':
      return handleInteraction(emulator, provider, exchange);
    case 'managedIdentity':
      return handleManagedIdentity(emulator, request, response);
    case 'token':
      return handleToken(parts, exchange);
    case 'discovery':
    case 'jwks':
    case 'authorize':
      return handleProviderKind(parts, exchange, kind);
    default:
      response.writeHead(recorded.path === '/' ? 200 : 404, { 'content-type': 'text/html; charset=utf-8' });
      response.end(renderFrontPage(emulator.directory()));
      return undefined;
  }
}

export interface ServeOptions {
  readonly state: IdentityState;
  /** 0 takes any free port. */
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
  const faults = new FaultSwitches<Faults>({});
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

/** Starts both servers and resolves once they answer. Rejects with `EADDRINUSE` for a port in use. */
export async function serveEmulator(options: ServeOptions): Promise<RunningEmulator> {
  const { keyPem, certificatePem } = options.state.certificate;
  const servers: LoopbackServer[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(servers.map(async (server) => server.close()));
  };
  try {
    const secure = await listenOnLoopback(options.port, { key: keyPem, cert: certificatePem });
    servers.push(secure);
    const plain = await listenOnLoopback(options.browserPort);
    servers.push(plain);
    const emulator = createEmulator(options, { https: secure.port, http: plain.port });
    const provider = createProvider(emulator);
    dressTokenAnswers(emulator, provider);
    dressAuthorizeAnswers(emulator, provider);
    const parts: Parts = { emulator, provider, callback: provider.callback() };
    const listener = createEmulatorListener({
      name: 'identity emulator',
      control: createControlRoutes(emulator),
      handle: (request, response) => handle(parts, request, response),
    });
    for (const server of servers) {
      server.serve(listener);
    }
    return { emulator, close };
  } catch (error) {
    await close();
    throw error;
  }
}
