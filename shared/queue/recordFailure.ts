/** What the queue gave up on: kept whole first, then shown to the person and the operator. */
import type { Store } from '../storage/store.ts';
import type { ErrorCode } from '../model/errors.ts';
import { errorCodeOf } from '../model/errors.ts';
import type { ProvisionMessage } from './provisionMessage.ts';
import { parseProvisionMessage } from './provisionMessage.ts';
import type { Clock, MessageQueue } from '../model/ports.ts';

export interface FailureDeps {
  readonly store: Pick<Store, 'users' | 'failures'>;
  /** The poison queue itself, where a message goes again that could not be kept. */
  readonly poisonQueue: Pick<MessageQueue, 'enqueue'>;
  readonly clock: Clock;
}

/** How long a message that could not be kept stays away before the next tries. */
export const KEEP_AGAIN_AFTER_SECONDS = 300;

/** A message of the poison queue. */
export interface PoisonMessage {
  /** The queue message's id, which names the kept row. */
  readonly id: string;
  /** As the host gives it: text, or the object that the text was JSON of. */
  readonly entry: unknown;
  /** No further delivery follows: a message that throws now is gone. */
  readonly isLastAttempt: boolean;
}

export interface RecordedFailure {
  readonly reason: string;
  readonly userId?: string;
  readonly observationId?: string;
  /** It could not be kept and was put back into the poison queue. */
  readonly putBack?: true;
}

type Readable =
  | { readonly message: ProvisionMessage; readonly reason: undefined }
  | { readonly message: undefined; readonly reason: ErrorCode };

function readMessage(entry: unknown): Readable {
  try {
    return { message: parseProvisionMessage(entry), reason: undefined };
  } catch (error) {
    return { message: undefined, reason: errorCodeOf(error) };
  }
}

/** The last try left its reason beside the person's row; without it all that is known is that it failed. */
async function findReason(
  deps: FailureDeps,
  message: ProvisionMessage,
): Promise<{ reason: string; attempts: number }> {
  try {
    const { outcome } = await deps.store.users.findWithOutcome(message.person.user_id);
    return outcome?.observation.id === message.id
      ? { reason: outcome.reason, attempts: outcome.attempts }
      : { reason: 'unexpected', attempts: 0 };
  } catch (error) {
    // The message must be kept even while the person's row cannot be read, and that may be why it failed.
    return { reason: errorCodeOf(error), attempts: 0 };
  }
}

/**
 * Keeps the whole message with the reason, then records the failure for the person. Idempotent by message id. Garbage is
 * kept like everything else, never thrown on: a poison queue has no poison queue of its own.
 * Throws what keeping or recording throws (`storage_unavailable`, `storage_refused`), so that it is delivered again; at the
 * last delivery it is put back into the poison queue instead.
 */
export async function recordFailure(deps: FailureDeps, poison: PoisonMessage): Promise<RecordedFailure> {
  return keepOrPutBack(deps.poisonQueue, poison, async (text) => keepFailure(deps, poison, text));
}

/** Runs `keep` with the message's text; where it throws at the last delivery the message goes into the poison queue again. */
export async function keepOrPutBack<T extends { readonly reason: string }>(
  poisonQueue: FailureDeps['poisonQueue'],
  poison: PoisonMessage,
  keep: (text: string) => Promise<T>,
): Promise<T | { readonly reason: string; readonly putBack: true }> {
  const text = typeof poison.entry === 'string' ? poison.entry : JSON.stringify(poison.entry ?? null);
  try {
    return await keep(text);
  } catch (error) {
    // The host deletes a poison message that failed too often, so the last chance is to put it back.
    if (!poison.isLastAttempt) throw error;
    await poisonQueue.enqueue(text, { delaySeconds: KEEP_AGAIN_AFTER_SECONDS });
    return { reason: errorCodeOf(error), putBack: true };
  }
}

async function keepFailure(deps: FailureDeps, poison: PoisonMessage, text: string): Promise<RecordedFailure> {
  const now = deps.clock.now().toISOString();
  const { message, reason: unreadable } = readMessage(poison.entry);
  if (message === undefined) {
    await deps.store.failures.keep({ id: poison.id, text, reason: unreadable, failedAt: now });
    return { reason: unreadable };
  }
  const userId = message.person.user_id;
  const observation = { id: message.id, observed_at: message.observed_at };
  const { reason, attempts } = await findReason(deps, message);
  await deps.store.failures.keep({ id: poison.id, text, reason, failedAt: now, userId, observation });
  await deps.store.users.recordOutcome(userId, {
    observation,
    status: 'failed',
    reason,
    attempts,
    updatedAt: now,
  });
  return { reason, userId, observationId: message.id };
}
