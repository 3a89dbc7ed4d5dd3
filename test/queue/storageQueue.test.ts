import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { QueueClient } from '@azure/storage-queue';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createStorageQueue } from '../../shared/queue/storageQueue.ts';
import { Secret } from '../../shared/config/config.ts';
import { AppError } from '../../shared/model/errors.ts';
import { MAX_INLINE_BYTES } from '../../shared/queue/queueMessage.ts';
import type { MessageQueue } from '../../shared/model/ports.ts';
import { type Azurite, azuriteConnectionString, startAzurite } from '../support/azurite.ts';

let azurite: Azurite;

beforeAll(async () => {
  azurite = await startAzurite();
});
afterAll(() => azurite.stop());

function createQueue(queueName: string, connectionString = azurite.connectionString): MessageQueue {
  return createStorageQueue({
    storage: { kind: 'connectionString', connectionString: new Secret(connectionString) },
    queueName,
  });
}

async function createClient(name: string): Promise<QueueClient> {
  const client = new QueueClient(azurite.connectionString, name);
  await client.create();
  return client;
}

describe('enqueue, against Azurite', () => {
  it('puts the text as base64 and lets it live for ever', async () => {
    const client = await createClient('one');
    await createQueue('one').enqueue('{"name":"Ødegård"}');
    const [message] = (await client.receiveMessages()).receivedMessageItems;
    expect(Buffer.from(message?.messageText ?? '', 'base64').toString()).toBe('{"name":"Ødegård"}');
    expect(message?.expiresOn.getFullYear()).toBe(9999);
  });

  it('hides a message for its delay', async () => {
    const client = await createClient('two');
    await createQueue('two').enqueue('later', { delaySeconds: 3600 });
    expect((await client.receiveMessages()).receivedMessageItems).toHaveLength(0);
    expect((await client.getProperties()).approximateMessagesCount).toBe(1);
  });

  it('accepts the largest message that carries its groups', async () => {
    await createClient('three');
    await expect(createQueue('three').enqueue('x'.repeat(MAX_INLINE_BYTES))).resolves.toBeUndefined();
  });

  it('refuses where there is no such queue, and where the message is too large', async () => {
    await createClient('four');
    const refused = { code: 'storage_refused', retryable: false };
    await expect(createQueue('nowhere').enqueue('x')).rejects.toMatchObject({
      ...refused,
      details: { queue: 'nowhere', status: 404, storageCode: 'QueueNotFound' },
    });
    await expect(createQueue('four').enqueue('x'.repeat(70_000))).rejects.toMatchObject(refused);
  });
});

describe('check, against Azurite', () => {
  it('passes the check if the queue exists', async () => {
    await createClient('five');
    await expect(createQueue('five').check()).resolves.toBeUndefined();
  });

  it('refuses where there is no such queue, and where the key is wrong', async () => {
    await expect(createQueue('nowhere').check()).rejects.toMatchObject({
      code: 'storage_refused',
      details: { queue: 'nowhere', status: 404 },
    });
    await createClient('six');
    const wrongKey = azurite.connectionString.replace(/AccountKey=[^;]*/, 'AccountKey=d3Jvbmc=');
    await expect(createQueue('six', wrongKey).check()).rejects.toMatchObject({
      code: 'storage_refused',
      details: { status: 403 },
    });
  });
});

describe('peek, against Azurite', () => {
  it('sees what is visible, and neither what is delayed nor what is being worked on', async () => {
    const client = await createClient('peek-one');
    const queue = createQueue('peek-one');
    expect(await queue.peek()).toMatchObject({ messages: [], isComplete: true });
    await queue.enqueue('taken');
    const [taken] = (await client.receiveMessages({ visibilityTimeout: 3600 })).receivedMessageItems;
    await queue.enqueue('delayed', { delaySeconds: 3600 });
    const before = Math.floor(Date.now() / 1000) * 1000;
    const visible = await client.sendMessage('not base64 and not ours');
    const { at, messages, isComplete } = await queue.peek();
    expect(isComplete).toBe(true);
    expect(messages).toEqual([
      { id: visible.messageId, insertedAt: visible.insertedOn.toISOString(), deliveries: 0 },
    ]);
    expect(Date.parse(at)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(at)).toBeLessThanOrEqual(Date.now() + 1000);

    // Visible again after a delivery: the same message, inserted at the same time.
    await client.updateMessage(taken?.messageId ?? '', taken?.popReceipt ?? '', taken?.messageText, 0);
    const again = (await queue.peek()).messages.find(({ id }) => id === taken?.messageId);
    expect(again).toEqual({
      id: taken?.messageId,
      insertedAt: taken?.insertedOn.toISOString(),
      deliveries: 1,
    });
  });

  it('takes nothing', async () => {
    const client = await createClient('peek-two');
    await createQueue('peek-two').enqueue('x');
    await createQueue('peek-two').peek();
    expect((await client.receiveMessages()).receivedMessageItems).toHaveLength(1);
  });

  it('shows a message that was put back with a delay as old as its insertion, once it is visible', async () => {
    await createClient('peek-three');
    const queue = createQueue('peek-three');
    await queue.enqueue('x', { delaySeconds: 2 });
    await expect.poll(async () => (await queue.peek()).messages.length, { timeout: 8000 }).toBe(1);
    const { at, messages } = await queue.peek();
    expect(Date.parse(at) - Date.parse(messages[0]?.insertedAt ?? '')).toBeGreaterThanOrEqual(2000);
  });

  it('says that it may not have seen all', async () => {
    await createClient('peek-four');
    const queue = createQueue('peek-four');
    for (let count = 0; count < 33; count += 1) await queue.enqueue('x');
    const { messages, isComplete } = await queue.peek();
    expect([messages.length, isComplete]).toEqual([32, false]);
  });

  it('refuses where there is no such queue', async () => {
    await expect(createQueue('nowhere').peek()).rejects.toMatchObject({
      code: 'storage_refused',
      details: { queue: 'nowhere', status: 404 },
    });
  });
});

