/** Step 5 of a run: the user's row becomes `applied`, with what was seen and done. */
import type { Reported } from '../model/access.ts';
import type { DesiredState } from './desiredState.ts';
import type { RunReport, RunState, UserPatch, UserRecord } from '../model/userRecord.ts';
import { REPORT_LIMIT } from '../model/userRecord.ts';
import { profilePatch } from './userProfile.ts';
import { AppError } from '../model/errors.ts';
import type { MembershipChanges, Run } from './provisionRun.ts';

export interface FinishInput {
  readonly claim: { readonly etag: string; readonly claimId: string };
  /** The row before the claim; `undefined` where the claim made it. */
  readonly before: UserRecord | undefined;
  readonly desired: DesiredState;
  readonly reported: readonly Reported[];
  readonly changes: MembershipChanges;
  readonly groupsCounted: number;
  /** Memberships may have been kept because of the brake, so the next message must look again. */
  readonly isBraked: boolean;
  /** `applying`: what could be done is done and shown, and the message comes back for the rest. */
  readonly state: 'applied' | 'applying';
}

/** A hand edit or a sign-out meanwhile changes the ETag but not the claim: then the finish is written again. */
const FINISH_ROUNDS = 5;

/** A message that came back for the rest adds to what its earlier tries did. */
function totalChanges(run: Run, input: FinishInput): MembershipChanges {
  const last = input.before?.run;
  const earlier = last?.observation.id === run.message.id ? last.report : undefined;
  return {
    granted: input.changes.granted + (earlier?.granted ?? 0),
    changed: input.changes.changed + (earlier?.changed ?? 0),
    removed: input.changes.removed + (earlier?.removed ?? 0),
  };
}

function reportOf(run: Run, input: FinishInput): RunReport {
  return {
    groups_seen: run.observation.group_ids.length,
    groups_counted: input.groupsCounted,
    ...totalChanges(run, input),
    reported: input.reported.slice(0, REPORT_LIMIT),
    reported_more: Math.max(0, input.reported.length - REPORT_LIMIT),
  };
}

function finishPatch(run: Run, input: FinishInput, record: UserRecord | undefined): UserPatch {
  const at = run.now.toISOString();
  const state: RunState = {
    observation: { id: run.message.id, observed_at: run.message.observed_at },
    state: input.state,
    claimId: input.claim.claimId,
    ...(input.state === 'applied' ? { finishedAt: at } : {}),
    report: reportOf(run, input),
    // While anything is degraded, withheld or unknown, the next message must look again.
    ...(input.state === 'applied' && input.reported.length === 0 && !input.isBraked
      ? { digest: run.digest, digestAt: at }
      : {}),
  };
  const profile = profilePatch({
    record,
    person: run.observation.person,
    desired: input.desired,
    rules: run.deps.rules,
    at,
  });
  return { ...profile, run: state };
}

/**
 * Finishes the run under the ETag of its claim: one write, unless somebody edited the row meanwhile. `overtaken`: a newer
 * observation, or another delivery of the same message, has claimed the row since: begin again from there. Beginning again
 * rather than stepping aside loses nothing should that other delivery die.
 */
export async function finishRun(run: Run, input: FinishInput): Promise<'finished' | 'overtaken'> {
  const { users } = run.deps.store;
  const userId = run.message.person.user_id;
  let { before: record } = input;
  let etag = input.claim.etag;
  for (let round = 0; round < FINISH_ROUNDS; round += 1) {
    const written = await users.update(userId, finishPatch(run, input, record), etag);
    if (written.written) return 'finished';
    record = await users.find(userId);
    if (record?.run === undefined) {
      throw new AppError('storage_contention', 'The user row vanished during the run.', { retryable: true });
    }
    if (record.run.claimId !== input.claim.claimId) return 'overtaken';
    etag = record.etag;
  }
  throw new AppError('storage_contention', 'The finish was overtaken again and again.', { retryable: true });
}
