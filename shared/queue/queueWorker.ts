/**
 * The worker of every queue: it runs a message, puts it back when it has to wait, keeps what failed, and redrives it.
 * A queue is described once, as a {@link WorkerQueue}.
 */
import type { ErrorCode } from '../model/errors.ts';
import { AppError, errorCodeOf } from '../model/errors.ts';
import type { Clock, MessageQueue } from '../model/ports.ts';
import type { SyncReport } from '../model/synced.ts';
import type { FailedMessage, FailureStore } from '../storage/failureStore.ts';
import type { MessageSeal } from './messageSeal.ts';
import type { QueueMessage } from './queueMessage.ts';

/** How a message that isn't done fares, for the person it is about. */
export interface MessageOutcome {
  readonly status: 'waiting' | 'retrying' | 'failed';
  /** An error code. */
  readonly reason: string;
  readonly attempts: number;
  /** ISO 8601 UTC. */
  readonly updatedAt: string;
  readonly nextTryAt?: string;
  readonly reported?: readonly SyncReport[];
  /** The message begins again, so this replaces its `failed`. */
  readonly isRedriven?: true;
}

/** The recorded outcome as a run saw it; without an ETag there was none. What was recorded since then is newer than the run. */
export interface SeenOutcome {
  readonly etag: string | undefined;
}

/** What a run notes on its way, for the outcome that the worker records after it. */
export interface RunNotes {
  seen?: SeenOutcome;
}

/** The outcome that was recorded last. */
export type LastOutcome = Pick<MessageOutcome, 'attempts' | 'reported'> & {
  readonly status: MessageOutcome['status'] | 'done';
  readonly reason?: string;
  readonly seen?: SeenOutcome;
};

/** Which delivery of a message this is. */
export interface Delivery {
  /** Counted from 1. */
  readonly attempt: number;
  /** No further delivery follows. */
  readonly isLastAttempt: boolean;
}

/** What a run returns. With the status `waiting`, the worker puts the message back. */
export interface RunResult {
  readonly status: string;
  /** Why the message waits. */
  readonly reason?: ErrorCode;
  /** The message waits at least so long. */
  readonly minDelaySeconds?: number;
  /** The message waits so long instead of longer each time, and this try doesn't count. */
  readonly fixedDelaySeconds?: number;
}

/** How the messages of one queue are read, and where their outcome is shown. */
export interface MessageKind<M extends QueueMessage> {
  /** Reads the JSON of an opened message. Throws `message_unreadable`. */
  parse(this: void, json: string): M;
  /** Returns what a kept failure says about its message. */
  ownerOf(this: void, message: M): Pick<FailedMessage, 'userId' | 'observation'>;
  /** Returns what an event says about a failed message. */
  describe(this: void, message: M): Readonly<Record<string, string>>;
  /** Returns the outcome that the last delivery recorded; `done` if a newer message has succeeded since. */
  findOutcome(this: void, message: M): Promise<LastOutcome | undefined>;
  /** Records the outcome, unless a newer one is recorded. `seen`: what the run saw, if it noted that. */
  recordOutcome(this: void, message: M, outcome: MessageOutcome, seen?: SeenOutcome): Promise<void>;
  /** Whether a redriven message is shown as `retrying`. */
  readonly showsRedriven: boolean;
}

/** What redriving needs of a queue. */
export interface RedrivableQueue<M extends QueueMessage> extends MessageKind<M> {
  /** It signs what is enqueued. */
  readonly queue: Pick<MessageQueue, 'enqueue'>;
  readonly seal: Pick<MessageSeal, 'open'>;
  readonly failures: Pick<FailureStore, keyof FailureStore>;
  readonly clock: Clock;
}

/** What keeping a poison message needs of a queue. */
export interface FailingQueue<M extends QueueMessage> extends RedrivableQueue<M> {
  /** It does not sign, so a message that isn't authentic stays so. */
  readonly poisonQueue: Pick<MessageQueue, 'enqueue'>;
}

