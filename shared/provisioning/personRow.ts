/**
 * The protocol of a person's row. The row orders the runs of one person: a run is settled, unchanged (it moves the observation), or it
 * claims the row, writes memberships, and finishes the row (docs/domain.md, "Order, repetition, concurrency"). What a claim and a finish
 * write about the person is decided at the end of this file.
 */
import { createHash } from 'node:crypto';
import type { Reported } from '../model/access.ts';
import { AppError } from '../model/errors.ts';
import { compareObservations, isBelieved, type Observation, type Person } from '../model/observation.ts';
import type { Rules } from '../model/rules.ts';
import {
  type RunReport,
  type RunState,
  type UserPatch,
  type UserRecord,
  REPORT_LIMIT,
} from '../model/userRecord.ts';
import type { ProvisionMessage } from '../queue/queueMessage.ts';
import type { DesiredState } from './desiredState.ts';
import type { MembershipChanges, Run } from './provisionRun.ts';
import { type GlobalRole, GLOBAL_ROLES, isHigherRole } from '../model/entities.ts';
import { isEditedByHand } from '../model/handEdits.ts';

/**
 * Returns whether the row already settles the message: `superseded` by a newer observation, or `already_done`. `undefined`: the message
 * still has to run.
 */
export function settledBy(
  record: UserRecord | undefined,
  message: ProvisionMessage,
  nowMs: number,
): 'superseded' | 'already_done' | undefined {
  const run = record?.run;
  // An observation from the future is a hand edit, and must not outrank every later sign-in.
  if (run === undefined || !isRunBelieved(run, nowMs)) return undefined;
  const order = compareObservations(run.observation, message);
  if (order > 0) return 'superseded';
  return order === 0 && run.state === 'applied' ? 'already_done' : undefined;
}

function isRunBelieved(run: RunState, nowMs: number): boolean {
  return [run.claimedAt, run.finishedAt].some((writtenAt) =>
    isBelieved(run.observation, { writtenAt, nowMs }),
  );
}

/** After this time an unchanged person is provisioned in full again, so that what was deleted by hand comes back. */
const DIGEST_MAX_AGE_MS = 24 * 60 * 60 * 1000;

/**
 * Returns the digest of everything that decides a run's outcome: person, group ids, settings, and the accepted list's version
 * (docs/domain.md, "Order", step 2). Independent of the order of groups and app roles. 64 hex digits.
 */
export function runDigest(
  observation: Observation,
  rules: Rules,
  acceptedVersion: string | undefined,
): string {
  const { person } = observation;
  const input = [
    person.user_id,
    person.tenant_id,
    person.display_name ?? null,
    person.user_email ?? null,
    [...person.app_roles].sort(),
    observation.groups_source,
    [...new Set(observation.group_ids)].sort(),
    { ...rules, roleMappings: [...rules.roleMappings].map(([id, role]) => `${id} ${role}`).sort() },
    acceptedVersion ?? null,
  ];
  return createHash('sha256').update(JSON.stringify(input)).digest('hex');
}

/** Returns whether a digest made at `madeAt` (ISO 8601) may still stand in for a full run. */
export function isDigestFresh(madeAt: string, now: Date): boolean {
  const ageMs = now.getTime() - Date.parse(madeAt);
  return ageMs >= 0 && ageMs < DIGEST_MAX_AGE_MS;
}

/** Returns whether the last run had the same input, left nothing open, and is recent enough. */
export function isUnchanged(record: UserRecord, run: Run): boolean {
  const last = record.run;
  return (
    last?.state === 'applied' &&
    last.digest === run.digest &&
    last.digestAt !== undefined &&
    isDigestFresh(last.digestAt, run.now)
  );
}

/** Moves an unchanged person's row to this observation: one write. Returns `false` if the row has changed since it was read. */
export async function moveObservation(run: Run, record: UserRecord): Promise<boolean> {
  if (record.run === undefined) return false;
  const moved: RunState = {
    ...record.run,
    observation: { id: run.message.id, observed_at: run.message.observed_at },
    finishedAt: run.now.toISOString(),
    ...(record.run.report === undefined
      ? {}
      : { report: { ...record.run.report, granted: 0, changed: 0, removed: 0 } }),
  };
  const written = await run.deps.store.users.update(run.message.person.user_id, { run: moved }, record.etag);
  return written.written;
}

/** A claim that this run won. */
export interface Claim {
  readonly etag: string;
  readonly claimId: string;
}

/** Returns whether another run may still be writing: it has not finished, or the row that would say so was deleted or edited by hand. */
export function mayBeWriting(record: UserRecord | undefined, nowMs: number): boolean {
  return record?.run?.state !== 'applied' || !isRunBelieved(record.run, nowMs);
}

/**
 * Gives up a claim that an earlier try of this message left, once a newer fence has superseded it: at most one write. The row then says
 * that no run has claimed it. If the row has changed since it was read, its writer decides.
 */
export async function giveUpClaim(run: Run, record: UserRecord | undefined): Promise<void> {
  const last = record?.run;
  if (last?.state !== 'applying' || compareObservations(last.observation, run.message) !== 0) return;
  await run.deps.store.users.update(run.message.person.user_id, { run: null }, record?.etag ?? '');
}

/** Claims the row under the ETag read: one write. Returns `undefined` if another run was first: then read again. */
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
    claimedAt: run.now.toISOString(),
    // What earlier tries of this message did still counts, even if this try has to begin again.
    ...(isOurs && last.report !== undefined ? { report: last.report } : {}),
  };
  const patch = { ...claimPatch(record, desired), run: state };
  const written =
    record === undefined ? await users.create(userId, patch) : await users.update(userId, patch, record.etag);
  if (!written.written) return undefined;
  return { etag: written.etag, claimId };
}

