/** Runs one queue message, and then deletes it, releases it or moves it to the poison queue. */
import type { QueueClient } from '@azure/storage-queue';
import type { QueueOptions } from './hostJson.ts';
import { type Decoded, type ReceivedMessage, decodeMessage } from './queueMessage.ts';

/**
 * How long a message stays hidden while its function runs. Longer runs renew it in time. Azure's host uses ten minutes,
 * but after a killed local host a developer should not wait that long.
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
 * Runs one message in Azure's order. A message that was delivered too often (after crashes) moves to the poison queue
 * without a run, and so does a text that should be base64 and isn't. A success deletes the message. A failure at the last
 * attempt moves it to the poison queue with the same body, and an earlier failure makes it visible again after
 * `visibilityTimeout`. A text that isn't UTF-8 is a failed attempt. In a poison queue, a failed message stays hidden until its
 * lease ends, any number of times.
 * Throws what storage throws. The message then becomes visible again when its lease ends.
 */
export async function processMessage(
  queues: Queues,
  message: ReceivedMessage,
  run: (text: string) => Promise<unknown>,
): Promise<MessageOutcome> {
  const { queue, poison, options } = queues;
  const decoded = decodeMessage(message.messageText, options.messageEncoding);
  const isUndecodable = 'fault' in decoded && decoded.fault === 'not base64';
  if (poison !== undefined && (isUndecodable || message.dequeueCount > options.maxDequeueCount)) {
    return moveToPoison({ queue, poison }, message, message.popReceipt);
  }
  const lease = holdLease(queues, message);
  const succeeded = await runDecoded(decoded, run);
  const popReceipt = await lease.release();
  if (succeeded) {
    await queue.deleteMessage(message.messageId, popReceipt);
    return 'deleted';
  }
  if (poison === undefined) return 'comes back';
  if (message.dequeueCount >= options.maxDequeueCount) {
    return moveToPoison({ queue, poison }, message, popReceipt);
  }
  const hiddenSeconds = Math.round(options.visibilityTimeoutMs / 1000);
  await queue.updateMessage(message.messageId, popReceipt, undefined, hiddenSeconds);
  return 'comes back';
}

/** Runs the function, and returns whether it succeeded. The invoker logs its error. */
async function runDecoded(decoded: Decoded, run: (text: string) => Promise<unknown>): Promise<boolean> {
  if ('fault' in decoded) {
    return false;
  }
  try {
    await run(decoded.text);
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
  // Without a time to live, as Azure's host does: the copy expires after 7 days.
  await poison.sendMessage(message.messageText);
  await queue.deleteMessage(message.messageId, popReceipt);
  return 'moved to the poison queue';
}

/** Keeps a message hidden until it is released. `release` returns the valid pop receipt. */
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
      // After a failed renewal, the rest of the lease is long enough for the next one.
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