/** What running a message needs of a queue. */
export interface RunnableQueue<M extends QueueMessage, R extends RunResult> extends MessageKind<M> {
  readonly queue: Pick<MessageQueue, 'enqueue'>;
  readonly clock: Clock;
  /** Runs one message. Must be safe to repeat. */
  run(this: void, message: M, delivery: Delivery, notes: RunNotes): Promise<R>;
  /** Returns what is shown of an error while the host still delivers the message again, or `undefined` for nothing. */
  statusOf(this: void, error: unknown): 'retrying' | 'failed' | undefined;
  /** Returns a number from 0 up to 1. Each delay grows by up to half of itself, so that messages don't come back all at once. */
  jitter?(this: void): number;
}

/** One queue, described in full. */
export interface WorkerQueue<M extends QueueMessage, R extends RunResult>
  extends RunnableQueue<M, R>, FailingQueue<M> {}

/** The first delay. Each further one is twice as long, up to {@link LONGEST_DELAY_SECONDS}. */
const FIRST_DELAY_SECONDS = 15;
const LONGEST_DELAY_SECONDS = 60 * 60;

/** After this time a waiting message fails (docs/domain.md, "Waiting is not failing"). */
const WAITING_LIMIT_MS = 24 * 60 * 60 * 1000;

/**
 * An outcome that is older and not final has lost its message: one that waits records an outcome at least hourly, and fails after
 * {@link WAITING_LIMIT_MS}. The daily repairs heal it.
 */
export const LOST_AFTER_MS = 25 * 60 * 60 * 1000;

/** Returns whether a message has waited so long that it is not put back any more: 24 hours. */
export function hasWaitedTooLong({ waiting }: QueueMessage, now: Date): boolean {
  return waiting !== undefined && now.getTime() - Date.parse(waiting.since) >= WAITING_LIMIT_MS;
}

/** How long a poison message that couldn't be kept is hidden before the next try. */
const KEEP_AGAIN_AFTER_SECONDS = 300;

/**
 * Runs one message. If the result is `waiting`, puts the message back with a growing delay, for 24 hours at most.
 * Throws what the run throws, so that the host delivers the message again, and `waited_too_long` (final).
 */
export async function runMessage<M extends QueueMessage, R extends RunResult>(
  queue: RunnableQueue<M, R>,
  message: M,
  delivery: Delivery,
): Promise<R> {
  let result: R;
  const notes: RunNotes = {};
  try {
    result = await queue.run(message, delivery, notes);
  } catch (error) {
    await tryRecord(queue, message, { error, attempts: delivery.attempt, notes });
    throw error;
  }
  if (result.status === 'waiting') await putBack(queue, message, { ...result, notes });
  return result;
}

/** Best effort: it only shows that the message is tried again, and must not hide the error under way. */
async function tryRecord<M extends QueueMessage>(
  queue: RunnableQueue<M, RunResult>,
  message: M,
  {
    error,
    attempts,
    notes,
  }: { readonly error: unknown; readonly attempts: number; readonly notes: RunNotes },
): Promise<void> {
  const status = queue.statusOf(error);
  if (status === undefined) return;
  try {
    const updatedAt = queue.clock.now().toISOString();
    const outcome = { status, reason: errorCodeOf(error), attempts, updatedAt };
    await queue.recordOutcome(message, outcome, notes.seen);
  } catch {
    // Most likely the store is what failed, and the error under way says so.
  }
}

async function putBack<M extends QueueMessage>(
  queue: RunnableQueue<M, RunResult>,
  message: M,
  result: RunResult & { readonly notes: RunNotes },
): Promise<void> {
  const { reason = 'unexpected', notes } = result;
  const now = queue.clock.now();
  const { since, tries } = message.waiting ?? { since: now.toISOString(), tries: 0 };
  if (hasWaitedTooLong(message, now)) {
    const error = new AppError('waited_too_long', `The message waited for 24 hours (${reason}).`, {
      details: { reason },
    });
    await tryRecord(queue, message, { error, attempts: tries, notes });
    throw error;
  }
  const delaySeconds = delaySecondsOf(queue, result, tries);
  // The outcome first: a crash in between leaves the message in the queue, which delivers it again.
  const outcome = {
    status: 'waiting',
    reason,
    attempts: tries + 1,
    nextTryAt: new Date(now.getTime() + delaySeconds * 1000).toISOString(),
    updatedAt: now.toISOString(),
  } as const;
  await queue.recordOutcome(message, outcome, notes.seen);
  const nextTries = result.fixedDelaySeconds === undefined ? tries + 1 : tries;
  const waiting = { since, tries: nextTries };
  await queue.queue.enqueue(JSON.stringify({ ...message, waiting }), { delaySeconds });
}