export interface FinishInput {
  readonly claim: Pick<Claim, 'etag' | 'claimId'>;
  /** The row before the claim; `undefined` if the claim created it. */
  readonly before: UserRecord | undefined;
  readonly desired: DesiredState;
  readonly reported: readonly Reported[];
  readonly changes: MembershipChanges;
  readonly groupsCounted: number;
  /** The brake may have kept memberships, so the next message must look again. */
  readonly isBraked: boolean;
  /** `applying`: everything possible is done and shown, and the message comes back for the rest. */
  readonly state: 'applied' | 'applying';
}

/** How often the finish is written again after a hand edit or a sign-out, which change the ETag but not the claim. */
const FINISH_ROUNDS = 5;

/**
 * Finishes the run under the ETag of its claim: one write, or more if the row was edited meanwhile. Returns `overtaken` if a
 * newer observation, or another delivery of the same message, has claimed the row since: then begin again. Beginning again instead of
 * stepping aside loses nothing if that other delivery dies.
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
    if (record === undefined) {
      throw new AppError('storage_contention', 'The user row vanished during the run.', { retryable: true });
    }
    if (record.run?.claimId !== input.claim.claimId) return 'overtaken';
    etag = record.etag;
  }
  throw new AppError('storage_contention', 'The user row kept changing while the run finished.', {
    retryable: true,
  });
}

function finishPatch(run: Run, input: FinishInput, record: UserRecord | undefined): UserPatch {
  const at = run.now.toISOString();
  const state: RunState = {
    observation: { id: run.message.id, observed_at: run.message.observed_at },
    state: input.state,
    claimId: input.claim.claimId,
    claimedAt: at,
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

function reportOf(run: Run, input: FinishInput): RunReport {
  return {
    groups_seen: run.observation.group_ids.length,
    groups_counted: input.groupsCounted,
    ...totalChanges(run, input),
    reported: input.reported.slice(0, REPORT_LIMIT),
    reported_more: Math.max(0, input.reported.length - REPORT_LIMIT),
  };
}

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

const NO_FIELD = { current: undefined, written: undefined };

function asRole(value: string | undefined): GlobalRole | undefined {
  return GLOBAL_ROLES.find((role) => role === value);
}

/**
 * Returns the role that Entra gives now. A higher current one stays while a group that explains it is not yet known, but
 * only as far as that group explains it.
 */
function roleFromEntra(record: UserRecord | undefined, desired: DesiredState): GlobalRole {
  const { userRole, userRoleOnceKnown: onceKnown } = desired;
  const current = asRole(record?.fields.user_role.current);
  if (current === undefined || !isHigherRole(current, userRole)) return userRole;
  if (!isHigherRole(onceKnown, userRole)) return userRole;
  return isHigherRole(current, onceKnown) ? onceKnown : current;
}

function rolePatch(record: UserRecord | undefined, desired: DesiredState): UserPatch {
  const field = record?.fields.user_role ?? NO_FIELD;
  if (isEditedByHand(field) && !desired.userRoleIsFixed) return {};
  const role = roleFromEntra(record, desired);
  return field.current === role ? {} : { user_role: role, user_role_written: role };
}

/**
 * Returns what the claim already writes: a lower role. Removals come before grants, so that a crash midway
 * leaves less access, not more.
 */
export function claimPatch(record: UserRecord | undefined, desired: DesiredState): UserPatch {
  const current = asRole(record?.fields.user_role.current);
  const patch = rolePatch(record, desired);
  return current !== undefined && patch.user_role !== undefined && isHigherRole(current, patch.user_role)
    ? patch
    : {};
}

function startPatch(record: UserRecord | undefined, rules: Rules, at: string): UserPatch {
  if (record !== undefined && !record.isNew) return {};
  const { max_budget, budget_duration, models } = rules.defaultUserParams;
  const user = record?.user;
  // A row that was first created by hand keeps its values, readable or not.
  const taken = new Set(record?.unreadable?.columns);
  if (user?.max_budget !== undefined) taken.add('max_budget');
  if (user?.budget_duration !== undefined) taken.add('budget_duration');
  if (user !== undefined && user.models.length > 0) taken.add('models');
  return {
    ...(taken.has('active') ? {} : { active: record?.active ?? true }),
    created_at: at,
    ...(max_budget === undefined || taken.has('max_budget') ? {} : { max_budget }),
    ...(budget_duration === undefined || taken.has('budget_duration') ? {} : { budget_duration }),
    ...(taken.has('models') ? {} : { models }),
  };
}

export interface ProfileInput {
  readonly record: UserRecord | undefined;
  readonly person: Person;
  readonly desired: DesiredState;
  readonly rules: Rules;
  /** ISO 8601 UTC. */
  readonly at: string;
}

/**
 * Returns what the finish writes: what Entra says (a field that was edited by hand stays), and for a new user what
 * `DEFAULT_INTERNAL_USER_PARAMS` starts them with. Budget and models of an existing user are never written.
 */
export function profilePatch(input: ProfileInput): UserPatch {
  const { record, person, desired, rules, at } = input;
  const email = record?.fields.user_email ?? NO_FIELD;
  const name = record?.fields.display_name ?? NO_FIELD;
  return {
    tenant_id: person.tenant_id,
    updated_at: at,
    ...startPatch(record, rules, at),
    ...rolePatch(record, desired),
    ...(isEditedByHand(email)
      ? {}
      : {
          user_email: person.user_email ?? null,
          user_email_written: person.user_email ?? null,
        }),
    ...(isEditedByHand(name)
      ? {}
      : {
          display_name: person.display_name ?? null,
          display_name_written: person.display_name ?? null,
        }),
  };
}
