/** Brings a person's memberships to what is desired: plans on both partitions with their fences, applies removals before grants. */
import type { Reported } from '../model/access.ts';
import type { DesiredState } from './desiredState.ts';
import { reportUnreadable } from '../model/handEdits.ts';
import { type OrganizationRole, type TeamRole, ORGANIZATION_ROLES, TEAM_ROLES } from '../model/entities.ts';
import { type MembershipPlan, isEmptyPlan, planMemberships, withoutEntities } from './planMemberships.ts';
import { compareObservations, isBelieved } from '../model/observation.ts';
import type {
  Fence,
  MembershipPartition,
  MembershipStore,
  MembershipWrites,
} from '../storage/membershipStore.ts';
import { findLastAdministered } from './keepLastAdministrator.ts';
import type { MembershipChanges, Run } from './provisionRun.ts';

export interface AppliedMemberships {
  readonly changes: MembershipChanges;
  readonly reported: readonly Reported[];
}

/** What one partition has to write, in two phases. */
interface Phases<Role extends string> {
  readonly store: MembershipStore<Role>;
  readonly fence: Fence;
  /** Less access: removals and demotions. */
  readonly removing: MembershipWrites<Role>;
  /** More access: promotions and grants. */
  readonly granting: MembershipWrites<Role>;
  readonly mustMoveFence: boolean;
}

function phasesOf<Role extends string>(
  plan: MembershipPlan<Role>,
  isPromotion: (role: Role) => boolean,
): Pick<Phases<Role>, 'removing' | 'granting'> {
  return {
    removing: {
      removals: plan.removals,
      roleChanges: plan.roleChanges.filter((change) => !isPromotion(change.role)),
      grants: [],
    },
    granting: {
      removals: [],
      roleChanges: plan.roleChanges.filter((change) => isPromotion(change.role)),
      grants: plan.grants,
    },
  };
}

/** Returns the fence after the writes, or `undefined` if another run moved it first. */
async function applyPhase<Role extends string>(
  run: Run,
  phases: Phases<Role>,
  writes: { readonly phase: 'removing' | 'granting'; readonly fence: Fence },
): Promise<Fence | undefined> {
  const content = phases[writes.phase];
  // Where the fence must move, the second phase moves it, unless the first had something to write and did.
  const isForced = writes.phase === 'granting' && phases.mustMoveFence && isEmptyPlan(phases.removing);
  if (isEmptyPlan(content) && !isForced) return writes.fence;
  const { message, now } = run;
  const observation = { id: message.id, observed_at: message.observed_at };
  const result = await phases.store.apply(
    { userId: message.person.user_id, fence: writes.fence, observation, now },
    content,
  );
  return result.applied ? result.fence : undefined;
}

function isNewer({ observation, movedAt: writtenAt }: Fence, run: Run): boolean {
  if (observation === undefined || !isBelieved(observation, { writtenAt, nowMs: run.now.getTime() }))
    return false;
  return compareObservations(observation, run.message) > 0;
}

interface Plans {
  readonly teams: MembershipPlan<TeamRole>;
  readonly organizations: MembershipPlan<OrganizationRole>;
  readonly reported: readonly Reported[];
}

/** A person's memberships as read, with their fences. */
export interface Partitions {
  readonly teams: MembershipPartition<TeamRole>;
  readonly organizations: MembershipPartition<OrganizationRole>;
}

function unreadableRows(partition: MembershipPartition<string>, kind: Reported['kind']): readonly Reported[] {
  return partition.unreadable.map((row) => reportUnreadable(kind, row.id, row));
}

/** A closed account keeps nothing, not even as the last administrator. */
function leftWithoutAdmin(entry: Reported): Reported {
  return entry.code === 'last_org_admin' ? { ...entry, code: 'no_org_admin_left' } : entry;
}

async function planBoth(run: Run, desired: DesiredState, partitions: Partitions): Promise<Plans> {
  const { deps, message } = run;
  const common = { held: desired.held, mode: deps.rules.membershipSyncMode };
  const teams = planMemberships({
    ...common,
    desired: desired.teams,
    actual: partitions.teams.rows,
    unreadable: partitions.teams.unreadable.map((row) => row.id),
    entraRole: 'user',
    ranking: TEAM_ROLES,
  });
  const organizations = planMemberships({
    ...common,
    desired: desired.organizations,
    actual: partitions.organizations.rows,
    unreadable: partitions.organizations.unreadable.map((row) => row.id),
    entraRole: desired.organizationRole,
    ranking: ORGANIZATION_ROLES,
  });
  const kept = await findLastAdministered(deps.store, organizations, {
    userId: message.person.user_id,
    observation: { id: message.id, observed_at: message.observed_at },
  });
  const unreadable = [
    ...unreadableRows(partitions.teams, 'team'),
    ...unreadableRows(partitions.organizations, 'organization'),
  ];
  if (run.isClosed) return { teams, organizations, reported: [...unreadable, ...kept.map(leftWithoutAdmin)] };
  const keptIds = new Set(kept.map((entry) => entry.id));
  return {
    teams,
    organizations: withoutEntities(organizations, keptIds),
    reported: [...unreadable, ...kept],
  };
}

