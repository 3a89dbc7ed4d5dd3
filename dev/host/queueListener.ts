/** The queue trigger's polling. */
import { setTimeout as sleep } from 'node:timers/promises';
import { QueueServiceClient } from '@azure/storage-queue';
import type { HostLog } from './hostLog.ts';
import type { QueueOptions } from './hostJson.ts';
import type { ReceivedMessage } from './queueMessage.ts';
import { leaseSeconds, processMessage, type Queues } from './queueProcessor.ts';

const poisonSuffix = '-poison';
const firstPollingIntervalMs = 100;

export interface QueueListenerOptions {
  readonly functionName: string;
  readonly queueName: string;
  readonly connectionString: string;
  readonly options: QueueOptions;
  readonly log: HostLog;
  /** Runs the function. A rejection is a failed attempt. */
  readonly run: (message: ReceivedMessage, text: string) => Promise<unknown>;
}

export interface QueueListener {
  /** Stops polling, and resolves when no poll is in progress. Messages in progress continue. */
  stopPolling(): Promise<void>;
  /** Resolves when every message in progress is deleted, released or poisoned. */
  finished(): Promise<void>;
}

/**
 * Starts polling: every 100 ms at first, then ever slower up to `maxPollingInterval` while the queue is empty, and at
 * once after a message. Takes `batchSize` messages whenever at most `newBatchThreshold` are running. A missing queue
 * counts as an empty one.
 */
export function startQueueListener(listener: QueueListenerOptions): QueueListener {
  const { options, log, queueName } = listener;
  const queues = connect(listener);
  const running = new Set<Promise<void>>();
  const stop = new AbortController();

  async function poll(): Promise<void> {
    let intervalMs = firstPollingIntervalMs;
    while (!stop.signal.aborted) {
      if (running.size > options.newBatchThreshold) {
        await Promise.race(running);
      } else if ((await startBatch()) > 0) {
        intervalMs = firstPollingIntervalMs;
      } else {
        await sleep(intervalMs, undefined, { signal: stop.signal }).catch(() => undefined);
        intervalMs = Math.min(intervalMs * 2, options.maxPollingIntervalMs);
      }
    }
  }

  async function startBatch(): Promise<number> {
    try {
      const { receivedMessageItems } = await queues.queue.receiveMessages({
        numberOfMessages: options.batchSize,
        visibilityTimeout: leaseSeconds,
      });
      for (const message of receivedMessageItems) {
        const processing = process(message).finally(() => running.delete(processing));
        running.add(processing);
      }
      return receivedMessageItems.length;
    } catch (error) {
      logReadError(listener, error);
      return 0;
    }
  }

  async function process(message: ReceivedMessage): Promise<void> {
    const which = `Message ${message.messageId}, attempt ${message.dequeueCount}`;
    try {
      const outcome = await processMessage(queues, message, async (text) => listener.run(message, text));
      if (outcome !== 'deleted') {
        log('warning', listener.functionName, `${which}: ${outcome}`);
      }
    } catch (error) {
      // The message becomes visible again when its lease ends.
      log('warning', 'host', `${which} of the queue ${queueName}: ${String(error)}`);
    }
  }

  const polling = poll();
  return {
    stopPolling: async () => {
      stop.abort();
      await polling;
    },
    finished: async () => {
      await Promise.allSettled(running);
    },
  };
}

function connect({ connectionString, queueName, options }: QueueListenerOptions): Queues {
  const service = QueueServiceClient.fromConnectionString(connectionString, {
    retryOptions: { maxTries: 2, retryDelayInMs: 100, maxRetryDelayInMs: 500 },
  });
  return {
    queue: service.getQueueClient(queueName),
    // A poison queue has no poison queue of its own. Its failed messages come back when their lease ends, until they expire.
    poison: queueName.endsWith(poisonSuffix)
      ? undefined
      : service.getQueueClient(`${queueName}${poisonSuffix}`),
    options,
  };
}

function logReadError({ log, queueName }: QueueListenerOptions, error: unknown): void {
  const isMissing = error instanceof Error && 'statusCode' in error && error.statusCode === 404;
  if (!isMissing) {
    log('warning', 'host', `Reading the queue ${queueName} failed: ${String(error)}`);
  }
}
