/** Finds out whether a person's memberships are in LiteLLM too, from the record of what was written there. Pure. */
import type {
  LitellmPresence,
  LitellmProgress,
  LitellmReported,
  ProvisioningProgress,
  ProvisioningStatus,
} from '../model/access.ts';
import type { SyncedMembership, SyncOutcome, SyncReport } from '../model/synced.ts';

/** What the record says about one person. */
export interface RecordedSync {
  /** Present: this product created the user in LiteLLM. */
  readonly user: { readonly since: string } | undefined;
  readonly organizations: ReadonlyMap<string, SyncedMembership>;
  readonly teams: ReadonlyMap<string, SyncedMembership>;
  readonly outcome: SyncOutcome | undefined;
}

/** A person's stored memberships of one kind. */
export interface StoredMemberships {
  readonly rows: readonly { readonly entityId: string; readonly role: string }[];
  /** Memberships with unreadable rows. They are neither granted nor removed. */
  readonly unreadable: readonly { readonly id: string }[];
}

export interface PresenceInput {
  readonly provisioning: ProvisioningProgress;
  readonly recorded: RecordedSync;
  readonly organizations: StoredMemberships;
  readonly teams: StoredMemberships;
}

/** The answers for one person. */
export interface Presences {
  readonly progress: LitellmProgress;
  readonly user: LitellmPresence;
  organization(this: void, organizationId: string, role: string): LitellmPresence;
  team(this: void, teamId: string, role: string): LitellmPresence;
}

/** No sync is requested before the rows are written. */
const UNFINISHED: ReadonlySet<ProvisioningStatus> = new Set(['pending', 'waiting']);

/**
 * Returns the outcome that counts. A failure doesn't count if a later sign-in changed something, because that
 * sign-in requested another sync. (A run without changes requests none.)
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

/** Explains why something isn't in LiteLLM. */
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
  // Every refusal is reported by name, and everything else was done. So this membership is newer.
  if (reason === 'litellm_refused') return { state: 'not_yet', reported };
  return { state: 'failed', ...named };
}

/** Returns the role in LiteLLM if it differs from the stored one, and why. */
function explainRole(
  membership: SyncedMembership,
  role: string,
  reported: readonly LitellmReported[],
): Pick<LitellmPresence, 'role' | 'reported'> {
  // The role was changed in LiteLLM. The record doesn't say into what.
  if (reported.some(({ code, detail }) => code === 'differs' && detail === 'role')) return { reported };
  if (membership.role === role) return { reported };
  const inLitellm = { role: membership.role };
  if (membership.state === 'found')
    return { ...inLitellm, reported: [...reported, { code: 'differs', detail: 'role' }] };
  const isReported = reported.some(({ code }) => code === 'role_needs_licence');
  if (membership.wanted !== role || isReported) return { ...inLitellm, reported };
  // A later try that failed leaves no reports, but the record still shows that the role was refused.
  return { ...inLitellm, reported: [...reported, { code: 'role_needs_licence' }] };
}

function isInLitellm(membership: SyncedMembership | undefined): membership is SyncedMembership {
  return membership !== undefined && membership.state !== 'adding' && membership.state !== 'removed';
}

/** Whether LiteLLM still has to get a role: it has another one, and no report says that it keeps that. */
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
  readonly stored: StoredMemberships;
  readonly recorded: ReadonlyMap<string, SyncedMembership>;
  readonly outcome: SyncOutcome | undefined;
}

function findPresence({ kind, recorded, outcome }: Side, id: string, role: string): LitellmPresence {
  const membership = recorded.get(id);
  const reported = findReports(outcome, { kind, id });
  if (!isInLitellm(membership)) return explainAbsence(outcome, reported);
  const { since } = membership;
  return {
    state: 'in_litellm',
    ...(since === undefined ? {} : { since }),
    ...explainRole(membership, role, reported),
  };
}

/** Whether LiteLLM still has to get a membership, a removal or a role. */
function isBehind(side: Side): boolean {
  const { kind, stored, recorded, outcome } = side;
  const kept = new Set([
    ...stored.rows.map(({ entityId }) => entityId),
    ...stored.unreadable.map(({ id }) => id),
  ]);
  // Memberships that existed before aren't ours, so they are never removed.
  const hasLeaving = [...recorded.values()].some(
    ({ entityId, state }) => state !== 'found' && state !== 'removed' && !kept.has(entityId),
  );
  if (hasLeaving) return true;
  return stored.rows.some(({ entityId, role }) => {
    const membership = recorded.get(entityId);
    const reported = findReports(outcome, { kind, id: entityId });
    if (isInLitellm(membership)) return isRoleBehind(membership, role, reported);
    return explainAbsence(outcome, reported).state === 'not_yet' && reported.length === 0;
  });
}

function findUser({ recorded }: PresenceInput, outcome: SyncOutcome | undefined): LitellmPresence {
  const reported = findReports(outcome, { kind: 'user' });
  const memberships = [...recorded.organizations.values(), ...recorded.teams.values()];
  // If the user itself is refused, nothing else is tried. So a refusal of something else proves that the user
  // exists.
  const isNotCreated = reported.some(({ code }) => code === 'not_created');
  if (isNotCreated) return { state: 'not_yet', reported };
  const isEnsured =
    outcome?.status === 'done' || (outcome?.reason === 'litellm_refused' && !isRefused(reported));
  // Every member is a user. (A recorded user proves nothing: it is recorded before it is created.)
  if (!isEnsured && !memberships.some((membership) => isInLitellm(membership)))
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
    // The queue repeats a failed try, so it is still under way.
    status: outcome.status === 'retrying' ? 'pending' : outcome.status,
    ...(reason === undefined ? {} : { reason }),
    attempts,
    updated_at: updatedAt,
    ...(nextTryAt === undefined ? {} : { next_try_at: nextTryAt }),
  };
}

/**
 * Returns what the record says. The progress is `pending` until the rows are done, and while LiteLLM still has to
 * get a membership, a removal or a role. A failure older than a sign-in that changed something also counts as
 * pending. Reported differences don't keep the progress from being `done`.
 */
export function findPresences(input: PresenceInput): Presences {
  const { recorded } = input;
  const outcome = findCurrentOutcome(input);
  const organizations: Side = {
    kind: 'organization',
    stored: input.organizations,
    recorded: recorded.organizations,
    outcome,
  };
  const teams: Side = { kind: 'team', stored: input.teams, recorded: recorded.teams, outcome };
  return {
    progress: findProgress(input, outcome, [organizations, teams]),
    user: findUser(input, outcome),
    organization: (id, role) => findPresence(organizations, id, role),
    team: (id, role) => findPresence(teams, id, role),
  };
}

/** Returns the answers for an unreadable record: unknown is neither present nor absent. `reason`: an error code. */
export function unknownPresences(reason: string): Presences {
  const unknown: LitellmPresence = { state: 'unknown', reason, reported: [] };
  return {
    progress: { connected: true, status: 'unknown', reason },
    user: unknown,
    organization: () => unknown,
    team: () => unknown,
  };
}
