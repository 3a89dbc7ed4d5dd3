/**
 * Moves a team into its organization, or out of one (docs/litellm.md). LiteLLM checks the team as it is, and from 1.84 puts every
 * member of the team into the organization. Each step is recorded before it, so that a crash resumes at it.
 */
import { isSafeId } from '../model/entities.ts';
import { errorCodeOf } from '../model/errors.ts';
import type { LitellmMember, LitellmOrganization, LitellmTeam } from '../model/litellmPorts.ts';
import type { TeamValues } from '../model/litellmValues.ts';
import { intersectModels } from '../model/modelNames.ts';
import type { SyncedMembership, SyncedTeam, TeamMove } from '../model/synced.ts';
import { withoutUndefined } from '../platform/withoutUndefined.ts';
import { enqueueSync } from '../queue/queueMessage.ts';
import { moveDigest, type StoredTeam } from './carryTeam.ts';
import { type SyncLease, takeLease } from './syncLease.ts';
import { canonical, capBudget } from './teamLimits.ts';
import { pick } from './entityLook.ts';
import { type TeamDeps, updateTeam } from './upsertTeam.ts';
import { isAtLeast } from './proxyVersion.ts';

/** Before this version, LiteLLM moves no team that has members. */
const MOVES_MEMBERS_FROM = '1.84.0';

/** The role that a move gives. */
const MOVED_ROLE = 'internal_user';

const NARROWED = ['models', 'max_budget', 'budget_duration', 'tpm_limit', 'rpm_limit'] as const;

type Recorded = SyncedTeam<TeamValues>;

/** Whether the store has the person in the organization. What cannot be read counts as a membership. */
async function isStoredIn({ store }: TeamDeps, userId: string, organizationId: string): Promise<boolean> {
  if (!isSafeId(userId)) return false;
  const { rows, unreadable } = (await store.readMemberships(userId)).organizationRows;
  return (
    rows.some(({ entityId }) => entityId === organizationId) ||
    unreadable.some(({ id }) => id === organizationId)
  );
}

/** Records that a membership which the move makes is ours, under the lease of the person. */
async function recordIntent(deps: TeamDeps, userId: string, organizationId: string): Promise<void> {
  const lease = await takeLease(deps, { kind: 'user', id: userId });
  try {
    const { organizations } = await deps.record.readPerson(userId);
    if (organizations.has(organizationId)) return;
    const intent: SyncedMembership = { entityId: organizationId, state: 'adding', role: MOVED_ROLE };
    const changes = { organizations: new Map([[organizationId, intent]]) };
    await lease.write(async (held) => deps.record.writePerson(held, changes));
  } finally {
    await lease.release();
  }
}

/** Records the intents of our people, one lease at a time and before the team's. Returns who is ours. */
async function recordIntents(
  deps: TeamDeps,
  members: readonly LitellmMember[],
  organization: LitellmOrganization,
): Promise<readonly string[]> {
  const { organizationId } = organization;
  const inside = new Set(organization.members.map(({ userId }) => userId));
  const ours: string[] = [];
  for (const { userId } of members) {
    if (inside.has(userId) || !(await isStoredIn(deps, userId, organizationId))) continue;
    await recordIntent(deps, userId, organizationId);
    ours.push(userId);
  }
  return ours;
}

function cannotMove({ known }: TeamDeps, { members }: LitellmTeam, to: string | undefined): boolean {
  const { version, ownUserId } = known;
  if (to === undefined || isAtLeast(version, MOVES_MEMBERS_FROM) !== false) return false;
  return members.some(({ userId }) => userId !== ownUserId);
}

