/** A tenant whose people are members of its first groups: of the first 1, the first 10, and so on. Pure. */
import type { DirectoryInput } from '../../dev/identity/directory.ts';
import { sampleApplication } from '../../dev/identity/sampleDirectory.ts';

export interface TenantPlan {
  readonly assignedGroups: number;
  /** The numbers of groups. For each number, {@link PEOPLE_OF_A_KIND} people are members of that many groups. */
  readonly groupCounts: readonly number[];
}

const PEOPLE_OF_A_KIND = 10;

/** Returns the tenant. All its groups are assigned to the application, and people only through groups. */
export function createTenant({ assignedGroups, groupCounts }: TenantPlan): DirectoryInput {
  const people = groupCounts.flatMap((groups) =>
    Array.from({ length: PEOPLE_OF_A_KIND }, (_, index) => ({ groups, index })),
  );
  return {
    tenantId: sampleApplication.tenantId,
    application: {
      displayName: 'LiteLLM',
      clientId: sampleApplication.clientId,
      servicePrincipalId: sampleApplication.servicePrincipalId,
    },
    people: people.map(({ groups, index }) => ({
      id: personIdOf(groups, index),
      displayName: `Person ${index} in ${groups} groups`,
      userPrincipalName: loginOf(groups, index),
      mail: loginOf(groups, index),
    })),
    groups: Array.from({ length: assignedGroups }, (_, group) => ({
      id: groupIdOf(group),
      displayName: `Group ${group}`,
      assigned: true,
      memberIds: people
        .filter(({ groups }) => groups > group)
        .map(({ groups, index }) => personIdOf(groups, index)),
    })),
  };
}

/** Returns the login of the `index`th person with this number of groups. `index` is below {@link PEOPLE_OF_A_KIND}. */
export function loginOf(groups: number, index: number): string {
  return `in-${groups}-${index}@company.com`;
}

/** Returns a group's id, as long as Entra's. */
function groupIdOf(group: number): string {
  return `6e000000-0000-4000-8000-${String(group).padStart(12, '0')}`;
}

function personIdOf(groups: number, index: number): string {
  return `9e000000-0000-4000-8000-${String(groups).padStart(6, '0')}${String(index).padStart(6, '0')}`;
}
