/** Storage for the heartbeat: one row a function that runs by itself, and one a queue. */
import * as z from 'zod/mini';
import type { FunctionRecord, QueueLook } from '../model/heartbeat.ts';
import { withoutUndefined } from '../platform/withoutUndefined.ts';
import type { StoredRow, Tables } from '../model/tables.ts';
import { json, readColumns } from './tables/columns.ts';
import { TABLES } from './tables/tableNames.ts';

/** The partitions: one for each kind of row. A row key is the name of a function or of a queue. */
const PARTITIONS = { timer: 'timer', queueFunction: 'queue_function', queue: 'queue' } as const;

export type HeartbeatKind = keyof typeof PARTITIONS;

/** A time that a person has damaged counts as absent, because the next success writes it again. */
const instant = z.catch(z.optional(z.iso.datetime()), undefined);

const functionColumns = z.object({ succeeded_at: instant, first_started_at: instant });

const lookColumns = z.object({
  looked_at: z.iso.datetime(),
  is_complete: z.boolean(),
  messages: json(z.array(z.object({ id: z.string(), deliveries: z.number(), since: z.iso.datetime() }))),
});

/** A row of a function, with its ETag. */
export interface ReadFunction {
  readonly record: FunctionRecord;
  readonly etag: string;
}

/** Which row: its kind, and the name of the function or queue. */
export interface HeartbeatRow {
  readonly kind: HeartbeatKind;
  readonly name: string;
}

/** All rows, by name. */
export interface Heartbeats {
  readonly timers: ReadonlyMap<string, ReadFunction>;
  readonly queueFunctions: ReadonlyMap<string, ReadFunction>;
  /** A damaged look is left out: then the heartbeat looks as if for the first time. */
  readonly queues: ReadonlyMap<string, QueueLook>;
  readonly rows: readonly (HeartbeatRow & { readonly etag: string })[];
}

/** The store of the heartbeat. Its methods throw `storage_unavailable` (retryable) and `storage_refused`. */
export class HeartbeatStore {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** Reads every row with one request. */
  async read(): Promise<Heartbeats> {
    const stored = await this.#tables.read(TABLES.heartbeats, {});
    const rowsOf = (kind: HeartbeatKind): readonly StoredRow[] =>
      stored.filter(({ partitionKey }) => partitionKey === PARTITIONS[kind]);
    const functionsOf = (kind: HeartbeatKind): ReadonlyMap<string, ReadFunction> =>
      new Map(rowsOf(kind).map((row) => [row.rowKey, parseFunction(row)]));
    const looks = rowsOf('queue').flatMap((row) => {
      const look = findLook(row);
      return look === undefined ? [] : [[row.rowKey, look] as const];
    });
    const kinds = ['timer', 'queueFunction', 'queue'] as const;
    return {
      timers: functionsOf('timer'),
      queueFunctions: functionsOf('queueFunction'),
      queues: new Map(looks),
      rows: kinds.flatMap((kind) => rowsOf(kind).map(({ rowKey: name, etag }) => ({ kind, name, etag }))),
    };
  }

  /** Reads the row of one queue function with one request. */
  async findQueueFunction(name: string): Promise<ReadFunction | undefined> {
    const row = await this.#tables.find(TABLES.heartbeats, keyOf({ kind: 'queueFunction', name }));
    return row === undefined ? undefined : parseFunction(row);
  }

  /** Records that a timer succeeded. */
  async recordTimer(name: string, at: Date): Promise<void> {
    const properties = { succeeded_at: at.toISOString() };
    const key = keyOf({ kind: 'timer', name });
    await this.#tables.write(TABLES.heartbeats, { kind: 'upsert', key, properties });
  }

  /**
   * Begins to count a timer that has not succeeded yet, if its row still has `etag`; `undefined` means that no row existed. Does
   * nothing if another instance wrote first.
   */
  async startTimer(name: string, at: Date, etag: string | undefined): Promise<void> {
    const properties = { first_started_at: at.toISOString() };
    await this.#writeIfUnchanged({ kind: 'timer', name }, properties, etag);
  }

  /** Records that a queue function succeeded, under the same condition as {@link HeartbeatStore.startTimer}. */
  async recordQueueFunction(name: string, at: Date, etag: string | undefined): Promise<void> {
    const properties = { succeeded_at: at.toISOString() };
    await this.#writeIfUnchanged({ kind: 'queueFunction', name }, properties, etag);
  }

  /** Replaces the last look at a queue. */
  async recordLook(queueName: string, { at, isComplete, messages }: QueueLook): Promise<void> {
    await this.#tables.write(TABLES.heartbeats, {
      kind: 'upsert',
      key: keyOf({ kind: 'queue', name: queueName }),
      properties: { looked_at: at, is_complete: isComplete, messages: JSON.stringify(messages) },
    });
  }

  /** Removes a row if it is still as read. */
  async remove({ etag, ...row }: HeartbeatRow & { readonly etag: string }): Promise<void> {
    await this.#tables.write(TABLES.heartbeats, { kind: 'delete', key: keyOf(row), etag });
  }

  async #writeIfUnchanged(
    row: HeartbeatRow,
    properties: Readonly<Record<string, string>>,
    etag: string | undefined,
  ): Promise<void> {
    const key = keyOf(row);
    await this.#tables.write(
      TABLES.heartbeats,
      etag === undefined ? { kind: 'create', key, properties } : { kind: 'replace', key, properties, etag },
    );
  }
}

function keyOf({ kind, name }: HeartbeatRow): { readonly partitionKey: string; readonly rowKey: string } {
  return { partitionKey: PARTITIONS[kind], rowKey: name };
}

function parseFunction(row: StoredRow): ReadFunction {
  const reading = readColumns(functionColumns, row.properties);
  const { succeeded_at: succeededAt, first_started_at: firstStartedAt } = reading.ok ? reading.value : {};
  return { record: withoutUndefined({ succeededAt, firstStartedAt }), etag: row.etag };
}

function findLook(row: StoredRow): QueueLook | undefined {
  const reading = readColumns(lookColumns, row.properties);
  if (!reading.ok) return undefined;
  const { looked_at: at, is_complete: isComplete, messages } = reading.value;
  return { at, isComplete, messages };
}
