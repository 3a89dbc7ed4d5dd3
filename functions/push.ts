import { app, type InvocationContext } from '@azure/functions';
import { readConfigFaults, requireConfig, requireProxySide } from '../shared/app.ts';
import { push, type PushedResult } from '../shared/flows/push.ts';
import { parsePushMessage, type PushMessage } from '../shared/messages/pushMessage.ts';
import { readQueueDelivery } from '../shared/messages/readQueueDelivery.ts';
import { PUSH_QUEUE } from '../shared/messages.ts';
import { observeFlow } from '../shared/telemetry.ts';
import { traceInvocation } from '../shared/telemetry/traceInvocation.ts';

/** Queue `push`: tells the LiteLLM proxy about a person, an organization or a team. Not there where no proxy is connected. */
if (readConfigFaults().length === 0 && requireConfig().litellm !== undefined) {
  app.storageQueue('push', {
    queueName: PUSH_QUEUE,
    connection: 'AzureWebJobsStorage',
    handler: async (entry: unknown, context) => {
      const { attempt, trigger } = readQueueDelivery(context, PUSH_QUEUE, entry);
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

async function tell({ entry, attempt }: Told): Promise<{ message: PushMessage; result: PushedResult }> {
  const message = parsePushMessage(entry);
  return { message, result: await push(requireProxySide().push, message, { attempt }) };
}

async function tellOfPerson(told: Told): Promise<void> {
  await observeFlow(told.context, {
    name: 'push.person',
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
    name: 'push.entity',
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
    return parsePushMessage(entry).subject.kind === 'user';
  } catch {
    return false;
  }
}

function levelOf({ reported = [] }: PushedResult): 'info' | 'warn' {
  return reported.length > 0 ? 'warn' : 'info';
}

/** Enough to see what it is about; the person's record has all. */
const SHOWN_REPORTS = 10;

function reportedOf({ reported }: PushedResult): readonly string[] | undefined {
  return reported?.slice(0, SHOWN_REPORTS).map(({ code, kind, id }) => `${code} ${kind} ${id}`);
}

/** From when the sign-in behind it was enqueued. */
function secondsSinceSignIn({ enqueued_at: enqueuedAt }: PushMessage): number | undefined {
  return enqueuedAt === undefined ? undefined : Math.max(0, (Date.now() - Date.parse(enqueuedAt)) / 1000);
}
