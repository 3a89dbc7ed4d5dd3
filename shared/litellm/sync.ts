/** One message of the queue `push`: a person, an organization or a team. */
import type { SyncOutcome, SyncReport } from '../model/synced.ts';
import type { ErrorCode } from '../model/errors.ts';
import { AppError, errorCodeOf } from '../model/errors.ts';
import type { SyncMessage } from '../queue/syncMessage.ts';
import { serializeSyncMessage } from '../queue/syncMessage.ts';
import { delaySecondsAfter, LONGEST_DELAY_SECONDS, WAITING_LIMIT_MS } from '../queue/putBack.ts';
import { syncEntity } from './syncEntity.ts';
import { syncPerson } from './syncPerson.ts';
import { jitter, type SyncChanges, type SyncDeps } from './syncDeps.ts';

export interface SyncResult {
  readonly status: 'done' | 'nothing' | 'waiting';
  readonly reason?: ErrorCode;
  /** Of a person. */
  readonly changes?: SyncChanges;
  readonly reported?: readonly SyncReport[];
}

/** What is wrong with the proxy, and not with the message: it waits until that is over. */
const WAITABLE: ReadonlySet<ErrorCode> = new Set([
  'litellm_unreachable',
  'litellm_key_refused',
  'litellm_answer_invalid',
  'sync_overtaken',
]);

/** Somebody else writes about the same, which takes seconds. */
const OVERTAKEN_DELAY_SECONDS = 3;

/** Tries that overtook each other are no failures, so they do not make the delay longer. */
function delaySecondsFor(error: AppError, tries: number, random: SyncDeps['random']): number {
  const asked = error.details['retryAfterSeconds'];
  const least = typeof asked === 'number' ? Math.min(asked, LONGEST_DELAY_SECONDS) : 0;
  const usual = error.code === 'sync_overtaken' ? OVERTAKEN_DELAY_SECONDS : delaySecondsAfter(tries);
  const base = Math.max(least, usual);
  // Half as long again at most: a proxy that comes back is not met by everybody at once.
  return Math.ceil(base * (1 + jitter(random) / 2));
}

type Told = Pick<SyncOutcome, 'status' | 'attempts' | 'nextTryAt'> & { readonly reason: ErrorCode };

async function recordOutcome(deps: SyncDeps, message: SyncMessage, outcome: Told): Promise<void> {
  if (message.subject.kind !== 'user') return;
  await deps.record.recordPersonOutcome(message.subject.id, {
    ...outcome,
    updatedAt: deps.clock.now().toISOString(),
    reported: [],
  });
}

/** Puts the message back with a growing delay. Throws `waited_too_long` (final) after 24 hours. */
async function wait(deps: SyncDeps, message: SyncMessage, error: AppError): Promise<SyncResult> {
  const { code: reason } = error;
  const now = deps.clock.now();
  const since = message.waiting?.since ?? now.toISOString();
  const tries = message.waiting?.tries ?? 0;
  if (now.getTime() - Date.parse(since) >= WAITING_LIMIT_MS) {
    await tryRecord(deps, message, { status: 'failed', attempts: tries, reason: 'waited_too_long' });
    throw new AppError('waited_too_long', `The message waited for 24 hours (${reason}).`, {
      details: { reason },
    });
  }
  const delaySeconds = delaySecondsFor(error, tries, deps.random);
  const nextTryAt = new Date(now.getTime() + delaySeconds * 1000).toISOString();
  // First: a crash in between leaves the message in the queue, where it is delivered again.
  await recordOutcome(deps, message, { status: 'waiting', reason, attempts: tries + 1, nextTryAt });
  const nextTries = reason === 'sync_overtaken' ? tries : tries + 1;
  await deps.queue.enqueue(serializeSyncMessage({ ...message, waiting: { since, tries: nextTries } }), {
    delaySeconds,
  });
  return { status: 'waiting', reason };
}

/** A run that has not finished by then has died, so what it left is what there is. */
const UNFINISHED_LIMIT_MS = 5 * 60_000;

async function syncSubject(deps: SyncDeps, { subject, waiting }: SyncMessage): Promise<SyncResult> {
  const waitedMs = waiting === undefined ? 0 : deps.clock.now().getTime() - Date.parse(waiting.since);
  const takesUnfinished = waitedMs >= UNFINISHED_LIMIT_MS;
  if (subject.kind === 'user') return syncPerson(deps, subject.id, { takesUnfinished });
  return syncEntity(deps, { kind: subject.kind, id: subject.id });
}

/**
 * Tells the proxy about one person, organization or team. Safe to repeat, in any order with other messages: what is pushed is read
 * now. A proxy that does not answer, or refuses the key, makes the message wait (growing delay with jitter, 24 hours).
 * Throws final errors for the poison queue (`litellm_refused`, `litellm_email_taken`, `waited_too_long`, `row_unreadable`), and
 * those of the store for the queue to deliver again.
 */
export async function sync(
  deps: SyncDeps,
  message: SyncMessage,
  delivery: { readonly attempt: number },
): Promise<SyncResult> {
  try {
    return await syncSubject(deps, message);
  } catch (error) {
    if (error instanceof AppError && WAITABLE.has(error.code)) return wait(deps, message, error);
    const reason = errorCodeOf(error);
    // What was refused one by one is recorded already, with what exactly.
    if (reason !== 'litellm_refused') {
      const isFinal = error instanceof AppError && !error.retryable;
      const status = isFinal ? 'failed' : 'retrying';
      await tryRecord(deps, message, { status, attempts: delivery.attempt, reason });
    }
    throw error;
  }
}

/** Best effort: it only shows the person that it is being tried again, and must not hide why it failed. */
async function tryRecord(deps: SyncDeps, message: SyncMessage, outcome: Told): Promise<void> {
  try {
    await recordOutcome(deps, message, outcome);
  } catch {
    // The store is what failed, most likely; the error under way says so.
  }
}
