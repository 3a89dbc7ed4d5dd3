/** The queue `litellm-sync`, described for the worker of every queue (../queue/queueWorker.ts), and the sync of an organization or team. */
import { type ErrorCode, AppError, errorCodeOf } from '../model/errors.ts';
import type { SyncRecord } from '../storage/syncRecord.ts';
import {
  type Delivery,
  type FailingQueue,
  type MessageKind,
  type RunNotes,
  type RunnableQueue,
  type WorkerQueue,
  runMessage,
} from '../queue/queueWorker.ts';
import { parseSyncMessage, type SyncMessage } from '../queue/queueMessage.ts';
import { placesOf, type Place } from './loadBatch.ts';
import { loadMembers, type LoadSubject } from './loadMembers.ts';
import { syncPerson } from './syncPerson.ts';
import { jitter, type SyncDeps, type SyncResult } from './syncDeps.ts';
import { requireSafe } from './proxyState.ts';
import type { LitellmTeam } from '../model/litellmPorts.ts';
import type { TeamValues } from '../model/litellmValues.ts';
import type { EntityInLitellm } from './upsertEntity.ts';
import { type StoredTeam, TeamShares } from './carryTeam.ts';
import { finishMove, moveTeam } from './moveTeam.ts';
import { organizationsUnclear, refusalOf } from './syncErrors.ts';
import { enqueueTeams, upsertOrganization } from './upsertOrganization.ts';
import { type TeamDeps, upsertTeam } from './upsertTeam.ts';

/** Errors of LiteLLM as a whole, not of the message: it waits until they are over. */
const WAITABLE: ReadonlySet<ErrorCode> = new Set([
  'litellm_unreachable',
  'litellm_key_refused',
  'litellm_right_missing',
  'litellm_version_unsafe',
  'organizations_unlicensed',
  'litellm_answer_invalid',
  'sync_overtaken',
]);

/** Another worker syncs the same subject, which takes seconds. */
const OVERTAKEN_DELAY_SECONDS = 3;

/** Whether LiteLLM has organizations is clear after half an hour at most. */
const UNLICENSED_DELAY_SECONDS = 600;

/** After this time an unfinished provisioning run has died, and what it wrote is synced as it is. */
const UNFINISHED_LIMIT_MS = 5 * 60_000;

interface SyncDelivery extends Pick<Delivery, 'attempt'> {
  readonly notes: RunNotes;
}

async function syncSubject(
  deps: SyncDeps,
  { subject, waiting, members }: SyncMessage,
  { attempt, notes }: SyncDelivery,
): Promise<SyncResult> {
  // The client refuses too. Without this, each try would take a lease first.
  requireSafe(await deps.proxy.read());
  const waitedMs = waiting === undefined ? 0 : deps.clock.now().getTime() - Date.parse(waiting.since);
  const takesUnfinished = waitedMs >= UNFINISHED_LIMIT_MS;
  const isRepeat = waiting !== undefined || attempt > 1;
  if (subject.kind === 'user') return syncPerson(deps, subject.id, { takesUnfinished, isRepeat, notes });
  return syncEntity(
    deps,
    { kind: subject.kind, id: subject.id },
    members === true ? { waitedMs } : undefined,
  );
}

async function syncOrWait(deps: SyncDeps, message: SyncMessage, delivery: SyncDelivery): Promise<SyncResult> {
  try {
    return await syncSubject(deps, message, delivery);
  } catch (error) {
    if (!(error instanceof AppError) || !WAITABLE.has(error.code)) throw error;
    const { retryAfterSeconds, isUnclear } = error.details;
    const isUnlicensed = error.code === 'organizations_unlicensed';
    if (isUnlicensed && isUnclear !== true) await deps.proxy.noteOrganizations('unlicensed');
    return {
      status: 'waiting',
      reason: error.code,
      ...(typeof retryAfterSeconds === 'number' ? { minDelaySeconds: retryAfterSeconds } : {}),
      ...(error.code === 'sync_overtaken' ? { fixedDelaySeconds: OVERTAKEN_DELAY_SECONDS } : {}),
      ...(isUnlicensed ? { fixedDelaySeconds: UNLICENSED_DELAY_SECONDS } : {}),
    };
  }
}

