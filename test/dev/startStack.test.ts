import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TableClient } from '@azure/data-tables';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { requireResettable } from '../../dev/stack/resetStateDir.ts';
import { type Stack, startStack } from '../../dev/stack/startStack.ts';

let stateDir: string;
let stack: Stack;

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'stack-'));
  stack = await startStack({ stateDir, inMemory: true, env: { ALLOWED_EMAIL_DOMAINS: 'company.com' } });
});

afterAll(async () => {
  await stack?.stop();
  await rm(stateDir, { recursive: true, force: true });
});

async function readStackFile(): Promise<unknown> {
  return JSON.parse(await readFile(join(stateDir, 'stack.json'), 'utf8'));
}

test('serves the app, and sends people to the emulator to sign in', async () => {
  const home = await fetch(stack.url);
  const login = await fetch(`${stack.url}/sso/login`, { redirect: 'manual' });
  expect(home.status).toBe(200);
  expect(home.headers.get('content-type')).toContain('text/html');
  expect(login.status).toBe(302);
  expect(login.headers.get('location')).toContain(`${stack.browserUrl}/${stack.tenantId}/`);
});

test('passes the emulator, the defaults and the caller’s settings to the app', () => {
  expect(stack.settings).toMatchObject({
    PUBLIC_URL: stack.url,
    MICROSOFT_TENANT: stack.tenantId,
    MICROSOFT_CLIENT_ID: stack.clientId,
    ENTRA_GROUPS_ALSO_CREATE_ORGS: 'true',
    ALLOWED_EMAIL_DOMAINS: 'company.com',
    AzureWebJobsStorage: stack.storageConnectionString,
  });
});

test('has run the timers before it is ready', async () => {
  expect(
    stack.host.logs().filter((line) => line.includes(' assignedGroups Executed (Succeeded')),
  ).toHaveLength(1);
  expect((await stack.control.readRequests()).requests.length).toBeGreaterThan(0);
});

test('creates the tables and queues', async () => {
  const users = TableClient.fromConnectionString(stack.storageConnectionString, TABLES.users, {
    allowInsecureConnection: true,
  });
  const rows: unknown[] = [];
  for await (const row of users.listEntities()) {
    rows.push(row);
  }
  expect(rows).toEqual([]);
});

test('writes its addresses into stack.json', async () => {
  expect(await readStackFile()).toEqual({
    url: stack.url,
    identityUrl: stack.identityUrl,
    storageConnectionString: stack.storageConnectionString,
    functionKey: stack.functionKey,
    pid: process.pid,
  });
  // Its owner alone may read the keys.
  expect((await stat(join(stateDir, 'stack.json'))).mode & 0o077).toBe(0);
});

test('does not start twice with the same folder', async () => {
  await expect(startStack({ stateDir })).rejects.toThrow(`already runs at ${stack.url}`);
});

test('restarts the host with other settings at the same address', async () => {
  const before = stack.host.logs().length;
  await stack.restartHost({ MICROSOFT_TENANT: 'not a tenant' });
  const broken = await fetch(`${stack.url}/api/health`);
  await stack.restartHost();
  const restored = await fetch(`${stack.url}/api/health`);
  expect([broken.status, restored.status]).toEqual([503, 200]);
  expect(stack.host.logs().length).toBeGreaterThan(before);
});

test('reports a process that ends unexpectedly, and still stops', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'stack-'));
  const appDir = join(stateDir, 'app');
  const other = await startStack({ stateDir: dir, inMemory: true, appDir, isBuilt: true, runTimers: false });
  process.kill(other.host.pid(), 'SIGKILL');
  const failure = await other.failed;
  await other.stop();
  expect(failure).toMatchObject({ name: 'Functions host', how: 'signal SIGKILL' });
  await expect(readFile(join(dir, 'stack.json'))).rejects.toThrow('ENOENT');
  await expect(fetch(other.browserUrl)).rejects.toThrow('fetch failed');
  await rm(dir, { recursive: true });
});

test('leaves only files in its folder that --reset knows', async () => {
  const used = await mkdtemp(join(tmpdir(), 'used-'));
  const kept = await startStack({ stateDir: used, litellmVersion: '1.101.6', runTimers: false });
  await kept.stop();
  await expect(requireResettable(used)).resolves.toBeUndefined();
  await rm(used, { recursive: true });
});
