/** Adds, changes and removes one person's memberships in the proxy: what takes first, then what gives; one at a time. */
import type { OrganizationRole, TeamRole } from '../domain/entities.ts';
import type { MembershipPush } from '../domain/membershipPush.ts';
import type { PushedMembership, PushReport } from '../domain/pushed.ts';
import { errorCodeOf } from '../errors.ts';
import type { PersonRecordChanges, Proxy } from '../proxyPorts.ts';
import { reportRefusal } from './ensureInProxy.ts';
import type { ProxyChanges, PushDeps } from './pushRun.ts';
import { type PushLease, withPushLease } from './withPushLease.ts';

/** How a membership of one kind is written. */
interface Memberships<Role extends string> {
  readonly kind: 'organization' | 'team';
  add(entityId: string, userId: string, role: Role): Promise<unknown>;
  change(entityId: string, userId: string, role: Role): Promise<unknown>;
  remove(entityId: string, userId: string): Promise<unknown>;
  /** What a role becomes where the proxy needs a licence for it. */
  readonly withoutLicence: Role;
}

function organizationMemberships(proxy: Proxy): Memberships<OrganizationRole> {
  return {
    kind: 'organization',
    add: async (id, userId, role) => proxy.addOrganizationMember(id, userId, role),
    change: async (id, userId, role) => proxy.changeOrganizationRole(id, userId, role),
    remove: async (id, userId) => proxy.removeOrganizationMember(id, userId),
    withoutLicence: 'internal_user',
  };
}

function teamMemberships(proxy: Proxy): Memberships<TeamRole> {
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
    organization: new Map<string, PushedMembership | null>(),
    team: new Map<string, PushedMembership | null>(),
  };
  readonly reported: PushReport[] = [];
  added = 0;
  changed = 0;
  removed = 0;

  get recordChanges(): PersonRecordChanges {
    return { organizations: this.records.organization, teams: this.records.team };
  }
}

interface Context {
  readonly deps: PushDeps;
  readonly userId: string;
  readonly lease: PushLease;
  readonly tally: PushTally;
}

/** One write while nobody else writes about the team or organization. `undefined`: refused, and reported. */
async function writeOne<Role extends string, T>(
  context: Context,
  kind: Memberships<Role>,
  write: { readonly entityId: string; readonly run: () => Promise<T> },
): Promise<T | undefined> {
  const { deps, lease, tally } = context;
  await lease.keep();
  try {
    return await withPushLease(deps, { kind: kind.kind, id: write.entityId }, write.run);
  } catch (error) {
    tally.reported.push(reportRefusal(kind.kind, write.entityId, error));
    return undefined;
  }
}

/** Gives the role that the proxy took: the wanted one, or the lesser one where that needs a licence. */
async function giveRole<Role extends string>(
  role: Role,
  withoutLicence: Role,
  give: (role: Role) => Promise<unknown>,
): Promise<Role> {
  try {
    await give(role);
    return role;
  } catch (error) {
    if (errorCodeOf(error) !== 'litellm_role_needs_licence' || role === withoutLicence) throw error;
    await give(withoutLicence);
    return withoutLicence;
  }
}

async function takeAll<Role extends string>(
  context: Context,
  kind: Memberships<Role>,
  plan: MembershipPush<Role>,
): Promise<void> {
  const { userId, tally } = context;
  for (const { entityId } of plan.removals) {
    const run = async (): Promise<true> => {
      await kind.remove(entityId, userId);
      return true;
    };
    if ((await writeOne(context, kind, { entityId, run })) === undefined) continue;
    tally.records[kind.kind].set(entityId, null);
    tally.removed += 1;
  }
}

async function giveAll<Role extends string>(
  context: Context,
  kind: Memberships<Role>,
  plan: MembershipPush<Role>,
): Promise<void> {
  const { deps, userId, tally } = context;
  const records = tally.records[kind.kind];
  const keep = (entityId: string, wanted: Role, role: Role): void => {
    const lesser = role === wanted ? {} : { wanted };
    if (role !== wanted) tally.reported.push({ kind: kind.kind, id: entityId, code: 'role_needs_licence' });
    records.set(entityId, {
      entityId,
      state: 'added',
      role,
      ...lesser,
      since: deps.clock.now().toISOString(),
    });
  };
  for (const { entityId, role: wanted } of plan.roleChanges) {
    const run = async (): Promise<Role> =>
      giveRole(wanted, kind.withoutLicence, async (role) => kind.change(entityId, userId, role));
    const role = await writeOne(context, kind, { entityId, run });
    if (role === undefined) continue;
    keep(entityId, wanted, role);
    tally.changed += 1;
  }
  for (const { entityId, role: wanted } of plan.adds) {
    const run = async (): Promise<Role> =>
      giveRole(wanted, kind.withoutLicence, async (role) => kind.add(entityId, userId, role));
    const role = await writeOne(context, kind, { entityId, run });
    // Refused: it is not there, so what somebody adds there later is theirs.
    if (role === undefined) records.set(entityId, null);
    else {
      keep(entityId, wanted, role);
      tally.added += 1;
    }
  }
}

export interface MembershipPlans {
  readonly organizations: MembershipPush<OrganizationRole>;
  readonly teams: MembershipPush<TeamRole>;
}

export interface PushedMemberships {
  readonly changes: ProxyChanges;
  readonly reported: readonly PushReport[];
}

/** What must be recorded before anything is written: an intent that a crash leaves open says that what is there may be ours. */
function intentsOf<Role extends string>(
  plan: MembershipPush<Role>,
  at: string,
): ReadonlyMap<string, PushedMembership | null> {
  return new Map<string, PushedMembership | null>([
    ...plan.forgotten.map((entityId) => [entityId, null] as const),
    ...plan.recordings.map((record) => [record.entityId, { ...record, since: record.since ?? at }] as const),
    ...plan.adds.map(
      ({ entityId, role }) => [entityId, { entityId, state: 'adding' as const, role }] as const,
    ),
  ]);
}

function standingReports<Role extends string>(
  kind: 'organization' | 'team',
  plan: MembershipPush<Role>,
): PushReport[] {
  return [
    ...plan.differs.map((id) => ({ kind, id, code: 'differs' as const, detail: 'role' })),
    ...plan.lesser.map((id) => ({ kind, id, code: 'role_needs_licence' as const })),
  ];
}

/**
 * Applies both plans under the person's lease: removals from teams, then from organizations, then changes and adds in organizations,
 * then in teams, because a team's members belong to its organization. One request each, and the entity's lease around it.
 * What was done is recorded also where it then throws. Throws what cannot go on: everything but `litellm_refused`, which is
 * reported.
 */
export async function pushMemberships(
  deps: PushDeps,
  person: { readonly userId: string; readonly lease: PushLease },
  plans: MembershipPlans,
): Promise<PushedMemberships> {
  const { userId, lease } = person;
  const tally = new PushTally();
  const context: Context = { deps, userId, lease, tally };
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
    await giveAll(context, kinds.organizations, plans.organizations);
    await giveAll(context, kinds.teams, plans.teams);
  } finally {
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
