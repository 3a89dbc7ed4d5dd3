/** Storage for the accepted list of assigned groups. The list is a single row, so a reader always sees one whole version. */
import * as z from 'zod/mini';
import type { AcceptedGroups, KnownGroup } from '../model/assignedGroups.ts';
import { AppError } from '../model/errors.ts';
import { readColumns, text } from './tables/columns.ts';
import { packJson, parsePacked } from './tables/packedBytes.ts';
import { TABLES } from './tables/tableNames.ts';
import type { StoredRow, Tables } from '../model/tables.ts';

const LIST_KEY = { partitionKey: 'assigned', rowKey: 'accepted' };
const TURN_KEY = { partitionKey: 'assigned', rowKey: 'turn' };

const listColumns = z.object({
  version: z.string().check(z.minLength(1)),
  accepted_at: z.string(),
  checked_at: z.string(),
  held_back_version: text,
  held_back_at: text,
  held_back_count: z.optional(z.number()),
  held_back_lost: z.optional(z.number()),
  used_permit: text,
});

const presence = z.enum(['present', 'absent', 'unreadable', 'degraded']);

/** A packed group: id, name, team, organization. It is a tuple to save space, because one row holds thousands of groups. */
const packedGroups = z.array(z.tuple([z.string(), z.string(), presence, presence]));

function unreadable(columns: readonly string[], cause?: unknown): AppError {
  return new AppError('row_unreadable', 'The accepted list of assigned groups cannot be read.', {
    cause,
    details: { table: TABLES.assignedGroups, row: LIST_KEY.rowKey, columns },
  });
}

function parseGroups(row: StoredRow): readonly KnownGroup[] {
  const parsed = packedGroups.safeParse(parsePacked('groups', row.properties));
  if (!parsed.success) throw unreadable(['groups'], parsed.error);
  return parsed.data.map(([id, displayName, team, organization]) => ({
    id,
    displayName,
    team,
    organization,
  }));
}

function parseLostIds(row: StoredRow): readonly string[] {
  const parsed = z.array(z.string()).safeParse(parsePacked('lost', row.properties));
  if (!parsed.success) throw unreadable(['lost'], parsed.error);
  return parsed.data;
}

function parseList(row: StoredRow): AcceptedGroups {
  const reading = readColumns(listColumns, row.properties);
  if (!reading.ok) throw unreadable(reading.columns);
  const columns = reading.value;
  const { held_back_version: version, held_back_at: heldBackAt } = columns;
  return {
    version: columns.version,
    acceptedAt: columns.accepted_at,
    checkedAt: columns.checked_at,
    groups: parseGroups(row),
    ...(columns.used_permit === undefined ? {} : { usedPermit: columns.used_permit }),
    ...(version === undefined || heldBackAt === undefined
      ? {}
      : {
          heldBack: {
            version,
            heldBackAt,
            groupCount: columns.held_back_count ?? 0,
            lostCount: columns.held_back_lost ?? 0,
            lostIds: parseLostIds(row),
          },
        }),
  };
}

/** The store of the accepted list of assigned groups. */
export class AssignedGroupsStore {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /**
   * Returns the accepted list with its ETag, or `undefined` before the first list was accepted. Throws `row_unreadable` for a
   * damaged row. It never returns an empty list instead.
   */
  async find(): Promise<{ readonly list: AcceptedGroups; readonly etag: string } | undefined> {
    const row = await this.#tables.find(TABLES.assignedGroups, LIST_KEY);
    return row === undefined ? undefined : { list: parseList(row), etag: row.etag };
  }

  /**
   * Writes the list if the row still has `etag`; `undefined` means that no row existed. Returns `false` if another instance
   * wrote first.
   */
  async write(list: AcceptedGroups, etag: string | undefined): Promise<boolean> {
    const properties = {
      version: list.version,
      accepted_at: list.acceptedAt,
      checked_at: list.checkedAt,
      group_count: list.groups.length,
      ...packJson(
        'groups',
        list.groups.map((group) => [group.id, group.displayName, group.team, group.organization]),
      ),
      ...(list.usedPermit === undefined ? {} : { used_permit: list.usedPermit }),
      ...(list.heldBack === undefined
        ? {}
        : {
            held_back_version: list.heldBack.version,
            held_back_at: list.heldBack.heldBackAt,
            held_back_count: list.heldBack.groupCount,
            held_back_lost: list.heldBack.lostCount,
            ...packJson('lost', list.heldBack.lostIds),
          }),
    };
    const result = await this.#tables.write(
      TABLES.assignedGroups,
      etag === undefined
        ? { kind: 'create', key: LIST_KEY, properties }
        : { kind: 'replace', key: LIST_KEY, properties, etag },
    );
    return result.done;
  }

  /** Claims the next refresh for this instance. Returns `false` if any instance claimed one less than `intervalMs` ago. */
  async takeTurn(now: Date, intervalMs: number): Promise<boolean> {
    const row = await this.#tables.find(TABLES.assignedGroups, TURN_KEY);
    const stored = row?.properties['taken_at'];
    const takenAt = typeof stored === 'string' ? Date.parse(stored) : Number.NaN;
    // Clocks differ, so another instance's time may lie in the future. It blocks for at most one interval.
    if (Math.abs(now.getTime() - takenAt) < intervalMs) return false;
    const properties = { taken_at: now.toISOString() };
    const result = await this.#tables.write(
      TABLES.assignedGroups,
      row === undefined
        ? { kind: 'create', key: TURN_KEY, properties }
        : { kind: 'replace', key: TURN_KEY, properties, etag: row.etag },
    );
    return result.done;
  }

  /** Notes that the turn was taken at an earlier time, so that the next one comes sooner. One write. */
  async shortenTurn(takenAt: Date): Promise<void> {
    await this.#tables.write(TABLES.assignedGroups, {
      kind: 'upsert',
      key: TURN_KEY,
      properties: { taken_at: takenAt.toISOString() },
    });
  }
}
