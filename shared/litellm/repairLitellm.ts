/** Repairs LiteLLM: compares everything with the store, and requests a sync of what differs. */
import { IdFingerprints } from './idFingerprints.ts';
import { type LitellmDifference, subjectOf } from './differences.ts';
import type { SyncSubject } from '../model/synced.ts';
import type { CompareDeps } from './compareMembers.ts';
import { type Compared, compareWithLitellm } from './compareWithLitellm.ts';
import { inParallel } from '../platform/inParallel.ts';
import { type SyncRequests, enqueueSync } from '../queue/syncMessage.ts';

/** Messages enqueued at a time. */
const PARALLEL_REQUESTS = 16;

export interface RepairDeps extends CompareDeps {
  readonly requests: SyncRequests;
}

/** The number of differences of each kind. */
export interface DifferenceCounts {
  readonly toAdd: number;
  readonly toChange: number;
  readonly toRemove: number;
  readonly differing: number;
  readonly leftAlone: number;
}

export interface Repaired extends Compared, DifferenceCounts {
  /** People, organizations and teams for which a sync was requested. */
  readonly requested: number;
}

const COUNTED_AS = {
  add: 'toAdd',
  change: 'toChange',
  remove: 'toRemove',
  differs: 'differing',
  'left alone': 'leftAlone',
} as const;

/** Counts differences, and names what to sync because of them, each subject once. */
export class DifferenceTally {
  readonly #counts = { toAdd: 0, toChange: 0, toRemove: 0, differing: 0, leftAlone: 0 };
  readonly #named = new IdFingerprints();

  get counts(): DifferenceCounts {
    return { ...this.#counts };
  }

  /** Returns the subjects to sync that were not named before. */
  take(differences: readonly LitellmDifference[]): readonly SyncSubject[] {
    return differences.flatMap((difference) => {
      this.#counts[COUNTED_AS[difference.action]] += 1;
      const subject = subjectOf(difference);
      return subject !== undefined && this.#named.add(`${subject.kind}:${subject.id}`) ? [subject] : [];
    });
  }
}

/**
 * Compares as {@link compareWithLitellm}, and enqueues one sync message for each person, organization or team that differs. Changes
 * nothing itself. Idempotent, since a sync reads the present state again. Throws what LiteLLM, the store and the queue throw; syncs
 * requested before that remain requested.
 */
export async function repairLitellm(deps: RepairDeps): Promise<Repaired> {
  const tally = new DifferenceTally();
  let requested = 0;
  const compared = await compareWithLitellm(deps, async (differences) => {
    const subjects = tally.take(differences);
    await inParallel(subjects, PARALLEL_REQUESTS, async (subject) => enqueueSync(deps.requests, subject));
    requested += subjects.length;
  });
  return { ...compared, ...tally.counts, requested };
}
