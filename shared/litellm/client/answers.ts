/**
 * Reads LiteLLM's answers, in the shapes of older and newer versions. Fields without a schema here may be anything. A missing field
 * that decides something is an error, never an empty value.
 * Sources: LiteLLM's `litellm/proxy/_types.py` (the tables' models) and the endpoints that `requests.ts` names.
 */
import { toDotPath } from 'zod/v4/core';
import * as z from 'zod/mini';
import { withoutUndefined } from '../../platform/withoutUndefined.ts';
import { limitsOf, GLOBAL_ROLES } from '../../model/entities.ts';
import type { OrganizationValues, TeamValues, UserValues } from '../../model/litellmValues.ts';
import { AppError } from '../../model/errors.ts';
import { Secret } from '../../model/secret.ts';
import type {
  CreatedKey,
  LitellmKey,
  LitellmMember,
  LitellmOrganization,
  LitellmTeam,
  LitellmUser,
} from '../../model/litellmPorts.ts';

const absentNull = z.transform((value: unknown) => value ?? undefined);
/** LiteLLM writes null for an absent value, and leaves fields out in some answers. */
const text = z.pipe(absentNull, z.optional(z.string()));
const amount = z.pipe(absentNull, z.optional(z.number()));
/** For LiteLLM, empty and null both mean: no list of its own. */
const names = z.pipe(
  z.transform((value: unknown) => value ?? []),
  z.array(z.string()),
);
const flag = z.pipe(
  z.transform((value: unknown) => value ?? false),
  z.boolean(),
);
/** LiteLLM stores free JSON here, and null means nothing. */
const freeform = z.pipe(
  z.transform((value: unknown) => value ?? {}),
  z.record(z.string(), z.unknown()),
);
const limits = { max_budget: amount, budget_duration: text, tpm_limit: amount, rpm_limit: amount };

const organizationSchema = z.object({
  organization_id: z.string(),
  organization_alias: text,
  models: names,
  // `LiteLLM_BudgetTable`: an organization's limits are in its budget.
  litellm_budget_table: z.nullish(z.object(limits)),
  members: z.array(z.object({ user_id: z.string(), user_role: text })),
  teams: z.nullish(z.array(z.unknown())),
});

const teamSchema = z.object({
  team_id: z.string(),
  team_alias: text,
  organization_id: text,
  models: names,
  team_member_permissions: names,
  blocked: flag,
  // The column's default in the database is an empty object.
  members_with_roles: z.pipe(
    z.transform((value: unknown) => (isEmptyObject(value) ? [] : value)),
    z.array(z.object({ user_id: text, role: text })),
  ),
  ...limits,
});

/** The team's row is inside, beside the limits of members who have their own. */
const teamInfoSchema = z.object({
  team_info: teamSchema,
  team_memberships: z.nullish(
    z.array(
      z.object({
        user_id: z.string(),
        litellm_budget_table: z.nullish(
          z.object({ max_budget: amount, tpm_limit: amount, rpm_limit: amount }),
        ),
      }),
    ),
  ),
});

const userSchema = z.object({
  user_id: z.string(),
  user_email: text,
  user_alias: text,
  user_role: text,
  models: names,
  max_budget: amount,
  budget_duration: text,
  metadata: freeform,
  teams: names,
});

/** What `/user/new`, `/team/new` and `/organization/new` say about the row that they created. */
const newUserSchema = z.omit(userSchema, { teams: true, metadata: true });
const newTeamSchema = z.omit(teamSchema, { members_with_roles: true, blocked: true });
const newOrganizationSchema = z.omit(organizationSchema, { members: true, teams: true });

const keySchema = z.object({
  token: z.string(),
  key_name: text,
  key_alias: text,
  user_id: text,
  team_id: text,
  blocked: flag,
  models: names,
  expires: text,
  created_at: text,
  last_active: text,
  spend: amount,
  max_budget: amount,
  metadata: freeform,
  deleted_at: text,
  deleted_by: text,
});
const keyPageSchema = z.object({ keys: z.array(keySchema), total_pages: z.int().check(z.nonnegative()) });
/** The hash is only beside the row. */
const keyInfoSchema = z.object({ key: z.string(), info: z.omit(keySchema, { token: true }) });
const ownKeySchema = z.object({ info: z.object({ user_id: text }) });
const createdKeySchema = z.object({ key: z.string(), token: z.string(), expires: text });
const apiSchema = z.object({ info: z.object({ version: z.string() }) });

