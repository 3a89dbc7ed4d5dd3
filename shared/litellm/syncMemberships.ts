/** Adds, changes and removes one person's memberships in LiteLLM: removals first, one request at a time. */
import type { OrganizationRole, TeamRole } from '../model/entities.ts';
import { errorCodeOf } from '../model/errors.ts';
import type { Ensured, LitellmClient } from '../model/litellmPorts.ts';
import type { SyncedMembership, SyncReport } from '../model/synced.ts';
import type { KeyCounts } from '../model/restingKeys.ts';
import type { SyncMessage } from '../queue/queueMessage.ts';
import type { PersonRecordChanges } from '../storage/syncRecord.ts';
import type { LitellmMembershipPlan } from './planLitellmMemberships.ts';
import { PersonKeys } from './keys/personKeys.ts';
import { returnKeys } from './keys/returnKeys.ts';
import { TeamLeavings } from './keys/teamLeavings.ts';
import type { PersonSync } from './readPerson.ts';
import type { SyncChanges, SyncDeps } from './syncDeps.ts';
import { mayStillTakeEffect, reportRefusal } from './syncErrors.ts';
import { takeLease } from './syncLease.ts';

type Kind = 'organization' | 'team';

export interface MembershipPlans {
  readonly organization: LitellmMembershipPlan<OrganizationRole>;
  readonly team: LitellmMembershipPlan<TeamRole>;
}

/** One request to LiteLLM. */
type MembershipWrite =
  | { readonly action: 'remove'; readonly kind: Kind; readonly entityId: string }
  | {
      readonly action: 'change' | 'add';
      readonly kind: 'organization';
      readonly entityId: string;
      readonly role: OrganizationRole;
    }
  | {
      readonly action: 'change' | 'add';
      readonly kind: 'team';
      readonly entityId: string;
      readonly role: TeamRole;
    };

/** Removals first. Organizations before teams after that, since the members of a team belong to its organization. */
function writesOf({ organization, team }: MembershipPlans): readonly MembershipWrite[] {
  const inOrganization = { kind: 'organization' } as const;
  const inTeam = { kind: 'team' } as const;
  return [
    ...team.removals.map((each) => ({ action: 'remove' as const, ...inTeam, ...each })),
    ...organization.removals.map((each) => ({ action: 'remove' as const, ...inOrganization, ...each })),
    ...organization.roleChanges.map((each) => ({ action: 'change' as const, ...inOrganization, ...each })),
    ...organization.adds.map((each) => ({ action: 'add' as const, ...inOrganization, ...each })),
    ...team.roleChanges.map((each) => ({ action: 'change' as const, ...inTeam, ...each })),
    ...team.adds.map((each) => ({ action: 'add' as const, ...inTeam, ...each })),
  ];
}

/** Returns the same write with the role that needs no licence; `undefined` if it has that role already, or none. */
function withLesserRole(write: MembershipWrite): MembershipWrite | undefined {
  if (write.action === 'remove') return undefined;
  if (write.kind === 'team') return write.role === 'user' ? undefined : { ...write, role: 'user' };
  return write.role === 'internal_user' ? undefined : { ...write, role: 'internal_user' };
}

async function sendWrite(litellm: LitellmClient, userId: string, write: MembershipWrite): Promise<Ensured> {
  const { action, kind, entityId } = write;
  if (action === 'remove') {
    return kind === 'team'
      ? litellm.removeTeamMember(entityId, userId)
      : litellm.removeOrganizationMember(entityId, userId);
  }
  if (action === 'add') {
    return kind === 'team'
      ? litellm.addTeamMember(entityId, userId, write.role)
      : litellm.addOrganizationMember(entityId, userId, write.role);
  }
  await (kind === 'team'
    ? litellm.changeTeamRole(entityId, userId, write.role)
    : litellm.changeOrganizationRole(entityId, userId, write.role));
  return 'done';
}

interface Written {
  /** As LiteLLM accepted it: perhaps with a lesser role. */
  readonly write: MembershipWrite;
  readonly ensured: Ensured;
}

/** Sends one write while nothing else writes to the organization or team. */
async function writeUnderLease(
  deps: SyncDeps,
  { userId, lease }: PersonSync,
  write: MembershipWrite,
): Promise<Written> {
  const entityLease = await takeLease(deps, { kind: write.kind, id: write.entityId });
  try {
    // Now, not before: the wait for the entity's lease may have taken a while.
    await lease.keep();
    try {
      return { write, ensured: await sendWrite(deps.litellm, userId, write) };
    } catch (error) {
      const lesser = withLesserRole(write);
      if (errorCodeOf(error) !== 'litellm_role_needs_licence' || lesser === undefined) throw error;
      await entityLease.keep();
      return { write: lesser, ensured: await sendWrite(deps.litellm, userId, lesser) };
    }
  } catch (error) {
    entityLease.noteFailure(error);
    throw error;
  } finally {
    await entityLease.release();
  }
}

