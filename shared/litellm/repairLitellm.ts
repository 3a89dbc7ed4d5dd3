/** Brings the proxy back to what is provisioned here: compares everything, and asks for a push of whatever differs. */
import type { SyncSubject } from '../model/synced.ts';
import { IdFingerprints } from './idFingerprints.ts';
import { type LitellmDifference, subjectOf } from './differences.ts';
import type { CompareDeps } from './compareMembers.ts';
import { type Compared, compareWithLitellm } from './compareWithLitellm.ts';
import { inBatches } from '../platform/inBatches.ts';
import { type SyncRequests, enqueueSync } from '../queue/syncMessage.ts';

/** Messages put into the queue at once. */
const PARALLEL_REQUESTS = 16;

export interface RepairDeps extends CompareDeps {
  readonly requests: SyncRequests;
}

/** How many differences of each kind there are. */
export interface DifferenceCounts {
  readonly toAdd: number;
  readonly toChange: number;
  readonly toRemove: number;
  readonly differing: number;
  readonly leftAlone: number;
}

export interface Repaired extends Compared, DifferenceCounts {
  /** People, organizations and teams whose push was asked for. */
  readonly requested: number;
}

const COUNTED_AS = {
  add: 'toAdd',
  change: 'toChange',
  remove: 'toRemove',
  differs: 'differing',
  'left alone': 'leftAlone',
} as const;

/** Counts differences, and names whom or what to push because of them, each once. */
export class DifferenceTally {
  readonly #counts = { toAdd: 0, toChange: 0, toRemove: 0, differing: 0, leftAlone: 0 };
  readonly #named = new IdFingerprints();

  get counts(): DifferenceCounts {
    return { ...this.#counts };
  }

  /** Gives whom and what to push that was not named before. */
  take(differences: readonly LitellmDifference[]): readonly SyncSubject[] {
    return differences.flatMap((difference) => {
      this.#counts[COUNTED_AS[difference.action]] += 1;
      const subject = subjectOf(difference);
      return subject !== undefined && this.#named.add(`${subject.kind}:${subject.id}`) ? [subject] : [];
    });
  }
}

/**
 * Compares as {@link compareWithLitellm} and puts one message for each person, organization or team that differs on the queue `push`.
 * Changes nothing itself; idempotent, for what is pushed is read anew then. Throws what proxy, store and queue throw: what was asked
 * for until then stands.
 */
export async function repairLitellm(deps: RepairDeps): Promise<Repaired> {
  const tally = new DifferenceTally();
  let requested = 0;
  const compared = await compareWithLitellm(deps, async (differences) => {
    const subjects = tally.take(differences);
    await inBatches(subjects, PARALLEL_REQUESTS, async (subject) => enqueueSync(deps.requests, subject));
    requested += subjects.length;
  });
  return { ...compared, ...tally.counts, requested };
}
