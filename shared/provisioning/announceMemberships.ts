/** The index rows of somebody's first run, written side by side with the claim. */
import type { Announced, MembershipStore } from '../storage/membershipStore.ts';
import type { KnownGroup, Presence } from '../model/assignedGroups.ts';
import type { CountedGroups } from './desiredState.ts';
import { desiredState } from './desiredState.ts';
import type { OrganizationRole, TeamRole } from '../model/entities.ts';
import type { Run } from './provisionRun.ts';

/** What stands in the indexes of what a run is about to grant. */
export interface Announcements {
  readonly teams: Announced<TeamRole>;
  readonly organizations: Announced<OrganizationRole>;
}

/** What is absent now will have been created by the time of the grant; should that fail, the index names one too many. */
function onceCreated({ counted, ...groups }: CountedGroups): CountedGroups {
  const created = (presence: Presence): Presence => (presence === 'absent' ? 'present' : presence);
  return {
    ...groups,
    counted: counted.map((group): KnownGroup => ({
      ...group,
      team: created(group.team),
      organization: created(group.organization),
    })),
  };
}

/**
 * Writes the index rows of everything that these groups would bring, a request for up to 100 rows, all at once. For a person
 * without a row only: what others have depends on what is there. It needs no claim, because a row too many harms nobody; a run
 * that loses its claim leaves rows that the winner writes too, or that the reconcile takes after an hour.
 */
export async function announceMemberships(run: Run, groups: CountedGroups): Promise<Announcements> {
  const { deps, message, observation, now } = run;
  const { rules, store } = deps;
  // Without an accepted list nothing is created, so what is absent stays so.
  const desired = desiredState(
    observation,
    rules.assignedGroupsAreKnown ? onceCreated(groups) : groups,
    rules,
  );
  const announce = async <Role extends string>(
    memberships: MembershipStore<Role>,
    roles: ReadonlyMap<string, Role>,
  ): Promise<Announced<Role>> =>
    memberships.announce(
      message.person.user_id,
      Array.from(roles, ([entityId, role]) => ({ entityId, role })),
      now,
    );
  const [teams, organizations] = await Promise.all([
    announce(store.teamMemberships, desired.teams),
    announce(store.organizationMemberships, desired.organizations),
  ]);
  return { teams, organizations };
}
