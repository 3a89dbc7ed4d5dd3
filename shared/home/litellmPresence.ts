/** Whether what a person has here is in the LiteLLM proxy too, told from the record of what was put there. Pure. */
import type {
  LitellmPresence,
  LitellmProgress,
  LitellmReported,
  ProvisioningProgress,
  ProvisioningStatus,
} from '../model/access.ts';
import type { SyncedMembership, SyncOutcome, SyncReport } from '../model/synced.ts';

/** What is recorded of one person. */
export interface RecordedPush {
  /** Present: this product made the user there. */
  readonly user: { readonly since: string } | undefined;
  readonly organizations: ReadonlyMap<string, SyncedMembership>;
  readonly teams: ReadonlyMap<string, SyncedMembership>;
  readonly outcome: SyncOutcome | undefined;
}

/** A person's memberships of one kind here. */
export interface MembershipsHere {
  readonly rows: readonly { readonly entityId: string; readonly role: string }[];
  /** Those whose rows cannot be read: they are neither given nor taken. */
  readonly unreadable: readonly { readonly id: string }[];
}

export interface PresenceInput {
  readonly provisioning: ProvisioningProgress;
  readonly recorded: RecordedPush;
  readonly organizations: MembershipsHere;
  readonly teams: MembershipsHere;
}

/** The answers for one person. */
export interface Presences {
  readonly progress: LitellmProgress;
  readonly user: LitellmPresence;
  organization(this: void, organizationId: string, role: string): LitellmPresence;
  team(this: void, teamId: string, role: string): LitellmPresence;
}

/** Until the rows are written nobody asks for a push of them. */
const UNFINISHED: ReadonlySet<ProvisioningStatus> = new Set(['pending', 'waiting']);

/**
 * A failure from before a sign-in that changed something is not the last word: that sign-in asked for another push. (A run that
 * changed nothing asks for none.)
 */
function findCurrentOutcome({ recorded, provisioning }: PresenceInput): SyncOutcome | undefined {
  const { outcome } = recorded;
  if (outcome?.status !== 'failed') return outcome;
  const { observed_at: observedAt, granted = 0, removed = 0 } = provisioning;
  if (observedAt === undefined || granted + removed === 0) return outcome;
  return Date.parse(outcome.updatedAt) < Date.parse(observedAt) ? undefined : outcome;
}

function findReports(
  outcome: SyncOutcome | undefined,
  { kind, id }: Pick<SyncReport, 'kind'> & Partial<Pick<SyncReport, 'id'>>,
): readonly LitellmReported[] {
  return (outcome?.reported ?? [])
    .filter((report) => report.kind === kind && (id === undefined || report.id === id))
    .map(({ code, detail }) => ({ code, ...(detail === undefined ? {} : { detail }) }));
}

function isRefused(reported: readonly LitellmReported[]): boolean {
  return reported.some(({ code }) => code === 'refused');
}

/** Why something that is not there is not there. */
function explainAbsence(
  outcome: SyncOutcome | undefined,
  reported: readonly LitellmReported[],
): LitellmPresence {
  if (isRefused(reported)) return { state: 'refused', reason: 'litellm_refused', reported };
  if (reported.some(({ code }) => code === 'row_missing'))
    return { state: 'not_yet', reason: 'row_missing', reported };
  if (outcome === undefined || outcome.status === 'done') return { state: 'not_yet', reported };
  const { reason } = outcome;
  const named = { ...(reason === undefined ? {} : { reason }), reported };
  if (outcome.status !== 'failed') return { state: 'not_yet', ...named };
  if (reason === 'litellm_email_taken') return { state: 'refused', ...named };
  // What was refused is reported one by one, and all else was done: this one came later.
  if (reason === 'litellm_refused') return { state: 'not_yet', reported };
  return { state: 'failed', ...named };
}

/** Roles there, where they are not the ones here: known, and why. */
function explainRole(
  membership: SyncedMembership,
  role: string,
  reported: readonly LitellmReported[],
): Pick<LitellmPresence, 'role' | 'reported'> {
  // Somebody changed it there, and into what is not recorded.
  if (reported.some(({ code, detail }) => code === 'differs' && detail === 'role')) return { reported };
  if (membership.role === role) return { reported };
  const there = { role: membership.role };
  if (membership.state === 'found')
    return { ...there, reported: [...reported, { code: 'differs', detail: 'role' }] };
  const isReported = reported.some(({ code }) => code === 'role_needs_licence');
  if (membership.wanted !== role || isReported) return { ...there, reported };
  // A later try that has not ended well leaves no reports, but the record still says it.
  return { ...there, reported: [...reported, { code: 'role_needs_licence' }] };
}

function isThere(membership: SyncedMembership | undefined): membership is SyncedMembership {
  return membership !== undefined && membership.state !== 'adding';
}

/** Whether LiteLLM is still to be told about a role: it has another one, and nothing says that it keeps it. */
function isRoleBehind(
  membership: SyncedMembership,
  role: string,
  reported: readonly LitellmReported[],
): boolean {
  if (membership.state === 'found' || membership.role === role || membership.wanted === role) return false;
  return !reported.some(({ code, detail }) => code === 'differs' && detail === 'role');
}

