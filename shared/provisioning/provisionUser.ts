/**
 * One message: claim, read actual, desired from the rules, plan, apply under the fence, finish.
 *
 * The protocol is docs/domain.md's ("Order, repetition, concurrency"). A transaction covers one partition of one table, so the
 * user's row orders the runs and a fence row in each membership partition keeps a late run from writing.
 */
import { reportUnreadable } from '../model/unreadableRow.ts';
import type { Reported } from '../model/access.ts';
import { countGroups, desiredState } from './desiredState.ts';
import type { CountedGroups, DesiredState } from './desiredState.ts';
import type { KnownGroup } from '../model/assignedGroups.ts';
import type { Observation } from '../model/observation.ts';
import { compareObservations, isTooFarAhead } from '../model/observation.ts';
import type { RunState, UserRecord } from '../model/userRecord.ts';
import { isDigestFresh, runDigest } from './runDigest.ts';
import type { ErrorCode } from '../model/errors.ts';
import { AppError, errorCodeOf } from '../model/errors.ts';
import type { ProvisionMessage } from '../queue/provisionMessage.ts';
import { announceMemberships } from './announceMemberships.ts';
import { applyMemberships } from './applyMemberships.ts';
import { type Claim, claimRun } from './claimRun.ts';
import { ensureEntities } from '../groups/ensureEntities.ts';
import { finishRun } from './finishRun.ts';
import type { Delivery, MembershipChanges, ProvisionDeps, Run } from './provisionRun.ts';
import { putBack } from '../queue/putBack.ts';
import type { KnownGroups } from '../groups/readKnownGroups.ts';
import { readKnownGroups } from '../groups/readKnownGroups.ts';
import { enqueueSync } from '../queue/enqueueSync.ts';

export interface ProvisionResult {
  readonly status: 'done' | 'unchanged' | 'already_done' | 'superseded' | 'waiting';
  readonly reason?: ErrorCode;
  readonly changes?: MembershipChanges;
  readonly reportedCount?: number;
}

/** Each round means that somebody else progressed; beyond this the queue's own retry takes over. */
const MAX_ROUNDS = 10;

/** How often a message comes back for a group that the accepted list does not have yet: about 16 minutes in all. */
export const UNKNOWN_GROUP_TRIES = 6;

/** Nothing was decided: somebody else wrote meanwhile, so read again. */
type Round = ProvisionResult | 'again';

/**
 * Provisions what one message observed. Safe to repeat, at any point and in any order with other messages of the person:
 * the newest observation wins. Throws retryable errors for the queue to deliver again and final ones for the poison
 * queue: `observation_in_future`, `snapshot_missing`, `waited_too_long`.
 */
export async function provisionUser(
  deps: ProvisionDeps,
  message: ProvisionMessage,
  delivery: Delivery,
): Promise<ProvisionResult> {
  try {
    refuseFuture(message, deps.clock.now());
    const reported: Reported[] = [];
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const result = await provisionOnce(deps, message, { delivery, reported });
      if (result !== 'again') return result;
    }
    throw new AppError('storage_contention', 'Provisioning was overtaken again and again.', {
      retryable: true,
    });
  } catch (error) {
    await recordAttempt(deps, message, { attempt: delivery.attempt, reason: errorCodeOf(error) });
    throw error;
  }
}

function refuseFuture(message: ProvisionMessage, now: Date): void {
  if (!isTooFarAhead(message, now.getTime())) return;
  throw new AppError('observation_in_future', 'The observation is more than 5 minutes ahead of this clock.', {
    details: { aheadMs: Date.parse(message.observed_at) - now.getTime(), observationId: message.id },
  });
}

/** Best effort: it only shows the person that it is being tried again, and must not hide why it failed. */
async function recordAttempt(
  deps: ProvisionDeps,
  message: ProvisionMessage,
  failure: { readonly attempt: number; readonly reason: ErrorCode },
): Promise<void> {
  try {
    await deps.store.users.recordOutcome(message.person.user_id, {
      observation: { id: message.id, observed_at: message.observed_at },
      status: 'retrying',
      reason: failure.reason,
      attempts: failure.attempt,
      updatedAt: deps.clock.now().toISOString(),
    });
  } catch {
    // The store is what failed, most likely; the error under way says so.
  }
}

interface Rounds {
  readonly delivery: Delivery;
  /**
   * What was done to organizations and teams in rounds that then began again: it is done, so no later one finds it to report.
   * Each round adds to it.
   */
  readonly reported: Reported[];
}