/**
 * Returns whether this instance's cached list is no longer the stored one. Asked only if the run would remove a membership of a
 * group that the person still has: the cached list may be older than the list that granted it.
 */
async function isListOutdated(run: Run, plans: Plans): Promise<boolean> {
  const removals = [...plans.teams.removals, ...plans.organizations.removals];
  if (removals.length === 0 || !run.deps.rules.assignedGroupsAreKnown) return false;
  const groupIds = new Set(run.observation.group_ids);
  if (!removals.some((removal) => groupIds.has(removal.entityId))) return false;
  return (await run.deps.knowledge.stored())?.version !== run.listVersion;
}

/** Applies both partitions side by side. All removals come before all grants: a crash midway leaves less access, not more. */
async function applyBoth(
  run: Run,
  teams: Phases<TeamRole>,
  organizations: Phases<OrganizationRole>,
): Promise<boolean> {
  const [teamFence, organizationFence] = await Promise.all([
    applyPhase(run, teams, { phase: 'removing', fence: teams.fence }),
    applyPhase(run, organizations, { phase: 'removing', fence: organizations.fence }),
  ]);
  if (teamFence === undefined || organizationFence === undefined) return false;
  const [teamsDone, organizationsDone] = await Promise.all([
    applyPhase(run, teams, { phase: 'granting', fence: teamFence }),
    applyPhase(run, organizations, { phase: 'granting', fence: organizationFence }),
  ]);
  return teamsDone !== undefined && organizationsDone !== undefined;
}

function changesOf(plans: Plans): MembershipChanges {
  const both = [plans.teams, plans.organizations];
  const sum = (count: (plan: MembershipPlan<string>) => number): number =>
    both.reduce((total, plan) => total + count(plan), 0);
  return {
    granted: sum((plan) => plan.grants.length),
    changed: sum((plan) => plan.roleChanges.length),
    removed: sum((plan) => plan.removals.length),
  };
}

/** Reads both membership partitions: 2 reads. */
export async function readPartitions(
  { teamMemberships, organizationMemberships }: Run['deps']['store'],
  userId: string,
): Promise<Partitions> {
  const [teams, organizations] = await Promise.all([
    teamMemberships.read(userId),
    organizationMemberships.read(userId),
  ]);
  return { teams, organizations };
}

/** Returns whether a fence carries a newer observation than this run's. */
export function isSupersededByFence(run: Run, { teams, organizations }: Partitions): boolean {
  return isNewer(teams.fence, run) || isNewer(organizations.fence, run);
}

/**
 * Brings both membership partitions to what is desired: the index rows of what is granted (up to 100 a request), the
 * transactions, and a request for each index row of what is removed. The partitions were read after the person's row and before the
 * claim, which proves that nothing was written in between. `moveBothFences`: also moves the fence of a partition that has
 * nothing to write.
 * Returns `overtaken` if a transaction was refused, or if the cached list of groups is no longer the stored one: begin again from the
 * person's row.
 */
export async function applyMemberships(
  run: Run,
  desired: DesiredState,
  read: { readonly partitions: Partitions; readonly moveBothFences: boolean },
): Promise<AppliedMemberships | 'overtaken'> {
  const { teamMemberships, organizationMemberships } = run.deps.store;
  const { teams, organizations } = read.partitions;
  const plans = await planBoth(run, desired, read.partitions);
  if (await isListOutdated(run, plans)) return 'overtaken';
  const { moveBothFences: mustMoveFence } = read;
  const done = await applyBoth(
    run,
    // A team's role is `user` unless it was edited by hand, so every change of it means less access.
    {
      store: teamMemberships,
      fence: teams.fence,
      mustMoveFence,
      ...phasesOf(plans.teams, (role) => role === 'admin'),
    },
    {
      store: organizationMemberships,
      fence: organizations.fence,
      mustMoveFence,
      ...phasesOf(plans.organizations, (role) => role === 'org_admin'),
    },
  );
  return done ? { changes: changesOf(plans), reported: plans.reported } : 'overtaken';
}