/** Describes the messages. The outcome of a person is recorded beside what was synced of them; entities have none. */
export function describeSyncMessages(
  record: Pick<SyncRecord, 'readPersonSeen' | 'recordPersonOutcome'>,
): MessageKind<SyncMessage> {
  return {
    parse: parseSyncMessage,
    ownerOf: ({ subject }) => (subject.kind === 'user' ? { userId: subject.id } : {}),
    describe: ({ subject }) => ({ subject: subject.kind, id: subject.id }),
    findOutcome: async ({ subject }) => {
      if (subject.kind !== 'user') return undefined;
      const { recorded, seen } = await record.readPersonSeen(subject.id);
      return recorded.outcome && { ...recorded.outcome, seen };
    },
    recordOutcome: async ({ subject }, outcome, seen) => {
      if (subject.kind !== 'user') return;
      await record.recordPersonOutcome(subject.id, { reported: [], ...outcome }, seen);
    },
    showsRedriven: false,
  };
}

function describeRunnable(deps: SyncDeps): RunnableQueue<SyncMessage, SyncResult> {
  return {
    ...describeSyncMessages(deps.record),
    queue: deps.queue,
    clock: deps.clock,
    run: async (message, { attempt }, notes) => syncOrWait(deps, message, { attempt, notes }),
    statusOf: (error) => {
      // The sync has already recorded each thing that LiteLLM refused.
      if (errorCodeOf(error) === 'litellm_refused') return undefined;
      return error instanceof AppError && !error.retryable ? 'failed' : 'retrying';
    },
    jitter: () => jitter(deps.random),
  };
}

/** Describes the queue. Connects to nothing. */
export function createSyncQueue({
  sync: deps,
  ...parts
}: Pick<FailingQueue<SyncMessage>, 'seal' | 'poisonQueue' | 'failures'> & {
  readonly sync: SyncDeps;
}): WorkerQueue<SyncMessage, SyncResult> {
  return { ...describeRunnable(deps), ...parts };
}

/**
 * Syncs one person, organization or team to LiteLLM. Safe to repeat, in any order with other messages, because it reads what to sync
 * now. While LiteLLM doesn't answer or refuses the key, the message waits: growing delays with jitter, for 24 hours.
 * Throws final errors for the poison queue (`litellm_refused`, `litellm_email_taken`, `waited_too_long`, `row_unreadable`), and
 * those of the store, after which the queue delivers the message again.
 */
export async function sync(
  deps: SyncDeps,
  message: SyncMessage,
  { attempt }: Pick<Delivery, 'attempt'>,
): Promise<SyncResult> {
  return runMessage(describeRunnable(deps), message, { attempt, isLastAttempt: false });
}

/**
 * Syncs as {@link sync} does, from outside of the app: it enqueues nothing and records no outcome, because no message is behind it.
 * With the result `waiting`, the caller decides what to do, and also with the syncs that should follow, which go to `later`.
 */
export async function syncOutsideQueue(
  deps: Omit<SyncDeps, 'queue'>,
  task: Pick<SyncMessage, 'subject' | 'members'>,
  later: (task: Pick<SyncMessage, 'subject' | 'members'>) => void,
): Promise<SyncResult> {
  const queue = { enqueue: async (text: string) => Promise.resolve(later(parseSyncMessage(text))) };
  return syncOrWait({ ...deps, queue }, { version: 1, ...task }, { attempt: 1, notes: {} });
}

/** `places`: what LiteLLM has of it, and of a team's organization before it. Absent: nothing can be loaded. */
interface SyncedPlaces extends SyncResult {
  readonly places?: readonly Place[];
}

