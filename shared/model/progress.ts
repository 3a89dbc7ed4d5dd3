/** Computes the progress of an observation from the user's row and its outcome. Pure. */
import type { ProvisioningProgress } from './access.ts';
import type { ObservationKey } from './observation.ts';
import { compareObservations, isTooFarAhead } from './observation.ts';
import type { Outcome, RunState, UserRecord } from './userRecord.ts';

export interface ProgressSources {
  readonly record: UserRecord | undefined;
  readonly outcome: Outcome | undefined;
}

function ofRun(run: RunState): Pick<ProvisioningProgress, 'granted' | 'removed' | 'reported' | 'updated_at'> {
  return {
    ...(run.finishedAt === undefined ? {} : { updated_at: run.finishedAt }),
    ...(run.report === undefined ? {} : { granted: run.report.granted, removed: run.report.removed }),
    reported: run.report?.reported ?? [],
  };
}

function ofOutcome(outcome: Outcome): Omit<ProvisioningProgress, 'reported'> {
  return {
    // A failed try that the queue repeats is still under way.
    status: outcome.status === 'retrying' ? 'pending' : outcome.status,
    reason: outcome.reason,
    attempts: outcome.attempts,
    updated_at: outcome.updatedAt,
    ...(outcome.nextTryAt === undefined ? {} : { next_try_at: outcome.nextTryAt }),
  };
}

/** Returns the progress of one observation. One that no row knows yet is `pending`: its message is in the queue. */
export function progressOf(key: ObservationKey, sources: ProgressSources): ProvisioningProgress {
  const named = { id: key.id, observed_at: key.observed_at };
  const run = sources.record?.run;
  const order = run === undefined ? -1 : compareObservations(run.observation, key);
  if (order > 0) return { ...named, status: 'superseded', reported: [] };
  const partial = order === 0 && run !== undefined ? ofRun(run) : { reported: [] };
  if (order === 0 && run?.state === 'applied') return { ...named, status: 'done', ...partial };
  const outcome = sources.outcome;
  if (outcome !== undefined && compareObservations(outcome.observation, key) === 0) {
    return { ...named, ...partial, ...ofOutcome(outcome) };
  }
  return { ...named, status: 'pending', ...partial };
}

/**
 * Returns whether a stored outcome belongs to a newer observation than `key`. An outcome of an observation that was refused
 * because it lay ahead of the clock never counts as newer: it would hide every later one.
 */
export function isOutcomeNewer(outcome: Outcome, key: ObservationKey): boolean {
  const wasRefused = isTooFarAhead(outcome.observation, Date.parse(outcome.updatedAt));
  return !wasRefused && compareObservations(outcome.observation, key) > 0;
}

/**
 * Returns whether a stored outcome stays where `next` arrives: it belongs to a newer observation, or it is the end of the same message,
 * which a delayed write must not hide.
 */
export function outcomeStays(stored: Outcome, next: Outcome): boolean {
  if (isOutcomeNewer(stored, next.observation)) return true;
  const isSame = compareObservations(stored.observation, next.observation) === 0;
  return isSame && stored.status === 'failed' && next.status !== 'failed' && next.isRedriven !== true;
}

/** Returns the newest known observation of a person: the one that their page shows. */
export function newestObservation(known: ObservationKey, sources: ProgressSources): ObservationKey {
  const { outcome } = sources;
  const others = [
    sources.record?.run?.observation,
    outcome !== undefined && isOutcomeNewer(outcome, known) ? outcome.observation : undefined,
  ];
  return others.reduce<ObservationKey>(
    (newest, other) => (other !== undefined && compareObservations(other, newest) > 0 ? other : newest),
    known,
  );
}
