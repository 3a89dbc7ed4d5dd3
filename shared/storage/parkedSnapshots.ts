import { hash } from 'node:crypto';
import * as z from 'zod/mini';
import { AppError } from '../model/errors.ts';
import type { ParkedList } from '../model/observation.ts';
import type { RowKey, Tables } from '../model/tables.ts';
import { packJson, parsePacked } from './tables/packedBytes.ts';
import { TABLES } from './tables/tableNames.ts';

/** Short, because the names of the packed columns repeat it. */
const COLUMN = 'groups';

const groupIdsSchema = z.array(z.string());

/** Returns what a message says about a list. The ids' order counts. */
export function parkedListOf(id: string, groupIds: readonly string[]): ParkedList {
  const sha256 = hash('sha256', JSON.stringify(groupIds), 'base64url');
  return { snapshot_id: id, count: groupIds.length, sha256 };
}

/**
 * Group lists that are too large for a queue message. The message has the hash of its list, so a writer of the table cannot change
 * which groups a person has. Each is one packed row, and each call is one request. All methods throw as {@link Tables} does. A row never expires: only the run that has used the list removes it. So a message that waits, fails or is
 * redriven still finds its list.
 */
export class ParkedSnapshots {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /**
   * Stores the list under the id of its observation, and returns what the message says about it. Call it before the message is
   * enqueued. Idempotent: it overwrites, because the same id can only name the same list. Throws `storage_refused` for a list that does not
   * fit into a row (about 35,000 groups). It never stores a shortened list, and the caller enqueues nothing.
   */
  async park(id: string, groupIds: readonly string[]): Promise<ParkedList> {
    await this.#tables.write(TABLES.parkedSnapshots, {
      kind: 'upsert',
      key: keyOf(id),
      properties: packJson(COLUMN, groupIds),
    });
    return parkedListOf(id, groupIds);
  }

  /**
   * Reads the whole list. Throws `snapshot_missing` (final) if the row is gone, `row_unreadable` if it is damaged, and
   * `snapshot_altered` (final) if it isn't the list that was parked. Returns an empty list only if an empty list was parked.
   */
  async require(parked: ParkedList): Promise<readonly string[]> {
    const { snapshot_id: id } = parked;
    const row = await this.#tables.find(TABLES.parkedSnapshots, keyOf(id));
    if (row === undefined) {
      throw new AppError('snapshot_missing', 'The parked list of groups is gone.', {
        details: { snapshotId: id },
      });
    }
    const groupIds = groupIdsSchema.safeParse(parsePacked(COLUMN, row.properties));
    if (groupIds.success) return requireSame(parked, groupIds.data);
    throw new AppError('row_unreadable', 'The parked list of groups cannot be read.', {
      details: { table: TABLES.parkedSnapshots, row: id, column: COLUMN },
    });
  }

  /** Deletes the list. Idempotent. */
  async remove(id: string): Promise<void> {
    await this.#tables.write(TABLES.parkedSnapshots, { kind: 'delete', key: keyOf(id), etag: '*' });
  }
}

function requireSame(parked: ParkedList, groupIds: readonly string[]): readonly string[] {
  const { snapshot_id: id } = parked;
  if (parkedListOf(id, groupIds).sha256 === parked.sha256) return groupIds;
  throw new AppError(
    'snapshot_altered',
    'The parked list of groups is not the one that the sign-in parked.',
    {
      details: { table: TABLES.parkedSnapshots, row: id },
    },
  );
}

/**
 * Returns the key of a list. Its partition is the last two characters of the id. Ids are UUIDs that end in random digits, so this
 * makes 256 partitions. A single partition would be too slow for many sign-ins at once, with rows of up to 720 KiB.
 */
function keyOf(id: string): RowKey {
  return { partitionKey: id.slice(-2), rowKey: id };
}
