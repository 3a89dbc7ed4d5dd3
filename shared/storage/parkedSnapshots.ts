import * as z from 'zod/mini';

import { AppError } from '../model/errors.ts';
import type { ParkedSnapshots } from '../model/ports.ts';
import { packJson, parsePacked } from './tables/packedBytes.ts';
import { TABLES } from './tables/tableNames.ts';
import type { RowKey, Tables } from '../model/tables.ts';

/** Short: the packed columns repeat it. */
const COLUMN = 'groups';

const groupIdsSchema = z.array(z.string());

/**
 * Gives the store of group lists that do not fit into a queue message: one row each, packed, one request a call.
 *
 * - `park` overwrites: an id names one observation, so what is there can only be the same list, and a repeat after
 *   a lost answer succeeds. More than fits into a row (about 35,000 groups) throws `storage_refused`: nothing is
 *   enqueued, rather than a shortened list.
 * - `require` throws `snapshot_missing` (not retryable: nobody will write it again) for a row that is gone and
 *   `row_unreadable` for one that is damaged or somebody else's shape; an empty list only where an empty one was parked.
 * - `remove` answers the same whether the row was there or not.
 *
 * All throw as {@link Tables} does. Rows do not expire by themselves: the run that has used one removes it, and a
 * message that waits, fails or is put back by hand still finds it.
 */
export function createParkedSnapshots(tables: Tables): ParkedSnapshots {
  return {
    async park(id, groupIds) {
      await tables.write(TABLES.parkedSnapshots, {
        kind: 'upsert',
        key: keyOf(id),
        properties: packJson(COLUMN, groupIds),
      });
    },
    async require(id) {
      const row = await tables.find(TABLES.parkedSnapshots, keyOf(id));
      if (row === undefined) {
        throw new AppError('snapshot_missing', 'the parked group list is not there', {
          details: { snapshotId: id },
        });
      }
      const groupIds = groupIdsSchema.safeParse(parsePacked(COLUMN, row.properties));
      if (groupIds.success) return groupIds.data;
      throw new AppError('row_unreadable', 'the parked group list is no list of ids', {
        details: { table: TABLES.parkedSnapshots, row: id, column: COLUMN },
      });
    },
    async remove(id) {
      await tables.write(TABLES.parkedSnapshots, { kind: 'delete', key: keyOf(id), etag: '*' });
    },
  };
}

/**
 * The partition is the id's last two characters: ids are UUIDs that begin with the time and end at random, so 256 partitions. One for all would put rows
 * of up to 720 KiB behind one partition server just when everybody signs in on a Monday; one a row would leave whoever
 * cleans up nothing smaller than the whole table to read.
 */
function keyOf(id: string): RowKey {
  return { partitionKey: id.slice(-2), rowKey: id };
}
