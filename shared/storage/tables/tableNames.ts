/**
 * The name of every table, by what it holds: the one list that code, local stack and infrastructure agree on.
 * LiteLLM's five follow DOMAIN's names without the underscore (Azure allows letters and digits only).
 */
export const TABLES = {
  /** LiteLLM_OrganizationTable: organizations, in a fixed number of partitions by a hash of the id. */
  organizations: 'LiteLLMOrganizationTable',
  /** LiteLLM_TeamTable: teams, laid out as the organizations. */
  teams: 'LiteLLMTeamTable',
  /** LiteLLM_UserTable: one row a person, with what the last provisioning saw and did. */
  users: 'LiteLLMUserTable',
  /** LiteLLM_OrganizationMembership: one partition a person with its fence; the truth. */
  organizationMemberships: 'LiteLLMOrganizationMembership',
  /** LiteLLM_TeamMembership: one partition a person with its fence; the truth. */
  teamMemberships: 'LiteLLMTeamMembership',
  /** Index: who is in an organization; in a fixed number of partitions by a hash of the person's id, a superset of the truth. */
  organizationMembers: 'LiteLLMOrganizationMembers',
  /** Index: who is in a team; laid out as that of the organizations. */
  teamMembers: 'LiteLLMTeamMembers',
  /** The accepted list of assigned groups, and the refresh's own bookkeeping. */
  assignedGroups: 'EntraAssignedGroups',
  /** Group lists that do not fit into a queue message. */
  parkedSnapshots: 'ProvisioningSnapshots',
  /** Poisoned messages, whole, with the reason. */
  failures: 'ProvisioningFailures',
  /** What was put into the LiteLLM proxy about a person, and the lease of who writes to it; one partition a person. */
  syncedPeople: 'SyncedPeople',
  /** The same about organizations and teams; one partition each. */
  syncedEntities: 'SyncedEntities',
  /** The key ring that seals cookies: secret, so nobody who reads entities gets a role on it. */
  sessionKeys: 'SessionKeys',
} as const;
