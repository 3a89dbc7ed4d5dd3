/** What a sync of one person starts from: the store's rows, and the sync record. */
import type { Organization, OrganizationRole, Team, TeamRole } from '../model/entities.ts';
import type { EntityRead } from '../storage/entityStore.ts';
import type { MembershipPartition } from '../storage/membershipStore.ts';
import type { SyncedPerson } from '../storage/syncRecord.ts';
import type { UserRecord } from '../model/userRecord.ts';
import type { SyncDeps } from './syncDeps.ts';
import { KeptErrors } from './syncErrors.ts';
import type { SyncLease } from './syncLease.ts';

/** The store's rows of one person. */
export interface StoredPerson {
  /** `undefined`: the person's row is missing. */
  readonly user: UserRecord | undefined;
  readonly organizationRows: MembershipPartition<OrganizationRole>;
  readonly teamRows: MembershipPartition<TeamRole>;
  /** The person's organizations, and those of the person's teams. */
  readonly organizations: EntityRead<Organization>;
  readonly teams: EntityRead<Team>;
}

/** What the steps of one person's sync share. */
export interface PersonSync {
  readonly userId: string;
  readonly lease: SyncLease;
  readonly stored: StoredPerson;
  readonly recorded: SyncedPerson;
  readonly errors: KeptErrors;
}

async function readMemberships({ store }: SyncDeps, userId: string): Promise<Omit<StoredPerson, 'user'>> {
  const [organizationRows, teamRows] = await Promise.all([
    store.organizationMemberships.read(userId),
    store.teamMemberships.read(userId),
  ]);
  const teams = await store.entities.readTeams(teamRows.rows.map((row) => row.entityId));
  const ids = new Set(organizationRows.rows.map((row) => row.entityId));
  for (const { value } of teams.found.values()) {
    if (value.organization_id !== undefined) ids.add(value.organization_id);
  }
  const organizations = await store.entities.readOrganizations([...ids]);
  return { organizationRows, teamRows, organizations, teams };
}

/** Reads everything about a person that a sync needs, but nothing of LiteLLM. Throws what the store and the record throw. */
export async function readPerson(deps: SyncDeps, userId: string, lease: SyncLease): Promise<PersonSync> {
  const [user, recorded, memberships] = await Promise.all([
    deps.store.users.find(userId),
    deps.record.readPerson(userId),
    readMemberships(deps, userId),
  ]);
  return { userId, lease, stored: { user, ...memberships }, recorded, errors: new KeptErrors() };
}
