import { HASH_PARTITIONS } from './tables/hashPartition.ts';
import { inParallel } from '../platform/inParallel.ts';
import type { MembershipKind } from './membershipKinds.ts';
import { memberRange, parseMemberKey } from './membershipKinds.ts';
import type { StoredRow, Tables } from '../model/tables.ts';

/** An index row and whom it names. */
export interface MemberRow {
  readonly userId: string;
  readonly row: StoredRow;
}

/**
 * Gives everybody whom the index names as a member of one team or organization: a query for each of its partitions, all at once,
 * one request a page of 1,000 rows. No snapshot, and a superset of the truth: check whoever matters.
 */
export async function readMembers(
  tables: Tables,
  kind: Pick<MembershipKind<string>, 'indexTable'>,
  entityId: string,
): Promise<readonly MemberRow[]> {
  const parts = await inParallel(HASH_PARTITIONS, HASH_PARTITIONS.length, async (partitionKey) =>
    tables.read(kind.indexTable, { partitionKey, ...memberRange(entityId) }),
  );
  return parts.flat().flatMap((row) => {
    const member = parseMemberKey(row);
    return member === undefined ? [] : [{ userId: member.userId, row }];
  });
}
