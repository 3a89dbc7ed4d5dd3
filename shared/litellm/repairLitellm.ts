/** Repairs LiteLLM: compares everything with the store, and requests a sync of what differs. */
import { type LitellmDifference, subjectOf } from './differences.ts';
import type { SyncSubject } from '../model/synced.ts';
import type { CompareDeps } from './compareMembers.ts';
import { type Compared, compareWithLitellm } from './compareWithLitellm.ts';
import { inParallel } from '../platform/inParallel.ts';
import { type SyncRequests, enqueueSync } from '../queue/queueMessage.ts';
import { LOST_AFTER_MS } from '../queue/queueWorker.ts';
import type { SyncRecord } from '../storage/syncRecord.ts';
import { createHash } from 'node:crypto';

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
      return subject === undefined ? [] : this.name([subject]);
    });
  }

  /** Returns the subjects that were not named before. */
  name(subjects: readonly SyncSubject[]): readonly SyncSubject[] {
    return subjects.filter(({ kind, id }) => this.#named.add(`${kind}:${id}`));
  }
}

/**
 * Compares as {@link compareWithLitellm}, and enqueues one sync message for each person, organization or team that differs, and for each
 * person whose outcome is not final although its message is gone. Changes nothing itself. Idempotent, since a sync reads the present state again. Throws what LiteLLM, the store and the queue throw; syncs
 * requested before that remain requested.
 */
export async function repairLitellm(deps: RepairDeps): Promise<Repaired> {
  const tally = new DifferenceTally();
  let requested = 0;
  const request = async (subjects: readonly SyncSubject[]): Promise<void> => {
    await inParallel(subjects, PARALLEL_REQUESTS, async (subject) => enqueueSync(deps.requests, subject));
    requested += subjects.length;
  };
  const compared = await compareWithLitellm(deps, async (differences) => request(tally.take(differences)));
  const before = new Date(deps.requests.clock.now().getTime() - LOST_AFTER_MS);
  for await (const userIds of deps.record.readLostOutcomePages(before)) {
    await request(tally.name(userIds.map((id) => ({ kind: 'user', id }))));
  }
  return { ...compared, ...tally.counts, requested };
}

/** 2 MiB: room for one and a half times the people of a large directory. */
const DEFAULT_SLOTS = 1 << 18;
/** How many slots are tried for an id before it replaces an older one. */
const PROBES = 64;

/** Two ids with the same 64 bits count as one. Among 100,000 ids, the odds are one in billions. */
export class IdFingerprints {
  readonly #slots: BigUint64Array;

  constructor(slots: number = DEFAULT_SLOTS) {
    this.#slots = new BigUint64Array(slots);
  }

  /** Returns whether the id is new. With more ids than slots, a seen id may count as new again, but a new one never as seen. */
  add(id: string): boolean {
    const digest = createHash('sha256').update(id).digest();
    // 0 marks a free slot.
    const print = digest.readBigUInt64LE() || 1n;
    const first = digest.readUInt32LE(8) % this.#slots.length;
    for (let probe = 0; probe < PROBES; probe += 1) {
      const slot = (first + probe) % this.#slots.length;
      const kept = this.#slots[slot];
      if (kept === print) return false;
      if (kept === 0n) {
        this.#slots[slot] = print;
        return true;
      }
    }
    this.#slots[first] = print;
    return true;
  }
}
