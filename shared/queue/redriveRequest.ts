/** The body and the answer of `POST /api/operations/redrive`. Only the app can put messages back, because only the app signs. */
import { toDotPath } from 'zod/v4/core';
import * as z from 'zod/mini';
import { isSafeId } from '../model/entities.ts';
import { AppError } from '../model/errors.ts';
import type { FailedMessage } from '../storage/failureStore.ts';
import { type ProvisionMessage, PROVISION_QUEUE, SYNC_QUEUE, type SyncMessage } from './queueMessage.ts';
import { redrive, type RedrivableQueue, type Redriven, type RedriveWhich } from './queueWorker.ts';

/** The queues whose failed messages can be put back. Without a LiteLLM proxy, those of the sync stay where they are. */
export interface RedrivableQueues {
  readonly provision: RedrivableQueue<ProvisionMessage>;
  readonly sync?: RedrivableQueue<SyncMessage>;
}

const requestSchema = z.union([
  z.strictObject({
    id: z.string().check(z.refine(isSafeId)),
    /** Puts the message back even if it was put back before. */
    again: z.exactOptional(z.boolean()),
  }),
  z.strictObject({
    all: z.literal(true),
    queue: z.exactOptional(z.enum([PROVISION_QUEUE, SYNC_QUEUE])),
    user: z.exactOptional(z.string()),
    reason: z.exactOptional(z.string()),
  }),
]);

/** One message by its id, or all that a queue, a person and a reason select. */
export type RedriveRequest = z.output<typeof requestSchema>;

/** What became of the selected messages, and how many of each. */
export interface RedriveAnswer extends Readonly<Record<Redriven['result'], number>> {
  readonly messages: readonly (Redriven & { readonly queue: string })[];
}

/** Azure ends a request after 230 seconds, and each message needs three or four requests to storage. */
const MAX_AT_ONCE = 500;

/** Reads the body of a request. Throws `request_invalid`, whose details name what is wrong but no value. */
export function parseRedriveRequest(body: string): RedriveRequest {
  const parsed = requestSchema.safeParse(parseJson(body));
  if (parsed.success) return parsed.data;
  const paths = parsed.error.issues.map((issue) => toDotPath(issue.path) || '(body)');
  throw new AppError('request_invalid', 'The body names neither one failed message nor all of them.', {
    details: { paths: [...new Set(paths)] },
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Puts back the messages that a request selects, at most 500 of them; `left` counts the others. Idempotent, unless the request says
 * `again`. Throws as {@link redrive} does.
 */
export async function redriveRequested(
  queues: RedrivableQueues,
  request: RedriveRequest,
): Promise<RedriveAnswer> {
  const messages = 'id' in request ? await redriveOne(queues, request) : await redriveAll(queues, request);
  const counts = { redriven: 0, already_redriven: 0, not_authentic: 0, unreadable: 0, left: 0 };
  for (const { result } of messages) counts[result] += 1;
  return { ...counts, messages };
}

type Messages = RedriveAnswer['messages'];

async function redriveOne(
  { provision, sync }: RedrivableQueues,
  which: RedriveWhich & { readonly id: string },
): Promise<Messages> {
  const isSync = sync !== undefined && (await sync.failures.find(which.id)) !== undefined;
  return isSync
    ? named(SYNC_QUEUE, await redrive(sync, which))
    : named(PROVISION_QUEUE, await redrive(provision, which));
}

async function redriveAll(
  { provision, sync }: RedrivableQueues,
  { queue, user, reason }: Exclude<RedriveRequest, { readonly id: string }>,
): Promise<Messages> {
  const select = (failure: FailedMessage): boolean =>
    (user ?? failure.userId) === failure.userId && (reason ?? failure.reason) === failure.reason;
  const results: Messages[number][] = [];
  const limit = (): number => MAX_AT_ONCE - results.filter(({ result }) => result === 'redriven').length;
  if (queue !== SYNC_QUEUE) {
    results.push(...named(PROVISION_QUEUE, await redrive(provision, { select, limit: limit() })));
  }
  if (queue !== PROVISION_QUEUE && sync !== undefined) {
    results.push(...named(SYNC_QUEUE, await redrive(sync, { select, limit: limit() })));
  }
  return results;
}

function named(queue: string, results: readonly Redriven[]): Messages {
  return results.map((one) => ({ queue, ...one }));
}
