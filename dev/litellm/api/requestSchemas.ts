/**
 * What the endpoints accept, read from LiteLLM's `proxy/_types.py`. The product's client has its own schemas, so the two
 * check each other.
 */
import { z } from 'zod';

const text = z.string().nullish();
const number = z.number().nullish();
const whole = z.int().nullish();
const texts = z.array(z.string()).nullish();
const metadata = z.record(z.string(), z.unknown()).nullish();

const limits = { max_budget: number, budget_duration: text, tpm_limit: whole, rpm_limit: whole };
const organizationLimits = { ...limits, soft_budget: number };

const hasUser = (member: { user_id?: unknown; user_email?: unknown }): boolean =>
  typeof member.user_id === 'string' || typeof member.user_email === 'string';
const noUser = { error: 'Either user_id or user_email must be provided' };

export const newOrganizationSchema = z.object({
  organization_alias: z.string(),
  organization_id: text,
  models: z.array(z.string()).optional(),
  budget_id: text,
  metadata,
  ...organizationLimits,
});

export const updateOrganizationSchema = z.object({
  organization_id: text,
  organization_alias: text,
  models: texts,
  budget_id: text,
  metadata,
  ...organizationLimits,
});

/** The roles in an organization. */
export const organizationRoleSchema = z.enum(['org_admin', 'internal_user', 'internal_user_viewer']);

const organizationMemberSchema = z
  .object({ user_id: text, user_email: text, role: organizationRoleSchema })
  .refine(hasUser, noUser);

export const addOrganizationMembersSchema = z.object({
  organization_id: z.string(),
  member: z.union([organizationMemberSchema, z.array(organizationMemberSchema)]),
  /** Accepted, and then ignored. */
  max_budget_in_organization: number,
});

export const updateOrganizationMemberSchema = z
  .object({
    organization_id: z.string(),
    user_id: text,
    user_email: text,
    role: organizationRoleSchema.nullish(),
    max_budget_in_organization: number,
  })
  .refine(hasUser, noUser);

export const deleteOrganizationMemberSchema = z
  .object({ organization_id: z.string(), user_id: text, user_email: text })
  .refine(hasUser, noUser);

const teamMemberSchema = z
  .object({ user_id: text, user_email: text, role: z.enum(['admin', 'user']) })
  .refine(hasUser, noUser);
export type TeamMemberInput = z.infer<typeof teamMemberSchema>;

export const newTeamSchema = z.object({
  team_id: text,
  team_alias: text,
  organization_id: text,
  models: z.array(z.string()).optional(),
  members_with_roles: z.array(teamMemberSchema).optional(),
  metadata,
  blocked: z.boolean().optional(),
  team_member_permissions: texts,
  ...limits,
});

export const updateTeamSchema = z.object({
  team_id: z.string(),
  team_alias: text,
  organization_id: text,
  models: texts,
  metadata,
  blocked: z.boolean().nullish(),
  ...limits,
});

export const addTeamMembersSchema = z.object({
  team_id: z.string(),
  member: z.union([teamMemberSchema, z.array(teamMemberSchema)]),
  max_budget_in_team: number,
});

const teamMemberRefSchema = z.object({ team_id: z.string(), user_id: text, user_email: text });

export const updateTeamMemberSchema = teamMemberRefSchema
  .extend({
    role: z.enum(['admin', 'user']).nullish(),
    max_budget_in_team: number,
    tpm_limit: whole,
    rpm_limit: whole,
  })
  .refine(hasUser, noUser);

export const deleteTeamMemberSchema = teamMemberRefSchema.refine(hasUser, noUser);

const userRoleSchema = z.enum(['proxy_admin', 'proxy_admin_viewer', 'internal_user', 'internal_user_viewer']);

const userFields = {
  user_id: text,
  user_email: text,
  user_alias: text,
  user_role: userRoleSchema.nullish(),
  models: texts,
  metadata,
  ...limits,
};

export const newUserSchema = z.object({
  ...userFields,
  sso_user_id: text,
  /** LiteLLM creates a key unless this is false. */
  auto_create_key: z.boolean().default(true),
  teams: texts,
  organizations: texts,
});

export const updateUserSchema = z.object(userFields).refine(hasUser, noUser);

const page = z.coerce.number().int().min(1).default(1);
/** A list returns at most 100 rows at once. */
const pageSize = (byDefault: number): z.ZodDefault<z.ZodCoercedNumber> =>
  z.coerce.number().int().min(1).max(100).default(byDefault);

const sorting = { sort_by: z.string().optional(), sort_order: z.enum(['asc', 'desc']).default('asc') };

export const teamListSchema = z.object({ page, page_size: pageSize(10), ...sorting });

export const userListSchema = z.object({
  page,
  page_size: pageSize(25),
  user_ids: z.string().optional(),
  ...sorting,
});

export const organizationIdSchema = z.object({ organization_id: z.string() });
export const teamIdSchema = z.object({ team_id: z.string() });
export const userIdSchema = z.object({ user_id: z.string().optional() });

export const teamPermissionsSchema = z.object({
  team_id: z.string(),
  team_member_permissions: z.array(z.string()),
});

const keyFields = {
  key_alias: text,
  user_id: text,
  team_id: text,
  blocked: z.boolean().nullish(),
  models: texts,
  /** A lifetime from now, such as `90d`. */
  duration: text,
  metadata,
  allowed_routes: texts,
  ...limits,
};

export const newKeySchema = z.object({
  ...keyFields,
  key_type: z.enum(['llm_api', 'management', 'read_only', 'default']).nullish(),
});

export const updateKeySchema = z.object({ ...keyFields, key: z.string() });

/** The key itself, or its hash. */
export const keyRefSchema = z.object({ key: z.string() });
export const keyQuerySchema = z.object({ key: z.string().optional() });
export const deleteKeysSchema = z.object({ keys: texts, key_aliases: texts });

export const keyListSchema = z.object({
  page,
  size: pageSize(10),
  user_id: z.string().optional(),
  team_id: z.string().optional(),
  organization_id: z.string().optional(),
  key_hash: z.string().optional(),
  key_alias: z.string().optional(),
  return_full_object: z.stringbool().default(false),
  status: z.string().optional(),
  sort_by: z.string().optional(),
  sort_order: z.enum(['asc', 'desc']).default('desc'),
});

export const chatSchema = z.object({
  model: z.string(),
  messages: z.array(z.record(z.string(), z.unknown())),
});

export const deleteUsersSchema = z.object({ user_ids: z.array(z.string()) });
export const deleteTeamsSchema = z.object({ team_ids: z.array(z.string()) });
export const deleteOrganizationsSchema = z.object({ organization_ids: z.array(z.string()) });

export const noQuerySchema = z.object({});
