/** Repairs the indexes of members: they may name too many, never too few, and this brings them back to the truth. */
import type { IndexEntry, MemberIndex } from '../storage/memberIndex.ts';
import type { Clock } from '../model/ports.ts';

/**
 * An index row is written before its membership, so a young one without a membership may belong to a run under way. Longer
 * than any run: a function ends after 30 minutes at most.
 */
export const MINIMUM_AGE_MS = 60 * 60 * 1000;

/** Point reads of the truth at once. */
const PARALLEL_CHECKS = 16;

export interface ReconcileDeps {
  readonly store: { readonly memberIndexes: readonly Pick<MemberIndex, keyof MemberIndex>[] };
  readonly clock: Clock;
}

export interface Reconciled {
  /** Index rows checked, of people and of all teams and organizations. */
  readonly checked: number;
  /** Index rows removed because nobody is a member there any more. */
  readonly removed: number;
  /** Index rows whose role was not the membership's any more. */
  readonly mended: number;
  /** Index rows written for memberships that a person made, or whose role a person changed, by hand. */
  readonly added: number;
}

function isOldEnough(entry: IndexEntry, now: Date): boolean {
  // A time that cannot be read is a person's doing; the row stays until a grant rewrites it.
  return entry.writtenAt !== undefined && now.getTime() - Date.parse(entry.writtenAt) > MINIMUM_AGE_MS;
}

async function repairRows(
  index: Pick<MemberIndex, keyof MemberIndex>,
  entries: readonly IndexEntry[],
  now: Date,
): Promise<Pick<Reconciled, 'removed' | 'mended'>> {
  let [removed, mended] = [0, 0];
  const pending = entries.values();
  const worker = async (): Promise<void> => {
    for (const entry of pending) {
      // The truth is read after the row, and the row changes only under the ETag read: what a grant wrote meanwhile stays.
      const role = await index.findRole(entry.userId, entry.entityId);
      if (role === undefined) {
        if (await index.remove(entry)) removed += 1;
      } else if (role !== 'unreadable' && role !== entry.role) {
        if (await index.correctRole(entry, role, now)) mended += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_CHECKS }, worker));
  return { removed, mended };
}

async function addMissing(index: Pick<MemberIndex, keyof MemberIndex>, now: Date): Promise<number> {
  let added = 0;
  for await (const page of index.readUnindexedPages()) {
    for (const membership of page) {
      await index.add(membership, now);
      added += 1;
    }
  }
  return added;
}

/**
 * Goes through both indexes page by page: one request a page of 1,000 rows, one read a row, one write a repair. Memory does
 * not grow with the number of people. Idempotent; safe beside running provisionings, whose memberships it never writes.
 */
export async function repairMemberIndexes(deps: ReconcileDeps): Promise<Reconciled> {
  const now = deps.clock.now();
  let [checked, removed, mended, added] = [0, 0, 0, 0];
  for (const index of deps.store.memberIndexes) {
    added += await addMissing(index, now);
    for await (const page of index.readPages()) {
      const old = page.filter((entry) => isOldEnough(entry, now));
      checked += page.length;
      const repaired = await repairRows(index, old, now);
      removed += repaired.removed;
      mended += repaired.mended;
    }
  }
  return { checked, removed, mended, added };
}
