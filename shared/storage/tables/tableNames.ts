import { createHash } from 'node:crypto';

/**
 * The name of every table by its content. Code, local stack and infrastructure all use this list. Five tables are named after
 * LiteLLM's (docs/domain.md), without the underscore, because Azure allows only letters and digits. Rows without a natural partition key
 * are in 16 partitions, by a hash of their id.
 */
export const TABLES = {
  /** LiteLLM_OrganizationTable: organizations, in 16 partitions by a hash of the id. */
  organizations: 'LiteLLMOrganizationTable',
  /** LiteLLM_TeamTable: teams, partitioned like the organizations. */
  teams: 'LiteLLMTeamTable',
  /** LiteLLM_UserTable: one row per person, with the report of the last provisioning. */
  users: 'LiteLLMUserTable',
  /** LiteLLM_OrganizationMembership: one partition per person, with a fence. It decides which memberships exist. */
  organizationMemberships: 'LiteLLMOrganizationMembership',
  /** LiteLLM_TeamMembership: one partition per person, with a fence. It decides which memberships exist. */
  teamMemberships: 'LiteLLMTeamMembership',
  /**
   * Index: the possible members of each organization, in 16 partitions by a hash of the person's id. It may list too many
   * people.
   */
  organizationMembers: 'LiteLLMOrganizationMembers',
  /** Index: the possible members of each team, partitioned like the index of organizations. */
  teamMembers: 'LiteLLMTeamMembers',
  /** The accepted list of assigned groups, and the time of the last refresh. */
  assignedGroups: 'EntraAssignedGroups',
  /** Group lists that do not fit into a queue message. */
  parkedSnapshots: 'ProvisioningSnapshots',
  /** Failed messages with their complete text and the reason. */
  failures: 'ProvisioningFailures',
  /** The record of what was written to LiteLLM about a person, and the lease for writing. One partition per person. */
  syncedPeople: 'SyncedPeople',
  /** The same record for organizations and teams, with one partition each. */
  syncedEntities: 'SyncedEntities',
  /** When each timer and queue function succeeded last, and which messages were visible at the last heartbeat. */
  heartbeats: 'Heartbeats',
  /** The key ring that seals cookies. It is secret, so a role on the other tables gives no access to it. */
  sessionKeys: 'SessionKeys',
} as const;

/** Few enough to read a whole table in few requests, enough to spread the load. Changing it moves every row. */
const PARTITION_COUNT = 16;

/** The names of all partitions: `p0` to `pf`. */
export const HASH_PARTITIONS: readonly string[] = Array.from(
  { length: PARTITION_COUNT },
  (_, index) => `p${index.toString(16)}`,
);

/** Returns the partition of an id: `p0` to `pf`. */
export function hashPartition(id: string): string {
  const first = createHash('sha256').update(id).digest()[0] ?? 0;
  return `p${(first % PARTITION_COUNT).toString(16)}`;
}
