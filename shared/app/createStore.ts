import { createAssignedGroupsStore } from '../storage/assignedGroupsStore.ts';
import { createEntityStore } from '../storage/entityStore.ts';
import { createFailureStore } from '../storage/failureStore.ts';
import { createMemberIndexes } from '../storage/memberIndex.ts';
import { createOrganizationMembershipStore, createTeamMembershipStore } from '../storage/membershipStore.ts';
import { createOrganizationGuards } from '../storage/organizationGuards.ts';
import { createUserStore } from '../storage/userStore.ts';
import type { Tables } from '../model/tables.ts';
import type { Store } from '../storage/storePorts.ts';

/** Gives every store of this product on the given tables. Connects to nothing. */
export function createStore(tables: Tables): Store {
  return {
    users: createUserStore(tables),
    teamMemberships: createTeamMembershipStore(tables),
    organizationMemberships: createOrganizationMembershipStore(tables),
    organizationGuards: createOrganizationGuards(tables),
    memberIndexes: createMemberIndexes(tables),
    entities: createEntityStore(tables),
    assignedGroups: createAssignedGroupsStore(tables),
    failures: createFailureStore(tables, 'provision'),
  };
}
