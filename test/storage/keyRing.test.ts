import { describe, expect, it } from 'vitest';
import { KeyRing } from '../../shared/storage/keyRing.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { AppError } from '../../shared/model/errors.ts';
import { createMemoryTables, type MemoryTables } from '../support/memoryTables.ts';
import { createTestClock, createTestRandom, type TestClock } from '../support/signInDoubles.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Creates a store and a clock, and a function that creates instances of the app which share them. */
function createWorld(): { tables: MemoryTables; clock: TestClock; instance: (seed: string) => KeyRing } {
  const tables = createMemoryTables();
  const clock = createTestClock();
  return {
    tables,
    clock,
    instance: (seed) => new KeyRing({ tables, clock, random: createTestRandom(seed) }),
  };
}

const readsOf = (tables: MemoryTables): number =>
  tables.requests().filter((request) => request.kind === 'readPage').length;

describe('the first key', () => {
  it('is created, stored in the table of the ring, and seals at once', async () => {
    const { tables, instance } = createWorld();
    const key = await instance('a').sealingKey();
    expect(key.secret).toHaveLength(32);
    expect(await instance('b').findKey(key.id)).toEqual(key);
    expect(new Set(tables.requests().map((request) => request.table))).toEqual(new Set([TABLES.sessionKeys]));
  });

  it('is the same for instances that start at the same time', async () => {
    const { instance } = createWorld();
    const keys = await Promise.all(['a', 'b', 'c'].map((seed) => instance(seed).sealingKey()));
    expect(new Set(keys.map((key) => Buffer.from(key.secret).toString('hex'))).size).toBe(1);
  });
});

describe('reading', () => {
  it('happens once for all waiting callers, and not again for five minutes', async () => {
    const { tables, clock, instance } = createWorld();
    await instance('first').sealingKey();
    tables.forgetRequests();
    const ring = instance('a');
    await Promise.all([
      ring.sealingKey(),
      ring.findKey('k000001'),
      ring.sealingKey(),
      ring.findKey('k000001'),
    ]);
    clock.advance(5 * MINUTE_MS - 1);
    await ring.sealingKey();
    expect(tables.requests()).toHaveLength(1);
    clock.advance(1);
    await ring.sealingKey();
    expect(tables.requests()).toHaveLength(2);
  });

  it('happens again for an unknown key id, at most once in ten seconds', async () => {
    const { tables, clock, instance } = createWorld();
    const ring = instance('a');
    await ring.sealingKey();
    tables.forgetRequests();
    clock.advance(9_999);
    expect(await ring.findKey('k999999')).toBeUndefined();
    expect(readsOf(tables)).toBe(0);
    clock.advance(1);
    await Promise.all([ring.findKey('k999999'), ring.findKey('nonsense'), ring.findKey('k999998')]);
    await ring.findKey('k999999');
    expect(readsOf(tables)).toBe(1);
  });

  it('finds a key that another instance created after the cache was filled', async () => {
    const { clock, instance } = createWorld();
    const behind = instance('behind');
    await behind.sealingKey();
    clock.advance(30 * DAY_MS - MINUTE_MS);
    await behind.sealingKey();
    clock.advance(MINUTE_MS);
    await instance('ahead').sealingKey();
    expect(await behind.findKey('k000002')).toBeDefined();
  });

  it('throws if the store cannot be read, and tries again at the next call', async () => {
    const tables = createMemoryTables();
    let down = true;
    const view = tables.view(() => {
      if (down) throw new AppError('storage_unavailable', 'down', { retryable: true });
    });
    const ring = new KeyRing({ tables: view, clock: createTestClock(), random: createTestRandom() });
    await expect(ring.findKey('k000001')).rejects.toMatchObject({ code: 'storage_unavailable' });
    down = false;
    await expect(ring.sealingKey()).resolves.toMatchObject({ id: 'k000001' });
  });

  it('throws for a damaged key and names it', async () => {
    const { tables, instance } = createWorld();
    await instance('a').sealingKey();
    await tables.write(TABLES.sessionKeys, {
      kind: 'upsert',
      key: { partitionKey: 'ring', rowKey: 'k000001' },
      properties: { secret: new Uint8Array(31), seals_from: '2026-01-01T00:00:00.000Z' },
    });
    await expect(instance('b').sealingKey()).rejects.toMatchObject({
      code: 'row_unreadable',
      details: { table: TABLES.sessionKeys, rowKey: 'k000001' },
    });
  });
});

