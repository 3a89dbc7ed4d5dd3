import * as z from 'zod/mini';
import { AppError } from '../model/errors.ts';
import type { Clock, Random } from '../model/ports.ts';
import type { Properties, RowKey, StoredRow, Tables } from '../model/tables.ts';
import { TABLES } from './tables/tableNames.ts';

const MINUTE_MS = 60_000;
const PARTITION = 'ring';
const CACHE_MS = 5 * MINUTE_MS;
/** How long before its first use a key is published. Longer than any instance trusts its cache. */
const PUBLISH_AHEAD_MS = 10 * MINUTE_MS;
const ROTATE_AFTER_MS = 30 * 24 * 60 * MINUTE_MS;
/** How long a key still opens what it sealed, after its successor begins to seal. */
const OPENS_AFTER_SUCCESSOR_MS = {
  /** Until all cookies have expired: 8 hours for a session, plus one hour for clocks that differ. */
  cookie: 9 * 60 * MINUTE_MS,
  /** A message waits up to 24 hours, and is signed again each time it is put back. */
  message: 48 * 60 * MINUTE_MS,
  /** A message that failed is kept until an operator puts it back. The ring holds a key at least so long. */
  keptMessage: ROTATE_AFTER_MS,
} as const;
/** No clock is this wrong. A key that begins even later was damaged: no key would follow it, and none would retire. */
const MAX_AHEAD_MS = 24 * 60 * MINUTE_MS;
/** The shortest time between two reads caused by unknown key ids. Any client can send an unknown id, so it must stay cheap. */
const REREAD_MS = 10_000;

const rowSchema = z.object({
  rowKey: z.string().check(z.regex(/^k\d{6}$/)),
  properties: z.object({
    secret: z.instanceof(Uint8Array).check(z.refine((secret) => secret.length === 32)),
    seals_from: z.iso.datetime(),
  }),
});

/** What a key opens. */
export type OpenedKind = keyof typeof OPENS_AFTER_SUCCESSOR_MS;

/** A key of the ring. */
export interface RingKey {
  readonly id: string;
  /** 32 random bytes. Sealing keys are derived from them; they are never used as a key directly. */
  readonly secret: Uint8Array;
}

interface StoredKey extends RingKey {
  readonly etag: string;
  readonly sealsFromMs: number;
}

/** Oldest first. Never empty once read. */
type Ring = readonly StoredKey[];

/**
 * The keys that seal cookies and sign messages. All instances share them. They have a separate table, so that a role on the other
 * tables does not let its holder forge sessions or messages. An instance reads the ring at most every 5 minutes, once for all waiting
 * callers. The ring creates its first key itself, publishes the next one when the newest is 30 days old, and deletes retired
 * keys.
 */
export class KeyRing {
  readonly #tables: Tables;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #table: string;
  #cached: { readonly ring: Ring; readonly readAtMs: number } | undefined;
  #reading: Promise<Ring> | undefined;

  constructor(options: {
    readonly tables: Tables;
    readonly clock: Clock;
    readonly random: Random;
    readonly table?: string;
  }) {
    this.#tables = options.tables;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#table = options.table ?? TABLES.sessionKeys;
  }

