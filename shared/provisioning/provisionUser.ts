/**
 * Provisions one message: read the person's row and memberships, decide what the person should have, claim the row, plan, apply under the
 * fences, finish the row.
 *
 * docs/domain.md ("Order, repetition, concurrency") describes the protocol. A transaction covers one partition of one table. So the
 * person's row (personRow.ts) orders the runs, and a fence row in each membership partition stops a late run from writing.
 */
import type { Reported } from '../model/access.ts';
import { reportUnreadable } from '../model/handEdits.ts';
import type { KnownGroup } from '../model/assignedGroups.ts';
import { AppError } from '../model/errors.ts';
import { isClosed } from '../model/userRecord.ts';
import { isTooFarAhead, type Observation } from '../model/observation.ts';
import { ensureEntities } from '../groups/ensureEntities.ts';
import { type KnownGroups, readKnownGroups } from '../groups/groupKnowledge.ts';
import { type ProvisionMessage, parseProvisionMessage, enqueueSync } from '../queue/queueMessage.ts';
import {
  type Delivery,
  type FailingQueue,
  hasWaitedTooLong,
  type MessageKind,
  type RunResult,
  type WorkerQueue,
} from '../queue/queueWorker.ts';
import {
  type AppliedMemberships,
  applyMemberships,
  isSupersededByFence,
  readPartitions,
} from './applyMemberships.ts';
import { checkRemovals, createRun, type Decided } from './checkRemovals.ts';
import { type CountedGroups, countGroups, type DesiredState, desiredState } from './desiredState.ts';
import {
  claimRun,
  finishRun,
  giveUpClaim,
  isUnchanged,
  mayBeWriting,
  moveObservation,
  settledBy,
} from './personRow.ts';
import type { MembershipChanges, ProvisionDeps, Run } from './provisionRun.ts';
import type { Store } from '../storage/store.ts';

export interface ProvisionResult extends RunResult {
  readonly status: 'done' | 'unchanged' | 'already_done' | 'superseded' | 'waiting';
  readonly changes?: MembershipChanges;
  readonly reportedCount?: number;
}

/** Each round means that another run progressed. Beyond this, the queue delivers the message again. */
const MAX_ROUNDS = 10;

/** How often a message comes back for a group that the accepted list doesn't have yet: about 16 minutes in all. */
const UNKNOWN_GROUP_TRIES = 6;

/** `again`: another run wrote meanwhile, so nothing was decided. Read again. */
type Round = ProvisionResult | 'again';

/**
 * Provisions what one message observed. Safe to repeat, at any point and in any order with other messages of the person:
 * the newest observation wins. Returns `waiting` if the groups aren't known yet, or not all of them.
 * Throws retryable errors, after which the queue delivers the message again, and final ones: `observation_in_future`,
 * `snapshot_missing`, `snapshot_altered`, `row_unreadable`.
 */
export async function provisionUser(
  deps: ProvisionDeps,
  message: ProvisionMessage,
  delivery: Delivery,
): Promise<ProvisionResult> {
  refuseFuture(message, deps.clock.now());
  const reported: Reported[] = [];
  const startedAtMs = deps.clock.now().getTime();
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const result = await provisionOnce(deps, message, { delivery, startedAtMs, reported });
    if (result !== 'again') return result;
  }
  throw new AppError('storage_contention', 'Other runs kept changing the same rows.', { retryable: true });
}

function refuseFuture(message: ProvisionMessage, now: Date): void {
  if (!isTooFarAhead(message, now.getTime())) return;
  throw new AppError('observation_in_future', 'The observation is more than 5 minutes ahead of this clock.', {
    details: { aheadMs: Date.parse(message.observed_at) - now.getTime(), observationId: message.id },
  });
}

interface Rounds {
  readonly delivery: Delivery;
  /** When the first round began, by this host's clock. */
  readonly startedAtMs: number;
  /**
   * What earlier rounds did to organizations and teams before they began again. It is done, so a later round doesn't find it.
   * Each round adds to the list.
   */
  readonly reported: Reported[];
}