describe('enqueue, against a queue that fails', () => {
  let server: Server | undefined;
  let requests: string[] = [];

  /** Returns the connection string of a queue service that answers with these statuses, the last again and again. */
  async function startService(statuses: readonly number[]): Promise<string> {
    requests = [];
    const left = [...statuses];
    server = createServer((request, response) => {
      requests.push(`${request.method} ${request.headers.authorization ?? 'unsigned'}`);
      const status = (left.length > 1 ? left.shift() : left[0]) ?? 500;
      response.writeHead(status, { 'content-type': 'application/xml' });
      response.end(status === 201 ? '<QueueMessagesList></QueueMessagesList>' : '');
    });
    const started = server;
    await new Promise<void>((resolve) => {
      started.listen(0, '127.0.0.1', resolve);
    });
    const { port } = portOf(started.address());
    const url = `http://127.0.0.1:${port}/devstoreaccount1`;
    return azuriteConnectionString({ queueUrl: url, tableUrl: url });
  }

  function portOf(address: AddressInfo | string | null): AddressInfo {
    if (address === null || typeof address === 'string') throw new Error('the test server has no port');
    return address;
  }

  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  it('costs one request where it succeeds', async () => {
    await createQueue('q', await startService([201])).enqueue('x');
    expect(requests).toHaveLength(1);
  });

  it('costs one request to look at the queue, too', async () => {
    await createQueue('q', await startService([200])).check();
    expect(requests).toHaveLength(1);
    await expect(createQueue('q', await startService([503])).check()).rejects.toMatchObject({
      code: 'storage_unavailable',
      retryable: true,
    });
  });

  it('tries three times in all', async () => {
    await createQueue('q', await startService([503, 500, 201])).enqueue('x');
    expect(requests).toHaveLength(3);
    await expect(createQueue('q', await startService([503])).enqueue('x')).rejects.toMatchObject({
      code: 'storage_unavailable',
      retryable: true,
      details: { queue: 'q', status: 503 },
    });
    expect(requests).toHaveLength(3);
  });

  it('does not try again where it is refused, and hands no signature on', async () => {
    const error: unknown = await createQueue('q', await startService([403]))
      .enqueue('x')
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'storage_refused', retryable: false });
    expect(requests).toHaveLength(1);
    expect(requests[0]).toContain('SharedKey');
    expect(error).not.toHaveProperty('cause');
  });

  it('is unavailable if nothing listens', async () => {
    const connectionString = await startService([201]);
    server?.close();
    await expect(createQueue('q', connectionString).enqueue('x')).rejects.toMatchObject({
      code: 'storage_unavailable',
      retryable: true,
    });
  });
});

describe('a queue reached with a managed identity', () => {
  const storage = {
    kind: 'managedIdentity',
    queueServiceUri: 'https://account.queue.core.windows.net/',
    tableServiceUri: 'https://account.table.core.windows.net/',
  } as const;

  it('needs the identity’s credential', () => {
    expect(() => createStorageQueue({ storage, queueName: 'q' })).toThrow('credential');
  });

  it('hands on why there is no token', async () => {
    const refusal = new AppError('credential_refused', 'no such identity');
    const credential = { getToken: async () => Promise.reject(refusal) };
    await expect(createStorageQueue({ storage, queueName: 'q', credential }).enqueue('x')).rejects.toBe(
      refusal,
    );
  });
});