/** One kind of membership, with the outcome that counts. */
interface Side {
  readonly kind: 'organization' | 'team';
  readonly here: MembershipsHere;
  readonly recorded: ReadonlyMap<string, SyncedMembership>;
  readonly outcome: SyncOutcome | undefined;
}

function findPresence({ kind, recorded, outcome }: Side, id: string, role: string): LitellmPresence {
  const membership = recorded.get(id);
  const reported = findReports(outcome, { kind, id });
  if (!isThere(membership)) return explainAbsence(outcome, reported);
  const { since } = membership;
  return {
    state: 'in_litellm',
    ...(since === undefined ? {} : { since }),
    ...explainRole(membership, role, reported),
  };
}

/** Whether LiteLLM has yet to hear of something: to be given, to be taken, or a role. */
function isBehind(side: Side): boolean {
  const { kind, here, recorded, outcome } = side;
  const kept = new Set([
    ...here.rows.map(({ entityId }) => entityId),
    ...here.unreadable.map(({ id }) => id),
  ]);
  // What was found belongs to somebody else, so nothing of it is to be taken.
  const hasLeaving = [...recorded.values()].some(
    ({ entityId, state }) => state !== 'found' && !kept.has(entityId),
  );
  if (hasLeaving) return true;
  return here.rows.some(({ entityId, role }) => {
    const membership = recorded.get(entityId);
    const reported = findReports(outcome, { kind, id: entityId });
    if (isThere(membership)) return isRoleBehind(membership, role, reported);
    return explainAbsence(outcome, reported).state === 'not_yet' && reported.length === 0;
  });
}

function findUser({ recorded }: PresenceInput, outcome: SyncOutcome | undefined): LitellmPresence {
  const reported = findReports(outcome, { kind: 'user' });
  const memberships = [...recorded.organizations.values(), ...recorded.teams.values()];
  // Where it was refused nothing else is tried, so a refusal of something else says that the user is there.
  const isEnsured =
    outcome?.status === 'done' || (outcome?.reason === 'litellm_refused' && !isRefused(reported));
  // Nobody is a member without being a user. (That it is recorded proves nothing: that comes before it is made.)
  if (!isEnsured && !memberships.some((membership) => isThere(membership)))
    return explainAbsence(outcome, reported);
  const since = recorded.user?.since;
  return { state: 'in_litellm', ...(since === undefined ? {} : { since }), reported };
}

function findProgress(
  { provisioning, recorded }: PresenceInput,
  outcome: SyncOutcome | undefined,
  sides: readonly Side[],
): LitellmProgress {
  if (UNFINISHED.has(provisioning.status)) return { connected: true, status: 'pending' };
  const isNothingKnown = recorded.outcome === undefined && recorded.user === undefined;
  const isEmpty = recorded.organizations.size === 0 && recorded.teams.size === 0;
  if (outcome === undefined || outcome.status === 'done') {
    const isPending = (isNothingKnown && isEmpty) || sides.some((side) => isBehind(side));
    const isOutdated = outcome === undefined && recorded.outcome !== undefined;
    return { connected: true, status: isPending || isOutdated ? 'pending' : 'done' };
  }
  const { reason, attempts, updatedAt, nextTryAt } = outcome;
  return {
    connected: true,
    // A failed try that the queue repeats is still under way.
    status: outcome.status === 'retrying' ? 'pending' : outcome.status,
    ...(reason === undefined ? {} : { reason }),
    attempts,
    updated_at: updatedAt,
    ...(nextTryAt === undefined ? {} : { next_try_at: nextTryAt }),
  };
}

/**
 * Gives what the record says. It is `pending` while the rows are not done yet, and wherever LiteLLM still has to hear of a
 * membership or role; a failure older than a sign-in that changed something counts as pending too. That something of a membership
 * stays different there (`reported`) does not keep the whole from being `done`.
 */
export function findPresences(input: PresenceInput): Presences {
  const { recorded } = input;
  const outcome = findCurrentOutcome(input);
  const organizations: Side = {
    kind: 'organization',
    here: input.organizations,
    recorded: recorded.organizations,
    outcome,
  };
  const teams: Side = { kind: 'team', here: input.teams, recorded: recorded.teams, outcome };
  return {
    progress: findProgress(input, outcome, [organizations, teams]),
    user: findUser(input, outcome),
    organization: (id, role) => findPresence(organizations, id, role),
    team: (id, role) => findPresence(teams, id, role),
  };
}

/** Gives the answers where the record cannot be read: unknown is neither there nor absent. `reason`: an error code. */
export function unknownPresences(reason: string): Presences {
  const unknown: LitellmPresence = { state: 'unknown', reason, reported: [] };
  return {
    progress: { connected: true, status: 'unknown', reason },
    user: unknown,
    organization: () => unknown,
    team: () => unknown,
  };
}
