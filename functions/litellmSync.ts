import { app, type InvocationContext } from '@azure/functions';
import { readConfigFaults, requireConfig, requireLitellmSide } from '../shared/app.ts';
import { sync, type SyncResult } from '../shared/litellm/sync.ts';
import { parseSyncMessage, type SyncMessage } from '../shared/queue/syncMessage.ts';
import { readQueueDelivery } from '../shared/queue/readQueueDelivery.ts';
import { SYNC_QUEUE } from '../shared/queue/provisionMessage.ts';
import { observeFlow } from '../shared/telemetry/events.ts';
import { traceInvocation } from '../shared/telemetry/traceInvocation.ts';

/** Queue `push`: tells the LiteLLM proxy about a person, an organization or a team. Not there where no proxy is connected. */
if (readConfigFaults().length === 0 && requireConfig().litellm !== undefined) {
  app.storageQueue('litellmSync', {
    queueName: SYNC_QUEUE,
    connection: 'AzureWebJobsStorage',
    handler: async (entry: unknown, context) => {
      const { attempt, trigger } = readQueueDelivery(context, SYNC_QUEUE, entry);
      await traceInvocation(context, trigger, async () => {
        const told = { context, entry, attempt };
        await (isAboutPerson(entry) ? tellOfPerson(told) : tellOfEntity(told));
      });
    },
  });
}

interface Told {
  readonly context: InvocationContext;
  readonly entry: unknown;
  readonly attempt: number;
}

async function tell({ entry, attempt }: Told): Promise<{ message: SyncMessage; result: SyncResult }> {
  const message = parseSyncMessage(entry);
  return { message, result: await sync(requireLitellmSide().sync, message, { attempt }) };
}

async function tellOfPerson(told: Told): Promise<void> {
  await observeFlow(told.context, {
    name: 'sync.person',
    run: async () => tell(told),
    describe: ({ message, result }) => ({
      level: levelOf(result),
      userId: message.subject.id,
      status: result.status,
      reason: result.reason,
      attempt: told.attempt,
      added: result.changes?.added,
      changed: result.changes?.changed,
      removed: result.changes?.removed,
      reported: reportedOf(result),
      secondsSinceSignIn: secondsSinceSignIn(message),
    }),
  });
}

async function tellOfEntity(told: Told): Promise<void> {
  await observeFlow(told.context, {
    name: 'sync.entity',
    run: async () => tell(told),
    describe: ({ message, result }) => ({
      level: levelOf(result),
      subject: message.subject.kind,
      id: message.subject.id,
      status: result.status,
      reason: result.reason,
      attempt: told.attempt,
      reported: reportedOf(result),
    }),
  });
}

/** Which event it is. One that cannot be read is told of with an entity's, which says why. */
function isAboutPerson(entry: unknown): boolean {
  try {
    return parseSyncMessage(entry).subject.kind === 'user';
  } catch {
    return false;
  }
}

function levelOf({ reported = [] }: SyncResult): 'info' | 'warn' {
  return reported.length > 0 ? 'warn' : 'info';
}

/** Enough to see what it is about; the person's record has all. */
const SHOWN_REPORTS = 10;

function reportedOf({ reported }: SyncResult): readonly string[] | undefined {
  return reported?.slice(0, SHOWN_REPORTS).map(({ code, kind, id }) => `${code} ${kind} ${id}`);
}

/** From when the sign-in behind it was enqueued. */
function secondsSinceSignIn({ enqueued_at: enqueuedAt }: SyncMessage): number | undefined {
  return enqueuedAt === undefined ? undefined : Math.max(0, (Date.now() - Date.parse(enqueuedAt)) / 1000);
}
