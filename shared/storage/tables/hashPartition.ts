/** Partitions for rows that have no natural few: chosen by a hash of an id, so that the load spreads and all of them can be named. */
import { createHash } from 'node:crypto';

/** Few enough to read a whole table in few requests, enough to spread the load. Changing it moves every row. */
const PARTITION_COUNT = 16;

/** Every partition there is: `p0` to `pf`. */
export const HASH_PARTITIONS: readonly string[] = Array.from(
  { length: PARTITION_COUNT },
  (_, index) => `p${index.toString(16)}`,
);

/** Gives the partition of an id: `p0` to `pf`. */
export function hashPartition(id: string): string {
  const first = createHash('sha256').update(id).digest()[0] ?? 0;
  return `p${(first % PARTITION_COUNT).toString(16)}`;
}
