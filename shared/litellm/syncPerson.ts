/** The sync of one person: what the store says, compared with what LiteLLM has now, and then applied. */
import { AppError } from '../model/errors.ts';
import { closedUserValues, userValues } from '../model/litellmValues.ts';
import type { LitellmUser } from '../model/litellmPorts.ts';
import { hasNoKeys } from '../model/restingKeys.ts';
import { type SyncOutcome, type SyncReport, SYNC_REPORT_LIMIT } from '../model/synced.ts';
import { isClosed, type UserRecord } from '../model/userRecord.ts';
import { deactivate, findObstacle, isMemberInLitellm, reactivate } from './applyStanding.ts';
import { standingOf, withoutMemberships } from './standing.ts';
import type { RunNotes } from '../queue/queueWorker.ts';
import { upsertOrganizations, upsertTeams } from './personEntities.ts';
import { type PersonSync, readPerson } from './readPerson.ts';
import type { SyncDeps, SyncResult } from './syncDeps.ts';
import { refusalOf } from './syncErrors.ts';
import { takeLease } from './syncLease.ts';
import { type SyncedMemberships, syncMemberships } from './syncMemberships.ts';
import type { EntityInLitellm } from './upsertEntity.ts';
import { upsertUser } from './upsertUser.ts';

/** The finish of a run writes budget, models, email and a higher role. Before it, a new user would have no limits. */
function isUnfinished({ run }: UserRecord): boolean {
  return run?.state === 'applying' && run.report === undefined;
}

interface RepeatableSync extends PersonSync {
  readonly isRepeat: boolean;
}

/**
 * Records the outcome, unless it is `done` and says nothing new: a sync that changes nothing writes only its lease. A repeated delivery
 * writes it nevertheless: an outcome of the earlier one may be on its way, and the new ETag refuses it.
 */
async function recordOutcome(
  deps: SyncDeps,
  { lease, recorded, isRepeat }: RepeatableSync,
  end: Pick<SyncOutcome, 'status' | 'reason' | 'reported'>,
): Promise<void> {
  const last = recorded.outcome;
  const isSame =
    !isRepeat &&
    end.status === 'done' &&
    last?.status === end.status &&
    JSON.stringify(last.reported) === JSON.stringify(end.reported);
  if (isSame) return;
  const outcome: SyncOutcome = { ...end, attempts: 1, updatedAt: deps.clock.now().toISOString() };
  await lease.write(async (held) => deps.record.writePerson(held, { outcome }));
}

export interface SyncPersonOptions {
  readonly takesUnfinished?: boolean;
  readonly isRepeat?: boolean;
  readonly notes?: RunNotes;
}

/** What the steps of one person's sync came to. */
interface Steps {
  readonly entities: readonly SyncReport[];
  readonly memberships: SyncedMemberships;
}

/** Throws the errors that were kept, records the outcome, and throws what LiteLLM refused of the memberships. */
async function finish(
  deps: SyncDeps,
  person: RepeatableSync,
  { entities, memberships }: Steps,
): Promise<SyncResult> {
  // Everything else is done. The message waits, and its next try repeats what failed.
  person.errors.throwKept();
  const reported = [...entities, ...memberships.reported];
  const refusals = reported.filter(({ code }) => code === 'refused');
  await recordOutcome(deps, person, {
    ...(refusals.length === 0
      ? { status: 'done' as const }
      : { status: 'failed' as const, reason: 'litellm_refused' }),
    reported: reported.slice(0, SYNC_REPORT_LIMIT),
  });
  // A refused organization or team has a message of its own, which tells the operator once for all of its members.
  if (memberships.reported.some(({ code }) => code === 'refused')) throw refusalOf(refusals);
  const { changes, keys } = memberships;
  return { status: 'done', changes, ...(hasNoKeys(keys) ? {} : { keys }), reported };
}

function notCreated(userId: string): Pick<EntityInLitellm, 'reported' | 'isMissing'> {
  return { reported: [{ kind: 'user', id: userId, code: 'not_created' }], isMissing: false };
}

/** Deactivates a person who has no access left, and reactivates one whom an administrator added to a team in LiteLLM. */
async function settleNoAccess(
  deps: SyncDeps,
  person: PersonSync,
  user: LitellmUser,
): Promise<readonly SyncReport[]> {
  if (await isMemberInLitellm(deps, person, user)) {
    await reactivate(deps, person, user);
    return [];
  }
  if ((await findObstacle(deps, person, 'no_access')) !== undefined) return [];
  await deactivate(deps, person, { user, reason: 'no_access' });
  return [{ kind: 'user', id: person.userId, code: 'deactivated' }];
}