const pageCount = { total_pages: z.int().check(z.nonnegative()) };
const teamPageSchema = z.object({ teams: z.array(teamSchema), ...pageCount });
const userPageSchema = z.object({ users: z.array(userSchema), ...pageCount });
const userCountSchema = z.object({ total: z.int().check(z.nonnegative()) });

const readinessSchema = z.object({ status: z.string() });

/** A member's own limits inside a team. Absent: none. */
export interface TeamMemberLimits {
  readonly max_budget?: number;
  readonly tpm_limit?: number;
  readonly rpm_limit?: number;
}

export interface TeamInfo {
  readonly team: LitellmTeam;
  readonly memberLimits: ReadonlyMap<string, TeamMemberLimits>;
}

/** One page of a list, and how many pages there are. */
export interface AnswerPage<Row> {
  readonly rows: readonly Row[];
  readonly totalPages: number;
}

/**
 * Returns the organization of `GET /organization/info`.
 * This function and all below throw `litellm_answer_invalid` with `details.fault`, the path of the first wrong field.
 */
export function parseOrganization(body: unknown, organizationId: string): LitellmOrganization {
  const organization = toOrganization(parse(organizationSchema, body));
  requireSame(organization.organizationId, organizationId, 'organization_id');
  return organization;
}

/** Returns the organizations of `GET /organization/list`. */
export function parseOrganizations(body: unknown): readonly LitellmOrganization[] {
  return parse(z.array(organizationSchema), body).map(toOrganization);
}

/** Returns the team of `GET /team/info`. */
export function parseTeamInfo(body: unknown, teamId: string): TeamInfo {
  const { team_info: row, team_memberships: memberships } = parse(teamInfoSchema, body);
  const team = toTeam(row);
  requireSame(team.teamId, teamId, 'team_info.team_id');
  return {
    team,
    memberLimits: new Map(
      (memberships ?? []).map(({ user_id: userId, litellm_budget_table: budget }) => [
        userId,
        limitsOf({ budget_duration: undefined, ...noLimits, ...budget }),
      ]),
    ),
  };
}

/** Returns a page of `GET /v2/team/list`. */
export function parseTeamPage(body: unknown): AnswerPage<LitellmTeam> {
  const { teams, total_pages: totalPages } = parse(teamPageSchema, body);
  return { rows: teams.map(toTeam), totalPages };
}

/** Returns a page of `GET /user/list`. */
export function parseUserPage(body: unknown): AnswerPage<LitellmUser> {
  const { users, total_pages: totalPages } = parse(userPageSchema, body);
  return { rows: users.map(toUser), totalPages };
}

/** Returns the values of the user that `POST /user/new` created, with LiteLLM's defaults. */
export function parseNewUser(body: unknown): Partial<UserValues> {
  return userValuesOf(parse(newUserSchema, body));
}

/** Returns the values of the team that `POST /team/new` created, with LiteLLM's defaults. */
export function parseNewTeam(body: unknown): TeamValues {
  return teamValuesOf(parse(newTeamSchema, body));
}

/** Returns the values of the organization that `POST /organization/new` created. */
export function parseNewOrganization(body: unknown): OrganizationValues {
  return organizationValuesOf(parse(newOrganizationSchema, body));
}

/** Returns the number of all users of `GET /user/list`. */
export function parseUserCount(body: unknown): number {
  return parse(userCountSchema, body).total;
}

/** Returns a page of `GET /key/list`. */
export function parseKeyPage(body: unknown): AnswerPage<LitellmKey> {
  const { keys, total_pages: totalPages } = parse(keyPageSchema, body);
  return { rows: keys.map(toKey), totalPages };
}

/** Returns the key of `GET /key/info`. */
export function parseKey(body: unknown, hash: string): LitellmKey {
  const { key, info } = parse(keyInfoSchema, body);
  requireSame(key, hash, 'key');
  return toKey({ ...info, token: key });
}

/** Returns the owner of the key of `GET /key/info`; `undefined`: it has none. */
export function parseOwnUser(body: unknown): string | undefined {
  return parse(ownKeySchema, body).info.user_id;
}

/** Returns what `POST /key/generate` says once. */
export function parseCreatedKey(body: unknown): CreatedKey {
  const { key, token, expires } = parse(createdKeySchema, body);
  return { hash: token, secret: new Secret(key), ...(expires === undefined ? {} : { expires }) };
}

/** Returns the version of `GET /openapi.json`. */
export function parseVersion(body: unknown): string {
  return parse(apiSchema, body).info.version;
}

