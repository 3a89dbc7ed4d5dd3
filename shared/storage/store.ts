import type { OrganizationRole, TeamRole } from '../model/entities.ts';
import type { Tables } from '../model/tables.ts';
import { AssignedGroupsStore } from './assignedGroupsStore.ts';
import { EntityStore } from './entityStore.ts';
import { FailureStore } from './failureStore.ts';
import { MemberIndex } from './memberIndex.ts';
import { ORGANIZATION_MEMBERSHIPS, TEAM_MEMBERSHIPS } from './membershipKinds.ts';
import { MembershipStore } from './membershipStore.ts';
import { OrganizationGuards } from './organizationGuards.ts';
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
  readonly entities: EntityStore;
  readonly assignedGroups: AssignedGroupsStore;
  readonly failures: FailureStore;
}

/** Creates every store of this product on the given tables. Connects to nothing. */
export function createStore(tables: Tables): Store {
  return {
    users: new UserStore(tables),
    teamMemberships: new MembershipStore(tables, TEAM_MEMBERSHIPS),
    organizationMemberships: new MembershipStore(tables, ORGANIZATION_MEMBERSHIPS),
    organizationGuards: new OrganizationGuards(tables),
    memberIndexes: [
      new MemberIndex(tables, TEAM_MEMBERSHIPS),
      new MemberIndex(tables, ORGANIZATION_MEMBERSHIPS),
    ],
    entities: new EntityStore(tables),
    assignedGroups: new AssignedGroupsStore(tables),
    failures: new FailureStore(tables, 'provision'),
  };
}
