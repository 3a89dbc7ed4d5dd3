import { QueueClient } from '@azure/storage-queue';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { sampleManyGroupsCount, samplePeople } from '../../dev/identity/sampleDirectory.ts';
import { readPerson, readRows } from '../support/e2eRows.ts';
import { type E2eStack, QUEUES_OFF, startE2eStack, waitForLog } from '../support/e2eStack.ts';
import { type Answer, signInUntilDone, Visitor } from '../support/e2eVisitor.ts';

const detailSchema = z.object({
  status: z.string(),
  configuration: z.object({ status: z.string(), faults: z.array(z.string()) }),
  storage: z.object({ status: z.string(), error: z.string().optional() }),
  directory: z.looseObject({ status: z.string(), hint: z.string().optional() }),
  functions: z.object({
    status: z.string(),
    timers: z
      .record(
        z.string(),
        z.looseObject({ succeeded_at: z.string().optional(), period_seconds: z.number(), late: z.boolean() }),
      )
      .default({}),
    queues: z
      .record(z.string(), z.object({ queue: z.string(), succeeded_at: z.string().optional() }))
      .default({}),
  }),
  accepted_groups: z.looseObject({ version: z.string(), groups: z.number() }).optional(),
  brake: z
    .looseObject({ version: z.string(), hint: z.string(), lostCount: z.number(), groupCount: z.number() })
    .optional(),
});

/** Groups of the sample: Production Team, the empty one, and those of the person with many. */
const groupCount = sampleManyGroupsCount + 2;
/** More than a fifth of them. */
const lostCount = 60;

let stack: E2eStack;

beforeAll(async () => {
  stack = await startE2eStack();
});
afterAll(async () => stack?.close());