describe('a key whose beginning was edited', () => {
  async function edit(
    world: ReturnType<typeof createWorld>,
    rowKey: string,
    sealsFromMs: number,
  ): Promise<void> {
    const properties = {
      secret: new Uint8Array(32).fill(7),
      seals_from: new Date(sealsFromMs).toISOString(),
    };
    const key = { partitionKey: 'ring', rowKey };
    await world.tables.write(TABLES.sessionKeys, { kind: 'upsert', key, properties });
  }
  const damaged = (rowKey: string): object => ({ code: 'row_unreadable', details: { rowKey } });

  it('is an error where it would retire its predecessor early, and sign people out', async () => {
    const world = createWorld();
    await world.instance('a').sealingKey();
    world.clock.advance(31 * DAY_MS);
    await world.instance('a').sealingKey();
    await edit(world, 'k000002', 0);
    await expect(world.instance('b').findKey('k000001')).rejects.toMatchObject(damaged('k000002'));
  });

  it('is an error where no key would ever follow it', async () => {
    const world = createWorld();
    await world.instance('a').sealingKey();
    const nowMs = world.clock.now().getTime();
    await edit(world, 'k000001', nowMs + DAY_MS + 1);
    await expect(world.instance('b').sealingKey()).rejects.toMatchObject(damaged('k000001'));
    await edit(world, 'k000001', nowMs + DAY_MS);
    await expect(world.instance('c').sealingKey()).resolves.toMatchObject({ id: 'k000001' });
  });
});

describe('rotation', () => {
  it('publishes the next key after thirty days, and every instance seals with it ten minutes later', async () => {
    const { clock, instance } = createWorld();
    const one = instance('one');
    const two = instance('two');
    expect((await one.sealingKey()).id).toBe('k000001');
    clock.advance(30 * DAY_MS);
    expect((await one.sealingKey()).id).toBe('k000001');
    clock.advance(4 * MINUTE_MS);
    expect((await two.sealingKey()).id).toBe('k000001');
    clock.advance(6 * MINUTE_MS - 1);
    expect((await one.sealingKey()).id).toBe('k000001');
    clock.advance(1);
    expect((await one.sealingKey()).id).toBe('k000002');
    expect((await two.sealingKey()).id).toBe('k000002');
  });

  it('creates one next key if two instances rotate at the same time', async () => {
    const { tables, clock, instance } = createWorld();
    const rings = [instance('one'), instance('two')];
    await Promise.all(rings.map((ring) => ring.sealingKey()));
    clock.advance(31 * DAY_MS);
    await Promise.all(rings.map((ring) => ring.sealingKey()));
    expect((await tables.read(TABLES.sessionKeys, {})).map((row) => row.rowKey)).toEqual([
      'k000001',
      'k000002',
    ]);
  });

  it('keeps the old key until the last session that it sealed has expired', async () => {
    const { clock, instance } = createWorld();
    const ring = instance('one');
    await ring.sealingKey();
    clock.advance(30 * DAY_MS);
    await ring.sealingKey();
    clock.advance(10 * MINUTE_MS + 9 * HOUR_MS - 1);
    expect(await ring.findKey('k000001')).toBeDefined();
    clock.advance(1);
    expect(await ring.findKey('k000001')).toBeUndefined();
    expect(await ring.findKey('k000002')).toBeDefined();
  });

  it('deletes retired keys, and continues to count up the ids', async () => {
    const { tables, clock, instance } = createWorld();
    const ring = instance('one');
    await ring.sealingKey();
    for (let round = 0; round < 3; round += 1) {
      clock.advance(31 * DAY_MS);
      await ring.sealingKey();
    }
    expect((await tables.read(TABLES.sessionKeys, {})).map((row) => row.rowKey)).toEqual([
      'k000003',
      'k000004',
    ]);
  });
});
