import { QueueClient } from '@azure/storage-queue';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleGroups } from '../../dev/identity/sampleDirectory.ts';
import { type E2eStack, QUEUES_OFF, startE2eStack } from '../support/e2eStack.ts';
import { Visitor } from '../support/e2eVisitor.ts';

/** Two that are wrong, and one that is meant to be secret where it does not belong. */
const wrong = {
  ENTRA_GROUPS_ALSO_CREATE_ORGS: 'maybe',
  MICROSOFT_TENANT: 'contoso.onmicrosoft.com',
  MICROSOFT_CLIENT_SECRET: '@Microsoft.KeyVault(SecretUri=https://vault.example/secrets/hush)',
};

let stack: E2eStack;
let visitor: Visitor;

const routes = [
  ['GET', '/'],
  ['GET', '/sso/login'],
  ['GET', '/sso/callback?code=x&state=y'],
  ['POST', '/sso/logout'],
  ['GET', '/api/me'],
  ['GET', '/api/provisioning/x'],
] as const;

async function readDetail(): Promise<{ readonly status: number; readonly body: string }> {
  const headers = { 'x-functions-key': stack.functionKey };
  return new Visitor(stack.url).request('/api/health/detail', { headers });
}

beforeAll(async () => {
  stack = await startE2eStack();
  await stack.restartHost(QUEUES_OFF);
  visitor = new Visitor(stack.url);
  await visitor.signIn('bob@company.com');
});
afterAll(async () => stack?.close());

describe('with wrong settings', () => {
  let from: number;

  beforeAll(async () => {
    from = stack.host.logs().length;
    await stack.restartHost(wrong);
  });

  it.each(routes)('%s %s answers with the one error, which names the settings', async (method, path) => {
    const answer = await visitor.request(path, { method });
    expect(answer.status).toBe(503);
    for (const setting of Object.keys(wrong)) expect(answer.body).toContain(setting);
    expect(answer.body).toMatch(/This service isn’t set up correctly/);
    expect(answer.body).not.toContain('maybe');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.cookies).toEqual([]);
  });

  it('health is 503 without a body', async () => {
    expect(await visitor.request('/api/health')).toMatchObject({ status: 503, body: '' });
  });

  it('the detail says what each setting got and what is valid, and no secret', async () => {
    const { status, body } = await readDetail();
    expect(status).toBe(503);
    const detail: unknown = JSON.parse(body);
    expect(detail).toMatchObject({
      status: 'failing',
      configuration: { status: 'failing' },
      storage: { status: 'not_checked' },
    });
    expect(body).toContain('ENTRA_GROUPS_ALSO_CREATE_ORGS: got \\"maybe\\"; expected `true` or `false`');
    expect(body).toContain('MICROSOFT_TENANT: got \\"contoso.onmicrosoft.com\\"');
    expect(body).toContain('MICROSOFT_CLIENT_SECRET');
    expect(body).not.toContain('hush');
    expect(body).not.toContain('AccountKey');
    expect((await visitor.request('/api/health/detail')).status).toBe(401);
  });

  it('leaves the message in the queue: no queue function runs', async () => {
    for (const name of [
      'provision',
      'provisionPoison',
      'assignedGroups',
      'repairMemberIndexes',
      'heartbeat',
    ]) {
      const { status } = await fetch(`${stack.url}/admin/functions/${name}`, { method: 'POST' });
      expect([name, status]).toEqual([name, 404]);
    }
    const queue = new QueueClient(stack.storageConnectionString, 'provision');
    const { peekedMessageItems } = await queue.peekMessages();
    expect(peekedMessageItems.map(({ dequeueCount }) => dequeueCount)).toEqual([0]);
  });

  it('writes the faults to the log, without secrets, and lives on', () => {
    const log = stack.host.logs().slice(from);
    const fault = log.find((line) => line.includes('"event":"configuration.fault"'));
    expect(fault).toContain('MICROSOFT_TENANT: got');
    expect(log.join('\n')).not.toMatch(/hush|AccountKey/);
    expect(() => process.kill(stack.host.pid(), 0)).not.toThrow();
  });

  it('continues where it stopped once they are right: session and message are still valid', async () => {
    await stack.restartHost();
    const me = await visitor.waitFor('done');
    expect(me.teams).toEqual([expect.objectContaining({ team_id: sampleGroups.production })]);
  });
});

describe('the emulator’s addresses', () => {
  it.each([
    ['on a site in Azure', { WEBSITE_SITE_NAME: 'my-app' }, 'WEBSITE_SITE_NAME'],
    ['without the explicit setting', { DEVELOPMENT_ENDPOINTS: 'false' }, 'DEVELOPMENT_ENTRA_URL'],
  ])('are refused %s: no one is sent to them', async (_where, settings, named) => {
    await stack.restartHost(settings);
    const login = await new Visitor(stack.url).request('/sso/login');
    expect([login.status, login.location]).toEqual([503, '']);
    const { status, body } = await readDetail();
    expect(status).toBe(503);
    expect(body).toContain(named);
    // The session of before, sealed under the same keys, opens nothing either.
    expect((await visitor.request('/api/me')).status).toBe(503);
  });

  it('are accepted on a developer’s machine, in any case', async () => {
    await stack.restartHost({ DEVELOPMENT_ENDPOINTS: 'True', ENTRA_GROUPS_ALSO_CREATE_ORGS: 'TRUE' });
    expect((await visitor.request('/api/me')).status).toBe(200);
  });
});