const get = async (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  new Visitor(stack.url).request(path, { headers });

async function readDetail(): Promise<z.infer<typeof detailSchema> & { readonly http: number }> {
  const { status, body } = await get('/api/health/detail', { 'x-functions-key': stack.functionKey });
  return { ...detailSchema.parse(JSON.parse(body)), http: status };
}

const heartbeatSchema = z.object({
  timers: z.array(z.object({ name: z.string(), ageSeconds: z.number(), periodSeconds: z.number() })),
  queues: z.array(z.object({ name: z.string(), oldestSeconds: z.number().optional() })),
});

/** Runs the timer `heartbeat` and returns its event. */
async function runHeartbeat(): Promise<z.infer<typeof heartbeatSchema>> {
  const before = stack.host.logs().length;
  await fetch(`${stack.url}/admin/functions/heartbeat`, { method: 'POST' });
  const line = await waitForLog(stack, (each) => each.includes('"event":"heartbeat"'), before);
  return heartbeatSchema.parse(JSON.parse(line.slice(line.indexOf('{'))));
}

describe('health', () => {
  it('asks storage and directory once in 30 seconds, however often it is asked', async () => {
    await stack.control.clearRequests();
    stack.storage.forget();
    await Promise.all(Array.from({ length: 20 }, async () => [await get('/api/health'), await readDetail()]));
    expect((await stack.control.readRequests()).counts).toMatchObject({ token: 0, graph: 1 });
    // One for health, one for the detail.
    const asked = stack.storage.tables().filter((request) => request.startsWith('GET EntraAssignedGroups('));
    expect(asked).toHaveLength(2);
  });

  it('is 200 without a body', async () => {
    expect(await get('/api/health')).toMatchObject({ status: 200, body: '' });
  });

  it.each([
    ['/', 200],
    ['/api/health', 200],
    ['/api/health/detail', 404],
    ['/api/me', 404],
    ['/api/provisioning/x', 404],
    ['/sso/login', 404],
    ['/sso/callback?code=x&state=y', 404],
    ['/sso/logout', 404],
  ])('answers HEAD %s with %i and no body', async (path, status) => {
    const headers = { 'x-functions-key': stack.functionKey };
    const answer = await new Visitor(stack.url).request(path, { method: 'HEAD', headers });
    expect(answer).toMatchObject({ status, body: '', cookies: [] });
    // Only our own answers have this header.
    expect(answer.headers.get('cache-control')).toBe(status === 200 ? 'no-store' : null);
  });

  it('shows its detail only with the function key', async () => {
    expect(await get('/api/health/detail')).toMatchObject({ status: 401, body: '' });
    expect((await get('/api/health/detail', { 'x-functions-key': 'guessed' })).status).toBe(401);
    expect((await get(`/api/health/detail?code=${stack.functionKey}`)).status).toBe(200);
  });

  it('is ok, with the groups in force', async () => {
    expect(await readDetail()).toMatchObject({
      http: 200,
      status: 'ok',
      configuration: { status: 'ok', faults: [] },
      storage: { status: 'ok' },
      directory: { status: 'ok', assigned_groups: groupCount },
      accepted_groups: { groups: groupCount, incomplete: [] },
    });
    const { body } = await get(`/api/health/detail?code=${stack.functionKey}`);
    expect(body).not.toContain(stack.identity.clientSecret);
    expect(body).not.toContain('AccountKey');
  });

  it('shows when each function that runs by itself succeeded last, and a heartbeat that counts them', async () => {
    await signInUntilDone(stack.url, 'alice@company.com');
    const from = Date.now();
    await stack.runAssignedGroups();
    const event = await runHeartbeat();
    expect(event.timers.map(({ name, periodSeconds }) => [name, periodSeconds])).toEqual([
      ['assignedGroups', 600],
      ['heartbeat', 600],
      ['repairMemberIndexes', 86_400],
    ]);
    expect(event.queues.map(({ name }) => name)).toEqual(['provision', 'provision-poison']);
    // A new process, because the detail is kept for 30 seconds.
    await stack.restartHost();
    const { status, functions } = await readDetail();
    expect([status, functions.status]).toEqual(['ok', 'ok']);
    const { timers, queues } = functions;
    expect(Object.keys(timers)).toEqual(['assignedGroups', 'heartbeat', 'repairMemberIndexes']);
    expect(Object.values(timers).map(({ late }) => late)).toEqual([false, false, false]);
    expect(timers['assignedGroups']).toMatchObject({ period_seconds: 600 });
    expect(Date.parse(timers['assignedGroups']?.succeeded_at ?? '')).toBeGreaterThan(from);
    expect(Date.parse(timers['heartbeat']?.succeeded_at ?? '')).toBeGreaterThan(from);
    expect(Date.parse(queues['provision']?.succeeded_at ?? '')).toBeGreaterThan(0);
    // It has never run.
    expect(queues['provisionPoison']).toEqual({ queue: 'provision-poison' });
  });

  it('says how long a message has waited that no function takes', async () => {
    await stack.restartHost({ ...QUEUES_OFF });
    await runHeartbeat();
    await new QueueClient(stack.storageConnectionString, 'provision').sendMessage('d2FpdGluZw==');
    const [provision] = (await runHeartbeat()).queues;
    const { oldestSeconds: first = -1 } = provision ?? {};
    expect(first).toBeGreaterThanOrEqual(0);
    await new Promise((resolve) => {
      setTimeout(resolve, 1500);
    });
    const [later] = (await runHeartbeat()).queues;
    expect(later?.oldestSeconds).toBeGreaterThan(first);
    await new QueueClient(stack.storageConnectionString, 'provision').clearMessages();
    await stack.restartHost();
  });

  it('is degraded while a Graph permission is missing, and says what to grant', async () => {
    await stack.control.setFaults({ graphPermissionMissing: true });
    await stack.restartHost();
    const detail = await readDetail();
    expect(detail).toMatchObject({
      http: 200,
      status: 'degraded',
      directory: { status: 'failing', error: 'directory_permission_missing' },
    });
    expect(detail.directory.hint).toContain('Application.Read.All');
    expect((await get('/api/health')).status).toBe(200);
    await stack.control.clearFaults();
  });

  it('is failing, 503, where storage does not answer', async () => {
    const unreachable = stack.settings['AzureWebJobsStorage']?.replace(
      /(TableEndpoint=http:\/\/127\.0\.0\.1:)\d+/,
      '$11',
    );
    await stack.restartHost({ AzureWebJobsStorage: unreachable ?? '' });
    expect(await get('/api/health')).toMatchObject({ status: 503, body: '' });
    expect(await readDetail()).toMatchObject({
      http: 503,
      status: 'failing',
      storage: { status: 'failing', error: 'storage_unavailable' },
    });
    const home = await get('/sso/login');
    expect(home.status).toBe(503);
    expect(home.body).toContain('<code>storage_unavailable</code>');
  });
});

describe('the brake', () => {
  let version: string;

  beforeAll(async () => {
    await stack.restartHost({ ASSIGNED_GROUPS_ACCEPT: 'of-another-list' });
    // Graph always reports her groups: Entra's claim would leave out what is no longer assigned.
    await stack.control.setFaults({ overageFor: ['mary@company.com'] });
    await signInUntilDone(stack.url, 'mary@company.com');
    const { groups } = await stack.control.readDirectory();
    const many = groups.filter((group) => group.memberIds.includes(samplePeople.manyGroups));
    await stack.control.editDirectory(
      ...many.slice(0, lostCount).map(({ id }) => ({ edit: 'unassignGroup' as const, group: id })),
    );
  });

  const membershipsOfMary = async (): Promise<number> =>
    (await readPerson(stack.storageConnectionString, samplePeople.manyGroups)).teams.length;

  it('holds back a list that lost more than a fifth, and says how to accept it, and by no other version', async () => {
    expect(await stack.runAssignedGroups()).toMatch(/error assignedGroups .*"decision":"held_back"/);
    const { status, brake, accepted_groups: accepted } = await readDetail();
    expect(status).toBe('degraded');
    expect(accepted).toMatchObject({ groups: groupCount });
    expect(brake).toMatchObject({ lostCount, groupCount: groupCount - lostCount });
    version = brake?.version ?? '';
    expect(brake?.hint).toContain(`ASSIGNED_GROUPS_ACCEPT=${version}`);
  });

  it('removes nothing meanwhile', async () => {
    const { me } = await signInUntilDone(stack.url, 'mary@company.com');
    expect(me.teams).toHaveLength(sampleManyGroupsCount);
    expect(await membershipsOfMary()).toBe(sampleManyGroupsCount);
  });

  it('is released by the version: the groups count no more, what they were stays', async () => {
    await stack.restartHost({ ASSIGNED_GROUPS_ACCEPT: version });
    const refreshed = await stack.runAssignedGroups();
    expect(refreshed).toMatch(/information assignedGroups .*"decision":"accepted"/);
    expect(refreshed).toContain(`"version":"${version}"`);
    const detail = await readDetail();
    expect(detail).toMatchObject({
      status: 'ok',
      accepted_groups: { version, groups: groupCount - lostCount },
    });
    expect(detail).not.toHaveProperty('brake');

    const { me } = await signInUntilDone(stack.url, 'mary@company.com');
    expect(me.teams).toHaveLength(sampleManyGroupsCount - lostCount);
    expect(await membershipsOfMary()).toBe(sampleManyGroupsCount - lostCount);
    // Teams are created and never deleted.
    expect(await readRows(stack.storageConnectionString, 'teams')).toHaveLength(groupCount);
  });
});
