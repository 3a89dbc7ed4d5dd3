/**
 * Rows about people's resting keys. The keys themselves, and the teams that a person has left, are in the person's partition of the
 * sync record and are written under the person's lease ({@link SyncRecord}). The index of due dates, and the report of the daily job,
 * are in partitions of their own, which no person's id can name.
 */
import * as z from 'zod/mini';
import { type KeyReport, type Leaving, LEAVING_REASONS, type RestingKey } from '../model/restingKeys.ts';
import type { Properties, StoredRow, Tables } from '../model/tables.ts';
import { withoutUndefined } from '../platform/withoutUndefined.ts';
import { rowsByPrefix, requireColumns, unreadable } from './syncRows.ts';
import { json, text } from './tables/columns.ts';
import { packJson, parsePacked } from './tables/packedBytes.ts';
import { TABLES } from './tables/tableNames.ts';

export const LEFT_PREFIX = 'left:';
export const KEY_PREFIX = 'key:';

/** No id contains a colon (`isSafeId`), so these are never a person's partition. */
const DUE_PARTITION = 'keys:due';
const REPORT_KEY = { partitionKey: 'keys:report', rowKey: 'report' };
/** The length of `2026-11-30`. */
const DAY_LENGTH = 10;

const count = z.int().check(z.nonnegative());
const leftColumns = z.object({
  reason: z.enum(LEAVING_REASONS),
  left_at: z.iso.datetime(),
  delete_at: z.iso.datetime(),
  observed_at: text,
  is_open: z.boolean(),
  lost: count,
});
const keyColumns = z.object({
  team_id: z.string().check(z.minLength(1)),
  team_alias: text,
  state: z.enum(['parking', 'parked', 'returning', 'deleting']),
  name: z.string(),
  alias: text,
  was: json(
    z.object({
      blocked: z.boolean(),
      models: z.array(z.string()),
      expires: z.exactOptional(z.string()),
    }),
  ),
  parked_at: z.iso.datetime(),
  delete_at: z.iso.datetime(),
  tries: count,
  refused_at: text,
});
const reportSchema: z.ZodMiniType<KeyReport> = z.object({
  checkedAt: z.string(),
  parked: count,
  due: count,
  unconfirmed: count,
  heldBack: z.exactOptional(
    z.object({ version: z.string(), hashes: z.array(z.string()), since: z.string() }),
  ),
  deleted: z.object({ day: z.string(), keys: count }),
  withoutOwner: count,
  strays: z.object({ parked: count, leftAlone: count }),
  closedWithKeys: count,
});

/** Short, because the names of the packed columns repeat it. */
const REPORT = 'report';

function parseLeaving(table: string, row: StoredRow, teamId: string): Leaving {
  const columns = requireColumns(table, row, leftColumns);
  const { reason, left_at: leftAt, delete_at: deleteAt, is_open: isOpen, lost } = columns;
  return {
    teamId,
    reason,
    leftAt,
    deleteAt,
    isOpen,
    lost,
    ...withoutUndefined({ observedAt: columns.observed_at }),
  };
}

function parseKey(table: string, row: StoredRow, hash: string): RestingKey {
  const columns = requireColumns(table, row, keyColumns);
  const { team_id: teamId, parked_at: parkedAt, delete_at: deleteAt, state, name, was, tries } = columns;
  return {
    hash,
    teamId,
    state,
    name,
    was,
    parkedAt,
    deleteAt,
    tries,
    ...withoutUndefined({
      teamAlias: columns.team_alias,
      alias: columns.alias,
      refusedAt: columns.refused_at,
    }),
  };
}

/** The part of a person's record that is about keys. */
export interface KeyRecord {
  /** By team. */
  readonly left: ReadonlyMap<string, Leaving>;
  /** By hash. */
  readonly keys: ReadonlyMap<string, RestingKey>;
}

/** Reads the rows of a person's partition that are about keys. Throws `row_unreadable`. */
export function parseKeyRecord(table: string, rows: readonly StoredRow[]): KeyRecord {
  return {
    left: new Map(
      rowsByPrefix(rows, LEFT_PREFIX).map(([teamId, row]) => [teamId, parseLeaving(table, row, teamId)]),
    ),
    keys: new Map(rowsByPrefix(rows, KEY_PREFIX).map(([hash, row]) => [hash, parseKey(table, row, hash)])),
  };
}

export function leavingProperties(leaving: Leaving): Properties {
  const { reason, leftAt, deleteAt, observedAt, isOpen, lost } = leaving;
  return {
    reason,
    left_at: leftAt,
    delete_at: deleteAt,
    is_open: isOpen,
    lost,
    ...withoutUndefined({ observed_at: observedAt }),
  };
}

export function keyProperties(key: RestingKey): Properties {
  const { teamId, teamAlias, state, name, alias, was, parkedAt, deleteAt, tries, refusedAt } = key;
  return {
    team_id: teamId,
    state,
    name,
    was: JSON.stringify(was),
    parked_at: parkedAt,
    delete_at: deleteAt,
    tries,
    ...withoutUndefined({ team_alias: teamAlias, alias, refused_at: refusedAt }),
  };
}

/** An entry of the index: on that day, a key of that person is due. */
export interface DueEntry {
  readonly day: string;
  readonly userId: string;
}

const dueKey = ({ day, userId }: DueEntry) => ({ partitionKey: DUE_PARTITION, rowKey: `${day}:${userId}` });

/**
 * The index of people with resting keys, by the day on which a key is due, and the report of the daily job. An entry is written before
 * the key is recorded, so the index may name too many people, but never too few. It never decides anything.
 */
export class DueKeys {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** Notes that a key of the person is due at that time (ISO 8601 UTC). Idempotent. */
  async add(userId: string, deleteAt: string): Promise<void> {
    const key = dueKey({ day: deleteAt.slice(0, DAY_LENGTH), userId });
    await this.#tables.write(TABLES.syncedPeople, { kind: 'upsert', key, properties: { user_id: userId } });
  }

  /** Removes an entry. Idempotent. */
  async remove(entry: DueEntry): Promise<void> {
    await this.#tables.write(TABLES.syncedPeople, { kind: 'delete', key: dueKey(entry), etag: '*' });
  }

  /** Reads the whole index, the earliest day first. */
  async *readPages(): AsyncGenerator<readonly DueEntry[]> {
    for await (const page of this.#tables.readPages(TABLES.syncedPeople, { partitionKey: DUE_PARTITION })) {
      yield page.map(({ rowKey }) => ({
        day: rowKey.slice(0, DAY_LENGTH),
        userId: rowKey.slice(DAY_LENGTH + 1),
      }));
    }
  }

  /** Reads the report of the last daily job. Throws `row_unreadable`. */
  async findReport(): Promise<KeyReport | undefined> {
    const row = await this.#tables.find(TABLES.syncedPeople, REPORT_KEY);
    if (row === undefined) return undefined;
    const report = reportSchema.safeParse(parsePacked(REPORT, row.properties)).data;
    if (report === undefined) throw unreadable(TABLES.syncedPeople, row, [REPORT]);
    return report;
  }

  async writeReport(report: KeyReport): Promise<void> {
    await this.#tables.write(TABLES.syncedPeople, {
      kind: 'upsert',
      key: REPORT_KEY,
      properties: packJson(REPORT, report),
    });
  }
}
