import { describe, expect, it } from 'vitest';
import {
  beat,
  compareLooks,
  createSuccessRecorder,
  type HeartbeatDeps,
  isLate,
  oldestSeconds,
  timerAge,
} from '../../shared/health/heartbeat.ts';
import type { QueueLook, RegisteredFunctions } from '../../shared/model/heartbeat.ts';
import type { VisibleMessage, VisibleMessages } from '../../shared/model/ports.ts';
import { AppError } from '../../shared/model/errors.ts';
import { HeartbeatStore } from '../../shared/storage/heartbeatStore.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { createMemoryTables, type MemoryTables } from '../support/memoryTables.ts';
import { createTestClock, type TestClock } from '../support/world.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const registered: RegisteredFunctions = {
  timers: [
    { name: 'often', periodSeconds: 600 },
    { name: 'daily', periodSeconds: 86_400 },
  ],
  queueFunctions: [
    { name: 'work', queueName: 'jobs' },
    { name: 'workPoison', queueName: 'jobs-poison' },
  ],
};

interface Heart extends HeartbeatDeps {
  readonly clock: TestClock;
  readonly tables: MemoryTables;
  readonly store: HeartbeatStore;
  /** What the queues show, by name. */
  readonly visible: Map<string, readonly VisibleMessage[]>;
  readonly looked: string[];
}

function createHeart(): Heart {
  const clock = createTestClock();
  const tables = createMemoryTables();
  const visible = new Map<string, readonly VisibleMessage[]>();
  const looked: string[] = [];
  const findQueue = (queueName: string) => ({
    peek: async () => {
      looked.push(queueName);
      const messages = visible.get(queueName) ?? [];
      return Promise.resolve({ at: clock.now().toISOString(), messages, isComplete: true });
    },
  });
  return { clock, tables, visible, looked, findQueue, store: new HeartbeatStore(tables) };
}

const agesOf = async (heart: Heart, functions = registered): Promise<Readonly<Record<string, number>>> =>
  Object.fromEntries((await beat(heart, functions)).timers.map(({ name, ageSeconds }) => [name, ageSeconds]));

const atMinute = (minute: number): string => new Date(Date.UTC(2026, 10, 23, 9, minute)).toISOString();

describe('the age of a timer', () => {
  it('counts from the first start until it succeeds, and from its last success then', async () => {
    const heart = createHeart();
    expect(await agesOf(heart)).toEqual({ often: 0, daily: 0 });
    heart.clock.advance(7 * MINUTE_MS);
    await heart.store.recordTimer('often', heart.clock.now());
    heart.clock.advance(3 * MINUTE_MS);
    expect(await agesOf(heart)).toEqual({ often: 180, daily: 600 });
  });

  it('counts a function that is registered later from its own first start', async () => {
    const heart = createHeart();
    const earlier = { ...registered, timers: registered.timers.slice(0, 1) };
    await agesOf(heart, earlier);
    heart.clock.advance(90 * 24 * HOUR_MS);
    expect(await agesOf(heart)).toEqual({ often: 90 * 86_400, daily: 0 });
    heart.clock.advance(HOUR_MS);
    expect(await agesOf(heart)).toMatchObject({ daily: 3600 });
  });

  it('leaves out a function that is not registered, and counts it anew when it comes back', async () => {
    const heart = createHeart();
    await heart.store.recordTimer('daily', heart.clock.now());
    await heart.store.recordQueueFunction('work', heart.clock.now(), undefined);
    const without = { timers: registered.timers.slice(0, 1), queueFunctions: [] };
    expect(await beat(heart, without)).toEqual({
      timers: [{ name: 'often', ageSeconds: 0, periodSeconds: 600 }],
      queues: [],
    });
    expect(heart.looked).toEqual([]);
    heart.clock.advance(30 * 24 * HOUR_MS);
    expect(await agesOf(heart)).toMatchObject({ daily: 0 });
    expect((await heart.store.read()).queueFunctions.size).toBe(0);
  });

  it('counts a row that a person has damaged from the next heartbeat on, and does not start again each time', async () => {
    const heart = createHeart();
    const key = { partitionKey: 'timer', rowKey: 'daily' };
    const properties = { succeeded_at: 'yesterday', first_started_at: 'soon' };
    await heart.tables.write(TABLES.heartbeats, { kind: 'create', key, properties });
    expect(await agesOf(heart)).toMatchObject({ daily: 0 });
    heart.clock.advance(2 * HOUR_MS);
    expect(await agesOf(heart)).toMatchObject({ daily: 7200 });
  });

  it('is never negative', () => {
    const timer = { name: 'often', periodSeconds: 600 };
    expect(timerAge(timer, { succeededAt: atMinute(5) }, new Date(atMinute(0)))).toMatchObject({
      ageSeconds: 0,
    });
  });

  it.each([
    { ageSeconds: 1200, periodSeconds: 600, late: false },
    { ageSeconds: 1201, periodSeconds: 600, late: true },
    { ageSeconds: 172_800, periodSeconds: 86_400, late: false },
    { ageSeconds: 172_801, periodSeconds: 86_400, late: true },
  ])('is late above twice its period: $ageSeconds of $periodSeconds', ({ late, ...age }) => {
    expect(isLate({ name: 'x', ...age })).toBe(late);
  });
});

