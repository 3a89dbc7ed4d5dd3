/** Organizations and teams: created where absent, never overwritten, and a row that cannot be read is named. */
import * as z from 'zod/mini';
import type { Organization, Team } from '../domain/entities.ts';
import { limitsOf } from '../domain/entities.ts';
import type { Relink } from '../domain/newEntities.ts';
import type { EntityRead, EntityStore, StoredEntity, UnreadableRow } from '../storePorts.ts';
import { chunked } from './tables/chunked.ts';
import { amount, jsonObject, nameList, readColumns, text, withoutUndefined } from './tables/columns.ts';
import { hashPartition } from './tables/hashPartition.ts';
import { inParallel } from './tables/inParallel.ts';
import { TABLES } from './tables/tableNames.ts';
import type { Properties, RowKey, StoredRow, Tables } from './tables/tables.ts';

/** Azure allows 15 comparisons a filter, and one of them is the partition. */
const KEYS_PER_QUERY = 14;

/** From here on reading the whole partition is cheaper than naming rows. */
const READ_WHOLE_PARTITION_FROM = 3 * KEYS_PER_QUERY;

const ROWS_PER_TRANSACTION = 100;
const PARALLEL_REQUESTS = 16;

/** Gives the partition of an organization or team: `p0` to `pf`, by a hash of its id. */
export function entityPartition(id: string): string {
  return hashPartition(id);
}

function entityKey(id: string): RowKey {
  return { partitionKey: entityPartition(id), rowKey: id };
}

const limitColumns = {
  max_budget: amount,
  budget_duration: text,
  tpm_limit: amount,
  rpm_limit: amount,
};

const sharedColumns = {
  ...limitColumns,
  models: nameList,
  spend: z._default(z.number(), 0),
  metadata: jsonObject,
  created_at: z._default(z.string(), ''),
  updated_at: z._default(z.string(), ''),
};

const organizationColumns = z.object({ ...sharedColumns, organization_alias: z._default(z.string(), '') });
const teamColumns = z.object({
  ...sharedColumns,
  team_alias: z._default(z.string(), ''),
  organization_id: text,
  team_member_permissions: nameList,
});

type Parsed<T> = { readonly value: T } | { readonly columns: readonly string[] };

function parseOrganization(row: StoredRow): Parsed<Organization> {
  const reading = readColumns(organizationColumns, row.properties);
  if (!reading.ok) return { columns: reading.columns };
  const { organization_alias, models, spend, metadata, created_at, updated_at } = reading.value;
  return {
    value: {
      organization_id: row.rowKey,
      organization_alias: organization_alias === '' ? row.rowKey : organization_alias,
      models,
      ...limitsOf(reading.value),
      spend,
      metadata,
      created_at,
      updated_at,
    },
  };
}

function parseTeam(row: StoredRow): Parsed<Team> {
  const reading = readColumns(teamColumns, row.properties);
  if (!reading.ok) return { columns: reading.columns };
  const { team_alias, organization_id, models, spend, metadata, created_at, updated_at } = reading.value;
  return {
    value: {
      team_id: row.rowKey,
      team_alias: team_alias === '' ? row.rowKey : team_alias,
      ...withoutUndefined({ organization_id }),
      models,
      ...limitsOf(reading.value),
      team_member_permissions: reading.value.team_member_permissions,
      spend,
      metadata,
      created_at,
      updated_at,
    },
  };
}

function organizationProperties(organization: Organization): Properties {
  return {
    organization_id: organization.organization_id,
    organization_alias: organization.organization_alias,
    models: JSON.stringify(organization.models),
    ...limitsOf(organization),
    spend: organization.spend,
    metadata: JSON.stringify(organization.metadata),
    created_at: organization.created_at,
    updated_at: organization.updated_at,
  };
}

function teamProperties(team: Team): Properties {
  return {
    team_id: team.team_id,
    team_alias: team.team_alias,
    ...(team.organization_id === undefined ? {} : { organization_id: team.organization_id }),
    models: JSON.stringify(team.models),
    ...limitsOf(team),
    team_member_permissions: JSON.stringify(team.team_member_permissions),
    spend: team.spend,
    metadata: JSON.stringify(team.metadata),
    created_at: team.created_at,
    updated_at: team.updated_at,
  };
}

interface NewRow {
  readonly id: string;
  readonly properties: Properties;
}

function byPartition<T>(
  items: readonly T[],
  idOf: (item: T) => string,
): readonly (readonly [string, readonly T[]])[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const partition = entityPartition(idOf(item));
    groups.set(partition, [...(groups.get(partition) ?? []), item]);
  }
  return [...groups];
}

