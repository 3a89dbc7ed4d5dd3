/** The built telemetry bundle against an ingestion endpoint of our own, alone and within the app. */
import { appendFile, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startHostProcess } from '../../dev/host/hostProcess.ts';
import { parseConfig } from '../../shared/config/config.ts';
import type { TelemetryBundle } from '../../shared/telemetry/startTelemetry.ts';
import type { Tracing } from '../../shared/telemetry/tracing.ts';
import { findBuiltApp } from '../support/builtApp.ts';
import { type Envelope, type IngestionDouble, startIngestionDouble } from './ingestionDouble.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SENT_BY = 'b7ad6b7169203331';

const SETTINGS = {
  MICROSOFT_TENANT: '11111111-2222-4333-8444-555555555555',
  MICROSOFT_CLIENT_ID: '66666666-7777-4888-8999-aaaaaaaaaaaa',
  MICROSOFT_CLIENT_SECRET: 'a-secret',
  PUBLIC_URL: 'http://localhost:7071',
  AzureWebJobsStorage:
    'DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;QueueEndpoint=http://127.0.0.1:9/a;TableEndpoint=http://127.0.0.1:9/a',
};
const DISABLED = {
  'AzureWebJobs.provision.Disabled': 'true',
  'AzureWebJobs.provisionPoison.Disabled': 'true',
  'AzureWebJobs.repairMemberIndexes.Disabled': 'true',
  'AzureWebJobs.heartbeat.Disabled': 'true',
};

/**
 * At the end of `main.cjs`: says on the log whom this process connects to. What waits for a random time waits the least, and what
 * happens every few minutes happens every second.
 */
const CONNECT_PROBE = `
;Math.random = () => 0;
const { setInterval } = globalThis;
globalThis.setInterval = (run, ms, ...rest) => setInterval(run, ms > 60_000 ? 1_000 : ms, ...rest);
const { Socket } = require('node:net');
const connect = Socket.prototype.connect;
Socket.prototype.connect = function (...args) {
  const [options] = Array.isArray(args[0]) ? args[0] : args;
  console.log('CONNECT ' + (options.host ?? 'localhost') + ':' + options.port);
  return connect.apply(this, args);
};
`;

let dir: string;
let ingestion: IngestionDouble;
const trusted = getCACertificates('default');

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'insights-'));
  await cp(await findBuiltApp(), dir, { recursive: true });
});
afterAll(async () => {
  setDefaultCACertificates(trusted);
  await rm(dir, { recursive: true });
});
beforeEach(async () => {
  ingestion = await startIngestionDouble();
  setDefaultCACertificates([...trusted, ingestion.caPem]);
});
afterEach(async () => ingestion.close());

/** Through the settings, as the app does it. */
function create(credential?: { readonly token: string }): Tracing {
  const { monitoring } = parseConfig({
    ...SETTINGS,
    APPLICATIONINSIGHTS_CONNECTION_STRING: `${ingestion.connectionString};`,
  });
  const connectionString = monitoring?.applicationInsights?.connectionString ?? '';
  const bundle = z
    .custom<TelemetryBundle>((loaded) => typeof loaded === 'object')
    .parse(createRequire(import.meta.url)(join(dir, 'telemetry.cjs')));
  return bundle.createTelemetry({
    serviceName: 'the-site',
    instanceId: 'instance-1',
    applicationInsights: {
      connectionString,
      ...(credential === undefined
        ? {}
        : {
            credential: {
              getToken: async (scopes) => ({
                token: `${credential.token} for ${String(scopes)}`,
                expiresOnTimestamp: Date.now() + 3_600_000,
              }),
            },
          }),
    },
  });
}

const find = (name: string): Envelope['data'] | undefined =>
  ingestion.envelopes().find(({ data }) => data.baseData.name === name)?.data;

async function runOne(tracing: Tracing): Promise<void> {
  const parent = `00-${TRACE}-${SENT_BY}-01`;
  await tracing.run({ name: 'process provision', kind: 'consumer', parent }, async (message) => {
    message.set({ 'app.outcome': 'done' });
    const table = {
      'db.system.name': 'azure.tables',
      'db.operation.name': 'find',
      'server.address': 'a.table',
    };
    await tracing.run({ name: 'find LiteLLMUserTable', kind: 'client', attributes: table }, async () => 1);
    const request = {
      'http.request.method': 'GET',
      'http.response.status_code': 429,
      'server.address': 'graph',
    };
    await tracing.run({ name: 'GET /v1.0/me/memberOf', kind: 'client', attributes: request }, async (span) =>
      span.fail('429'),
    );
  });
  await tracing.run({ name: 'callback', kind: 'internal', parent }, async () => 1);
}

