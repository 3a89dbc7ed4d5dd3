/** The built app without telemetry, and where its bundle is not what it should be. */
import { appendFile, copyFile, cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maxTelemetryBytes } from '../../dev/build/build.ts';
import { type HostProcess, startHostProcess } from '../../dev/host/hostProcess.ts';
import { findBuiltApp } from '../support/builtApp.ts';

/** Valid, and nothing of it answers. */
const SETTINGS = {
  MICROSOFT_TENANT: '11111111-2222-4333-8444-555555555555',
  MICROSOFT_CLIENT_ID: '66666666-7777-4888-8999-aaaaaaaaaaaa',
  MICROSOFT_CLIENT_SECRET: 'a-secret',
  PUBLIC_URL: 'http://localhost:7071',
  AzureWebJobsStorage:
    'DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;QueueEndpoint=http://127.0.0.1:9/a;TableEndpoint=http://127.0.0.1:9/a',
  'AzureWebJobs.provision.Disabled': 'true',
  'AzureWebJobs.provisionPoison.Disabled': 'true',
  'AzureWebJobs.repairMemberIndexes.Disabled': 'true',
  'AzureWebJobs.heartbeat.Disabled': 'true',
};

/** At the end of `main.cjs`: says on the log what the process has loaded, whenever a request was answered. */
const LOADED_PROBE = `
;require('@azure/functions-core').registerHook('postInvocation', () => {
  console.log('LOADED ' + JSON.stringify(Object.keys(require('node:module')._cache).filter((file) => /telemetry|opentelemetry/i.test(file))));
});
`;

let dir: string;
let requests: number;
let server: Server;
let collector: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'untraced-'));
  await cp(await findBuiltApp(), join(dir, 'app'), { recursive: true });
  await appendFile(join(dir, 'app/main.cjs'), LOADED_PROBE);
  requests = 0;
  server = createServer((_request, response) => {
    requests += 1;
    response.end('{}');
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  collector = `http://127.0.0.1:${address.port}`;
});
afterAll(async () => {
  server.close();
  await rm(dir, { recursive: true });
});

async function withHost<T>(
  options: { readonly appDir: string; readonly env?: Readonly<Record<string, string>> },
  run: (host: HostProcess) => Promise<T>,
): Promise<T> {
  const host = await startHostProcess({ appDir: options.appDir, env: { ...SETTINGS, ...options.env } });
  try {
    return await run(host);
  } finally {
    await host.stop();
  }
}

const linesWith = (host: HostProcess, text: string): readonly string[] =>
  host.logs().filter((line) => line.includes(text));

/** A copy of the app whose telemetry bundle is this. */
async function appWith(name: string, telemetry: string | undefined): Promise<string> {
  const appDir = join(dir, name);
  await mkdir(appDir);
  for (const file of ['main.cjs', 'host.json', 'package.json']) {
    await copyFile(join(dir, 'app', file), join(appDir, file));
  }
  if (telemetry !== undefined) await writeFile(join(appDir, 'telemetry.cjs'), telemetry);
  return appDir;
}

describe('the bundles', () => {
  it('keep OpenTelemetry out of the first', async () => {
    const main = (await readFile(join(dir, 'app/main.cjs'), 'utf8')).toLowerCase();
    const words = ['@opentelemetry', 'batchspanprocessor', 'meterprovider', 'statsbeat'];
    expect(words.filter((word) => main.includes(word))).toEqual([]);
    const telemetry = (await readFile(join(dir, 'app/telemetry.cjs'), 'utf8')).toLowerCase();
    expect(words.filter((word) => !telemetry.includes(word))).toEqual([]);
  });

  it('keep the second below its limit', async () => {
    expect((await stat(join(dir, 'app/telemetry.cjs'))).size).toBeLessThan(maxTelemetryBytes);
  });
});

describe('where nothing is set', () => {
  it('loads nothing of it and sends nothing', async () => {
    await withHost({ appDir: join(dir, 'app') }, async (host) => {
      expect((await fetch(`${host.url}/api/me`)).status).toBe(401);
      await expect.poll(() => linesWith(host, 'LOADED')).toHaveLength(1);
      expect(linesWith(host, 'LOADED')[0]).toContain('LOADED []');
      expect(linesWith(host, '"event":"request.failed"')[0]).not.toContain('traceId');
    });
    expect(requests).toBe(0);
  });

  it('loads nothing where settings are wrong, whatever else is set', async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector, MICROSOFT_TENANT: 'common' };
    await withHost({ appDir: join(dir, 'app'), env }, async (host) => {
      expect((await fetch(`${host.url}/api/me`)).status).toBe(503);
      await expect.poll(() => linesWith(host, 'LOADED')[0]).toContain('LOADED []');
    });
    expect(requests).toBe(0);
  });
});

describe('where an endpoint is set', () => {
  it('loads the second bundle, at the first invocation and not before', async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector };
    await withHost({ appDir: join(dir, 'app'), env }, async (host) => {
      expect(linesWith(host, 'LOADED')).toEqual([]);
      expect((await fetch(`${host.url}/api/me`)).status).toBe(401);
      await expect.poll(() => linesWith(host, 'LOADED')[0]).toContain('telemetry.cjs');
      await expect.poll(() => requests, { timeout: 5_000 }).toBeGreaterThan(0);
      expect(linesWith(host, '"event":"request.failed"')[0]).toContain('traceId');
    });
  });

  it.each([
    ['is missing', undefined],
    ['is broken', 'this is not JavaScript'],
    ['is something else', 'exports.hello = 1;'],
    ['fails to start', "exports.createTelemetry = () => { throw new Error('no'); };"],
  ])('and the second bundle %s: runs without it and says so once', async (what, telemetry) => {
    const appDir = await appWith(what.replaceAll(' ', '-'), telemetry);
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector };
    await withHost({ appDir, env }, async (host) => {
      for (let count = 0; count < 3; count += 1) {
        expect((await fetch(`${host.url}/api/me`)).status).toBe(401);
      }
      const faults = linesWith(host, '"event":"telemetry.fault"');
      expect(faults).toHaveLength(1);
      expect(faults[0]).toContain(' error ');
    });
  });
});