function missing(kind: 'organization' | 'team', id: string): SyncedPlaces {
  return { status: 'nothing', reported: [{ kind, id, code: 'row_missing' }] };
}

async function syncOrganization(deps: SyncDeps, id: string): Promise<SyncedPlaces> {
  const organization = (await deps.store.entities.readOrganizations([id])).found.get(id)?.value;
  if (organization === undefined) return missing('organization', id);
  const known = await deps.proxy.read();
  if (known.organizations === 'unclear') throw organizationsUnclear();
  if (known.organizations === 'unlicensed') {
    // Its teams carry what it would limit.
    await enqueueTeams(deps, id);
    return { status: 'done', reported: [] };
  }
  const upserted = await upsertOrganization(deps, organization, known);
  const places = placesOf({ kind: 'organization', id, upserted });
  return { status: 'done', reported: upserted.reported, places };
}

async function syncTeam(deps: SyncDeps, id: string): Promise<SyncedPlaces> {
  const team = (await deps.store.entities.readTeams([id])).found.get(id)?.value;
  if (team === undefined) return missing('team', id);
  const { organization_id: organizationId } = team;
  const organization =
    organizationId === undefined
      ? undefined
      : (await deps.store.entities.readOrganizations([organizationId])).found.get(organizationId)?.value;
  // Nothing decides about the models of a team whose organization is not stored.
  if (organizationId !== undefined && organization === undefined)
    return missing('organization', organizationId);
  const known = await deps.proxy.read();
  const { organizations } = known;
  if (organization !== undefined && organizations === 'unclear') throw organizationsUnclear();
  const hasOrganizations = organizations === 'available';
  const upserted =
    organization !== undefined && hasOrganizations
      ? await upsertOrganization(deps, organization, known)
      : undefined;
  if (upserted?.isMissing === true) return { status: 'done', reported: upserted.reported, places: [] };
  const stored = { team, organization, inLitellm: upserted?.values, hasOrganizations };
  const shares = new TeamShares(deps.store.entities, deps.sharedBudget);
  const placed = await placeTeam({ ...deps, shares, known }, stored, upserted?.teams.get(id));
  return {
    status: 'done',
    reported: [...(upserted?.reported ?? []), ...placed.reported],
    places: placesOf(
      { kind: 'organization', id: organizationId ?? '', upserted },
      { kind: 'team', id, upserted: placed },
    ),
  };
}

/** Upserts the team, and moves it where it belongs elsewhere. */
async function placeTeam(
  deps: TeamDeps,
  stored: StoredTeam,
  known: LitellmTeam | undefined,
): Promise<EntityInLitellm<TeamValues>> {
  let upserted = await upsertTeam(deps, stored, known);
  if (upserted.mustMove) {
    await moveTeam(deps, stored);
    upserted = await upsertTeam(deps, stored);
  }
  if (upserted.isMoving && stored.hasOrganizations) {
    await finishMove(deps, stored.team.team_id, upserted.values.organization_id);
  }
  return upserted;
}

/**
 * Creates or changes one organization or team in LiteLLM, and a team's organization before it. Idempotent. If its row is missing or
 * unreadable, nothing is changed. `load`: adds its absent members in lists too. Throws as `syncPerson`.
 */
async function syncEntity(
  deps: SyncDeps,
  subject: LoadSubject,
  load: { readonly waitedMs: number } | undefined,
): Promise<SyncResult> {
  const { kind, id } = subject;
  const synced = kind === 'organization' ? await syncOrganization(deps, id) : await syncTeam(deps, id);
  const { places, ...result } = synced;
  const { reported = [] } = result;
  const changes =
    load === undefined || places === undefined
      ? undefined
      : await loadMembers(deps, { subject, places, ...load });
  if (reported.some(({ code }) => code === 'refused')) throw refusalOf(reported);
  return { ...result, ...(changes === undefined ? {} : { changes }) };
}
