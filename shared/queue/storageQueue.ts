import type { TokenCredential } from '@azure/core-auth';
import { QueueClient, type StoragePipelineOptions, StorageRetryPolicyType } from '@azure/storage-queue';
import * as z from 'zod/mini';
import type { Config } from '../config/config.ts';
import { AppError } from '../model/errors.ts';
import type { MessageQueue, VisibleMessages } from '../model/ports.ts';
import { withTimeout } from '../platform/withTimeout.ts';

/** A put usually takes milliseconds; a person waits for it at sign-in. */
const TRY_TIMEOUT_MS = 5_000;
const TRIES = 3;
const RETRY_DELAY_MS = 200;
const TOTAL_TIMEOUT_MS = TRIES * TRY_TIMEOUT_MS;

/** The most that one request can look at. */
const MOST_PEEKED = 32;

export interface StorageQueueOptions {
  readonly storage: Config['storage'];
  readonly queueName: string;
  /** Needed if storage is reached with a managed identity. */
  readonly credential?: TokenCredential;
}

/**
 * Creates a queue whose messages never expire. One request for each message, check or look, up to 3 tries. A try whose answer was lost may have put
 * the message, so delivery is at least once.
 * Throws `storage_unavailable` (retryable: no answer in 15 s, 429, 5xx) or `storage_refused` (authorization, no such queue,
 * message too large), `configuration_invalid` without a credential that is needed.
 */
export function createStorageQueue(options: StorageQueueOptions): MessageQueue {
  const client = createClient(options);
  return {
    async enqueue(text, { delaySeconds = 0 } = {}) {
      try {
        // The Functions host expects base64 (host.json), and so is any text valid in the XML that carries it.
        const encoded = Buffer.from(text).toString('base64');
        await withTimeout(TOTAL_TIMEOUT_MS, async (abortSignal) =>
          client.sendMessage(encoded, {
            messageTimeToLive: -1,
            visibilityTimeout: delaySeconds,
            abortSignal,
          }),
        );
      } catch (error) {
        throw appErrorOf(error, {
          queue: options.queueName,
          attempted: 'A message could not be put into its queue',
        });
      }
    },
    async check() {
      try {
        await withTimeout(TRY_TIMEOUT_MS, async (abortSignal) => client.getProperties({ abortSignal }));
      } catch (error) {
        throw appErrorOf(error, { queue: options.queueName, attempted: 'The queue could not be looked at' });
      }
    },
    async peek() {
      try {
        return await withTimeout(TOTAL_TIMEOUT_MS, async (abortSignal) => peek(client, abortSignal));
      } catch (error) {
        throw appErrorOf(error, {
          queue: options.queueName,
          attempted: 'The messages of a queue could not be looked at',
        });
      }
    },
  };
}

async function peek(client: QueueClient, abortSignal: AbortSignal): Promise<VisibleMessages> {
  const answer = await client.peekMessages({ numberOfMessages: MOST_PEEKED, abortSignal });
  const messages = answer.peekedMessageItems;
  return {
    at: (answer.date ?? new Date()).toISOString(),
    isComplete: messages.length < MOST_PEEKED,
    messages: messages.map(({ messageId, insertedOn, dequeueCount }) => ({
      id: messageId,
      insertedAt: insertedOn.toISOString(),
      deliveries: dequeueCount,
    })),
  };
}

function createClient({ storage, queueName, credential }: StorageQueueOptions): QueueClient {
  const pipeline: StoragePipelineOptions = {
    keepAliveOptions: { enable: true },
    retryOptions: {
      retryPolicyType: StorageRetryPolicyType.FIXED,
      maxTries: TRIES,
      retryDelayInMs: RETRY_DELAY_MS,
      tryTimeoutInMs: TRY_TIMEOUT_MS,
    },
  };
  if (storage.kind === 'connectionString') {
    return new QueueClient(storage.connectionString.reveal(), queueName, pipeline);
  }
  if (credential === undefined) {
    throw new AppError('configuration_invalid', 'Storage with a managed identity needs its credential');
  }
  return new QueueClient(`${storage.queueServiceUri.replace(/\/$/, '')}/${queueName}`, credential, pipeline);
}

/** The SDK's error carries the request with its authorization header, so it is not passed on as the cause. */
function appErrorOf(
  error: unknown,
  { queue, attempted }: { readonly queue: string; readonly attempted: string },
): AppError {
  if (error instanceof AppError) return error;
  const { status, storageCode } = answerOf(error);
  const refused = status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429;
  return new AppError(refused ? 'storage_refused' : 'storage_unavailable', attempted, {
    retryable: !refused,
    details: {
      queue,
      ...(status === undefined ? {} : { status }),
      ...(storageCode === undefined ? {} : { storageCode }),
    },
  });
}

const answerSchema = z.object({
  statusCode: z.catch(z.optional(z.number()), undefined),
  code: z.catch(z.optional(z.string()), undefined),
});

function answerOf(error: unknown): {
  readonly status?: number | undefined;
  readonly storageCode?: string | undefined;
} {
  const { data } = answerSchema.safeParse(error);
  return { status: data?.statusCode, storageCode: data?.code };
}