/** Returns the values with which the team fits both places; `undefined`: they have no model in common. */
function narrow(
  values: TeamValues,
  { values: bound }: Pick<LitellmOrganization, 'values'>,
): TeamValues | undefined {
  const models = intersectModels(values.models, bound.models);
  if (models?.length === 0) return undefined;
  const { max_budget: _budget, budget_duration: _duration, tpm_limit: tpm, rpm_limit: rpm, ...rest } = values;
  const { max_budget, budget_duration } = capBudget(values, bound);
  const least = (own: number | undefined, other: number | undefined): number | undefined =>
    own === undefined || other === undefined ? own : Math.min(own, other);
  return {
    ...rest,
    models: models ?? values.models,
    ...withoutUndefined({
      max_budget,
      budget_duration,
      tpm_limit: least(tpm, bound.tpm_limit),
      rpm_limit: least(rpm, bound.rpm_limit),
    }),
  };
}

/** One move, under the team's lease. */
class Move {
  readonly #deps: TeamDeps;
  readonly #lease: SyncLease;
  readonly #id: string;
  readonly #to: string | undefined;
  readonly #stored: StoredTeam;

  constructor(deps: TeamDeps, lease: SyncLease, stored: StoredTeam) {
    this.#deps = deps;
    this.#lease = lease;
    this.#stored = stored;
    this.#id = stored.team.team_id;
    this.#to = stored.organization?.organization_id;
  }