function delaySecondsOf(
  { jitter = () => 0 }: Pick<RunnableQueue<QueueMessage, RunResult>, 'jitter'>,
  { minDelaySeconds = 0, fixedDelaySeconds }: RunResult,
  tries: number,
): number {
  const growing = Math.min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** Math.min(tries, 12));
  const base = Math.max(Math.min(minDelaySeconds, LONGEST_DELAY_SECONDS), fixedDelaySeconds ?? growing);
  return Math.ceil(base * (1 + jitter() / 2));
}

/** A delivery of a message from the poison queue. */
export interface PoisonMessage extends Pick<Delivery, 'isLastAttempt'> {
  /** The queue message's id. It names the row that keeps the message. */
  readonly id: string;
  /** Text, or the object that the host made of it. Anyone may have written it, so it is kept and not read. */
  readonly entry: unknown;
  /** Returns the JSON of a message that this app signed, else `undefined`. Throws if the key ring can't be read. */
  opened(this: void): string | undefined;
}

/** What became of a poison message, with what {@link MessageKind.describe} says about it. */
export interface KeptMessage extends Readonly<Record<string, string | true | undefined>> {
  readonly reason: string;
  /** The message couldn't be kept, and is in the poison queue again. */
  readonly putBack?: true;
}

/**
 * Keeps a poison message whole, with the reason and whether it is authentic, and then shows that it failed. Idempotent by message
 * id. Keeps unreadable and forged messages too: a poison queue has no poison queue of its own. Of a forged one nothing is read.
 * Throws `storage_unavailable` or `storage_refused`. The host then hides the message for ten minutes and delivers it again, any number
 * of times, until the message expires: 7 days after the host moved it here. The fifth failure replaces it by a copy that never expires.
 */
export async function keepPoison<M extends QueueMessage>(
  queue: FailingQueue<M>,
  poison: PoisonMessage,
): Promise<KeptMessage> {
  const text = typeof poison.entry === 'string' ? poison.entry : JSON.stringify(poison.entry ?? null);
  try {
    return await keep(queue, poison, text);
  } catch (error) {
    // A fault of storage that lasts so long may last longer than the 7 days of the host's own copy.
    if (!poison.isLastAttempt) throw error;
    await queue.poisonQueue.enqueue(text, { delaySeconds: KEEP_AGAIN_AFTER_SECONDS });
    return { reason: errorCodeOf(error), putBack: true };
  }
}

async function keep<M extends QueueMessage>(
  queue: FailingQueue<M>,
  { id, opened }: PoisonMessage,
  text: string,
): Promise<KeptMessage> {
  const failedAt = queue.clock.now().toISOString();
  const json = opened();
  const authentic = json !== undefined;
  const message = authentic ? findMessage(queue, json) : undefined;
  if (message === undefined) {
    const reason = authentic ? 'message_unreadable' : 'message_not_authentic';
    await queue.failures.keep({ id, text, reason, failedAt, authentic });
    return { reason };
  }
  const last = await findLastOutcome(queue, message);
  const { reason = 'unexpected', attempts, reported = [] } = last;
  await queue.failures.keep({ id, text, reason, failedAt, authentic, ...queue.ownerOf(message) });
  // A newer message has succeeded since: then the failure of this one is only kept for the operator.
  if (last.status !== 'done') {
    const outcome = { status: 'failed', reason, attempts, updatedAt: failedAt, reported } as const;
    await queue.recordOutcome(message, outcome, last.seen);
  }
  return { reason, ...queue.describe(message) };
}

function findMessage<M extends QueueMessage>(queue: MessageKind<M>, json: string): M | undefined {
  try {
    return queue.parse(json);
  } catch {
    return undefined;
  }
}

