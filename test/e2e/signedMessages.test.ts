/** People who may write to storage, or hold the host's key, try to make the running app believe messages of their own. */
import { randomUUID } from 'node:crypto';
import { QueueClient } from '@azure/storage-queue';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { sampleGroups } from '../../dev/identity/sampleDirectory.ts';
import type { Tables } from '../../shared/model/tables.ts';
import { type InlineMessage, serializeProvisionMessage } from '../../shared/queue/queueMessage.ts';
import { type FailedMessage, FailureStore } from '../../shared/storage/failureStore.ts';
import { packJson } from '../../shared/storage/tables/packedBytes.ts';
import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { readPerson } from '../support/e2eRows.ts';
import { type E2eStack, startE2eStack, waitForLog } from '../support/e2eStack.ts';
import { signInUntilDone } from '../support/e2eVisitor.ts';
import { waitUntil } from '../support/e2eWait.ts';
import { sealOf } from '../support/messageSeals.ts';

let stack: E2eStack;
let tables: Tables;

beforeAll(async () => {
  stack = await startE2eStack({
    env: { AzureFunctionsJobHost__extensions__queues__visibilityTimeout: '00:00:00' },
  });
  tables = createAzureTables({
    connection: { kind: 'connectionString', connectionString: stack.storageConnectionString },
  });
});
afterAll(async () => stack?.close());

const put = async (text: string, queue = 'provision'): Promise<void> => {
  await new QueueClient(stack.storageConnectionString, queue).sendMessage(
    Buffer.from(text).toString('base64'),
  );
};

const waitForFailure = async (text: string): Promise<FailedMessage> =>
  waitUntil(
    async () =>
      (await new FailureStore(tables, 'provision').read()).failures.find((failure) => failure.text === text),
    () => stack.host.logs().slice(-20).join('\n'),
  );

/** What an attacker would like to be true. */
function wish(changes: Partial<InlineMessage> = {}): InlineMessage {
  return {
    version: 1,
    id: randomUUID(),
    observed_at: new Date().toISOString(),
    person: { user_id: randomUUID(), tenant_id: stack.tenantId, app_roles: ['proxy_admin'] },
    groups_source: 'claim',
    group_ids: [sampleGroups.production],
    ...changes,
  };
}

