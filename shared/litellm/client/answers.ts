/**
 * Reads LiteLLM's answers, in the shapes of older and newer versions. Fields without a schema here may be anything. A missing field
 * that decides something is an error, never an empty value.
 * Sources: LiteLLM's `litellm/proxy/_types.py` (the tables' models) and the endpoints that `requests.ts` names.
 */
import { toDotPath } from 'zod/v4/core';
import * as z from 'zod/mini';
import { limitsOf, GLOBAL_ROLES } from '../../model/entities.ts';
import type { OrganizationValues, TeamValues } from '../../model/litellmValues.ts';
import { AppError } from '../../model/errors.ts';
import type {
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
});

const pageCount = { total_pages: z.int().check(z.nonnegative()) };
const teamPageSchema = z.object({ teams: z.array(teamSchema), ...pageCount });
const userPageSchema = z.object({ users: z.array(userSchema), ...pageCount });

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

/** Checks that LiteLLM answered `GET /health/readiness`. Versions differ in everything but the status. */
export function parseReadiness(body: unknown): void {
  parse(readinessSchema, body);
}

const noLimits = { max_budget: undefined, tpm_limit: undefined, rpm_limit: undefined };

function toOrganization(row: z.output<typeof organizationSchema>): LitellmOrganization {
  const values: OrganizationValues = {
    organization_alias: row.organization_alias ?? '',
    models: row.models,
    ...limitsOf({ budget_duration: undefined, ...noLimits, ...row.litellm_budget_table }),
  };
  const members = row.members.map(({ user_id: userId, user_role: role }) => ({ userId, role: role ?? '' }));
  return { organizationId: row.organization_id, values, members, teams: toTeams(row.teams ?? []) };
}

/** Leaves out incomplete teams. Where one is needed, it is asked for alone. */
function toTeams(rows: readonly unknown[]): ReadonlyMap<string, LitellmTeam> {
  const teams = rows.flatMap((row) => teamSchema.safeParse(row).data ?? []).map(toTeam);
  return new Map(teams.map((team) => [team.teamId, team]));
}

function toTeam(row: z.output<typeof teamSchema>): LitellmTeam {
  const { organization_id: organizationId } = row;
  const values: TeamValues = {
    team_alias: row.team_alias ?? '',
    // An empty id says that the team was taken out of its organization.
    ...(organizationId === undefined || organizationId === '' ? {} : { organization_id: organizationId }),
    models: row.models,
    ...limitsOf(row),
  };
  return { teamId: row.team_id, values, members: row.members_with_roles.flatMap(toMember) };
}

/** Leaves out a member with an email but without an id: this product cannot have added it. */
function toMember(member: {
  readonly user_id?: string | undefined;
  readonly role?: string | undefined;
}): LitellmMember[] {
  return member.user_id === undefined ? [] : [{ userId: member.user_id, role: member.role ?? '' }];
}

function toUser(row: z.output<typeof userSchema>): LitellmUser {
  const role = GLOBAL_ROLES.find((candidate) => candidate === row.user_role);
  return {
    userId: row.user_id,
    values: {
      ...(row.user_email === undefined ? {} : { user_email: row.user_email }),
      ...(row.user_alias === undefined ? {} : { user_alias: row.user_alias }),
      ...(role === undefined ? {} : { user_role: role }),
      models: row.models,
      ...(row.max_budget === undefined ? {} : { max_budget: row.max_budget }),
      ...(row.budget_duration === undefined ? {} : { budget_duration: row.budget_duration }),
    },
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