async function provisionOnce(
  deps: ProvisionDeps,
  message: ProvisionMessage,
  { delivery, reported }: Rounds,
): Promise<Round> {
  const record = await deps.store.users.find(message.person.user_id);
  const settled = settledBy(record, message, deps.clock.now().getTime());
  if (settled !== undefined) {
    await removeSnapshot(deps, message);
    return { status: settled };
  }
  const observation = await readObservation(deps, message);
  const known = await readKnownGroups(deps, observation);
  if (known.groups === undefined) return wait(deps, message, known.reason);
  const groups = countGroups(observation, known.groups, known.lostIds);
  const run: Run = {
    deps,
    message,
    observation,
    delivery,
    digest: runDigest(observation, deps.rules, known.version),
    listVersion: known.version,
    now: deps.clock.now(),
  };
  const mayBeUnchanged = groups.unknown.length === 0 && reported.length === 0;
  if (record !== undefined && mayBeUnchanged && isUnchanged(record, run)) return moveObservation(run, record);
  return claimAndApply(run, record, { groups, known, reported });
}

function settledBy(
  record: UserRecord | undefined,
  message: ProvisionMessage,
  nowMs: number,
): 'superseded' | 'already_done' | undefined {
  // An observation that cannot have been made is a person's edit, and must not outrank everybody's sign-ins.
  if (record?.run === undefined || isTooFarAhead(record.run.observation, nowMs)) return undefined;
  const order = compareObservations(record.run.observation, message);
  if (order > 0) return 'superseded';
  return order === 0 && record.run.state === 'applied' ? 'already_done' : undefined;
}

async function readObservation(deps: ProvisionDeps, message: ProvisionMessage): Promise<Observation> {
  const groupIds =
    'parked' in message ? await deps.parked.require(message.parked.snapshot_id) : message.group_ids;
  return {
    id: message.id,
    observed_at: message.observed_at,
    person: message.person,
    groups_source: message.groups_source,
    group_ids: groupIds,
  };
}

/** Only once nobody needs it any more: the observation is applied, or a newer one holds. */
async function removeSnapshot(deps: ProvisionDeps, message: ProvisionMessage): Promise<void> {
  if ('parked' in message) await deps.parked.remove(message.parked.snapshot_id);
}

async function wait(
  deps: ProvisionDeps,
  message: ProvisionMessage,
  reason: ErrorCode,
): Promise<ProvisionResult> {
  await putBack(deps, message, reason);
  return { status: 'waiting', reason };
}

function isUnchanged(record: UserRecord, run: Run): boolean {
  const last = record.run;
  return (
    last?.state === 'applied' &&
    last.digest === run.digest &&
    last.digestAt !== undefined &&
    isDigestFresh(last.digestAt, run.now)
  );
}

/** Nothing changed since the last run: one write moves the observation, so that older ones stay superseded. */
async function moveObservation(run: Run, record: UserRecord): Promise<Round> {
  if (record.run === undefined) return 'again';
  const moved: RunState = {
    ...record.run,
    observation: { id: run.message.id, observed_at: run.message.observed_at },
    finishedAt: run.now.toISOString(),
    // This sign-in changed nothing; what the one before did is not its doing.
    ...(record.run.report === undefined
      ? {}
      : { report: { ...record.run.report, granted: 0, changed: 0, removed: 0 } }),
  };
  const written = await run.deps.store.users.update(run.message.person.user_id, { run: moved }, record.etag);
  if (!written.written) return 'again';
  await removeSnapshot(run.deps, run.message);
  return { status: 'unchanged' };
}

interface Groups extends Pick<Rounds, 'reported'> {
  readonly groups: CountedGroups;
  readonly known: KnownGroups;
}

/** Creates what the counted groups lack; groups that have everything cost nothing. */
async function ensureMissing(run: Run, counted: readonly KnownGroup[]): Promise<Ensuring> {
  const { rules } = run.deps;
  const lacks = (group: KnownGroup): boolean =>
    group.team !== 'present' || (rules.groupsAlsoCreateOrgs && group.organization !== 'present');
  if (!rules.assignedGroupsAreKnown) return { counted, reported: [], failure: undefined };
  const ensured = await ensureEntities(run.deps, counted.filter(lacks), {
    degradeOnFailure: run.delivery.attempt >= run.delivery.maxAttempts,
  });
  const now = new Map(ensured.groups.map((group) => [group.id, group]));
  return {
    counted: counted.map((group) => now.get(group.id) ?? group),
    reported: ensured.reported,
    failure: ensured.organizationFailure,
  };
}

