/**
 * Partitions for rows that have no natural partition key. A hash of the id chooses one of a fixed number, so the load spreads and
 * a query can cover all of them.
 */
import { createHash } from 'node:crypto';

/** Few enough to read a whole table in few requests, enough to spread the load. Changing it moves every row. */
const PARTITION_COUNT = 16;

/** The names of all partitions: `p0` to `pf`. */
export const HASH_PARTITIONS: readonly string[] = Array.from(
  { length: PARTITION_COUNT },
  (_, index) => `p${index.toString(16)}`,
);

/** Returns the partition of an id: `p0` to `pf`. */
export function hashPartition(id: string): string {
  const first = createHash('sha256').update(id).digest()[0] ?? 0;
  return `p${(first % PARTITION_COUNT).toString(16)}`;
}