function parseRows<T>(
  table: string,
  rows: readonly StoredRow[],
  parse: (row: StoredRow) => Parsed<T>,
): EntityRead<T> {
  const found = new Map<string, StoredEntity<T>>();
  const unreadable = new Map<string, UnreadableRow>();
  for (const row of rows) {
    const parsed = parse(row);
    if ('value' in parsed) found.set(row.rowKey, { value: parsed.value, etag: row.etag });
    else unreadable.set(row.rowKey, { id: row.rowKey, table, columns: parsed.columns });
  }
  return { found, unreadable };
}

class TableEntityStore implements EntityStore {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  async readOrganizations(ids: readonly string[]): Promise<EntityRead<Organization>> {
    return this.#read(TABLES.organizations, ids, parseOrganization);
  }

  async readTeams(ids: readonly string[]): Promise<EntityRead<Team>> {
    return this.#read(TABLES.teams, ids, parseTeam);
  }

  readOrganizationPages(): AsyncIterable<EntityRead<Organization>> {
    return this.#readPages(TABLES.organizations, parseOrganization);
  }

  readTeamPages(): AsyncIterable<EntityRead<Team>> {
    return this.#readPages(TABLES.teams, parseTeam);
  }

  async createOrganizations(organizations: readonly Organization[]): Promise<ReadonlySet<string>> {
    return this.#create(
      TABLES.organizations,
      organizations.map((one) => ({ id: one.organization_id, properties: organizationProperties(one) })),
    );
  }

  async createTeams(teams: readonly Team[]): Promise<ReadonlySet<string>> {
    return this.#create(
      TABLES.teams,
      teams.map((team) => ({ id: team.team_id, properties: teamProperties(team) })),
    );
  }

  async relinkTeam(team: StoredEntity<Team>, relink: Relink, now: Date): Promise<boolean> {
    const result = await this.#tables.write(TABLES.teams, {
      kind: 'merge',
      key: entityKey(team.value.team_id),
      etag: team.etag,
      properties: {
        organization_id: relink.organization_id,
        ...(relink.models === undefined ? {} : { models: JSON.stringify(relink.models) }),
        metadata: JSON.stringify(relink.metadata),
        updated_at: now.toISOString(),
      },
    });
    return result.done;
  }

  async #read<T>(
    table: string,
    ids: readonly string[],
    parse: (row: StoredRow) => Parsed<T>,
  ): Promise<EntityRead<T>> {
    const wanted = new Set(ids);
    const queries = byPartition([...wanted], (id) => id).flatMap(([partitionKey, rowKeys]) =>
      rowKeys.length >= READ_WHOLE_PARTITION_FROM
        ? [{ partitionKey }]
        : chunked(rowKeys, KEYS_PER_QUERY).map((keys) => ({ partitionKey, rowKeys: keys })),
    );
    const pages = await inParallel(queries, PARALLEL_REQUESTS, async (query) =>
      this.#tables.read(table, query),
    );
    const rows = pages.flat().filter((row) => wanted.has(row.rowKey));
    return parseRows(table, rows, parse);
  }

  async *#readPages<T>(table: string, parse: (row: StoredRow) => Parsed<T>): AsyncGenerator<EntityRead<T>> {
    for await (const page of this.#tables.readPages(table, {})) yield parseRows(table, page, parse);
  }

  async #create(table: string, rows: readonly NewRow[]): Promise<ReadonlySet<string>> {
    const chunks = byPartition(rows, (row) => row.id).flatMap(([, part]) =>
      chunked(part, ROWS_PER_TRANSACTION),
    );
    const created = await inParallel(chunks, PARALLEL_REQUESTS, async (chunk) =>
      this.#createChunk(table, chunk),
    );
    return new Set(created.flat());
  }

  async #createChunk(table: string, rows: readonly NewRow[]): Promise<readonly string[]> {
    if (rows.length > 1) {
      const writes = rows.map((row) => ({
        kind: 'create' as const,
        key: entityKey(row.id),
        properties: row.properties,
      }));
      const result = await this.#tables.transact(table, writes);
      if (result.done) return rows.map((row) => row.id);
    }
    // One row was there already and refused the whole transaction: create them one by one, each only where absent.
    const created = await inParallel(rows, PARALLEL_REQUESTS, async (row) => {
      const result = await this.#tables.write(table, {
        kind: 'create',
        key: entityKey(row.id),
        properties: row.properties,
      });
      return result.done ? [row.id] : [];
    });
    return created.flat();
  }
}

/** Gives the store of organizations and teams. */
export function createEntityStore(tables: Tables): EntityStore {
  return new TableEntityStore(tables);
}