interface Ensuring {
  readonly counted: readonly KnownGroup[];
  readonly reported: DesiredState['reported'];
  readonly failure: AppError | undefined;
}

async function claimAndApply(run: Run, record: UserRecord | undefined, sorted: Groups): Promise<Round> {
  const { deps, message, observation } = run;
  const [claimed, announced, ensured] = await Promise.all([
    claimRun(run, record, desiredState(observation, sorted.groups, deps.rules)),
    // Who has no row yet has no memberships either, so what will be granted is known before anything is read.
    record === undefined ? announceMemberships(run, sorted.groups) : undefined,
    // Needs no claim: the groups are in force whoever wins, and what it does is the same for everybody.
    ensureMissing(run, sorted.groups.counted),
  ]);
  sorted.reported.push(...ensured.reported);
  if (claimed === undefined) return 'again';

  const groups: CountedGroups = { ...sorted.groups, counted: ensured.counted };
  const desired = desiredState(observation, groups, deps.rules);
  const applied = await applyMemberships(run, desired, {
    moveBothFences: claimed.foundApplying,
    announced,
  });
  if (applied === 'overtaken') return 'again';
  if (applied === 'superseded') {
    await removeSnapshot(deps, message);
    return { status: 'superseded' };
  }

  deps.onApplied?.(applied.changes);
  const reported = [
    ...desired.reported,
    ...sorted.reported,
    ...applied.reported,
    ...(record?.unreadable === undefined
      ? []
      : [reportUnreadable('user', message.person.user_id, record.unreadable)]),
  ];
  if (mayHaveChanged(run, { claimed, record, desired, changes: applied.changes })) {
    // Before the finish: a crash in between repeats the request, and never loses it.
    await enqueueSyncOf(run);
  }
  const comeBack = mustComeBack(run, { groups, known: sorted.known }, ensured.failure);
  const finished = await finishRun(run, {
    claim: claimed,
    before: record,
    desired,
    reported,
    changes: applied.changes,
    groupsCounted: groups.counted.length,
    isBraked: groups.braked.length > 0,
    state: comeBack === undefined ? 'applied' : 'applying',
  });
  if (finished !== 'finished') return 'again';
  if (comeBack?.kind === 'retry') throw comeBack.failure;
  if (comeBack?.kind === 'wait') return wait(deps, message, sorted.known.reason);
  await removeSnapshot(deps, message);
  return { status: 'done', changes: applied.changes, reportedCount: reported.length };
}

/**
 * Whether the LiteLLM proxy may know less than this run: it wrote something, or another run, which may have died before it could
 * tell, left the row as it was claimed.
 */
function mayHaveChanged(
  { observation }: Run,
  done: {
    readonly claimed: Claim;
    readonly record: UserRecord | undefined;
    readonly desired: DesiredState;
    readonly changes: MembershipChanges;
  },
): boolean {
  const { claimed, record, desired, changes } = done;
  if (claimed.foundApplying || record?.run === undefined || record.isNew) return true;
  if (record.user.user_role !== desired.userRole) return true;
  if (record.user.display_name !== observation.person.display_name) return true;
  return changes.granted + changes.changed + changes.removed > 0;
}

/** By then the finish has written what the request is about; a request that comes before it is put back. */
const SYNC_DELAY_SECONDS = 1;

async function enqueueSyncOf({ deps, message }: Run): Promise<void> {
  if (deps.sync === undefined) return;
  const subject = { kind: 'user', id: message.person.user_id } as const;
  const delaySeconds = SYNC_DELAY_SECONDS;
  await enqueueSync(deps.sync, subject, { enqueuedAt: message.enqueued_at, delaySeconds });
}

type ComeBack = { readonly kind: 'retry'; readonly failure: AppError } | { readonly kind: 'wait' };

/**
 * What was provisioned stays; the rest needs another try. An organization that cannot be created is retried by the queue
 * until its last attempt, which degrades the team instead. A group that a freshly read list does not have comes back a
 * limited number of times; one that could not be looked up waits like everything that waits for the directory.
 */
function mustComeBack(
  run: Run,
  sorted: Omit<Groups, 'reported'>,
  failure: AppError | undefined,
): ComeBack | undefined {
  if (failure !== undefined && run.delivery.attempt < run.delivery.maxAttempts)
    return { kind: 'retry', failure };
  if (sorted.groups.unknown.length === 0) return undefined;
  const tries = run.message.waiting?.tries ?? 0;
  return sorted.known.wasLookedUp && tries >= UNKNOWN_GROUP_TRIES ? undefined : { kind: 'wait' };
}
