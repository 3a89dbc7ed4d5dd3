/** What the queue `push` gave up on: kept whole, shown to the person and the operator, and put back on demand. */
import type { SyncRecord } from '../storage/syncRecord.ts';
import type { FailureStore } from '../storage/failureStore.ts';
import type { SyncOutcome } from '../model/synced.ts';
import { parseSyncMessage, type SyncMessage, serializeSyncMessage } from './syncMessage.ts';
import type { Clock, MessageQueue } from '../model/ports.ts';
import { keepOrPutBack, type PoisonMessage } from './recordFailure.ts';
import { type Redriven, redriveWith } from './redrive.ts';

export interface SyncFailureDeps {
  /** Those of the queue `push`. */
  readonly failures: Pick<FailureStore, keyof FailureStore>;
  readonly record: Pick<SyncRecord, 'readPerson' | 'recordPersonOutcome'>;
  /** The poison queue itself, where a message goes again that could not be kept. */
  readonly poisonQueue: Pick<MessageQueue, 'enqueue'>;
  readonly clock: Clock;
}

export interface RecordedSyncFailure {
  readonly reason: string;
  readonly subject?: string;
  readonly id?: string;
  /** It could not be kept and was put back into the poison queue. */
  readonly putBack?: true;
}

function readMessage(entry: unknown): SyncMessage | undefined {
  try {
    return parseSyncMessage(entry);
  } catch {
    return undefined;
  }
}

/** The last try left its reason; without it all that is known is that it failed. */
async function findOutcome(deps: SyncFailureDeps, userId: string): Promise<SyncOutcome | undefined> {
  try {
    return (await deps.record.readPerson(userId)).outcome;
  } catch {
    // The message must be kept even while the record cannot be read, and that may be why it failed.
    return undefined;
  }
}

async function keep(
  deps: SyncFailureDeps,
  poison: PoisonMessage,
  text: string,
): Promise<RecordedSyncFailure> {
  const failedAt = deps.clock.now().toISOString();
  const message = readMessage(poison.entry);
  if (message === undefined) {
    await deps.failures.keep({ id: poison.id, text, reason: 'message_unreadable', failedAt });
    return { reason: 'message_unreadable' };
  }
  const { kind, id } = message.subject;
  const outcome = kind === 'user' ? await findOutcome(deps, id) : undefined;
  const reason = outcome?.reason ?? 'unexpected';
  const userId = kind === 'user' ? { userId: id } : {};
  await deps.failures.keep({ id: poison.id, text, reason, failedAt, ...userId });
  // Of a message that failed before a newer one succeeded nobody needs to hear.
  if (kind === 'user' && outcome?.status !== 'done') {
    const { attempts = 0, reported = [] } = outcome ?? {};
    await deps.record.recordPersonOutcome(id, {
      status: 'failed',
      reason,
      attempts,
      updatedAt: failedAt,
      reported,
    });
  }
  return { reason, subject: kind, id };
}

/** As `recordFailure`, for the queue `push`: idempotent by message id, keeps garbage too, and loses nothing. */
export async function recordSyncFailure(
  deps: SyncFailureDeps,
  poison: PoisonMessage,
): Promise<RecordedSyncFailure> {
  return keepOrPutBack(deps.poisonQueue, poison, async (text) => keep(deps, poison, text));
}

export interface SyncRedriveDeps {
  readonly failures: Pick<FailureStore, 'find' | 'read' | 'markRedriven'>;
  /** The queue `push`. */
  readonly queue: Pick<MessageQueue, 'enqueue'>;
  readonly clock: Clock;
}

/** As `redrive`, for the queue `push`. How long a message waited before does not count against it again. */
export async function redriveSyncs(
  deps: SyncRedriveDeps,
  which: { readonly id: string } | 'all',
): Promise<readonly Redriven[]> {
  return redriveWith(
    {
      ...deps,
      putBack: async (failure) => {
        const { waiting: _waited, ...message } = parseSyncMessage(failure.text);
        await deps.queue.enqueue(serializeSyncMessage(message));
      },
    },
    which,
  );
}