const isUnknown = async (userId: string): Promise<boolean> => {
  const { user, teams, organizations } = await readPerson(stack.storageConnectionString, userId);
  return user === undefined && teams.length === 0 && organizations.length === 0;
};

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function redrive(body: unknown, key: string = stack.functionKey): Promise<Answer> {
  const response = await fetch(`${stack.url}/api/operations/redrive`, {
    method: 'POST',
    headers: { 'x-functions-key': key },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

describe('a message that this app did not sign', () => {
  it.each<[string, (message: InlineMessage) => Promise<string>]>([
    ['as JSON', async (message) => Promise.resolve(serializeProvisionMessage(message))],
    [
      'with a wrong signature',
      async (message) =>
        Promise.resolve(`v2 k000001 ${'A'.repeat(43)} ${serializeProvisionMessage(message)}`),
    ],
    [
      'signed for the other queue',
      async (message) => sealOf(stack, 'litellm-sync').sign(serializeProvisionMessage(message)),
    ],
    [
      'signed for another tenant',
      async (message) =>
        sealOf({ ...stack, tenantId: randomUUID() }).sign(serializeProvisionMessage(message)),
    ],
    [
      'with the signature of another message',
      async (message) => {
        const ours = await sealOf(stack).sign(serializeProvisionMessage(wish({ group_ids: [] })));
        return `${ours.split(' ').slice(0, 3).join(' ')} ${serializeProvisionMessage(message)}`;
      },
    ],
  ])('is kept, reported and never run: %s', async (_what, forge) => {
    const trace = randomUUID().replaceAll('-', '');
    const from = stack.host.logs().length;
    const message = wish({ traceparent: `00-${trace}-b7ad6b7169203331-01` });
    const text = await forge(message);
    await put(text);
    const failure = await waitForFailure(text);
    expect(failure).toMatchObject({ reason: 'message_not_authentic', authentic: false });
    expect(failure).not.toHaveProperty('userId');
    expect(await isUnknown(message.person.user_id)).toBe(true);
    await waitForLog(stack, (line) => line.includes('"event":"provision.failure"'), from);
    // Nothing of the message is read: neither its person nor its trace.
    const logged = stack.host.logs().slice(from).join('\n');
    expect(logged).toContain('"code":"message_not_authentic"');
    expect(logged).not.toContain(message.person.user_id);
    expect(logged).not.toContain(trace);
    expect(await redrive({ id: failure.id, again: true })).toMatchObject({
      status: 200,
      body: { redriven: 0, not_authentic: 1 },
    });
  });

  it('does not lock a person out, although it is a real message that is dated ahead', async () => {
    const text = await sealOf(stack).sign(serializeProvisionMessage(wish()));
    const ahead = text.replace(
      /"observed_at":"[^"]+"/,
      `"observed_at":"${new Date(Date.now() + 240_000).toISOString()}"`,
    );
    expect(ahead).not.toBe(text);
    await put(ahead);
    expect(await waitForFailure(ahead)).toMatchObject({ reason: 'message_not_authentic' });
    const { me } = await signInUntilDone(stack.url, 'alice@company.com');
    expect(me.provisioning.status).toBe('done');
  });

  it('in the poison queue is kept as such too', async () => {
    const message = wish();
    const text = serializeProvisionMessage(message);
    await put(text, 'provision-poison');
    expect(await waitForFailure(text)).toMatchObject({ authentic: false });
    expect(await isUnknown(message.person.user_id)).toBe(true);
  });
});

describe('a message of this app', () => {
  it('is provisioned, and a copy of it changes nothing', async () => {
    const message = wish({ person: { ...wish().person, app_roles: [] } });
    const text = await sealOf(stack).sign(serializeProvisionMessage(message));
    await put(text);
    const person = await waitUntil(
      async () => {
        const read = await readPerson(stack.storageConnectionString, message.person.user_id);
        return read.user?.['run_state'] === 'applied' ? read : undefined;
      },
      () => stack.host.logs().slice(-20).join('\n'),
    );
    const from = stack.host.logs().length;
    await put(text);
    await waitForLog(stack, (line) => line.includes('"status":"already_done"'), from);
    expect(await readPerson(stack.storageConnectionString, message.person.user_id)).toEqual(person);
  });
});

describe('running a queue function by hand', () => {
  it.each(['provision', 'provisionPoison'])('%s with a made-up message provisions nothing', async (name) => {
    const message = wish();
    for (const input of [
      serializeProvisionMessage(message),
      `v2 k000001 ${'A'.repeat(43)} ${JSON.stringify(message)}`,
    ]) {
      const from = stack.host.logs().length;
      const { status } = await fetch(`${stack.url}/admin/functions/${name}`, {
        method: 'POST',
        body: JSON.stringify({ input }),
      });
      expect(status).toBe(202);
      await waitForLog(stack, (line) => line.includes('message_not_authentic'), from);
    }
    expect(await isUnknown(message.person.user_id)).toBe(true);
    const { unreadable, failures } = await new FailureStore(tables, 'provision').read();
    expect(unreadable).toEqual([]);
    expect(
      failures.filter(
        ({ userId, text, authentic }) =>
          userId === message.person.user_id || (authentic && text.includes(message.id)),
      ),
    ).toEqual([]);
  });
});

describe('POST /api/operations/redrive', () => {
  it('needs a function key', async () => {
    expect((await redrive({ all: true }, 'wrong')).status).toBe(401);
    const response = await fetch(`${stack.url}/api/operations/redrive`, {
      method: 'POST',
      body: '{"all":true}',
    });
    expect(response.status).toBe(401);
    expect((await fetch(`${stack.url}/api/operations/redrive`)).status).toBe(404);
  });

  it.each([
    { body: '', status: 400, code: 'request_invalid' },
    { body: 'all', status: 400, code: 'request_invalid' },
    { body: '{}', status: 400, code: 'request_invalid' },
    { body: '{"id":"no-such-message"}', status: 404, code: 'not_found' },
  ])('answers the body $body with the product’s error', async ({ body, status, code }) => {
    const answer = await redrive(body);
    expect(answer.status).toBe(status);
    const shape = z.object({
      error: z.object({ code: z.literal(code), message: z.string(), correlation_id: z.string() }),
    });
    expect(shape.safeParse(answer.body).error).toBeUndefined();
  });

  it('does not believe a row that somebody wrote by hand as authentic', async () => {
    const message = wish();
    const rowKey = randomUUID();
    await tables.write(TABLES.failures, {
      kind: 'create',
      key: { partitionKey: 'provision', rowKey },
      properties: {
        reason: 'storage_unavailable',
        failed_at: new Date().toISOString(),
        authentic: true,
        user_id: message.person.user_id,
        ...packJson('text', serializeProvisionMessage(message)),
      },
    });
    expect(await redrive({ id: rowKey })).toMatchObject({
      status: 200,
      body: { redriven: 0, not_authentic: 1 },
    });
    expect(await isUnknown(message.person.user_id)).toBe(true);
  });
});
