/** Puts failed messages back into the queue, with their own observation time. */
import type { FailedMessage, FailureStore } from '../storage/failureStore.ts';
import type { Store } from '../storage/store.ts';
import { AppError, errorCodeOf } from '../model/errors.ts';
import type { ProvisionMessage } from './provisionMessage.ts';
import { parseProvisionMessage, serializeProvisionMessage } from './provisionMessage.ts';
import type { Clock, MessageQueue } from '../model/ports.ts';

export interface RedriveDeps {
  readonly store: Pick<Store, 'users' | 'failures'>;
  readonly queue: Pick<MessageQueue, 'enqueue'>;
  readonly clock: Clock;
}

export interface Redriven {
  readonly id: string;
  /** `unreadable`: putting it back would only fail again; it stays kept. */
  readonly result: 'redriven' | 'already_redriven' | 'unreadable';
  readonly reason: string;
}

/** The message as it was observed; how long it waited before does not count against it again. */
function asObserved(message: ProvisionMessage): ProvisionMessage {
  const { waiting: _waited, ...rest } = message;
  return rest;
}

async function putBackProvision(deps: RedriveDeps, failure: FailedMessage): Promise<void> {
  const message = parseProvisionMessage(failure.text);
  // Recorded before the push: afterwards it could hide the `failed` of a worker that was quicker.
  await deps.store.users.recordOutcome(message.person.user_id, {
    observation: { id: message.id, observed_at: message.observed_at },
    status: 'retrying',
    reason: failure.reason,
    attempts: 0,
    updatedAt: deps.clock.now().toISOString(),
  });
  await deps.queue.enqueue(serializeProvisionMessage(asObserved(message)));
}

/** How the messages of one queue are put back. */
export interface Redriving {
  readonly failures: Pick<FailureStore, 'find' | 'read' | 'markRedriven'>;
  readonly clock: Clock;
  /** Throws `message_unreadable` where it would only fail again. */
  putBack(failure: FailedMessage): Promise<void>;
}

async function redriveOne(deps: Redriving, failure: FailedMessage): Promise<Redriven> {
  try {
    await deps.putBack(failure);
  } catch (error) {
    if (errorCodeOf(error) !== 'message_unreadable') throw error;
    return { id: failure.id, result: 'unreadable', reason: errorCodeOf(error) };
  }
  // Marked after the push: a crash in between repeats a message, which is harmless, instead of losing it.
  await deps.failures.markRedriven(failure.id, deps.clock.now());
  return { id: failure.id, result: 'redriven', reason: failure.reason };
}

/**
 * Puts back one kept message by its id (again, if asked for), or all that were not put back yet, oldest first; rows that
 * cannot be read come last and stay. A message older than what was provisioned since is superseded when it is delivered, so
 * redriving never undoes anything.
 * Throws `not_found` for an unknown id, `row_unreadable` for a damaged one, and what queue and store throw; what was put back
 * until then is marked.
 */
export async function redrive(
  deps: RedriveDeps,
  which: { readonly id: string } | 'all',
): Promise<readonly Redriven[]> {
  const putBack = async (failure: FailedMessage): Promise<void> => putBackProvision(deps, failure);
  return redriveWith({ failures: deps.store.failures, clock: deps.clock, putBack }, which);
}

/** As {@link redrive}, for the messages of any queue. */
export async function redriveWith(
  deps: Redriving,
  which: { readonly id: string } | 'all',
): Promise<readonly Redriven[]> {
  if (which !== 'all') {
    const failure = await deps.failures.find(which.id);
    if (failure === undefined) throw new AppError('not_found', `There is no failed message ${which.id}.`);
    return [await redriveOne(deps, failure)];
  }
  const results: Redriven[] = [];
  const { failures, unreadable } = await deps.failures.read();
  for (const failure of failures) {
    if (failure.redrivenAt === undefined) results.push(await redriveOne(deps, failure));
    else results.push({ id: failure.id, result: 'already_redriven', reason: failure.reason });
  }
  return [
    ...results,
    ...unreadable.map(({ id }) => ({ id, result: 'unreadable' as const, reason: 'row_unreadable' })),
  ];
}
