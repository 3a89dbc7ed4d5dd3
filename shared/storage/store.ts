import type { OrganizationRole, TeamRole } from '../model/entities.ts';
import type { Tables } from '../model/tables.ts';
import { AssignedGroupsStore } from './assignedGroupsStore.ts';
import { EntityStore } from './entityStore.ts';
import { FailureStore } from './failureStore.ts';
import { MemberIndex } from './memberIndex.ts';
import { ORGANIZATION_MEMBERSHIPS, TEAM_MEMBERSHIPS } from './membershipKinds.ts';
import { MembershipStore } from './membershipStore.ts';
import { OrganizationGuards } from './organizationGuards.ts';
import { type PersonMemberships, readPersonMemberships } from './personMemberships.ts';
import { UserStore } from './userStore.ts';

/**
 * All stores that a provisioning reads and writes. Every method of every store throws `storage_unavailable` (retryable) or
 * `storage_refused`. A method's own docstring names its other errors.
 */
export interface Store {
  readonly users: UserStore;
  readonly teamMemberships: MembershipStore<TeamRole>;
  readonly organizationMemberships: MembershipStore<OrganizationRole>;
  readonly organizationGuards: OrganizationGuards;
  readonly memberIndexes: readonly MemberIndex[];
  /** The one of {@link Store.memberIndexes} that is about teams. */
  readonly teamIndex: MemberIndex;
  readonly entities: EntityStore;
  readonly assignedGroups: AssignedGroupsStore;
  readonly failures: FailureStore;
  /** Reads a person's memberships with their teams and organizations, as {@link readPersonMemberships} does. */
  readMemberships(this: void, userId: string): Promise<PersonMemberships>;
}

/** Creates every store of this product on the given tables. Connects to nothing. */
export function createStore(tables: Tables): Store {
  const entities = new EntityStore(tables);
  const teamMemberships = new MembershipStore(tables, TEAM_MEMBERSHIPS);
  const organizationMemberships = new MembershipStore(tables, ORGANIZATION_MEMBERSHIPS);
  const teamIndex = new MemberIndex(tables, TEAM_MEMBERSHIPS);
  return {
    users: new UserStore(tables),
    teamMemberships,
    organizationMemberships,
    organizationGuards: new OrganizationGuards(tables),
    memberIndexes: [teamIndex, new MemberIndex(tables, ORGANIZATION_MEMBERSHIPS)],
    teamIndex,
    entities,
    assignedGroups: new AssignedGroupsStore(tables),
    failures: new FailureStore(tables, 'provision'),
    readMemberships: async (userId) =>
      readPersonMemberships({ teamMemberships, organizationMemberships, entities }, userId),
  };
}