/** Checks that LiteLLM answered `GET /health/readiness`. Versions differ in everything but the status. */
export function parseReadiness(body: unknown): void {
  parse(readinessSchema, body);
}

const noLimits = { max_budget: undefined, tpm_limit: undefined, rpm_limit: undefined };

function organizationValuesOf(row: z.output<typeof newOrganizationSchema>): OrganizationValues {
  return {
    organization_alias: row.organization_alias ?? '',
    models: row.models,
    ...limitsOf({ budget_duration: undefined, ...noLimits, ...row.litellm_budget_table }),
  };
}

function toOrganization(row: z.output<typeof organizationSchema>): LitellmOrganization {
  const values = organizationValuesOf(row);
  const members = row.members.map(({ user_id: userId, user_role: role }) => ({ userId, role: role ?? '' }));
  return { organizationId: row.organization_id, values, members, teams: toTeams(row.teams ?? []) };
}

/** Leaves out incomplete teams. Where one is needed, it is asked for alone. */
function toTeams(rows: readonly unknown[]): ReadonlyMap<string, LitellmTeam> {
  const teams = rows.flatMap((row) => teamSchema.safeParse(row).data ?? []).map(toTeam);
  return new Map(teams.map((team) => [team.teamId, team]));
}

function teamValuesOf(row: z.output<typeof newTeamSchema>): TeamValues {
  const { organization_id: organizationId } = row;
  return {
    team_alias: row.team_alias ?? '',
    // An empty id says that the team was taken out of its organization.
    ...(organizationId === undefined || organizationId === '' ? {} : { organization_id: organizationId }),
    models: row.models,
    ...(row.team_member_permissions.length === 0
      ? {}
      : { team_member_permissions: row.team_member_permissions }),
    ...limitsOf(row),
  };
}

function toTeam(row: z.output<typeof teamSchema>): LitellmTeam {
  const { team_id: teamId, blocked } = row;
  return { teamId, values: teamValuesOf(row), members: row.members_with_roles.flatMap(toMember), blocked };
}

/** Leaves out a member with an email but without an id: this product cannot have added it. */
function toMember(member: {
  readonly user_id?: string | undefined;
  readonly role?: string | undefined;
}): LitellmMember[] {
  return member.user_id === undefined ? [] : [{ userId: member.user_id, role: member.role ?? '' }];
}

function userValuesOf(row: z.output<typeof newUserSchema>): Partial<UserValues> {
  const role = GLOBAL_ROLES.find((candidate) => candidate === row.user_role);
  return {
    ...(row.user_email === undefined ? {} : { user_email: row.user_email }),
    ...(row.user_alias === undefined ? {} : { user_alias: row.user_alias }),
    ...(role === undefined ? {} : { user_role: role }),
    models: row.models,
    ...(row.max_budget === undefined ? {} : { max_budget: row.max_budget }),
    ...(row.budget_duration === undefined ? {} : { budget_duration: row.budget_duration }),
  };
}

function toUser(row: z.output<typeof userSchema>): LitellmUser {
  const { user_id: userId, user_role: role, metadata, teams } = row;
  return { userId, values: userValuesOf(row), ...(role === undefined ? {} : { role }), metadata, teams };
}

function toKey(row: z.output<typeof keySchema>): LitellmKey {
  const { token: hash, key_name: name = '', blocked, models, spend = 0, metadata } = row;
  const optional = {
    alias: row.key_alias,
    userId: row.user_id,
    teamId: row.team_id,
    expires: row.expires,
    createdAt: row.created_at,
    lastActive: row.last_active,
    maxBudget: row.max_budget,
  };
  return {
    hash,
    name,
    blocked,
    models,
    spend,
    metadata,
    ...withoutUndefined(optional),
    ...(row.deleted_at === undefined
      ? {}
      : { deleted: { at: row.deleted_at, ...withoutUndefined({ by: row.deleted_by }) } }),
  };
}

function isEmptyObject(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0
  );
}

/** An answer about something else than was asked for is invalid. */
function requireSame(given: string, asked: string, path: string): void {
  if (given !== asked) throw invalid(path);
}

function parse<Schema extends z.ZodMiniType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw invalid(toDotPath(parsed.error.issues[0]?.path ?? []));
}

function invalid(fault: string): AppError {
  return new AppError('litellm_answer_invalid', 'LiteLLM answered something else than was asked for.', {
    retryable: true,
    details: { fault },
  });
}
