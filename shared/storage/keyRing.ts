import * as z from 'zod/mini';
import { AppError } from '../model/errors.ts';
import type { Clock, KeyRing, Random, RingKey } from '../model/ports.ts';
import { TABLES } from './tables/tableNames.ts';
import type { Properties, StoredRow, Tables } from '../model/tables.ts';

const MINUTE_MS = 60_000;
const PARTITION = 'ring';
const CACHE_MS = 5 * MINUTE_MS;
/** A key is published this long before it seals: longer than any instance trusts its cache. */
const PUBLISH_AHEAD_MS = 10 * MINUTE_MS;
const ROTATE_AFTER_MS = 30 * 24 * 60 * MINUTE_MS;
/** A key opens until everything that it sealed has expired: a session's 8 hours, and an hour for clocks that differ. */
const OPENS_AFTER_SUCCESSOR_MS = 9 * 60 * MINUTE_MS;
/** An unknown key id, which anybody can send, makes an instance read again at most this often. */
const REREAD_MS = 10_000;

const rowSchema = z.object({
  rowKey: z.string().check(z.regex(/^k\d{6}$/)),
  properties: z.object({
    secret: z.instanceof(Uint8Array).check(z.refine((secret) => secret.length === 32)),
    seals_from: z.iso.datetime(),
  }),
});

interface StoredKey extends RingKey {
  readonly etag: string;
  readonly sealsFromMs: number;
}

/** Oldest first; never empty once read. */
type Ring = readonly StoredKey[];

/**
 * Gives the key ring of one table (its own one, so that who may read entities cannot read keys). Reads it at most every 5 minutes, once for all who wait; makes the first key, publishes
 * a next one when the newest is 30 days old, and deletes keys that open nothing any more.
 */
export function createKeyRing(options: {
  readonly tables: Tables;
  readonly clock: Clock;
  readonly random: Random;
  readonly table?: string;
}): KeyRing {
  const { clock } = options;
  const table = options.table ?? TABLES.sessionKeys;
  const nowMs = (): number => clock.now().getTime();
  let cached: { readonly ring: Ring; readonly readAtMs: number } | undefined;
  let reading: Promise<Ring> | undefined;

  const load = async (): Promise<Ring> => {
    const startedMs = nowMs();
    const ring = await maintain(
      { ...options, table, nowMs: startedMs },
      await readRing(options.tables, table),
    );
    cached = { ring, readAtMs: startedMs };
    return ring;
  };
  const read = (): Promise<Ring> =>
    (reading ??= load().finally(() => {
      reading = undefined;
    }));
  const current = async (maxAgeMs: number): Promise<Ring> =>
    cached !== undefined && nowMs() - cached.readAtMs < maxAgeMs ? cached.ring : read();

  return {
    async sealingKey() {
      return requireSealing(await current(CACHE_MS), nowMs());
    },
    async findKey(id) {
      const known = findOpening(await current(CACHE_MS), id, nowMs());
      return known ?? findOpening(await current(REREAD_MS), id, nowMs());
    },
  };
}

/** The newest key whose time has come. There always is one: the first seals at once, a successor only joins it. */
function requireSealing(ring: Ring, nowMs: number): RingKey {
  const sealing = ring.findLast((key) => key.sealsFromMs <= nowMs) ?? ring[0];
  if (sealing === undefined) throw new AppError('unexpected', 'The key ring is empty after it was filled');
  return sealing;
}

function findOpening(ring: Ring, id: string, nowMs: number): RingKey | undefined {
  const index = ring.findIndex((key) => key.id === id);
  return isRetired(ring, index, nowMs) ? undefined : ring[index];
}

function isRetired(ring: Ring, index: number, nowMs: number): boolean {
  const successor = ring[index + 1];
  return successor !== undefined && nowMs >= successor.sealsFromMs + OPENS_AFTER_SUCCESSOR_MS;
}

async function readRing(tables: Tables, table: string): Promise<Ring> {
  return (await tables.read(table, { partitionKey: PARTITION })).map((row) => parseRow(table, row));
}

function parseRow(table: string, row: StoredRow): StoredKey {
  const parsed = rowSchema.safeParse(row);
  // Skipping a key that somebody damaged would sign people out without a word.
  if (!parsed.success) {
    throw new AppError('row_unreadable', 'A key of the key ring is unreadable', {
      details: { table, partitionKey: row.partitionKey, rowKey: row.rowKey },
    });
  }
  const { secret, seals_from } = parsed.data.properties;
  return { id: row.rowKey, secret, etag: row.etag, sealsFromMs: Date.parse(seals_from) };
}

interface Maintenance {
  readonly tables: Tables;
  readonly table: string;
  readonly random: Random;
  readonly nowMs: number;
}

/** First key, next key, retired keys. Ids count up, so instances that do this at the same time agree on one key. */
async function maintain(work: Maintenance, ring: Ring): Promise<Ring> {
  const newest = ring.at(-1);
  if (newest !== undefined && work.nowMs - newest.sealsFromMs < ROTATE_AFTER_MS) return ring;
  await Promise.all(
    ring
      .filter((_, index) => isRetired(ring, index, work.nowMs))
      .map((key) =>
        work.tables.write(work.table, {
          kind: 'delete',
          key: { partitionKey: PARTITION, rowKey: key.id },
          etag: key.etag,
        }),
      ),
  );
  const number = newest === undefined ? 1 : Number(newest.id.slice(1)) + 1;
  const properties: Properties = {
    secret: work.random.bytes(32),
    seals_from: new Date(newest === undefined ? work.nowMs : work.nowMs + PUBLISH_AHEAD_MS).toISOString(),
  };
  await work.tables.write(work.table, {
    kind: 'create',
    key: { partitionKey: PARTITION, rowKey: `k${String(number).padStart(6, '0')}` },
    properties,
  });
  // Whether this instance's key was stored or another's: what the table holds is the ring.
  return readRing(work.tables, work.table);
}
