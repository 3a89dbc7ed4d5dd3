/** Waiting is not failing: a message that cannot proceed for a reason outside it comes back later. */
import type { Store } from '../storage/store.ts';
import type { ErrorCode } from '../model/errors.ts';
import { AppError } from '../model/errors.ts';
import type { ProvisionMessage } from './provisionMessage.ts';
import { serializeProvisionMessage } from './provisionMessage.ts';
import type { Clock, MessageQueue } from '../model/ports.ts';

/** The first delay; each further one is twice as long, up to {@link LONGEST_DELAY_SECONDS}. */
export const FIRST_DELAY_SECONDS = 15;
export const LONGEST_DELAY_SECONDS = 60 * 60;

/** After this time a waiting message fails (docs/domain.md, "Waiting is not failing"). */
export const WAITING_LIMIT_MS = 24 * 60 * 60 * 1000;

export interface PutBackDeps {
  readonly store: Pick<Store, 'users'>;
  readonly queue: MessageQueue;
  readonly clock: Clock;
}

/** Gives the delay before the next try, in seconds, after `tries` tries. */
export function delaySecondsAfter(tries: number): number {
  return Math.min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** Math.min(tries, 12));
}

/**
 * Puts the message back with a growing delay and its own observation time, and shows `waiting` with the reason. The
 * outcome is recorded first: a crash in between leaves the message in the queue, where it is delivered again.
 * Throws `waited_too_long` (final) after 24 hours.
 */
export async function putBack(
  deps: PutBackDeps,
  message: ProvisionMessage,
  reason: ErrorCode,
): Promise<{ readonly tries: number; readonly delaySeconds: number }> {
  const now = deps.clock.now();
  const since = message.waiting?.since ?? now.toISOString();
  const tries = message.waiting?.tries ?? 0;
  if (now.getTime() - Date.parse(since) >= WAITING_LIMIT_MS) {
    throw new AppError('waited_too_long', `The message waited for 24 hours (${reason}).`, {
      details: { reason },
    });
  }
  const delaySeconds = delaySecondsAfter(tries);
  await deps.store.users.recordOutcome(message.person.user_id, {
    observation: { id: message.id, observed_at: message.observed_at },
    status: 'waiting',
    reason,
    attempts: tries + 1,
    nextTryAt: new Date(now.getTime() + delaySeconds * 1000).toISOString(),
    updatedAt: now.toISOString(),
  });
  await deps.queue.enqueue(serializeProvisionMessage({ ...message, waiting: { since, tries: tries + 1 } }), {
    delaySeconds,
  });
  return { tries: tries + 1, delaySeconds };
}