  async run(people: readonly string[]): Promise<void> {
    const { litellm, record } = this.#deps;
    const [team, recorded, organization] = await Promise.all([
      litellm.findTeam(this.#id),
      record.findTeam(this.#id),
      this.#to === undefined ? undefined : litellm.findOrganization(this.#to),
    ]);
    if (team === undefined || recorded === undefined || team.values.organization_id === this.#to) return;
    // An administrator moved it meanwhile.
    const ours = [recorded.written.organization_id ?? '', recorded.moving?.from];
    if (!ours.includes(team.values.organization_id ?? '')) return;
    if (this.#to !== undefined && organization === undefined) return;
    const narrowed = organization === undefined ? team.values : narrow(team.values, organization);
    if (narrowed === undefined || cannotMove(this.#deps, team, this.#to)) {
      await this.#giveUp(team, recorded);
      return;
    }
    const move = this.#begin(team, { recorded, narrowed, people, organization });
    await this.#write({ ...recorded, moving: move });
    await this.#send(team.values, narrowed);
    if (await this.#moves(narrowed)) return;
    const now = await litellm.findTeam(this.#id);
    if (now !== undefined) await this.#giveUp(now, { ...recorded, moving: move });
  }

  #begin(
    { values, members }: LitellmTeam,
    from: {
      readonly recorded: Recorded;
      readonly narrowed: TeamValues;
      readonly people: readonly string[];
      readonly organization: LitellmOrganization | undefined;
    },
  ): TeamMove<TeamValues> {
    const { organization, people, narrowed, recorded } = from;
    const inside = new Set([...(organization?.members ?? []).map(({ userId }) => userId), ...people]);
    const outside = members.map(({ userId }) => userId).filter((userId) => !inside.has(userId));
    const to = this.#to ?? '';
    // An earlier try may have narrowed the team already.
    const { before = values } = recorded.moving?.to === to ? recorded.moving : {};
    return {
      from: values.organization_id ?? '',
      to,
      before,
      narrowed,
      takeOut: organization === undefined ? [] : outside,
    };
  }

  /** Sends the move, and reads back. Returns whether LiteLLM made it. */
  async #moves({ models }: TeamValues): Promise<boolean> {
    const { litellm } = this.#deps;
    await this.#lease.keep();
    try {
      await litellm.moveTeam(this.#id, this.#to, { models });
    } catch (error) {
      if (errorCodeOf(error) !== 'litellm_refused') throw error;
      return false;
    }
    return (await litellm.findTeam(this.#id))?.values.organization_id === this.#to;
  }

  /** Restores what the team had before, and records that it was not moved. */
  async #giveUp({ values }: LitellmTeam, { moving, ...recorded }: Recorded): Promise<void> {
    if (moving !== undefined) await this.#send(values, moving.before);
    const reason = moveDigest(this.#deps.known.version, this.#stored);
    await this.#write({ ...recorded, notMoved: { to: this.#to ?? '', reason } });
  }

  async #send(from: TeamValues, to: Partial<TeamValues>): Promise<void> {
    const changed = NARROWED.filter((field) => canonical(from[field]) !== canonical(to[field]));
    if (changed.length === 0) return;
    const isCleared = (field: (typeof NARROWED)[number]): boolean =>
      field !== 'models' && to[field] === undefined;
    const set = pick(
      to,
      changed.filter((field) => !isCleared(field)),
    );
    await this.#lease.keep();
    await updateTeam(this.#deps, this.#id, {
      changes: { set, clear: changed.filter(isCleared) },
      found: from,
    });
  }

  async #write(recorded: Recorded): Promise<void> {
    await this.#lease.write(async (held) => this.#deps.record.writeTeam(held, recorded));
  }
}

/** Takes out of the organization whom only the move put there. Our people stay, and so does everyone who was in it before. */
async function takeOut(deps: TeamDeps, { to, takeOut: userIds }: TeamMove<TeamValues>): Promise<void> {
  const { litellm } = deps;
  if (to === '' || userIds.length === 0) return;
  const lease = await takeLease(deps, { kind: 'organization', id: to });
  try {
    const members = new Set((await litellm.findOrganization(to))?.members.map(({ userId }) => userId));
    for (const userId of userIds) {
      if (!members.has(userId) || (await isStoredIn(deps, userId, to))) continue;
      await lease.keep();
      await litellm.removeOrganizationMember(to, userId);
    }
  } catch (error) {
    lease.noteFailure(error);
    throw error;
  } finally {
    await lease.release();
  }
}

async function forgetMove(deps: TeamDeps, id: string): Promise<void> {
  const lease = await takeLease(deps, { kind: 'team', id });
  try {
    const recorded = await deps.record.findTeam(id);
    if (recorded?.moving === undefined) return;
    const { moving: _moving, notMoved: _notMoved, ...rest } = recorded;
    await lease.write(async (held) => deps.record.writeTeam(held, rest));
  } finally {
    await lease.release();
  }
}

/**
 * Brings a team to its place: records the intents of our people, narrows the team to what fits both places, moves it and reads back.
 * The upsert of the team, which follows, gives it its own values; then {@link finishMove}. Not possible: the team has its former
 * values, and the record says `notMoved`. Keys of the team stay. Idempotent. Throws as an upsert.
 */
export async function moveTeam(deps: TeamDeps, stored: StoredTeam): Promise<void> {
  const { team, organization } = stored;
  const { team_id: id } = team;
  const to = organization?.organization_id;
  const [found, target] = await Promise.all([
    deps.litellm.findTeam(id),
    to === undefined ? undefined : deps.litellm.findOrganization(to),
  ]);
  if (found === undefined) return;
  const isPossible =
    target !== undefined && !cannotMove(deps, found, to) && narrow(found.values, target) !== undefined;
  const ours = isPossible ? await recordIntents(deps, found.members, target) : [];
  const lease = await takeLease(deps, { kind: 'team', id });
  try {
    await new Move(deps, lease, stored).run(ours);
  } catch (error) {
    lease.noteFailure(error);
    throw error;
  } finally {
    await lease.release();
  }
  const { queue, clock } = deps;
  for (const userId of ours) {
    await enqueueSync({ queue, clock, traceparent: () => undefined }, { kind: 'user', id: userId });
  }
}

/** Ends a move that the record knows and that LiteLLM has made: takes out whom only the move put into the organization. */
export async function finishMove(deps: TeamDeps, id: string, place: string | undefined): Promise<void> {
  const { moving } = (await deps.record.findTeam(id)) ?? {};
  if (moving === undefined || (place ?? '') !== moving.to) return;
  await takeOut(deps, moving);
  await forgetMove(deps, id);
}