  /** Returns the key that seals now. Throws `storage_unavailable`, `storage_refused`, `row_unreadable`. */
  async sealingKey(): Promise<RingKey> {
    const ring = await this.#read(CACHE_MS);
    // The newest key whose time has come. One always exists, because the first key seals at once.
    const sealing = ring.findLast((key) => key.sealsFromMs <= this.#nowMs()) ?? ring[0];
    if (sealing === undefined)
      throw new AppError('unexpected', 'The key ring is empty although it was just filled.');
    return sealing;
  }

  /**
   * Finds a key that may still open this kind, by default cookies. Returns `undefined` if it never existed or has retired. Throws
   * as {@link KeyRing.sealingKey}.
   */
  async findKey(id: string, kind: OpenedKind = 'cookie'): Promise<RingKey | undefined> {
    const known = findOpening(await this.#read(CACHE_MS), { id, kind, nowMs: this.#nowMs() });
    return known ?? findOpening(await this.#read(REREAD_MS), { id, kind, nowMs: this.#nowMs() });
  }

  #nowMs(): number {
    return this.#clock.now().getTime();
  }

  async #read(maxAgeMs: number): Promise<Ring> {
    if (this.#cached !== undefined && this.#nowMs() - this.#cached.readAtMs < maxAgeMs) {
      return this.#cached.ring;
    }
    this.#reading ??= this.#load().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #load(): Promise<Ring> {
    const startedMs = this.#nowMs();
    const ring = await this.#maintain(await this.#readRing(), startedMs);
    this.#cached = { ring, readAtMs: startedMs };
    return ring;
  }

  async #readRing(): Promise<Ring> {
    const rows = await this.#tables.read(this.#table, { partitionKey: PARTITION });
    const ring = rows.map((row) => parseRow(this.#table, row));
    const damaged = ring.find((key, index) => !isInOrder(key, ring[index - 1], this.#nowMs()));
    if (damaged !== undefined) throw damagedKey(this.#table, { partitionKey: PARTITION, rowKey: damaged.id });
    return ring;
  }

  /**
   * Creates the first or next key and deletes retired ones. Ids count up, so instances that do this at the same time agree on
   * one key.
   */
  async #maintain(ring: Ring, nowMs: number): Promise<Ring> {
    const newest = ring.at(-1);
    if (newest !== undefined && nowMs - newest.sealsFromMs < ROTATE_AFTER_MS) return ring;
    const retired = ring.filter((_, index) => isRetired(ring, index, { kind: 'keptMessage', nowMs }));
    await Promise.all(
      retired.map(({ id, etag }) =>
        this.#tables.write(this.#table, {
          kind: 'delete',
          key: { partitionKey: PARTITION, rowKey: id },
          etag,
        }),
      ),
    );
    const number = newest === undefined ? 1 : Number(newest.id.slice(1)) + 1;
    const properties: Properties = {
      secret: this.#random.bytes(32),
      seals_from: new Date(newest === undefined ? nowMs : nowMs + PUBLISH_AHEAD_MS).toISOString(),
    };
    await this.#tables.write(this.#table, {
      kind: 'create',
      key: { partitionKey: PARTITION, rowKey: `k${String(number).padStart(6, '0')}` },
      properties,
    });
    // Another instance may have stored its key first. The table holds the key that counts.
    return this.#readRing();
  }
}

interface Use {
  readonly kind: OpenedKind;
  readonly nowMs: number;
}

function findOpening(ring: Ring, { id, ...use }: Use & { readonly id: string }): RingKey | undefined {
  const index = ring.findIndex((key) => key.id === id);
  return isRetired(ring, index, use) ? undefined : ring[index];
}

function isRetired(ring: Ring, index: number, { kind, nowMs }: Use): boolean {
  const successor = ring[index + 1];
  return successor !== undefined && nowMs >= successor.sealsFromMs + OPENS_AFTER_SUCCESSOR_MS[kind];
}

/** A key begins after its predecessor. Otherwise the predecessor would retire too early, and sign people out without any error. */
function isInOrder(key: StoredKey, predecessor: StoredKey | undefined, nowMs: number): boolean {
  return (
    key.sealsFromMs >= (predecessor?.sealsFromMs ?? -Infinity) && key.sealsFromMs - nowMs <= MAX_AHEAD_MS
  );
}

function damagedKey(table: string, { partitionKey, rowKey }: RowKey): AppError {
  return new AppError('row_unreadable', 'A key of the key ring cannot be read.', {
    details: { table, partitionKey, rowKey },
  });
}

function parseRow(table: string, row: StoredRow): StoredKey {
  const parsed = rowSchema.safeParse(row);
  // Skipping a damaged key would sign people out without any error.
  if (!parsed.success) throw damagedKey(table, row);
  const { secret, seals_from } = parsed.data.properties;
  return { id: row.rowKey, secret, etag: row.etag, sealsFromMs: Date.parse(seals_from) };
}
