import { createAssignedGroupsStore } from '../adapters/assignedGroupsStore.ts';
import { createEntityStore } from '../adapters/entityStore.ts';
import { createFailureStore } from '../adapters/failureStore.ts';
import { createMemberIndexes } from '../adapters/memberIndex.ts';
import { createOrganizationMembershipStore, createTeamMembershipStore } from '../adapters/membershipStore.ts';
import { createOrganizationGuards } from '../adapters/organizationGuards.ts';
import { createUserStore } from '../adapters/userStore.ts';
import type { Tables } from '../adapters/tables/tables.ts';
import type { Store } from '../storePorts.ts';

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
