/** The rows of LiteLLM's database, as its answers show them. */
import { z } from 'zod';

const metadata = z.record(z.string(), z.unknown());
const instants = { created_at: z.string(), updated_at: z.string() };

const budgetSchema = z.object({
  budget_id: z.string(),
  max_budget: z.number().nullable(),
  soft_budget: z.number().nullable(),
  tpm_limit: z.number().nullable(),
  rpm_limit: z.number().nullable(),
  budget_duration: z.string().nullable(),
  created_by: z.string(),
});

const organizationSchema = z.object({
  organization_id: z.string(),
  organization_alias: z.string(),
  budget_id: z.string(),
  models: z.array(z.string()),
  metadata,
  spend: z.number(),
  created_by: z.string(),
  updated_by: z.string(),
  ...instants,
});

const organizationMembershipSchema = z.object({
  user_id: z.string(),
  organization_id: z.string(),
  user_role: z.string(),
  spend: z.number(),
  budget_id: z.string().nullable(),
  ...instants,
});

const teamMemberSchema = z.object({
  user_id: z.string().nullable(),
  user_email: z.string().nullable(),
  role: z.enum(['admin', 'user']),
});

const teamSchema = z.object({
  team_id: z.string(),
  team_alias: z.string().nullable(),
  organization_id: z.string().nullable(),
  members_with_roles: z.array(teamMemberSchema),
  models: z.array(z.string()),
  metadata,
  max_budget: z.number().nullable(),
  budget_duration: z.string().nullable(),
  tpm_limit: z.number().nullable(),
  rpm_limit: z.number().nullable(),
  /** What members may do with keys of the team, by route. */
  team_member_permissions: z.array(z.string()).default([]),
  blocked: z.boolean(),
  spend: z.number(),
  ...instants,
});

/** Exists for members with a budget of their own, and in newer versions for every member. */
const teamMembershipSchema = z.object({
  user_id: z.string(),
  team_id: z.string(),
  budget_id: z.string().nullable(),
  spend: z.number(),
});

const userSchema = z.object({
  user_id: z.string(),
  user_email: z.string().nullable(),
  user_alias: z.string().nullable(),
  /** Null after an update that created the user. */
  user_role: z.string().nullable(),
  sso_user_id: z.string().nullable(),
  teams: z.array(z.string()),
  models: z.array(z.string()),
  metadata,
  max_budget: z.number().nullable(),
  budget_duration: z.string().nullable(),
  tpm_limit: z.number().nullable(),
  rpm_limit: z.number().nullable(),
  spend: z.number(),
  ...instants,
});

/** A virtual key. Only its hash is stored, as in LiteLLM. */
const keySchema = z.object({
  token: z.string(),
  /** `sk-...` and the last four characters. */
  key_name: z.string().nullable().default(null),
  key_alias: z.string().nullable(),
  user_id: z.string().nullable(),
  team_id: z.string().nullable(),
  organization_id: z.string().nullable(),
  /** If there are any, the key may call these routes only, whatever its user's role is. */
  allowed_routes: z.array(z.string()),
  models: z.array(z.string()).default([]),
  metadata: metadata.default({}),
  /** Null like false: only a key that was blocked once has a value. */
  blocked: z.boolean().nullable().default(null),
  expires: z.string().nullable().default(null),
  max_budget: z.number().nullable().default(null),
  budget_duration: z.string().nullable().default(null),
  tpm_limit: z.number().nullable().default(null),
  rpm_limit: z.number().nullable().default(null),
  spend: z.number(),
  created_by: z.string().nullable().default(null),
  created_at: z.string(),
});

/** What is left of a deleted key, for audits. */
const deletedKeySchema = z.object({ ...keySchema.shape, deleted_at: z.string(), deleted_by: z.string() });

/** Who added a row or a membership: a call, LiteLLM itself as part of a call, or an administrator by hand. */
const addedBySchema = z.enum(['call', 'proxy', 'hand']);

/** Everything the emulator keeps. */
export const proxyDataSchema = z.object({
  budgets: z.array(budgetSchema),
  organizations: z.array(organizationSchema),
  organizationMemberships: z.array(organizationMembershipSchema),
  teams: z.array(teamSchema),
  teamMemberships: z.array(teamMembershipSchema),
  users: z.array(userSchema),
  keys: z.array(keySchema),
  deletedKeys: z.array(deletedKeySchema).default([]),
  /** By `organization/<id>`, `team/<id>`, `user/<id>`, `organization/<id>/<user>` or `team/<id>/<user>`. */
  addedBy: z.record(z.string(), addedBySchema),
});

export type Budget = z.infer<typeof budgetSchema>;
export type Organization = z.infer<typeof organizationSchema>;
export type OrganizationMembership = z.infer<typeof organizationMembershipSchema>;
export type TeamMember = z.infer<typeof teamMemberSchema>;
export type Team = z.infer<typeof teamSchema>;
export type TeamMembership = z.infer<typeof teamMembershipSchema>;
export type User = z.infer<typeof userSchema>;
export type VirtualKey = z.infer<typeof keySchema>;
export type DeletedKey = z.infer<typeof deletedKeySchema>;
export type AddedBy = z.infer<typeof addedBySchema>;
export type ProxyData = z.infer<typeof proxyDataSchema>;

/** The user behind the master key. */
export const masterUserId = 'default_user_id';

/** Returns the fields of a user for whom the request gave none. */
export function newUser(now: string): Omit<User, 'user_id'> {
  return {
    user_email: null,
    user_alias: null,
    user_role: 'internal_user',
    sso_user_id: null,
    teams: [],
    models: [],
    metadata: {},
    max_budget: null,
    budget_duration: null,
    tpm_limit: null,
    rpm_limit: null,
    spend: 0,
    created_at: now,
    updated_at: now,
  };
}

/** Creates the rows after LiteLLM's first start: none. The master key's user appears with its first team. */
export function createEmptyData(): ProxyData {
  return {
    budgets: [],
    organizations: [],
    organizationMemberships: [],
    teams: [],
    teamMemberships: [],
    users: [],
    keys: [],
    deletedKeys: [],
    addedBy: {},
  };
}
