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

export const newOrganizationSchema = z.object({
  organization_alias: z.string(),
  organization_id: text,
  models: z.array(z.string()).optional(),
  metadata,
  ...limits,
});

export const updateOrganizationSchema = z.object({
  organization_id: text,
  organization_alias: text,
  models: texts,
  metadata,
  ...limits,
});

const organizationRoleSchema = z.enum(['org_admin', 'internal_user', 'internal_user_viewer']);
// LiteLLM also accepts an email in place of each `user_id`. The product never sends one, so the emulator refuses it.
const organizationMemberSchema = z.object({ user_id: z.string(), role: organizationRoleSchema });

export const addOrganizationMembersSchema = z.object({
  organization_id: z.string(),
  member: z.union([organizationMemberSchema, z.array(organizationMemberSchema)]),
});

export const updateOrganizationMemberSchema = z.object({
  organization_id: z.string(),
  user_id: z.string(),
  role: organizationRoleSchema.nullish(),
});

export const deleteOrganizationMemberSchema = z.object({ organization_id: z.string(), user_id: z.string() });

export const newTeamSchema = z.object({
  team_id: text,
  team_alias: text,
  organization_id: text,
  models: z.array(z.string()).optional(),
  metadata,
  blocked: z.boolean().optional(),
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

const teamRoleSchema = z.enum(['admin', 'user']);
const teamMemberSchema = z.object({ user_id: z.string(), role: teamRoleSchema });
export type TeamMemberInput = z.infer<typeof teamMemberSchema>;

export const addTeamMembersSchema = z.object({
  team_id: z.string(),
  member: z.union([teamMemberSchema, z.array(teamMemberSchema)]),
});

export const updateTeamMemberSchema = z.object({
  team_id: z.string(),
  user_id: z.string(),
  role: teamRoleSchema.nullish(),
  max_budget_in_team: number,
  tpm_limit: whole,
  rpm_limit: whole,
});

export const deleteTeamMemberSchema = z.object({ team_id: z.string(), user_id: z.string() });

const userRoleSchema = z.enum(['proxy_admin', 'proxy_admin_viewer', 'internal_user', 'internal_user_viewer']);

const userFields = {
  user_id: text,
  user_email: text,
  user_alias: text,
  user_role: userRoleSchema.nullish(),
  sso_user_id: text,
  models: texts,
  metadata,
  ...limits,
};

export const newUserSchema = z.object({
  ...userFields,
  /** LiteLLM creates a key unless this is false. */
  auto_create_key: z.boolean().default(true),
  teams: texts,
});

export const updateUserSchema = z.object({ ...userFields, user_id: z.string() });

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
export const noQuerySchema = z.object({});
