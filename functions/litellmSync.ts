import { isLitellmConnected, requireLitellmSide } from '../shared/app.ts';
import type { SyncResult } from '../shared/litellm/syncDeps.ts';
import { SYNC_QUEUE, parseSyncMessage, type SyncMessage } from '../shared/queue/queueMessage.ts';
import { runMessage } from '../shared/queue/queueWorker.ts';
import {
  onQueue,
  requireOpened,
  secondsSince,
  type QueueDelivery,
  type QueueFlow,
} from '../shared/triggers/onQueue.ts';

interface Synced {
  readonly message: SyncMessage;
  readonly result: SyncResult;
}

/** Enough to see what it is about. The person's record has all reports. */
const SHOWN_REPORTS = 10;

const syncOfPerson: QueueFlow<Synced> = {
  name: 'sync.person',
  run: runSync,
  describe: ({ message: { subject, enqueued_at: enqueuedAt }, result }, { attempt }) => ({
    level: levelOf(result),
    userId: subject.id,
    status: result.status,
    reason: result.reason,
    attempt,
    added: result.changes?.added,
    changed: result.changes?.changed,
    removed: result.changes?.removed,
    reported: reportedOf(result),
    secondsSinceSignIn: enqueuedAt === undefined ? undefined : secondsSince(enqueuedAt),
  }),
  countKeys: ({ result }) => result.keys,
};

const syncOfEntity: QueueFlow<Synced> = {
  name: 'sync.entity',
  run: runSync,
  describe: ({ message: { subject }, result }, { attempt }) => ({
    level: levelOf(result),
    subject: subject.kind,
    id: subject.id,
    status: result.status,
    reason: result.reason,
    attempt,
    added: result.changes?.added,
    reported: reportedOf(result),
  }),
};

/** Queue `litellm-sync`: syncs a person, an organization or a team. Registered only if a LiteLLM proxy is connected. */
onQueue(
  'litellmSync',
  {
    queueName: SYNC_QUEUE,
    isEnabled: isLitellmConnected(),
    open: async (entry) => requireLitellmSide().queue.seal.open(entry),
  },
  (json) => (json !== undefined && isAboutPerson(json) ? syncOfPerson : syncOfEntity),
);

async function runSync(delivery: QueueDelivery): Promise<Synced> {
  const message = parseSyncMessage(requireOpened(delivery));
  return { message, result: await runMessage(requireLitellmSide().queue, message, delivery) };
}

/** An unreadable message isn't about a person. The event of an entity then carries the error. */
function isAboutPerson(json: string): boolean {
  try {
    return parseSyncMessage(json).subject.kind === 'user';
  } catch {
    return false;
  }
}

function levelOf({ reported = [] }: SyncResult): 'info' | 'warn' {
  return reported.length > 0 ? 'warn' : 'info';
}

function reportedOf({ reported }: SyncResult): readonly string[] | undefined {
  return reported?.slice(0, SHOWN_REPORTS).map(({ code, kind, id }) => `${code} ${kind} ${id}`);
}
