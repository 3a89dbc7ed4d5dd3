/** Adds, changes and removes one person's memberships in the proxy: what takes first, then what gives; one at a time. */
import type { PersonRecordChanges, SyncedPerson } from '../storage/syncRecord.ts';
import type { OrganizationRole, TeamRole } from '../model/entities.ts';
import type { MembershipSync } from './planMemberships.ts';
import type { SyncedMembership, SyncReport } from '../model/synced.ts';
import { errorCodeOf } from '../model/errors.ts';
import type { Ensured, LitellmClient } from '../model/litellmPorts.ts';
import { reportRefusal } from './ensureInLitellm.ts';
import { mayStillTakeEffect, type SyncChanges, type SyncDeps, type Troubles } from './syncDeps.ts';
import { type SyncLease, withLease } from './withLease.ts';

/** How a membership of one kind is written. */
interface Memberships<Role extends string> {
  readonly kind: 'organization' | 'team';
  add(entityId: string, userId: string, role: Role): Promise<Ensured>;
  change(entityId: string, userId: string, role: Role): Promise<void>;
  remove(entityId: string, userId: string): Promise<Ensured>;
  /** What a role becomes where the proxy needs a licence for it. */
  readonly withoutLicence: Role;
}

function organizationMemberships(proxy: LitellmClient): Memberships<OrganizationRole> {
  return {
    kind: 'organization',
    add: async (id, userId, role) => proxy.addOrganizationMember(id, userId, role),
    change: async (id, userId, role) => proxy.changeOrganizationRole(id, userId, role),
    remove: async (id, userId) => proxy.removeOrganizationMember(id, userId),
    withoutLicence: 'internal_user',
  };
}

function teamMemberships(proxy: LitellmClient): Memberships<TeamRole> {
  return {
    kind: 'team',
    add: async (id, userId, role) => proxy.addTeamMember(id, userId, role),
    change: async (id, userId, role) => proxy.changeTeamRole(id, userId, role),
    remove: async (id, userId) => proxy.removeTeamMember(id, userId),
    withoutLicence: 'user',
  };
}

/** What came of the writes so far; `null` forgets a membership. */
class PushTally {
  readonly records = {
    organization: new Map<string, SyncedMembership | null>(),
    team: new Map<string, SyncedMembership | null>(),
  };
  /** Adds whose answer was lost: whether they are there has to be looked at. */
  readonly open = { organization: new Set<string>(), team: new Set<string>() };
  readonly reported: SyncReport[] = [];
  added = 0;
  changed = 0;
  removed = 0;

  get recordChanges(): PersonRecordChanges {
    return { organizations: this.records.organization, teams: this.records.team };
  }
}

/** Whose memberships. */
export interface SyncedOf {
  readonly userId: string;
  readonly lease: SyncLease;
  readonly recorded: Pick<SyncedPerson, 'organizations' | 'teams'>;
  readonly troubles: Troubles;
}

interface Context extends SyncedOf {
  readonly deps: SyncDeps;
  readonly tally: PushTally;
}

/** One write while nobody else writes about the team or organization. `undefined`: refused, and reported, or in trouble. */
async function writeOne<Role extends string, T>(
  context: Context,
  kind: Memberships<Role>,
  write: { readonly entityId: string; readonly run: (entityLease: SyncLease) => Promise<T> },
): Promise<T | 'refused' | 'in_trouble'> {
  const { deps, lease, tally, troubles } = context;
  const { entityId } = write;
  try {
    return await withLease(deps, { kind: kind.kind, id: entityId }, async (entityLease) => {
      // Here, and not before: waiting for the entity's lease may have taken a while.
      await lease.keep();
      return write.run(entityLease);
    });
  } catch (error) {
    if (mayStillTakeEffect(error)) tally.open[kind.kind].add(entityId);
    if (errorCodeOf(error) !== 'litellm_refused') {
      troubles.keep(error);
      return 'in_trouble';
    }
    tally.reported.push(reportRefusal(kind.kind, entityId, error));
    return 'refused';
  }
}

interface Given<Role extends string> {
  readonly role: Role;
  readonly ensured: Ensured;
}

/** Gives the role that the proxy took: the wanted one, or the lesser one where that needs a licence. */
async function giveRole<Role extends string>(
  role: Role,
  { kind, entityLease }: { readonly kind: Memberships<Role>; readonly entityLease: SyncLease },
  give: (role: Role) => Promise<Ensured>,
): Promise<Given<Role>> {
  try {
    return { role, ensured: await give(role) };
  } catch (error) {
    const lesser = kind.withoutLicence;
    if (errorCodeOf(error) !== 'litellm_role_needs_licence' || role === lesser) throw error;
    await entityLease.keep();
    return { role: lesser, ensured: await give(lesser) };
  }
}

async function takeAll<Role extends string>(
  context: Context,
  kind: Memberships<Role>,
  plan: MembershipSync<Role>,
): Promise<void> {
  const { userId, tally } = context;
  for (const { entityId } of plan.removals) {
    const run = async (): Promise<Ensured> => kind.remove(entityId, userId);
    const ended = await writeOne(context, kind, { entityId, run });
    if (ended === 'refused' || ended === 'in_trouble') continue;
    tally.records[kind.kind].set(entityId, null);
    tally.removed += 1;
  }
}

/** Keeps a membership as this product's own. */
function keepAdded<Role extends string>(
  { deps, tally }: Context,
  kind: Memberships<Role>,
  added: { readonly entityId: string; readonly wanted: Role; readonly role: Role },
): void {
  const { entityId, wanted, role } = added;
  const isLesser = role !== wanted;
  if (isLesser) tally.reported.push({ kind: kind.kind, id: entityId, code: 'role_needs_licence' });
  tally.records[kind.kind].set(entityId, {
    entityId,
    state: 'added',
    role,
    ...(isLesser ? { wanted } : {}),
    since: deps.clock.now().toISOString(),
  });
}