/**
 * Ends what a closed account can do in LiteLLM: the deactivation first, then the lowest role, then what this product gave. A user that
 * does not exist is not created. What was found in LiteLLM stays an administrator's.
 */
async function closePerson(deps: SyncDeps, person: RepeatableSync): Promise<SyncResult> {
  const { userId, stored, recorded } = person;
  const user = await deps.litellm.findUser(userId);
  const obstacle = user && (await findObstacle(deps, person, 'closed'));
  const standing =
    user !== undefined && obstacle === undefined
      ? await deactivate(deps, person, { user, reason: 'closed' })
      : recorded.standing;
  const emptied = { ...person, stored: withoutMemberships(stored), recorded: { ...recorded, standing } };
  const organizations = await upsertOrganizations(deps, emptied);
  const teams = await upsertTeams(deps, emptied, organizations);
  const desired = stored.user && recorded.user && closedUserValues(stored.user.user);
  const mayLower = user !== undefined && obstacle === undefined;
  const lowered = desired && mayLower ? await upsertUser(deps, person, { desired, found: user }) : undefined;
  const plans = { organization: organizations.plan, team: teams.plan };
  const memberships = await syncMemberships(deps, emptied, plans);
  const entities = [
    ...(obstacle === undefined ? [] : [obstacle]),
    ...organizations.reported,
    ...(lowered?.reported ?? []),
    ...teams.reported,
  ];
  return finish(deps, person, { entities, memberships });
}

/**
 * Makes LiteLLM match the store for one person, in this order: organizations, the user, teams, memberships. It can be repeated or
 * interrupted anywhere. If only memberships are missing, it costs 1 request for the user, and 1 for each organization and each team
 * to look and 1 to add (none to look at a team that its organization's answer carried). A repeat writes nothing.
 * `takesUnfinished`: also syncs a person whose provisioning has not finished, because it must have died. `isRepeat`: the message was
 * delivered before. `notes`: gets the outcome that was recorded before this sync.
 * Throws `sync_overtaken` and LiteLLM's retryable errors (try again later); after everything else is done, `litellm_refused` and
 * `litellm_email_taken` (final); and what the store throws.
 */
export async function syncPerson(
  deps: SyncDeps,
  userId: string,
  { takesUnfinished = false, isRepeat = false, notes = {} }: SyncPersonOptions = {},
): Promise<SyncResult> {
  const lease = await takeLease(deps, { kind: 'user', id: userId });
  try {
    const person = { ...(await readPerson(deps, userId, lease)), isRepeat };
    notes.seen = person.seen;
    const record = person.stored.user;
    if (record !== undefined && isClosed(record)) return await closePerson(deps, person);
    // Unknown is not empty: without the person's row nothing says what the person should have.
    if (record?.run === undefined) {
      const reported = [{ kind: 'user', id: userId, code: 'row_missing' } as const];
      return { status: 'nothing', changes: { added: 0, changed: 0, removed: 0 }, reported };
    }
    if (isUnfinished(record) && !takesUnfinished) {
      throw new AppError('sync_overtaken', 'The provisioning of this person has not finished.', {
        retryable: true,
      });
    }
    const standing = standingOf(person.stored);
    const found = await deps.litellm.findUser(userId);
    // Before anything that the person gets: the keys of a deactivated user are refused.
    if (standing === 'open' && found !== undefined) await reactivate(deps, person, found);
    const organizations = await upsertOrganizations(deps, person);
    // Nobody is created in LiteLLM only to have no access.
    const isWanted = standing === 'open' || found !== undefined;
    const desired = userValues(record.user);
    const user = isWanted ? await upsertUser(deps, person, { desired, found }) : notCreated(userId);
    if (user.isMissing) {
      // Without the user nothing can follow: with the first membership LiteLLM would create one without any limits.
      const { reported } = user;
      await recordOutcome(deps, person, { status: 'failed', reason: 'litellm_refused', reported });
      throw refusalOf(reported);
    }
    const teams = await upsertTeams(deps, person, organizations);
    const plans = { organization: organizations.plan, team: teams.plan };
    const memberships = await syncMemberships(deps, person, plans);
    const isLeft = standing === 'no_access' && found !== undefined;
    const settled = isLeft ? await settleNoAccess(deps, person, found) : [];
    const entities = [...organizations.reported, ...user.reported, ...teams.reported, ...settled];
    return await finish(deps, person, { entities, memberships });
  } catch (error) {
    lease.noteFailure(error);
    throw error;
  } finally {
    await lease.release();
  }
}
