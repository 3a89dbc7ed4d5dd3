/** Repairs the indexes of members. An index never misses a membership that a run granted; the memberships are the truth. */
import { inParallel } from '../platform/inParallel.ts';
import type { Clock } from '../model/ports.ts';
import type { IndexEntry, MemberIndex } from '../storage/memberIndex.ts';

/**
 * Younger index rows stay. A row is written before its membership, so a young one may belong to a run under way. This is longer
 * than any run: a function ends after 30 minutes at most.
 */
export const MINIMUM_AGE_MS = 60 * 60 * 1000;

/** How many memberships are read at once. */
const PARALLEL_CHECKS = 16;

export interface ReconcileDeps {
  readonly store: { readonly memberIndexes: readonly Pick<MemberIndex, keyof MemberIndex>[] };
  readonly clock: Clock;
}

export interface Reconciled {
  /** Index rows checked, of people and of all teams and organizations. */
  readonly checked: number;
  /** Index rows removed because the person isn't a member any more. */
  readonly removed: number;
  /** Index rows that got the membership's present role. */
  readonly corrected: number;
  /** Index rows written for memberships that were created, or whose role was changed, by hand. */
  readonly added: number;
}

function isOldEnough(entry: IndexEntry, now: Date): boolean {
  // A time that can't be read was edited by hand. The row stays until a grant rewrites it.
  return entry.writtenAt !== undefined && now.getTime() - Date.parse(entry.writtenAt) > MINIMUM_AGE_MS;
}

async function repairRows(
  index: Pick<MemberIndex, keyof MemberIndex>,
  entries: readonly IndexEntry[],
  now: Date,
): Promise<Pick<Reconciled, 'removed' | 'corrected'>> {
  let [removed, corrected] = [0, 0];
  await inParallel(entries, PARALLEL_CHECKS, async (entry) => {
    // The membership is read after the row, and the row changes only under the ETag read: what a grant wrote meanwhile stays.
    const role = await index.findRole(entry.userId, entry.entityId);
    if (role === undefined) {
      if (await index.remove(entry)) removed += 1;
    } else if (role !== 'unreadable' && role !== entry.role) {
      if (await index.correctRole(entry, role, now)) corrected += 1;
    }
  });
  return { removed, corrected };
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
 * Repairs both indexes page by page: one request for a page of 1,000 rows, one read for a row, one write for a repair. Memory
 * doesn't grow with the number of people. Idempotent. Safe beside running provisionings, because it never writes memberships.
 */
export async function repairMemberIndexes(deps: ReconcileDeps): Promise<Reconciled> {
  const now = deps.clock.now();
  let [checked, removed, corrected, added] = [0, 0, 0, 0];
  for (const index of deps.store.memberIndexes) {
    added += await addMissing(index, now);
    for await (const page of index.readPages()) {
      const old = page.filter((entry) => isOldEnough(entry, now));
      checked += page.length;
      const repaired = await repairRows(index, old, now);
      removed += repaired.removed;
      corrected += repaired.corrected;
    }
  }
  return { checked, removed, corrected, added };
}