async function provisionOnce(deps: ProvisionDeps, message: ProvisionMessage, rounds: Rounds): Promise<Round> {
  const record = await deps.store.users.find(message.person.user_id);
  const settled = settledBy(record, message, deps.clock.now().getTime());
  if (settled !== undefined) {
    await removeSnapshot(deps, message);
    return { status: settled };
  }
  const isClosedNow = record !== undefined && isClosed(record);
  const {
    observation,
    known,
    deps: ownDeps,
  } = isClosedNow ? readNobody(deps, message) : await readSomebody(deps, message);
  if (known.groups === undefined) return { status: 'waiting', reason: known.reason };
  const about = { deps: ownDeps, message, observation, delivery: rounds.delivery, isClosed: isClosedNow };
  const run = createRun(about, known);
  const groups = countGroups(observation, known.groups, known.lostIds);
  const mayBeUnchanged = groups.unknown.length === 0 && rounds.reported.length === 0;
  if (record !== undefined && mayBeUnchanged && isUnchanged(record, run)) {
    // One write moves the observation, so that older ones stay superseded.
    if (!(await moveObservation(run, record))) return 'again';
    await removeSnapshot(deps, message);
    return { status: 'unchanged' };
  }
  // Before the claim: a run that meets a newer fence must leave the row as the newer observation left it.
  const partitions = await readPartitions(deps.store, message.person.user_id);
  if (isSupersededByFence(run, partitions)) {
    await giveUpClaim(run, record);
    await removeSnapshot(deps, message);
    return { status: 'superseded' };
  }
  const decided = await checkRemovals({ run, known, groups, record, partitions }, rounds.startedAtMs);
  return claimAndApply(decided, rounds.reported);
}

/** What one message observed, and the groups that decide about it. */
interface Observed {
  readonly deps: ProvisionDeps;
  readonly observation: Observation;
  readonly known: KnownGroups;
}

async function readSomebody(deps: ProvisionDeps, message: ProvisionMessage): Promise<Observed> {
  const observation = await readObservation(deps, message);
  return { deps, observation, known: await readKnownGroups(deps, observation) };
}

/** The person of a closed account is nobody: no groups, no roles, and no `PROXY_ADMIN_ID`. Nothing has to be known for that. */
function readNobody(deps: ProvisionDeps, message: ProvisionMessage): Observed {
  const { proxyAdminId: _nobodys, ...rules } = deps.rules;
  const { id, observed_at, person } = message;
  return {
    deps: { ...deps, rules },
    observation: {
      id,
      observed_at,
      person: { ...person, app_roles: [] },
      groups_source: 'directory',
      group_ids: [],
    },
    known: { groups: [], version: 'closed', reason: 'account_inactive', wasLookedUp: true },
  };
}

async function readObservation(deps: ProvisionDeps, message: ProvisionMessage): Promise<Observation> {
  const groupIds = 'parked' in message ? await deps.parked.require(message.parked) : message.group_ids;
  return {
    id: message.id,
    observed_at: message.observed_at,
    person: message.person,
    groups_source: message.groups_source,
    group_ids: groupIds,
  };
}

/** Called once no run needs the snapshot any more: the observation is applied, or a newer one holds. */
async function removeSnapshot(deps: ProvisionDeps, message: ProvisionMessage): Promise<void> {
  if ('parked' in message) await deps.parked.remove(message.parked.snapshot_id);
}

