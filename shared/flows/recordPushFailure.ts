/** What the queue `push` gave up on: kept whole, shown to the person and the operator, and put back on demand. */
import type { PushOutcome } from '../domain/pushed.ts';
import { parsePushMessage, type PushMessage, serializePushMessage } from '../messages/pushMessage.ts';
import type { Clock, ProvisionQueue } from '../ports.ts';
import type { PushRecord } from '../proxyPorts.ts';
import type { FailureStore } from '../storePorts.ts';
import { keepOrPutBack, type PoisonMessage } from './recordFailure.ts';
import { type Redriven, redriveWith } from './redrive.ts';

export interface PushFailureDeps {
  /** Those of the queue `push`. */
  readonly failures: FailureStore;
  readonly record: Pick<PushRecord, 'readPerson' | 'recordPersonOutcome'>;
  /** The poison queue itself, where a message goes again that could not be kept. */
  readonly poisonQueue: Pick<ProvisionQueue, 'push'>;
  readonly clock: Clock;
}

export interface RecordedPushFailure {
  readonly reason: string;
  readonly subject?: string;
  readonly id?: string;
  /** It could not be kept and was put back into the poison queue. */
  readonly putBack?: true;
}

function readMessage(entry: unknown): PushMessage | undefined {
  try {
    return parsePushMessage(entry);
  } catch {
    return undefined;
  }
}

/** The last try left its reason; without it all that is known is that it failed. */
async function findOutcome(deps: PushFailureDeps, userId: string): Promise<PushOutcome | undefined> {
  try {
    return (await deps.record.readPerson(userId)).outcome;
  } catch {
    // The message must be kept even while the record cannot be read, and that may be why it failed.
    return undefined;
  }
}

async function keep(
  deps: PushFailureDeps,
  poison: PoisonMessage,
  text: string,
): Promise<RecordedPushFailure> {
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
export async function recordPushFailure(
  deps: PushFailureDeps,
  poison: PoisonMessage,
): Promise<RecordedPushFailure> {
  return keepOrPutBack(deps.poisonQueue, poison, async (text) => keep(deps, poison, text));
}

export interface PushRedriveDeps {
  readonly failures: Pick<FailureStore, 'find' | 'read' | 'markRedriven'>;
  /** The queue `push`. */
  readonly queue: Pick<ProvisionQueue, 'push'>;
  readonly clock: Clock;
}

/** As `redrive`, for the queue `push`. How long a message waited before does not count against it again. */
export async function redrivePushes(
  deps: PushRedriveDeps,
  which: { readonly id: string } | 'all',
): Promise<readonly Redriven[]> {
  return redriveWith(
    {
      ...deps,
      putBack: async (failure) => {
        const { waiting: _waited, ...message } = parsePushMessage(failure.text);
        await deps.queue.push(serializePushMessage(message));
      },
    },
    which,
  );
}