async function changeAll<Role extends string>(
  context: Context,
  kind: Memberships<Role>,
  plan: MembershipSync<Role>,
): Promise<void> {
  const { userId, tally } = context;
  for (const { entityId, role: wanted } of plan.roleChanges) {
    const run = async (entityLease: SyncLease): Promise<Given<Role>> =>
      giveRole(wanted, { kind, entityLease }, async (role) => {
        await kind.change(entityId, userId, role);
        return 'done';
      });
    const given = await writeOne(context, kind, { entityId, run });
    if (given === 'refused' || given === 'in_trouble') continue;
    keepAdded(context, kind, { entityId, wanted, role: given.role });
    tally.changed += 1;
  }
}

async function addAll<Role extends string>(
  context: Context,
  kind: Memberships<Role>,
  plan: MembershipSync<Role>,
): Promise<void> {
  const { deps, userId, tally } = context;
  const records = tally.records[kind.kind];
  for (const { entityId, role: wanted } of plan.adds) {
    const run = async (entityLease: SyncLease): Promise<Given<Role>> =>
      giveRole(wanted, { kind, entityLease }, async (role) => kind.add(entityId, userId, role));
    const given = await writeOne(context, kind, { entityId, run });
    if (given === 'in_trouble') continue;
    if (given === 'refused') {
      // It is not there, so what somebody adds there later is theirs.
      records.set(entityId, null);
    } else if (given.ensured === 'already' && !isOurs(context, kind, entityId)) {
      // Somebody added it since it was looked at.
      const since = deps.clock.now().toISOString();
      records.set(entityId, { entityId, state: 'found', role: given.role, since });
    } else {
      keepAdded(context, kind, { entityId, wanted, role: given.role });
      tally.added += 1;
    }
  }
}

const recordsOf = ({ recorded }: SyncedOf, kind: 'organization' | 'team'): SyncedPerson['teams'] =>
  kind === 'team' ? recorded.teams : recorded.organizations;

function isOurs(context: Context, { kind }: Memberships<string>, entityId: string): boolean {
  const record = recordsOf(context, kind).get(entityId);
  return record !== undefined && record.state !== 'found';
}

/** An intent that came to nothing for sure is taken back: what somebody adds there later is theirs. */
function takeBackIntents(
  context: Context,
  kind: 'organization' | 'team',
  plan: MembershipSync<string>,
): void {
  const { records, open } = context.tally;
  for (const { entityId } of plan.adds) {
    if (records[kind].has(entityId) || open[kind].has(entityId)) continue;
    records[kind].set(entityId, recordsOf(context, kind).get(entityId) ?? null);
  }
}

export interface MembershipPlans {
  readonly organizations: MembershipSync<OrganizationRole>;
  readonly teams: MembershipSync<TeamRole>;
}

export interface SyncedMemberships {
  readonly changes: SyncChanges;
  readonly reported: readonly SyncReport[];
}

/** What must be recorded before anything is written: an intent that a crash leaves open says that what is there may be ours. */
function intentsOf<Role extends string>(
  plan: MembershipSync<Role>,
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

function standingReports<Role extends string>(
  kind: 'organization' | 'team',
  plan: MembershipSync<Role>,
): SyncReport[] {
  return [
    ...plan.differs.map((id) => ({ kind, id, code: 'differs' as const, detail: 'role' })),
    ...plan.lesser.map((id) => ({ kind, id, code: 'role_needs_licence' as const })),
  ];
}

/**
 * Applies both plans under the person's lease: removals from teams, then from organizations, then changes and adds in organizations,
 * then in teams, because a team's members belong to its organization. One request each, and the entity's lease around it.
 * What was done is recorded also where it then throws. Throws what concerns the proxy as a whole; what is refused
 * is reported, and what one thing alone answers is kept in `troubles`.
 */
export async function syncMemberships(
  deps: SyncDeps,
  person: SyncedOf,
  plans: MembershipPlans,
): Promise<SyncedMemberships> {
  const tally = new PushTally();
  const context: Context = { ...person, deps, tally };
  const at = deps.clock.now().toISOString();
  await writeRecord(context, {
    organizations: intentsOf(plans.organizations, at),
    teams: intentsOf(plans.teams, at),
  });
  const kinds = {
    organizations: organizationMemberships(deps.proxy),
    teams: teamMemberships(deps.proxy),
  };
  try {
    await takeAll(context, kinds.teams, plans.teams);
    await takeAll(context, kinds.organizations, plans.organizations);
    await changeAll(context, kinds.organizations, plans.organizations);
    await addAll(context, kinds.organizations, plans.organizations);
    await changeAll(context, kinds.teams, plans.teams);
    await addAll(context, kinds.teams, plans.teams);
  } finally {
    takeBackIntents(context, 'organization', plans.organizations);
    takeBackIntents(context, 'team', plans.teams);
    await writeRecord(context, tally.recordChanges);
  }
  const { added, changed, removed } = tally;
  return {
    changes: { added, changed, removed },
    reported: [
      ...standingReports('organization', plans.organizations),
      ...standingReports('team', plans.teams),
      ...tally.reported,
    ],
  };
}

async function writeRecord({ deps, lease }: Context, changes: PersonRecordChanges): Promise<void> {
  if ((changes.organizations?.size ?? 0) + (changes.teams?.size ?? 0) === 0) return;
  await lease.write(async (held) => deps.record.writePerson(held, changes));
}
