/** Repairs outcomes that are not final although their message is gone, so that no page shows "not yet" for good. */
import type { Clock } from '../model/ports.ts';
import { progressOf } from '../model/progress.ts';
import { LOST_AFTER_MS } from '../queue/queueWorker.ts';
import { inParallel } from '../platform/inParallel.ts';
import type { StoredOutcome } from '../storage/userStore.ts';
import type { Store } from '../storage/store.ts';

/** How many people are read at once. */
const PARALLEL_CHECKS = 16;

export interface RepairOutcomesDeps {
  readonly store: Pick<Store, 'users'>;
  readonly clock: Clock;
}

export interface RepairedOutcomes {
  /** Outcomes that were removed, because their observation is applied or superseded. */
  readonly outcomesRemoved: number;
  /** Outcomes that now say that the observation failed. */
  readonly outcomesFailed: number;
}

function isLost({ outcome }: StoredOutcome, now: Date): boolean {
  return outcome.status !== 'failed' && now.getTime() - Date.parse(outcome.updatedAt) > LOST_AFTER_MS;
}

/**
 * Settles each outcome that is not final after 25 hours: removes it if its observation is applied or superseded, and otherwise records that
 * it failed (`waited_too_long`). One request for a page of 1,000 rows, and one read and one write for an outcome. Idempotent. Safe beside
 * running provisionings: it writes only under the ETag read.
 */
export async function repairOutcomes({ store, clock }: RepairOutcomesDeps): Promise<RepairedOutcomes> {
  const now = clock.now();
  let [outcomesRemoved, outcomesFailed] = [0, 0];
  for await (const page of store.users.readOutcomePages()) {
    const lost = page.filter((stored) => isLost(stored, now));
    await inParallel(lost, PARALLEL_CHECKS, async (stored) => {
      const { userId, outcome } = stored;
      const record = await store.users.find(userId);
      const { status } = progressOf(outcome.observation, { record, outcome: undefined });
      const isMoot = status === 'done' || status === 'superseded';
      const { nextTryAt: _none, ...rest } = outcome;
      const failed = {
        ...rest,
        status: 'failed',
        reason: 'waited_too_long',
        updatedAt: now.toISOString(),
      } as const;
      if (!(await store.users.settleOutcome(stored, isMoot ? undefined : failed))) return;
      if (isMoot) outcomesRemoved += 1;
      else outcomesFailed += 1;
    });
  }
  return { outcomesRemoved, outcomesFailed };
}
