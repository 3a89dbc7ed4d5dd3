/** Step 3 of a run: the user's row names this observation as the one being applied. */
import type { DesiredState } from './desiredState.ts';
import { compareObservations } from '../model/observation.ts';
import type { RunState, UserRecord } from '../model/userRecord.ts';
import { claimPatch } from './userProfile.ts';
import type { Run } from './provisionRun.ts';

/** A claim that was won. */
export interface Claim {
  readonly etag: string;
  readonly claimId: string;
  /** Somebody was, or may still be, writing. */
  readonly foundApplying: boolean;
}

/** Claims the person's row under the ETag read: one write. `undefined`: somebody else was first, so read again. */
export async function claimRun(
  run: Run,
  record: UserRecord | undefined,
  desired: DesiredState,
): Promise<Claim | undefined> {
  const { users } = run.deps.store;
  const userId = run.message.person.user_id;
  const claimId = run.deps.random.uuid();
  const last = record?.run;
  const isOurs = last !== undefined && compareObservations(last.observation, run.message) === 0;
  const state: RunState = {
    observation: { id: run.message.id, observed_at: run.message.observed_at },
    state: 'applying',
    claimId,
    // What earlier tries of this message did still counts, also should this one begin again.
    ...(isOurs && last.report !== undefined ? { report: last.report } : {}),
  };
  const patch = { ...claimPatch(record, desired), run: state };
  const written =
    record === undefined ? await users.create(userId, patch) : await users.update(userId, patch, record.etag);
  if (!written.written) return undefined;
  return { etag: written.etag, claimId, foundApplying: record?.run?.state === 'applying' };
}