describe('the age of the oldest visible message', () => {
  const message = (id: string, insertedMinute: number, deliveries = 0): VisibleMessage => ({
    id,
    insertedAt: atMinute(insertedMinute),
    deliveries,
  });
  const look = (minute: number, messages: readonly VisibleMessage[], isComplete = true): VisibleMessages => ({
    at: atMinute(minute),
    messages,
    isComplete,
  });
  /** Returns the ages in minutes at these looks, one after the other. */
  function agesAt(...looks: readonly VisibleMessages[]): readonly (number | undefined)[] {
    let last: QueueLook | undefined;
    return looks.map((each) => {
      last = compareLooks(each, last);
      const seconds = oldestSeconds(last);
      return seconds === undefined ? undefined : seconds / 60;
    });
  }

  it('is absent if no message is visible', () => {
    expect(agesAt(look(0, []), look(10, []))).toEqual([undefined, undefined]);
  });

  it('counts from the insertion, of the oldest message wherever it is', () => {
    expect(agesAt(look(10, [message('a', 8), message('b', 3), message('c', 9)]))).toEqual([7]);
  });

  it('grows while no one takes the message', () => {
    const waiting = [message('a', 2)];
    expect(agesAt(look(0, []), look(10, waiting), look(20, waiting), look(30, waiting))).toEqual([
      undefined,
      8,
      18,
      28,
    ]);
  });

  it('does not count the delay of a message that was put back', () => {
    // Put back at 5 with a delay of 60 minutes: visible at 65.
    const due = [message('a', 5)];
    expect(agesAt(look(60, []), look(70, due), look(80, due))).toEqual([undefined, 0, 10]);
  });

  it('begins again when the host has taken the message in between, because the queue is read', () => {
    const ages = agesAt(
      look(10, [message('a', 9)]),
      look(20, [message('a', 9, 1)]),
      look(30, [message('a', 9, 2)]),
    );
    expect(ages).toEqual([1, 0, 0]);
  });

  it('begins again for a message that was being worked on at the last look', () => {
    expect(agesAt(look(10, []), look(20, [message('a', 9, 3)]))).toEqual([undefined, 0]);
  });

  it('counts from the insertion if the last look did not see the whole queue', () => {
    const many = Array.from({ length: 32 }, (_, index) => message(`m${index}`, 1));
    expect(agesAt(look(10, many, false), look(20, [message('behind', 2)]))).toEqual([9, 18]);
  });

  it('is remembered from heartbeat to heartbeat, for each queue', async () => {
    const heart = createHeart();
    const insertedAt = heart.clock.now().toISOString();
    heart.visible.set('jobs', [{ id: 'a', insertedAt, deliveries: 0 }]);
    heart.clock.advance(4 * MINUTE_MS);
    expect((await beat(heart, registered)).queues).toEqual([
      { name: 'jobs', oldestSeconds: 240 },
      { name: 'jobs-poison' },
    ]);
    // It was in the poison queue at the last look, and hidden.
    heart.visible.set('jobs-poison', [{ id: 'p', insertedAt, deliveries: 1 }]);
    heart.clock.advance(10 * MINUTE_MS);
    expect((await beat(heart, registered)).queues).toEqual([
      { name: 'jobs', oldestSeconds: 840 },
      { name: 'jobs-poison', oldestSeconds: 0 },
    ]);
  });
});

describe('a heartbeat that cannot see', () => {
  it('throws if the rows or a queue cannot be read, instead of looking healthy', async () => {
    const heart = createHeart();
    const findQueue = () => ({
      peek: async () => Promise.reject(new AppError('storage_refused', 'no')),
    });
    await expect(beat({ ...heart, findQueue }, registered)).rejects.toMatchObject({
      code: 'storage_refused',
    });
    const store = Object.assign(new HeartbeatStore(heart.tables), {
      read: async () => Promise.reject(new AppError('storage_unavailable', 'no')),
    });
    await expect(beat({ ...heart, store }, registered)).rejects.toMatchObject({
      code: 'storage_unavailable',
    });
  });
});

describe('the record of a queue function', () => {
  const countWrites = ({ tables }: Heart): number =>
    tables.requests().filter(({ kind }) => kind === 'write').length;

  it('is one row in 10 minutes, however many instances succeed', async () => {
    const heart = createHeart();
    const instances = [createSuccessRecorder(heart), createSuccessRecorder(heart)];
    const succeed = async (): Promise<void> => {
      for (const instance of instances) await instance.recordQueueFunction('work');
    };
    for (let minute = 0; minute < 10; minute += 1) {
      await succeed();
      heart.clock.advance(MINUTE_MS);
    }
    expect(countWrites(heart)).toBe(1);
    // One read for each instance: further messages cost nothing.
    expect(heart.tables.requests()).toHaveLength(3);
    await succeed();
    expect(countWrites(heart)).toBe(2);
    expect((await heart.store.findQueueFunction('work'))?.record).toEqual({
      succeededAt: heart.clock.now().toISOString(),
    });
  });

  it('lets one of two instances write that succeed at the same time', async () => {
    const heart = createHeart();
    const instances = [createSuccessRecorder(heart), createSuccessRecorder(heart)];
    await Promise.all(instances.map(async ({ recordQueueFunction }) => recordQueueFunction('work')));
    expect((await heart.store.read()).queueFunctions.size).toBe(1);
  });

  it('does not ask storage that fails again with every message', async () => {
    const { clock } = createHeart();
    let asked = 0;
    const store = {
      recordTimer: async () => undefined,
      recordQueueFunction: async () => undefined,
      findQueueFunction: async () => {
        asked += 1;
        return Promise.reject(new AppError('storage_unavailable', 'no'));
      },
    };
    const { recordQueueFunction } = createSuccessRecorder({ store, clock });
    await expect(recordQueueFunction('work')).rejects.toMatchObject({ code: 'storage_unavailable' });
    await recordQueueFunction('work');
    expect(asked).toBe(1);
  });
});
