/** Step 4 of a run: read both partitions with their fences, plan, apply removals before grants. */
import { reportUnreadable } from '../model/unreadableRow.ts';
import type {
  Announced,
  Fence,
  MembershipPartition,
  MembershipStore,
  MembershipWrites,
} from '../storage/membershipStore.ts';
import type { Reported } from '../model/access.ts';
import type { DesiredState } from './desiredState.ts';
import type { OrganizationRole, TeamRole } from '../model/entities.ts';
import type { MembershipPlan } from './membershipPlan.ts';
import { isEmptyPlan, planMemberships, withoutEntities } from './membershipPlan.ts';
import { compareObservations } from '../model/observation.ts';
import { ORGANIZATION_ROLES, TEAM_ROLES } from '../model/roles.ts';
import type { Announcements } from './announceMemberships.ts';
import { findLastAdministered } from './keepLastAdministrator.ts';
import type { MembershipChanges, Run } from './provisionRun.ts';

export interface AppliedMemberships {
  readonly changes: MembershipChanges;
  readonly reported: readonly Reported[];
}

/** What one partition still has to write, phase by phase. */
interface Phases<Role extends string> {
  readonly store: MembershipStore<Role>;
  readonly fence: Fence;
  readonly announced: Announced<Role> | undefined;
  /** Less access: removals and demotions. */
  readonly takes: MembershipWrites<Role>;
  /** More access: promotions and grants. */
  readonly gives: MembershipWrites<Role>;
  readonly mustMoveFence: boolean;
}

function phasesOf<Role extends string>(
  plan: MembershipPlan<Role>,
  isPromotion: (role: Role) => boolean,
): Pick<Phases<Role>, 'takes' | 'gives'> {
  return {
    takes: {
      removals: plan.removals,
      roleChanges: plan.roleChanges.filter((change) => !isPromotion(change.role)),
      grants: [],
    },
    gives: {
      removals: [],
      roleChanges: plan.roleChanges.filter((change) => isPromotion(change.role)),
      grants: plan.grants,
    },
  };
}

/** Gives the fence after the writes, or `undefined` where somebody else was there first. */
async function applyPhase<Role extends string>(
  run: Run,
  phases: Phases<Role>,
  writes: { readonly phase: 'takes' | 'gives'; readonly fence: Fence },
): Promise<Fence | undefined> {
  const content = phases[writes.phase];
  // Where the fence must move, the second phase moves it, unless the first had something to write and did.
  const isForced = writes.phase === 'gives' && phases.mustMoveFence && isEmptyPlan(phases.takes);
  if (isEmptyPlan(content) && !isForced) return writes.fence;
  const { message, now } = run;
  const observation = { id: message.id, observed_at: message.observed_at };
  const announced = phases.announced === undefined ? {} : { announced: phases.announced };
  const result = await phases.store.apply(
    { userId: message.person.user_id, fence: writes.fence, observation, now, ...announced },
    content,
  );
  return result.applied ? result.fence : undefined;
}

function isNewer(fence: Fence, run: Run): boolean {
  return fence.observation !== undefined && compareObservations(fence.observation, run.message) > 0;
}

interface Plans {
  readonly teams: MembershipPlan<TeamRole>;
  readonly organizations: MembershipPlan<OrganizationRole>;
  readonly reported: readonly Reported[];
}

interface Partitions {
  readonly teams: MembershipPartition<TeamRole>;
  readonly organizations: MembershipPartition<OrganizationRole>;
}

function unreadableRows(partition: MembershipPartition<string>, kind: Reported['kind']): readonly Reported[] {
  return partition.unreadable.map((row) => reportUnreadable(kind, row.id, row));
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
  return {
    teams,
    organizations: withoutEntities(organizations, new Set(kept.map((entry) => entry.id))),
    reported: [
      ...unreadableRows(partitions.teams, 'team'),
      ...unreadableRows(partitions.organizations, 'organization'),
      ...kept,
    ],
  };
}

/**
 * A cached list may be older than the one that granted, so what it would take from somebody who still has the group is
 * taken only where the stored list agrees.
 */
async function isListOutdated(run: Run, plans: Plans): Promise<boolean> {
  const removals = [...plans.teams.removals, ...plans.organizations.removals];
  if (removals.length === 0 || !run.deps.rules.assignedGroupsAreKnown) return false;
  const groupIds = new Set(run.observation.group_ids);
  if (!removals.some((removal) => groupIds.has(removal.entityId))) return false;
  return (await run.deps.knowledge.stored())?.version !== run.listVersion;
}

/** Both partitions side by side, all that takes before all that gives: a crash midway leaves less access, not more. */
async function applyBoth(
  run: Run,
  teams: Phases<TeamRole>,
  organizations: Phases<OrganizationRole>,
): Promise<boolean> {
  const [teamFence, organizationFence] = await Promise.all([
    applyPhase(run, teams, { phase: 'takes', fence: teams.fence }),
    applyPhase(run, organizations, { phase: 'takes', fence: organizations.fence }),
  ]);
  if (teamFence === undefined || organizationFence === undefined) return false;
  const [teamsDone, organizationsDone] = await Promise.all([
    applyPhase(run, teams, { phase: 'gives', fence: teamFence }),
    applyPhase(run, organizations, { phase: 'gives', fence: organizationFence }),
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

/** What a partition is taken for that nobody has written yet: creating its fence is refused if somebody has. */
const UNWRITTEN = { rows: [], unreadable: [], fence: { etag: undefined, observation: undefined } };

async function readPartitions(run: Run): Promise<Partitions> {
  const { teamMemberships, organizationMemberships } = run.deps.store;
  const userId = run.message.person.user_id;
  const [teams, organizations] = await Promise.all([
    teamMemberships.read(userId),
    organizationMemberships.read(userId),
  ]);
  return { teams, organizations };
}

/**
 * Brings both membership partitions to what is desired: 2 reads, the index rows of what is granted (up to 100 a request), the
 * transactions, and a request for each index row of what is removed. With `announced` (the claim made the user's row) nothing is
 * read: both fences are created, which is refused where this product ever wrote for the person.
 * `overtaken`: a transaction was refused, or the list by which this run counted is no longer the stored one, so begin again from
 * the user's row. `superseded`: a fence carries a newer observation than this run's.
 */
export async function applyMemberships(
  run: Run,
  desired: DesiredState,
  options: { readonly moveBothFences: boolean; readonly announced: Announcements | undefined },
): Promise<AppliedMemberships | 'overtaken' | 'superseded'> {
  const { teamMemberships, organizationMemberships } = run.deps.store;
  const { announced } = options;
  const { teams, organizations } =
    announced === undefined ? await readPartitions(run) : { teams: UNWRITTEN, organizations: UNWRITTEN };
  if (isNewer(teams.fence, run) || isNewer(organizations.fence, run)) return 'superseded';
  const plans = await planBoth(run, desired, { teams, organizations });
  if (await isListOutdated(run, plans)) return 'overtaken';
  const mustMoveFence = options.moveBothFences || announced !== undefined;
  const done = await applyBoth(
    run,
    // A team's role is `user` unless a person edited it, so every change of it takes.
    {
      store: teamMemberships,
      fence: teams.fence,
      announced: announced?.teams,
      mustMoveFence,
      ...phasesOf(plans.teams, (role) => role === 'admin'),
    },
    {
      store: organizationMemberships,
      fence: organizations.fence,
      announced: announced?.organizations,
      mustMoveFence,
      ...phasesOf(plans.organizations, (role) => role === 'org_admin'),
    },
  );
  return done ? { changes: changesOf(plans), reported: plans.reported } : 'overtaken';
}