/** Creates what the counted groups lack: no request if they lack nothing. */
async function ensureMissing(run: Run, counted: readonly KnownGroup[]): Promise<Ensuring> {
  const { rules } = run.deps;
  const lacking = counted.filter(
    (group) => group.team !== 'present' || (rules.groupsAlsoCreateOrgs && group.organization !== 'present'),
  );
  if (!rules.assignedGroupsAreKnown || lacking.length === 0)
    return { counted, reported: [], failure: undefined };
  const ensured = await ensureEntities(run.deps, lacking, { degradeOnFailure: run.delivery.isLastAttempt });
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

/** What was done to organizations and teams by earlier rounds and this one, what the person's row lacks, and what was withheld. */
function allReported(
  { run, record }: Decided,
  parts: readonly { readonly reported: readonly Reported[] }[],
): readonly Reported[] {
  const unreadable = record?.unreadable;
  return [
    ...parts.flatMap(({ reported }) => reported),
    ...(unreadable === undefined ? [] : [reportUnreadable('user', run.message.person.user_id, unreadable)]),
  ];
}

async function claimAndApply(decided: Decided, earlier: Reported[]): Promise<Round> {
  const { run, record, partitions } = decided;
  const { deps, message, observation } = run;
  const [claimed, ensured] = await Promise.all([
    claimRun(run, record, desiredState(observation, decided.groups, deps.rules)),
    // Needs no claim: the groups are in force whichever run wins, and every run creates the same.
    ensureMissing(run, decided.groups.counted),
  ]);
  earlier.push(...ensured.reported);
  if (claimed === undefined) return 'again';

  const groups: CountedGroups = { ...decided.groups, counted: ensured.counted };
  const desired = desiredState(observation, groups, deps.rules);
  const moveBothFences = mayBeWriting(record, run.now.getTime());
  const applied = await applyMemberships(run, desired, { partitions, moveBothFences });
  if (applied === 'overtaken') return 'again';

  deps.onApplied?.(applied.changes);
  const reported = allReported(decided, [desired, { reported: earlier }, applied]);
  if (moveBothFences || mayHaveChanged(decided, { desired, changes: applied.changes })) {
    // Before the finish: a crash in between repeats the sync, and never loses it.
    await enqueuePerson(run);
  }
  const comeBack = mustComeBack({ ...decided, groups }, ensured.failure);
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
  if (comeBack?.kind === 'wait') return { status: 'waiting', reason: decided.known.reason };
  await removeSnapshot(deps, message);
  return { status: 'done', changes: applied.changes, reportedCount: reported.length };
}

/**
 * Returns whether LiteLLM may have to change because of what this run wrote. It may also have to if another run left its claim, and died
 * before it could enqueue a sync.
 */
function mayHaveChanged(
  { run, record }: Decided,
  { desired, changes }: Pick<AppliedMemberships, 'changes'> & { readonly desired: DesiredState },
): boolean {
  if (record === undefined || record.isNew) return true;
  if (record.user.user_role !== desired.userRole) return true;
  if (record.user.display_name !== run.observation.person.display_name) return true;
  return changes.granted + changes.changed + changes.removed > 0;
}

/** By then the run has finished. A sync that starts earlier is put back. */
const SYNC_DELAY_SECONDS = 1;

async function enqueuePerson({ deps, message }: Run): Promise<void> {
  if (deps.sync === undefined) return;
  const subject = { kind: 'user', id: message.person.user_id } as const;
  const delaySeconds = SYNC_DELAY_SECONDS;
  await enqueueSync(deps.sync, subject, { enqueuedAt: message.enqueued_at, delaySeconds });
}

type ComeBack = { readonly kind: 'retry'; readonly failure: AppError } | { readonly kind: 'wait' };

/**
 * Decides whether the message must come back; what was provisioned stays. For an organization that can't be created, the queue
 * retries until its last attempt, which degrades the team instead. For a group that a freshly read list doesn't have, the message comes back
 * a limited number of times. For a group that couldn't be looked up, it waits for the directory. For a removal that isn't checked, it waits
 * for 24 hours; then the run is done and reports it.
 */
function mustComeBack({ run, groups, known }: Decided, failure: AppError | undefined): ComeBack | undefined {
  if (failure !== undefined && !run.delivery.isLastAttempt) return { kind: 'retry', failure };
  const { unknown, unchecked = [] } = groups;
  if (unchecked.length > 0 && !hasWaitedTooLong(run.message, run.now)) return { kind: 'wait' };
  if (unknown.length === 0) return undefined;
  const tries = run.message.waiting?.tries ?? 0;
  return known.wasLookedUp && tries >= UNKNOWN_GROUP_TRIES ? undefined : { kind: 'wait' };
}

/** Describes the messages, whose outcome is recorded beside the person's row. */
export function describeProvisionMessages(users: Store['users']): MessageKind<ProvisionMessage> {
  return {
    parse: parseProvisionMessage,
    ownerOf: ({ person, id, observed_at }) => ({ userId: person.user_id, observation: { id, observed_at } }),
    describe: ({ person, id }) => ({ userId: person.user_id, observationId: id }),
    findOutcome: async ({ person, id }) => {
      const { outcome } = await users.findWithOutcome(person.user_id);
      return outcome?.observation.id === id ? outcome : undefined;
    },
    recordOutcome: async ({ person, id, observed_at }, { reported: _none, ...outcome }) =>
      users.recordOutcome(person.user_id, { ...outcome, observation: { id, observed_at } }),
    showsRedriven: true,
  };
}

/** What {@link createProvisionQueue} needs. */
export interface ProvisionQueueParts extends Pick<
  FailingQueue<ProvisionMessage>,
  'queue' | 'seal' | 'poisonQueue' | 'failures'
> {
  readonly provision: ProvisionDeps;
}

/** Describes the queue. Connects to nothing. */
export function createProvisionQueue({
  provision,
  ...parts
}: ProvisionQueueParts): WorkerQueue<ProvisionMessage, ProvisionResult> {
  return {
    ...describeProvisionMessages(provision.store.users),
    ...parts,
    clock: provision.clock,
    run: async (message, delivery) => provisionUser(provision, message, delivery),
    // Final or not: the person sees `failed` once the poison queue has the message.
    statusOf: () => 'retrying',
  };
}
