import { HASH_PARTITIONS } from './tables/hashPartition.ts';
import { inParallel } from '../platform/inParallel.ts';
import type { MembershipKind } from './membershipKinds.ts';
import { memberRange, parseMemberKey } from './membershipKinds.ts';
import type { StoredRow, Tables } from '../model/tables.ts';

/** An index row and the person it lists. */
export interface MemberRow {
  readonly userId: string;
  readonly row: StoredRow;
}

/**
 * Reads everyone whom the index lists as a member of one team or organization. It queries all partitions at the same time, with
 * one request a page of 1,000 rows. The result isn't a snapshot and may list too many people, so the caller has to check each
 * person.
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
