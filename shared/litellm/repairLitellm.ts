/** Repairs LiteLLM: compares everything with the store, and requests a sync of what differs. */
import { type LitellmDifference, subjectOf } from './differences.ts';
import type { SyncSubject } from '../model/synced.ts';
import type { CompareDeps } from './compareMembers.ts';
import { type Compared, compareWithLitellm } from './compareWithLitellm.ts';
import { inParallel } from '../platform/inParallel.ts';
import { type SyncRequests, enqueueSync } from '../queue/queueMessage.ts';
import { LOST_AFTER_MS } from '../queue/queueWorker.ts';
import type { SyncRecord } from '../storage/syncRecord.ts';
import { IdFingerprints } from './idFingerprints.ts';
import { LoadTally, type SyncTask } from './loadTally.ts';

/** Messages enqueued at a time. */
const PARALLEL_REQUESTS = 16;

export interface RepairDeps extends CompareDeps {
  readonly record: CompareDeps['record'] & Pick<SyncRecord, 'readLostOutcomePages'>;
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

/** Counts differences, and names what to sync because of them, each subject once. Members who come in numbers come in lists. */
export class DifferenceTally {
  readonly #counts = { toAdd: 0, toChange: 0, toRemove: 0, differing: 0, leftAlone: 0 };
  readonly #named = new IdFingerprints();
  readonly #loads = new LoadTally();

  get counts(): DifferenceCounts {
    return { ...this.#counts };
  }

  /** Returns what to sync now, without subjects that were named before. What may become a load waits for {@link rest}. */
  take(differences: readonly LitellmDifference[]): readonly SyncTask[] {
    return differences.flatMap((difference) => {
      this.#counts[COUNTED_AS[difference.action]] += 1;
      const subject = subjectOf(difference);
      if (subject === undefined || this.#loads.take(difference)) return [];
      return this.name([subject]).map((each) => ({ subject: each }));
    });
  }

  /** Returns what waited, at the end of the comparison. */
  rest(): readonly SyncTask[] {
    return this.#loads
      .rest()
      .filter(({ subject, members }) => members === true || this.name([subject]).length > 0);
  }

  /** Returns the subjects that were not named before. */
  name(subjects: readonly SyncSubject[]): readonly SyncSubject[] {
    return subjects.filter(({ kind, id }) => this.#named.add(`${kind}:${id}`));
  }
}

/**
 * Compares as {@link compareWithLitellm}, and enqueues one sync message for each person, organization or team that differs, and for each
 * person whose outcome is not final although its message is gone. Five or more new members of an organization or team come with its
 * message instead. Changes nothing itself. Idempotent, since a sync reads the present state again. Throws what LiteLLM, the store and
 * the queue throw; syncs requested before that remain requested.
 */
export async function repairLitellm(deps: RepairDeps): Promise<Repaired> {
  const tally = new DifferenceTally();
  let requested = 0;
  const request = async (tasks: readonly SyncTask[]): Promise<void> => {
    await inParallel(tasks, PARALLEL_REQUESTS, async ({ subject, ...options }) =>
      enqueueSync(deps.requests, subject, options),
    );
    requested += tasks.length;
  };
  let compared: Compared;
  try {
    compared = await compareWithLitellm(deps, async (differences) => request(tally.take(differences)));
  } finally {
    await request(tally.rest());
  }
  const before = new Date(deps.requests.clock.now().getTime() - LOST_AFTER_MS);
  for await (const userIds of deps.record.readLostOutcomePages(before)) {
    await request(tally.name(userIds.map((id) => ({ kind: 'user', id }))).map((subject) => ({ subject })));
  }
  return { ...compared, ...tally.counts, requested };
}
