import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type QueueClient, QueueServiceClient } from '@azure/storage-queue';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ReceivedMessage } from '../../../dev/host/queueMessage.ts';
import { processMessage } from '../../../dev/host/queueProcessor.ts';
import { type Azurite, startAzurite } from '../../../dev/stack/azurite.ts';

const options = {
  batchSize: 16,
  newBatchThreshold: 8,
  maxDequeueCount: 2,
  visibilityTimeoutMs: 1_000,
  maxPollingIntervalMs: 100,
  messageEncoding: 'none',
} as const;

let azurite: Azurite;
let queue: QueueClient;
let poison: QueueClient;

beforeAll(async () => {
  azurite = await startAzurite();
});

afterAll(async () => {
  await azurite.stop();
});

beforeEach(async () => {
  const service = QueueServiceClient.fromConnectionString(azurite.connectionString);
  queue = service.getQueueClient(`q-${randomUUID()}`);
  poison = service.getQueueClient(`${queue.name}-poison`);
  await queue.create();
});

async function receive(
  visibilityTimeout: number,
  from: QueueClient = queue,
): Promise<ReceivedMessage | undefined> {
  return (await from.receiveMessages({ visibilityTimeout })).receivedMessageItems[0];
}

async function requireMessage(visibilityTimeout: number): Promise<ReceivedMessage> {
  const message = await receive(visibilityTimeout);
  if (message === undefined) {
    throw new Error('The queue is empty.');
  }
  return message;
}

async function fail(): Promise<never> {
  throw new Error('deliberate');
}

test('keeps a message hidden for as long as its function runs, then deletes it', async () => {
  await queue.sendMessage('long');
  const message = await requireMessage(1);
  const outcome = processMessage({ queue, poison, options, leaseSeconds: 1 }, message, async () =>
    sleep(2_500),
  );
  await sleep(2_000);
  const seenMeanwhile = await receive(1);
  expect(seenMeanwhile).toBeUndefined();
  expect(await outcome).toBe('deleted');
  expect((await queue.getProperties()).approximateMessagesCount).toBe(0);
});

test('hides a failed message for the visibility time-out', async () => {
  await queue.sendMessage('again');
  expect(await processMessage({ queue, poison, options }, await requireMessage(30), fail)).toBe('comes back');
  expect(await receive(1)).toBeUndefined();
  await sleep(1_100);
  expect(await receive(1)).toMatchObject({ messageText: 'again', dequeueCount: 2 });
});

test('moves a message that was delivered too often to the poison queue without a run, and creates that queue', async () => {
  await queue.sendMessage('crashed');
  const message = { ...(await requireMessage(30)), dequeueCount: 3 };
  let ran = false;
  const outcome = await processMessage({ queue, poison, options }, message, async () => {
    ran = true;
  });
  expect({ outcome, ran }).toEqual({ outcome: 'moved to the poison queue', ran: false });
  expect(await receive(1, poison)).toMatchObject({ messageText: 'crashed' });
});

test('leaves a failed message of a poison queue hidden until its lease ends, any number of times', async () => {
  await queue.sendMessage('stubborn');
  const message = { ...(await requireMessage(3)), dequeueCount: 99 };
  const quick = { ...options, visibilityTimeoutMs: 0 };
  expect(await processMessage({ queue, poison: undefined, options: quick }, message, fail)).toBe(
    'comes back',
  );
  expect(await receive(1)).toBeUndefined();
  await sleep(3_100);
  expect(await receive(1)).toMatchObject({ messageText: 'stubborn' });
});

const base64 = { ...options, messageEncoding: 'base64' } as const;

test.each([
  ['a lone continuation byte', [0x80]],
  ['Latin-1', [0x4d, 0xfc, 0x6c, 0x6c, 0x65, 0x72]],
  ['a cut character', [0x61, 0xe2, 0x82]],
  ['an encoded surrogate', [0xed, 0xa0, 0x80]],
])('counts base64 that is not UTF-8 as a failed attempt and runs nothing: %s', async (_what, bytes) => {
  await queue.sendMessage(Buffer.from(bytes).toString('base64'));
  const quick = { ...base64, visibilityTimeoutMs: 0 };
  const runs: string[] = [];
  const run = async (text: string): Promise<void> => void runs.push(text);
  const first = await processMessage({ queue, poison, options: quick }, await requireMessage(30), run);
  const second = await processMessage({ queue, poison, options: quick }, await requireMessage(30), run);
  expect([first, second]).toEqual(['comes back', 'moved to the poison queue']);
  expect(runs).toEqual([]);
});

test('moves a text that is not base64 at its first delivery, and runs nothing', async () => {
  await queue.sendMessage('not base64!');
  const message = await requireMessage(30);
  expect(await processMessage({ queue, poison, options: base64 }, message, fail)).toBe(
    'moved to the poison queue',
  );
  expect(await receive(1, poison)).toMatchObject({ messageText: 'not base64!' });
});

test('passes on a text with a byte order mark and every character of UTF-8', async () => {
  const text = '\uFEFFmüller 😀 \u0000';
  await queue.sendMessage(Buffer.from(text).toString('base64'));
  const runs: string[] = [];
  const message = await requireMessage(30);
  await processMessage({ queue, poison, options: base64 }, message, async (got) => void runs.push(got));
  expect(runs).toEqual([text]);
});