describe('the exporters of Azure Monitor', () => {
  it('write spans as rows with names, under the trace of the message', async () => {
    const tracing = create();
    await runOne(tracing);
    await tracing.flush(5_000);
    expect(find('process provision')).toMatchObject({
      baseType: 'RequestData',
      baseData: { success: true, properties: { 'app.outcome': 'done' } },
    });
    expect(find('find LiteLLMUserTable')).toMatchObject({
      baseType: 'RemoteDependencyData',
      baseData: { type: 'azure.tables', target: 'a.table', success: true },
    });
    expect(find('GET /v1.0/me/memberOf')).toMatchObject({
      baseData: { type: 'Http', target: 'graph', resultCode: '429', success: false },
    });
    expect(find('callback')).toMatchObject({ baseData: { type: 'InProc' } });
    const rows = ingestion.envelopes().filter(({ data }) => data.baseType !== 'MetricData');
    expect(rows).toHaveLength(4);
    for (const { tags } of rows) {
      expect(tags).toMatchObject({
        'ai.operation.id': TRACE,
        'ai.cloud.role': 'the-site',
        'ai.cloud.roleInstance': 'instance-1',
      });
    }
  });

  it('write metrics as what was counted since the last time', async () => {
    const tracing = create();
    const values = (): readonly number[] =>
      ingestion
        .envelopes()
        .flatMap(({ data }) => data.baseData.metrics ?? [])
        .filter(({ name }) => name === 'signin.outcomes')
        .map(({ value }) => value);
    tracing.add('signin.outcomes', 2, { outcome: 'ok' });
    await tracing.flush(5_000);
    tracing.add('signin.outcomes', 3, { outcome: 'ok' });
    await tracing.flush(5_000);
    await tracing.flush(5_000);
    expect(values()).toEqual([2, 3]);
    const written = ingestion
      .envelopes()
      .find(({ data }) => data.baseData.metrics?.[0]?.name === 'signin.outcomes');
    expect(written?.data.baseData.properties).toEqual({ outcome: 'ok' });
  });

  it('go as the managed identity where one is named', async () => {
    const tracing = create({ token: 'token' });
    await tracing.run({ name: 'one', kind: 'internal' }, async () => 1);
    await tracing.flush(5_000);
    expect(ingestion.authorizations()).toEqual(['Bearer token for https://monitor.azure.com/.default']);
    expect(ingestion.paths()).toEqual(['/v2.1/track']);
  });

  it.each([400, 403, 500])('drop what is refused with %i, and work goes on', async (status) => {
    ingestion.answerWith(status);
    const tracing = create();
    await tracing.run({ name: 'dropped', kind: 'internal' }, async () => 1);
    await expect(tracing.flush(500)).resolves.toBeUndefined();
    ingestion.answerWith(200);
    expect(await tracing.run({ name: 'kept', kind: 'internal' }, async () => 2)).toBe(2);
    await tracing.flush(5_000);
    await expect.poll(() => find('kept'), { timeout: 5_000 }).toBeDefined();
  });
});

describe('the app', () => {
  let platform: Server;
  let asked: string[];
  beforeEach(async () => {
    asked = [];
    platform = createServer((request, response) => {
      const query = new URL(request.url ?? '/', 'http://127.0.0.1').searchParams;
      asked.push(`${query.get('resource')} ${query.get('client_id')}`);
      const expiresAtSeconds = Math.floor(Date.now() / 1000) + 86_400;
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          access_token: 'token-of-the-identity',
          expires_on: String(expiresAtSeconds),
          resource: query.get('resource'),
          token_type: 'Bearer',
        }),
      );
    });
    await new Promise<void>((resolve) => {
      platform.listen(0, '127.0.0.1', resolve);
    });
  });
  afterEach(() => {
    platform.close();
  });

  it('sends as its managed identity, only to the ingestion endpoint', { timeout: 30_000 }, async () => {
    const address = platform.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const caFile = join(dir, 'ca.pem');
    await writeFile(caFile, ingestion.caPem);
    await appendFile(join(dir, 'main.cjs'), CONNECT_PROBE);
    const host = await startHostProcess({
      appDir: dir,
      env: {
        ...SETTINGS,
        ...DISABLED,
        APPLICATIONINSIGHTS_CONNECTION_STRING: ingestion.connectionString,
        APPLICATIONINSIGHTS_AUTHENTICATION_STRING:
          'ClientId=33333333-4444-5555-6666-777777777777;Authorization=AAD',
        IDENTITY_ENDPOINT: `http://127.0.0.1:${address.port}/msi/token`,
        IDENTITY_HEADER: 'header-secret',
        NODE_EXTRA_CA_CERTS: caFile,
        WEBSITE_SITE_NAME: 'the-site',
      },
    });
    try {
      expect((await fetch(`${host.url}/sso/callback?code=c&state=s`)).status).toBe(400);
      await expect.poll(() => find('callback'), { timeout: 5_000 }).toBeDefined();
      // The least time after which the exporter would ask Microsoft for its settings is five seconds.
      await sleep(6_000);
    } finally {
      await host.stop();
    }
    expect(asked).toEqual(['https://monitor.azure.com 33333333-4444-5555-6666-777777777777']);
    expect(new Set(ingestion.authorizations())).toEqual(new Set(['Bearer token-of-the-identity']));
    // Not sent when the host had to end.
    const metrics = ingestion.envelopes().flatMap(({ data }) => data.baseData.metrics ?? []);
    expect(metrics.map(({ name }) => name)).toContain('signin.outcomes');
    const connected = host.logs().flatMap((line) => /CONNECT (\S+)/.exec(line)?.slice(1) ?? []);
    const ingestionPort = /localhost:(\d+)/.exec(ingestion.connectionString)?.[1];
    expect([...new Set(connected)].sort()).toEqual(
      [`127.0.0.1:${address.port}`, `localhost:${ingestionPort}`].sort(),
    );
    const spans = ingestion.envelopes().map(({ data }) => data.baseData.name);
    // What sends the spans makes none.
    expect(spans.filter((name) => name?.includes('token') === true)).toEqual([]);
  });
});