/** What came of one person's writes so far. */
class Tally {
  readonly reported: SyncReport[] = [];
  added = 0;
  changed = 0;
  removed = 0;
  readonly #person: PersonSync;
  readonly #now: () => string;
  /** What is to be recorded; `null` forgets a membership. */
  readonly #records = {
    organization: new Map<string, SyncedMembership | null>(),
    team: new Map<string, SyncedMembership | null>(),
  };
  /** Adds whose answer was lost. A later look has to show whether LiteLLM has them. */
  readonly #open = { organization: new Set<string>(), team: new Set<string>() };

  constructor(person: PersonSync, now: () => string) {
    this.#person = person;
    this.#now = now;
  }

  get recordChanges(): PersonRecordChanges {
    return { organizations: this.#records.organization, teams: this.#records.team };
  }

  noteWritten(wanted: MembershipWrite, { write, ensured }: Written): void {
    const { kind, entityId } = wanted;
    if (wanted.action === 'remove' || write.action === 'remove') {
      this.#noteRemoved(kind, entityId);
      return;
    }
    const { role } = write;
    const since = this.#now();
    if (wanted.action === 'add' && ensured === 'already' && !this.#isOurs(kind, entityId)) {
      // It was added in LiteLLM after the look.
      this.#records[kind].set(entityId, { entityId, state: 'found', role, since });
      return;
    }
    const isLesser = role !== wanted.role;
    if (isLesser) this.reported.push({ kind, id: entityId, code: 'role_needs_licence' });
    const asked = isLesser ? { wanted: wanted.role } : {};
    this.#records[kind].set(entityId, { entityId, state: 'added', role, ...asked, since });
    if (wanted.action === 'add') this.added += 1;
    else this.changed += 1;
  }

  /** The record goes only when a later look shows that the membership is gone: LiteLLM may lose a removal that it confirmed. */
  #noteRemoved(kind: Kind, entityId: string): void {
    this.removed += 1;
    const record = this.#recorded(kind).get(entityId);
    const since = record?.state === 'removed' ? record.since : undefined;
    this.#records[kind].set(entityId, {
      entityId,
      state: 'removed',
      role: record?.role ?? '',
      since: since ?? this.#now(),
    });
  }

  /** Returns how long ago the first removal was of which no look has shown yet that it took effect; `undefined`: there is none. */
  longestOpenRemovalMs(): number | undefined {
    const nowMs = Date.parse(this.#now());
    const waits = [...this.#records.organization.values(), ...this.#records.team.values()].flatMap((record) =>
      record?.state === 'removed' ? [nowMs - Date.parse(record.since ?? this.#now())] : [],
    );
    return waits.length === 0 ? undefined : Math.max(...waits);
  }

  /** Returns the teams in which the person is a member in LiteLLM now, as desired. */
  memberOf({ members }: LitellmMembershipPlan<string>): ReadonlySet<string> {
    const added = [...this.#records.team].flatMap(([id, record]) =>
      record?.state === 'added' || record?.state === 'found' ? [id] : [],
    );
    return new Set([...members, ...added]);
  }

  /** Reports a refusal, and keeps an error about one thing alone. Throws every other error. */
  noteFailed({ action, kind, entityId }: MembershipWrite, error: unknown): void {
    if (mayStillTakeEffect(error)) this.#open[kind].add(entityId);
    if (errorCodeOf(error) !== 'litellm_refused') {
      this.#person.errors.keep(error);
      return;
    }
    this.reported.push(reportRefusal(kind, entityId, error));
    // LiteLLM does not have it, so what an administrator adds there later is not ours.
    if (action === 'add') this.#records[kind].set(entityId, null);
  }

  /** Takes back intents that certainly came to nothing: what an administrator adds later is not ours. */
  takeBackIntents(kind: Kind, { adds }: LitellmMembershipPlan<string>): void {
    for (const { entityId } of adds) {
      if (this.#records[kind].has(entityId) || this.#open[kind].has(entityId)) continue;
      this.#records[kind].set(entityId, this.#recorded(kind).get(entityId) ?? null);
    }
  }

  #recorded(kind: Kind): ReadonlyMap<string, SyncedMembership> {
    const { teams, organizations } = this.#person.recorded;
    return kind === 'team' ? teams : organizations;
  }

  #isOurs(kind: Kind, entityId: string): boolean {
    const record = this.#recorded(kind).get(entityId);
    return record !== undefined && record.state !== 'found';
  }
}

/** Returns what must be recorded before the first write. An open intent after a crash says that the membership may be ours. */
export function intentsOf<Role extends string>(
  plan: LitellmMembershipPlan<Role>,
  at: string,
): ReadonlyMap<string, SyncedMembership | null> {
  return new Map<string, SyncedMembership | null>([
    ...plan.forgotten.map((entityId) => [entityId, null] as const),
    ...plan.recordings.map((record) => [record.entityId, { ...record, since: record.since ?? at }] as const),
    ...plan.adds.map(
      ({ entityId, role }) => [entityId, { entityId, state: 'adding' as const, role }] as const,
    ),
  ]);
}

function lastingReports<Role extends string>(kind: Kind, plan: LitellmMembershipPlan<Role>): SyncReport[] {
  return [
    ...plan.differs.map((id) => ({ kind, id, code: 'differs' as const, detail: 'role' })),
    ...plan.lesser.map((id) => ({ kind, id, code: 'role_needs_licence' as const })),
  ];
}

async function writeRecord(
  deps: SyncDeps,
  { lease }: PersonSync,
  changes: PersonRecordChanges,
): Promise<void> {
  const { organizations, teams, left } = changes;
  if ((organizations?.size ?? 0) + (teams?.size ?? 0) + (left?.size ?? 0) === 0) return;
  await lease.write(async (held) => deps.record.writePerson(held, changes));
}

/** What a sync changed of a person's memberships, and what differs or was refused. */
export interface SyncedMemberships {
  readonly changes: SyncChanges;
  readonly reported: readonly SyncReport[];
  /** What became of the person's keys. */
  readonly keys: KeyCounts;
}

/** The first look after a removal, once concurrent writes of the proxy are over. */
const CONFIRM_AFTER_SECONDS = 60;
/** A removal that LiteLLM loses again and again is tried at growing intervals. */
const CONFIRM_WITHIN_SECONDS = 6 * 3600;

/**
 * Enqueues a later sync of the person, which looks whether the removals took effect. It has no time of a sign-in: nobody waits for it.
 */
async function enqueueConfirmation(deps: SyncDeps, userId: string, openMs: number): Promise<void> {
  const message: SyncMessage = { version: 1, subject: { kind: 'user', id: userId } };
  const seconds = Math.round((2 * openMs) / 1000);
  const delaySeconds = Math.min(CONFIRM_WITHIN_SECONDS, Math.max(CONFIRM_AFTER_SECONDS, seconds));
  await deps.queue.enqueue(JSON.stringify(message), { delaySeconds });
}

/**
 * Returns the plan without removals from teams if the person owns the key that this product calls with: with the membership, LiteLLM
 * would delete that key.
 */
async function withoutOwnKey(
  deps: SyncDeps,
  userId: string,
  plan: LitellmMembershipPlan<TeamRole>,
): Promise<LitellmMembershipPlan<TeamRole>> {
  if (plan.removals.length === 0) return plan;
  const { ownUserId } = await deps.proxy.read();
  return ownUserId === userId ? { ...plan, removals: [] } : plan;
}

/**
 * Applies both plans under the person's lease: one request for each write, under the lease of its organization or team. Before a
 * removal from a team, the person's keys of it are parked, and afterwards they are looked for once more: two requests for a person
 * without keys. Keys of a team that the person is in again return. What was done is recorded even if it throws later. Throws what
 * concerns the proxy as a whole. Refusals are reported, and errors about one membership are kept.
 */
export async function syncMemberships(
  deps: SyncDeps,
  person: PersonSync,
  plans: MembershipPlans,
): Promise<SyncedMemberships> {
  const now = (): string => deps.clock.now().toISOString();
  const { organization } = plans;
  const team = await withoutOwnKey(deps, person.userId, plans.team);
  const withheld = plans.team.removals.length - team.removals.length;
  const tally = new Tally(person, now);
  const keys = new PersonKeys(deps, person);
  const leavings = new TeamLeavings(keys, team);
  const at = now();
  await writeRecord(deps, person, {
    organizations: intentsOf(organization, at),
    teams: intentsOf(team, at),
    left: leavings.intents,
  });
  try {
    for (const write of writesOf({ organization, team })) {
      const leavesTeam = write.action === 'remove' && write.kind === 'team';
      try {
        if (leavesTeam) await leavings.beforeRemoval(write.entityId);
        tally.noteWritten(write, await writeUnderLease(deps, person, write));
        if (leavesTeam) await leavings.afterRemoval(write.entityId);
      } catch (error) {
        tally.noteFailed(write, error);
      }
    }
    const memberOf = tally.memberOf(team);
    await leavings.finishOthers(memberOf);
    await returnKeys(keys, memberOf);
  } finally {
    tally.takeBackIntents('organization', organization);
    tally.takeBackIntents('team', team);
    await writeRecord(deps, person, { ...tally.recordChanges, left: leavings.closed });
  }
  const openMs = tally.longestOpenRemovalMs();
  if (openMs !== undefined) await enqueueConfirmation(deps, person.userId, openMs);
  const { added, changed, removed } = tally;
  return {
    changes: { added, changed, removed },
    keys: keys.counts,
    reported: [
      ...lastingReports('organization', organization),
      ...lastingReports('team', team),
      ...tally.reported,
      ...(withheld === 0
        ? []
        : [{ kind: 'user' as const, id: person.userId, code: 'owns_our_key' as const }]),
    ],
  };
}
