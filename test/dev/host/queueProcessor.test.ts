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

test('returns a failed message to a poison queue, any number of times', async () => {
  await queue.sendMessage('stubborn');
  const message = { ...(await requireMessage(30)), dequeueCount: 99 };
  expect(await processMessage({ queue, poison: undefined, options }, message, fail)).toBe('comes back');
});