/** The last delivery recorded its reason. Without a record, all that is known is that the message failed. */
async function findLastOutcome<M extends QueueMessage>(
  queue: MessageKind<M>,
  message: M,
): Promise<LastOutcome> {
  try {
    return (await queue.findOutcome(message)) ?? { status: 'failed', reason: 'unexpected', attempts: 0 };
  } catch (error) {
    // The message must be kept even while the record can't be read. That may be why it failed.
    return { status: 'failed', reason: errorCodeOf(error), attempts: 0 };
  }
}

export interface Redriven {
  readonly id: string;
  /**
   * `not_authentic`: this app didn't sign the message, or its key is gone. `unreadable`: it would only fail again. Both stay where
   * they are kept. `left`: more were selected than the limit allows, so ask again.
   */
  readonly result: 'redriven' | 'already_redriven' | 'not_authentic' | 'unreadable' | 'left';
  readonly reason: string;
}

/** Which kept messages to put back: one, or all that `select` accepts, oldest first and at most `limit`. */
export type RedriveWhich =
  | { readonly id: string; readonly again?: boolean | undefined }
  | { readonly select?: (failure: FailedMessage) => boolean; readonly limit?: number };

/**
 * Puts kept messages back into their queue that were not put back yet, or with `again` one a second time. Idempotent otherwise. Only
 * messages that this app signed go back: the row says that the poison handler has verified the message, and its text still opens, so
 * that a writer of the table can't make one up. Rows that can't be read come last and stay. A message keeps its own observation time, so redriving never undoes anything newer. How long it
 * waited before doesn't count again.
 * Throws `not_found` for an unknown id, `row_unreadable` for a damaged row, and what queue and store throw. Messages that were put
 * back before an error are marked.
 */
export async function redrive<M extends QueueMessage>(
  queue: RedrivableQueue<M>,
  which: RedriveWhich,
): Promise<readonly Redriven[]> {
  if ('id' in which) {
    const failure = await queue.failures.find(which.id);
    if (failure === undefined) throw new AppError('not_found', `There is no failed message ${which.id}.`);
    return [await redriveOnce(queue, which.again === true ? { ...failure, redrivenAt: undefined } : failure)];
  }
  const { select = () => true, limit = Infinity } = which;
  const results: Redriven[] = [];
  const { failures, unreadable } = await queue.failures.read();
  let redriven = 0;
  for (const failure of failures.filter(select)) {
    const { id, reason, redrivenAt } = failure;
    if (redrivenAt === undefined && redriven >= limit) {
      results.push({ id, result: 'left', reason });
      continue;
    }
    const one = await redriveOnce(queue, failure);
    if (one.result === 'redriven') redriven += 1;
    results.push(one);
  }
  const damaged = unreadable.map(
    ({ id }) => ({ id, result: 'unreadable', reason: 'row_unreadable' }) as const,
  );
  return [...results, ...damaged];
}

type KeptFailure = Omit<FailedMessage, 'redrivenAt'> & { readonly redrivenAt?: string | undefined };

async function redriveOnce<M extends QueueMessage>(
  queue: RedrivableQueue<M>,
  { id, text, reason, authentic, redrivenAt }: KeptFailure,
): Promise<Redriven> {
  if (redrivenAt !== undefined) return { id, result: 'already_redriven', reason };
  const json = authentic ? await queue.seal.open(text, 'keptMessage') : undefined;
  if (json === undefined) return { id, result: 'not_authentic', reason };
  const message = findMessage(queue, json);
  if (message === undefined) return { id, result: 'unreadable', reason: 'message_unreadable' };
  if (queue.showsRedriven) {
    const updatedAt = queue.clock.now().toISOString();
    // Before the message: afterwards it could hide the `failed` of a worker that was quicker.
    const outcome = { status: 'retrying', reason, attempts: 0, updatedAt, isRedriven: true } as const;
    await queue.recordOutcome(message, outcome);
  }
  const { waiting: _waited, ...rest } = message;
  await queue.queue.enqueue(JSON.stringify(rest));
  // Marked last: a crash in between repeats a message, which is harmless, and never loses one.
  await queue.failures.markRedriven(id, queue.clock.now());
  return { id, result: 'redriven', reason };
}
