/** The columns of what this product created in LiteLLM: the values that it wrote, and what else a sync must know about them. */
import * as z from 'zod/mini';
import { GLOBAL_ROLES } from '../model/entities.ts';
import { AppError } from '../model/errors.ts';
import type { OrganizationValues, TeamValues, UserValues } from '../model/litellmValues.ts';
import type { ClearedValue, SyncedEntity, SyncedTeam, TeamMove } from '../model/synced.ts';
import type { Properties, StoredRow } from '../model/tables.ts';
import { readColumns } from './tables/columns.ts';
import { packJson, parsePacked } from './tables/packedBytes.ts';

const limits = {
  max_budget: z.exactOptional(z.number()),
  budget_duration: z.exactOptional(z.string()),
  tpm_limit: z.exactOptional(z.number()),
  rpm_limit: z.exactOptional(z.number()),
};
const organization = { organization_alias: z.string(), models: z.array(z.string()), ...limits };
const team = {
  team_alias: z.string(),
  organization_id: z.exactOptional(z.string()),
  models: z.array(z.string()),
  team_member_permissions: z.exactOptional(z.array(z.string())),
  ...limits,
};
const user = {
  user_email: z.exactOptional(z.string()),
  user_alias: z.exactOptional(z.string()),
  user_role: z.enum(GLOBAL_ROLES),
  models: z.array(z.string()),
  max_budget: z.exactOptional(z.number()),
  budget_duration: z.exactOptional(z.string()),
};

/** The values of one kind, whole and in part. */
interface Schemas<Values> {
  readonly whole: z.ZodMiniType<Values>;
  readonly part: z.ZodMiniType<Partial<Values>>;
}
const organizationSchemas: Schemas<OrganizationValues> = {
  whole: z.object(organization),
  part: z.object({
    ...organization,
    organization_alias: z.exactOptional(organization.organization_alias),
    models: z.exactOptional(organization.models),
  }),
};
const teamPart: z.ZodMiniType<Partial<TeamValues>> = z.object({
  ...team,
  team_alias: z.exactOptional(team.team_alias),
  models: z.exactOptional(team.models),
});
const teamSchemas: Schemas<TeamValues> = { whole: z.object(team), part: teamPart };
const userSchemas: Schemas<UserValues> = {
  whole: z.object(user),
  part: z.object({
    ...user,
    user_role: z.exactOptional(user.user_role),
    models: z.exactOptional(user.models),
  }),
};

const clearedSchema: z.ZodMiniType<Record<string, ClearedValue>> = z.record(
  z.string(),
  z.object({ value: z.unknown(), version: z.string() }),
);
const moveSchema: z.ZodMiniType<TeamMove<TeamValues>> = z.object({
  from: z.string(),
  to: z.string(),
  before: teamPart,
  narrowed: teamPart,
  takeOut: z.array(z.string()),
});
const teamState = z.object({
  isBlockedByUs: z.exactOptional(z.boolean()),
  moving: z.exactOptional(moveSchema),
  notMoved: z.exactOptional(z.object({ to: z.string(), reason: z.string() })),
});

type Columns = StoredRow['properties'];

const sinceColumn = z.object({ since: z.string() });

/** What the columns say, or the names of those that cannot be read. */
export type EntityReading<Entity> =
  | { readonly ok: true; readonly entity: Entity }
  | { readonly ok: false; readonly columns: readonly string[] };

function findPacked(name: string, properties: Columns): unknown {
  try {
    return parsePacked(name, properties);
  } catch (error) {
    if (error instanceof AppError && error.code === 'row_unreadable') return undefined;
    throw error;
  }
}

/** The `state` column exists only where there is something to say. */
function readEntity<Values>(
  properties: Columns,
  schemas: Schemas<Values>,
): EntityReading<SyncedEntity<Values>> {
  const since = readColumns(sinceColumn, properties);
  const written = schemas.whole.safeParse(findPacked('written', properties));
  const stateSchema = z.object({
    isNew: z.exactOptional(z.boolean()),
    defaults: z.exactOptional(schemas.part),
    cleared: z.exactOptional(clearedSchema),
  });
  const state = stateSchema.safeParse(hasState(properties) ? findPacked('state', properties) : {});
  if (since.ok && written.success && state.success) {
    return { ok: true, entity: { written: written.data, since: since.value.since, ...state.data } };
  }
  return {
    ok: false,
    columns: [
      ...(since.ok ? [] : since.columns),
      ...(written.success ? [] : ['written']),
      ...(state.success ? [] : ['state']),
    ],
  };
}

function hasState(properties: Columns): boolean {
  return Object.keys(properties).some((name) => name.startsWith('state'));
}

/** Reads what was written of an organization. */
export function readSyncedOrganization(properties: Columns): EntityReading<SyncedEntity<OrganizationValues>> {
  return readEntity(properties, organizationSchemas);
}

/** Reads what was written of a user. */
export function readSyncedUser(properties: Columns): EntityReading<SyncedEntity<UserValues>> {
  return readEntity(properties, userSchemas);
}

/** Reads what was written of a team. */
export function readSyncedTeam(properties: Columns): EntityReading<SyncedTeam<TeamValues>> {
  const reading = readEntity(properties, teamSchemas);
  if (!reading.ok) return reading;
  const state = teamState.safeParse(hasState(properties) ? findPacked('state', properties) : {});
  return state.success
    ? { ok: true, entity: { ...reading.entity, ...state.data } }
    : { ok: false, columns: ['state'] };
}

/** Returns the columns of an organization, a team or a user. */
export function entityProperties({ written, since, ...state }: SyncedTeam<unknown>): Properties {
  return {
    since,
    ...packJson('written', written),
    ...(Object.keys(state).length === 0 ? {} : packJson('state', state)),
  };
}
