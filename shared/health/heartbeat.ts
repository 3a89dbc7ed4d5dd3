/**
 * The heartbeat: it notices functions that should run by themselves and do not. Why it is built this way, and what "visible" means:
 * docs/decisions/0015-heartbeat.md.
 */
import type {
  FunctionRecord,
  QueueLook,
  RegisteredFunctions,
  RegisteredTimer,
  SuccessRecorder,
} from '../model/heartbeat.ts';
import type { Clock, MessageQueue, VisibleMessage, VisibleMessages } from '../model/ports.ts';
import type { Heartbeats, HeartbeatStore } from '../storage/heartbeatStore.ts';

export interface HeartbeatDeps {
  readonly store: Pick<HeartbeatStore, 'read' | 'startTimer' | 'recordLook' | 'remove'>;
  readonly clock: Clock;
  readonly findQueue: (queueName: string) => Pick<MessageQueue, 'peek'>;
}

/** How long ago a timer succeeded. */
export interface TimerAge {
  readonly name: string;
  /** Whole seconds since the last success, or since the first start if it has not succeeded yet. */
  readonly ageSeconds: number;
  readonly periodSeconds: number;
}

/** How long the oldest visible message of a queue has been visible. */
export interface QueueAge {
  readonly name: string;
  /** Whole seconds. Absent: no message is visible. */
  readonly oldestSeconds?: number;
}

/** What one heartbeat found. */
export interface Heartbeat {
  readonly timers: readonly TimerAge[];
  readonly queues: readonly QueueAge[];
}

/**
 * Reads how long ago each registered timer succeeded, and how long the oldest visible message of each registered queue has waited.
 * Begins to count timers that are new, and forgets functions that are not registered any more.
 * Throws what store and queues throw. A part that can't be read is never shown as healthy.
 */
export async function beat(deps: HeartbeatDeps, registered: RegisteredFunctions): Promise<Heartbeat> {
  const { store, clock } = deps;
  const now = clock.now();
  const known = await store.read();
  await forget(deps, known, registered);
  await Promise.all(
    registered.timers.map(async ({ name }) => {
      const timer = known.timers.get(name);
      if (isCounted(timer?.record)) return;
      await store.startTimer(name, now, timer?.etag);
    }),
  );
  return {
    timers: registered.timers.map((timer) => timerAge(timer, known.timers.get(timer.name)?.record, now)),
    queues: await Promise.all(queueNamesOf(registered).map(async (name) => lookAt(deps, name, known))),
  };
}

/** A function that comes back later then counts from its new first start, not from its last success long ago. */
async function forget(
  { store }: HeartbeatDeps,
  { rows }: Heartbeats,
  registered: RegisteredFunctions,
): Promise<void> {
  const names = {
    timer: registered.timers.map(({ name }) => name),
    queueFunction: registered.queueFunctions.map(({ name }) => name),
    queue: queueNamesOf(registered),
  };
  const gone = rows.filter(({ kind, name }) => !names[kind].includes(name));
  await Promise.all(gone.map(async (row) => store.remove(row)));
}

async function lookAt(
  { store, findQueue }: HeartbeatDeps,
  queueName: string,
  { queues }: Heartbeats,
): Promise<QueueAge> {
  const look = compareLooks(await findQueue(queueName).peek(), queues.get(queueName));
  await store.recordLook(queueName, look);
  const oldest = oldestSeconds(look);
  return { name: queueName, ...(oldest === undefined ? {} : { oldestSeconds: oldest }) };
}

function queueNamesOf({ queueFunctions }: RegisteredFunctions): readonly string[] {
  return [...new Set(queueFunctions.map(({ queueName }) => queueName))];
}

function isCounted({ succeededAt, firstStartedAt }: FunctionRecord = {}): boolean {
  return succeededAt !== undefined || firstStartedAt !== undefined;
}

/** Returns the age of a timer. One that neither succeeded nor was counted so far is as old as `now`. Pure. */
export function timerAge(
  { name, periodSeconds }: RegisteredTimer,
  { succeededAt, firstStartedAt }: FunctionRecord = {},
  now: Date,
): TimerAge {
  const since = succeededAt ?? firstStartedAt ?? now.toISOString();
  return { name, ageSeconds: secondsBetween(since, now.toISOString()), periodSeconds };
}

/** Returns whether a timer missed so many runs that an operator has to look: its age is above twice its period. Pure. */
export function isLate({ ageSeconds, periodSeconds }: TimerAge): boolean {
  return ageSeconds > 2 * periodSeconds;
}

/**
 * Returns the look with the time since which each message is visible. The queue itself says only when a message was inserted, and a
 * message that was put back is inserted with a delay. Pure.
 */
export function compareLooks({ at, isComplete, messages }: VisibleMessages, last?: QueueLook): QueueLook {
  return {
    at,
    isComplete,
    messages: messages.map((message) => ({
      id: message.id,
      deliveries: message.deliveries,
      since: visibleSince(message, at, last),
    })),
  };
}

function visibleSince(message: VisibleMessage, at: string, last: QueueLook | undefined): string {
  const seen = last?.messages.find(({ id }) => id === message.id);
  // Taken in between: the queue is read, and the message became visible again.
  if (seen !== undefined) return seen.deliveries === message.deliveries ? seen.since : at;
  // It was in the queue at the last look and not visible: its delay, or its run, ended since then.
  const wasHidden = last?.isComplete === true && Date.parse(message.insertedAt) <= Date.parse(last.at);
  return wasHidden ? at : message.insertedAt;
}

/** Returns for how many whole seconds the oldest message has been visible, or `undefined` if none is. Pure. */
export function oldestSeconds({ at, messages }: QueueLook): number | undefined {
  if (messages.length === 0) return undefined;
  return Math.max(...messages.map(({ since }) => secondsBetween(since, at)));
}

/** Clocks differ, so a time may lie ahead: then it is now. */
function secondsBetween(since: string, until: string): number {
  return Math.max(0, Math.floor((Date.parse(until) - Date.parse(since)) / 1000));
}

/** How often a queue function is recorded at most. */
const RECORD_EVERY_MS = 10 * 60 * 1000;

/** Creates the recorder of this process. Its memory saves a read for each message. */
export function createSuccessRecorder({
  store,
  clock,
}: {
  readonly store: Pick<HeartbeatStore, 'recordTimer' | 'findQueueFunction' | 'recordQueueFunction'>;
  readonly clock: Clock;
}): SuccessRecorder {
  const recordedMs = new Map<string, number>();
  const isFresh = (atMs: number | undefined, nowMs: number): boolean =>
    atMs !== undefined && Math.abs(nowMs - atMs) < RECORD_EVERY_MS;
  return {
    recordTimer: async (name) => store.recordTimer(name, clock.now()),
    recordQueueFunction: async (name) => {
      const now = clock.now();
      if (isFresh(recordedMs.get(name), now.getTime())) return;
      // First, so that storage that fails is not asked again with every message.
      recordedMs.set(name, now.getTime());
      const found = await store.findQueueFunction(name);
      const { succeededAt } = found?.record ?? {};
      const succeededMs = succeededAt === undefined ? undefined : Date.parse(succeededAt);
      if (succeededMs !== undefined && isFresh(succeededMs, now.getTime())) {
        recordedMs.set(name, succeededMs);
        return;
      }
      await store.recordQueueFunction(name, now, found?.etag);
    },
  };
}
