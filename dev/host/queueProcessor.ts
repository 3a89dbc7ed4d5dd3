/** What becomes of one queue message: run, then deleted, released or moved to the poison queue. */
import type { QueueClient } from '@azure/storage-queue';
import type { QueueOptions } from './hostJson.ts';
import { type ReceivedMessage, decodeMessage } from './queueMessage.ts';

/**
 * How long a message stays hidden while its function runs; renewed in time for longer runs. Azure's host takes
 * ten minutes; here a host that was killed should not keep a developer waiting.
 */
export const leaseSeconds = 30;

export interface Queues {
  readonly queue: QueueClient;
  /** `undefined` for a queue that is itself a poison queue. */
  readonly poison: QueueClient | undefined;
  readonly options: QueueOptions;
  /** How long a message stays hidden between renewals. Default {@link leaseSeconds}. */
  readonly leaseSeconds?: number;
}

export type MessageOutcome = 'deleted' | 'moved to the poison queue' | 'comes back';

/**
 * Runs one message, in Azure's order: one that was given out too often (a crash in between) goes to poison unseen; a
 * success deletes; a failure at the last attempt goes to poison with the same body, else comes back after
 * `visibilityTimeout`. A text that is not base64 although host.json says so counts as a failed attempt.
 * Throws what storage throws; the message then comes back when its lease ends.
 */
export async function processMessage(
  queues: Queues,
  message: ReceivedMessage,
  run: (text: string) => Promise<unknown>,
): Promise<MessageOutcome> {
  const { queue, poison, options } = queues;
  if (poison !== undefined && message.dequeueCount > options.maxDequeueCount) {
    return moveToPoison({ queue, poison }, message, message.popReceipt);
  }
  const lease = holdLease(queues, message);
  const succeeded = await runDecoded(message, options, run);
  const popReceipt = await lease.release();
  if (succeeded) {
    await queue.deleteMessage(message.messageId, popReceipt);
    return 'deleted';
  }
  if (poison !== undefined && message.dequeueCount >= options.maxDequeueCount) {
    return moveToPoison({ queue, poison }, message, popReceipt);
  }
  const hiddenSeconds = Math.round(options.visibilityTimeoutMs / 1000);
  await queue.updateMessage(message.messageId, popReceipt, undefined, hiddenSeconds);
  return 'comes back';
}

/** Whoever runs the function writes its error to the log. */
async function runDecoded(
  message: ReceivedMessage,
  options: QueueOptions,
  run: (text: string) => Promise<unknown>,
): Promise<boolean> {
  const text = decodeMessage(message.messageText, options.messageEncoding);
  if (text === undefined) {
    return false;
  }
  try {
    await run(text);
    return true;
  } catch {
    return false;
  }
}

async function moveToPoison(
  { queue, poison }: { readonly queue: QueueClient; readonly poison: QueueClient },
  message: ReceivedMessage,
  popReceipt: string,
): Promise<MessageOutcome> {
  await poison.createIfNotExists();
  await poison.sendMessage(message.messageText);
  await queue.deleteMessage(message.messageId, popReceipt);
  return 'moved to the poison queue';
}

/** Keeps a message hidden until released, which gives the pop receipt that is valid then. */
function holdLease(queues: Queues, message: ReceivedMessage): { release(): Promise<string> } {
  const seconds = queues.leaseSeconds ?? leaseSeconds;
  let { popReceipt } = message;
  let renewing: Promise<void> = Promise.resolve();
  const renew = async (): Promise<void> => {
    const response = await queues.queue.updateMessage(message.messageId, popReceipt, undefined, seconds);
    popReceipt = response.popReceipt ?? popReceipt;
  };
  const timer = setInterval(
    () => {
      // A renewal that fails leaves the rest of the lease; the next one is soon enough.
      renewing = renew().catch(() => undefined);
    },
    (seconds * 1000) / 3,
  );
  return {
    release: async () => {
      clearInterval(timer);
      await renewing;
      return popReceipt;
    },
  };
}
