import * as z from 'zod/mini';
import { AppError } from '../model/errors.ts';
import type { RowKey, Tables } from '../model/tables.ts';
import { packJson, parsePacked } from './tables/packedBytes.ts';
import { TABLES } from './tables/tableNames.ts';

/** Short, because the names of the packed columns repeat it. */
const COLUMN = 'groups';

const groupIdsSchema = z.array(z.string());

/**
 * Group lists that are too large for a queue message. Each is one packed row, and each call is one request. All methods throw as
 * {@link Tables} does. A row never expires: only the run that has used the list removes it. So a message that waits, fails or is
 * redriven still finds its list.
 */
export class ParkedSnapshots {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /**
   * Stores the list under the id of its observation. The order of the ids doesn't matter. Call it before the message is enqueued.
   * Idempotent: it overwrites, because the same id can only name the same list. Throws `storage_refused` for a list that does not
   * fit into a row (about 35,000 groups). It never stores a shortened list, and the caller enqueues nothing.
   */
  async park(id: string, groupIds: readonly string[]): Promise<void> {
    await this.#tables.write(TABLES.parkedSnapshots, {
      kind: 'upsert',
      key: keyOf(id),
      properties: packJson(COLUMN, groupIds),
    });
  }

  /**
   * Reads the whole list. Throws `snapshot_missing` (final) if the row is gone and `row_unreadable` if it is damaged. Returns an
   * empty list only if an empty list was parked.
   */
  async require(id: string): Promise<readonly string[]> {
    const row = await this.#tables.find(TABLES.parkedSnapshots, keyOf(id));
    if (row === undefined) {
      throw new AppError('snapshot_missing', 'The parked list of groups is gone.', {
        details: { snapshotId: id },
      });
    }
    const groupIds = groupIdsSchema.safeParse(parsePacked(COLUMN, row.properties));
    if (groupIds.success) return groupIds.data;
    throw new AppError('row_unreadable', 'The parked list of groups cannot be read.', {
      details: { table: TABLES.parkedSnapshots, row: id, column: COLUMN },
    });
  }

  /** Deletes the list. Idempotent. */
  async remove(id: string): Promise<void> {
    await this.#tables.write(TABLES.parkedSnapshots, { kind: 'delete', key: keyOf(id), etag: '*' });
  }
}

/**
 * Returns the key of a list. Its partition is the last two characters of the id. Ids are UUIDs that end in random digits, so this
 * makes 256 partitions. A single partition would be too slow for many sign-ins at once, with rows of up to 720 KiB.
 */
function keyOf(id: string): RowKey {
  return { partitionKey: id.slice(-2), rowKey: id };
}
