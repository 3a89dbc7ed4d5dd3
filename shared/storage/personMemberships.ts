import type { Organization, OrganizationRole, Team, TeamRole } from '../model/entities.ts';
import type { EntityRead, EntityStore } from './entityStore.ts';
import type { MembershipPartition, MembershipStore } from './membershipStore.ts';

/** A person's memberships, with the teams and organizations that they name. */
export interface PersonMemberships {
  readonly teamRows: MembershipPartition<TeamRole>;
  readonly organizationRows: MembershipPartition<OrganizationRole>;
  readonly teams: EntityRead<Team>;
  /** The person's organizations, and those of the person's teams. */
  readonly organizations: EntityRead<Organization>;
}

/**
 * Reads a person's memberships: one request for each of the two partitions, at once, then a query for each partition of the teams, then
 * one for each of the organizations.
 */
export async function readPersonMemberships(
  stores: {
    readonly teamMemberships: Pick<MembershipStore<TeamRole>, 'read'>;
    readonly organizationMemberships: Pick<MembershipStore<OrganizationRole>, 'read'>;
    readonly entities: Pick<EntityStore, 'readTeams' | 'readOrganizations'>;
  },
  userId: string,
): Promise<PersonMemberships> {
  const [teamRows, organizationRows] = await Promise.all([
    stores.teamMemberships.read(userId),
    stores.organizationMemberships.read(userId),
  ]);
  const teams = await stores.entities.readTeams(teamRows.rows.map((row) => row.entityId));
  const ids = new Set(organizationRows.rows.map((row) => row.entityId));
  for (const { value } of teams.found.values()) {
    if (value.organization_id !== undefined) ids.add(value.organization_id);
  }
  const organizations = await stores.entities.readOrganizations([...ids]);
  return { teamRows, organizationRows, teams, organizations };
}
