/** The tenant of the sign-in benchmarks: assigned groups, and people who are in the first so many of them. Pure. */
import type { DirectoryInput } from '../../dev/identity/directory.ts';
import { sampleApplication } from '../../dev/identity/sampleDirectory.ts';

export interface TenantPlan {
  readonly assignedGroups: number;
  /** How many groups a person is in, to how many such people there are. */
  readonly peopleByGroups: ReadonlyMap<number, number>;
}

/** Gives the tenant. Nobody is assigned but by a group, so `appRoleAssignedTo` has one entry a group. */
export function createTenant({ assignedGroups, peopleByGroups }: TenantPlan): DirectoryInput {
  const people = [...peopleByGroups].flatMap(([groups, count]) =>
    Array.from({ length: count }, (_, index) => ({ groups, index })),
  );
  if (people.some(({ groups }) => groups > assignedGroups)) throw new Error('There are not that many groups');
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

/** What the `index`th person in so many groups signs in with. */
export function loginOf(groups: number, index: number): string {
  return `in-${groups}-${index}@company.com`;
}

/** The number of groups of the person who signs in with this. Throws for another's. */
export function groupCountOf(login: string): number {
  const count = /^in-(\d+)-/.exec(login)?.[1];
  if (count === undefined) throw new Error('Nobody of the benchmarks signs in so');
  return Number(count);
}

/** As long as Entra's object ids. */
export function groupIdOf(group: number): string {
  return `6e000000-0000-4000-8000-${String(group).padStart(12, '0')}`;
}

function personIdOf(groups: number, index: number): string {
  return `9e000000-0000-4000-8000-${String(groups).padStart(6, '0')}${String(index).padStart(6, '0')}`;
}
