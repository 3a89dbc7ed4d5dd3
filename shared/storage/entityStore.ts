/** Storage for organizations and teams. It creates absent rows, never overwrites a row, and names rows that it cannot read. */
import type { UnreadableRow } from '../model/handEdits.ts';
import * as z from 'zod/mini';
import { chunksOf, inParallel } from '../platform/inParallel.ts';
import { type Organization, type Team, limitsOf } from '../model/entities.ts';
import type { Relink } from '../model/newEntities.ts';
import { amount, jsonObject, nameList, readColumns, text } from './tables/columns.ts';
import { withoutUndefined } from '../platform/withoutUndefined.ts';
import { hashPartition, TABLES } from './tables/tableNames.ts';
import type { Properties, RowKey, StoredRow, Tables } from '../model/tables.ts';

/** Azure allows 15 comparisons in a filter, and the partition takes one of them. */
const KEYS_PER_QUERY = 14;

/** From this many rows on, reading the whole partition is cheaper than naming the rows. */
const READ_WHOLE_PARTITION_FROM = 3 * KEYS_PER_QUERY;

const ROWS_PER_TRANSACTION = 100;
const PARALLEL_REQUESTS = 16;

/**
 * How often Azure may refuse to create rows although the next read finds none of them. This happens only while another
 * process keeps creating and deleting the same rows.
 */
const MAX_FRUITLESS_TRIES = 3;

/** Returns the partition of an organization or team: `p0` to `pf`, by a hash of its id. */
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

interface Creation<T> {
  readonly table: string;
  readonly rows: readonly NewRow[];
  readonly parse: (row: StoredRow) => Parsed<T>;
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

export interface StoredEntity<T> {
  readonly value: T;
  readonly etag: string;
}

export interface EntityRead<T> {
  /** The readable rows, by id. */
  readonly found: ReadonlyMap<string, StoredEntity<T>>;
  /** The rows that exist but cannot be read, by id. */
  readonly unreadable: ReadonlyMap<string, UnreadableRow>;
}

/** The result of a create: the new rows, and the rows that existed already and stay as they are. */
export interface EntityCreation<T> extends EntityRead<T> {
  /** The ids of the rows that this call created. Their values are exactly those that the caller passed. */
  readonly created: ReadonlySet<string>;
}

/** The store of organizations and teams. */
export class EntityStore {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** Reads organizations by id. It reads a few ids by key and many by partition. An empty list costs no request. */
  async readOrganizations(ids: readonly string[]): Promise<EntityRead<Organization>> {
    return this.#read(TABLES.organizations, ids, parseOrganization);
  }

  /** Reads teams by id, as {@link EntityStore.readOrganizations} does. */
  async readTeams(ids: readonly string[]): Promise<EntityRead<Team>> {
    return this.#read(TABLES.teams, ids, parseTeam);
  }

  /** Reads all organizations, one request a page. */
  readOrganizationPages(): AsyncIterable<EntityRead<Organization>> {
    return this.#readPages(TABLES.organizations, parseOrganization);
  }

  /** Reads all teams, one request a page. */
  readTeamPages(): AsyncIterable<EntityRead<Team>> {
    return this.#readPages(TABLES.teams, parseTeam);
  }

  /**
   * Creates the organizations that are absent. It reads nothing first: one request creates up to 100 rows of a partition. If one
   * of them exists, the store reads all of them and tries the rest again. Existing rows stay untouched. A repeated call finds the
   * rows of the first one. While another process keeps deleting rows, an id may be missing from all three parts of the result.
   */
  async createOrganizations(organizations: readonly Organization[]): Promise<EntityCreation<Organization>> {
    return this.#create({
      table: TABLES.organizations,
      rows: organizations.map((one) => ({
        id: one.organization_id,
        properties: organizationProperties(one),
      })),
      parse: parseOrganization,
    });
  }

  /** Creates the teams that are absent, as {@link EntityStore.createOrganizations} does. */
  async createTeams(teams: readonly Team[]): Promise<EntityCreation<Team>> {
    return this.#create({
      table: TABLES.teams,
      rows: teams.map((team) => ({ id: team.team_id, properties: teamProperties(team) })),
      parse: parseTeam,
    });
  }

  /** Links a degraded team to its organization. Returns `false` if the row has changed since it was read. */
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
        : chunksOf(rowKeys, KEYS_PER_QUERY).map((keys) => ({ partitionKey, rowKeys: keys })),
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

  async #create<T>(creation: Creation<T>): Promise<EntityCreation<T>> {
    const parts = byPartition(creation.rows, (row) => row.id);
    const done = await inParallel(parts, PARALLEL_REQUESTS, async ([, rows]) =>
      this.#createInPartition({ ...creation, rows }),
    );
    return {
      created: new Set(done.flatMap(({ created }) => [...created])),
      found: new Map(done.flatMap(({ found }) => [...found])),
      unreadable: new Map(done.flatMap(({ unreadable }) => [...unreadable])),
    };
  }

  /**
   * Creates the absent rows of one partition. Azure refuses a whole transaction if one of its rows exists, and its answer names
   * at most the first such row. So the method reads all refused rows and tries the absent ones again. Reading all of them takes
   * a few requests. Creating them one by one would take a request for each row.
   */
  async #createInPartition<T>({ table, rows, parse }: Creation<T>): Promise<EntityCreation<T>> {
    const created = new Set<string>();
    const found = new Map<string, StoredEntity<T>>();
    const unreadable = new Map<string, UnreadableRow>();
    let missing = rows;
    let fruitlessTries = 0;
    while (missing.length > 0 && fruitlessTries < MAX_FRUITLESS_TRIES) {
      const refused: NewRow[] = [];
      for (const chunk of chunksOf(missing, ROWS_PER_TRANSACTION)) {
        if (await this.#createTogether(table, chunk)) for (const { id } of chunk) created.add(id);
        else refused.push(...chunk);
      }
      const ids = refused.map(({ id }) => id);
      const existing = await this.#read(table, ids, parse);
      for (const [id, entity] of existing.found) found.set(id, entity);
      for (const [id, row] of existing.unreadable) unreadable.set(id, row);
      missing = refused.filter(({ id }) => !existing.found.has(id) && !existing.unreadable.has(id));
      if (missing.length === refused.length) fruitlessTries += 1;
    }
    return { created, found, unreadable };
  }

  /** Creates all rows, or none if one of them exists. Returns whether it created them. */
  async #createTogether(table: string, rows: readonly NewRow[]): Promise<boolean> {
    const writes = rows.map(({ id, properties }) => ({
      kind: 'create' as const,
      key: entityKey(id),
      properties,
    }));
    const [only, second] = writes;
    const isAlone = only !== undefined && second === undefined;
    const result = await (isAlone ? this.#tables.write(table, only) : this.#tables.transact(table, writes));
    return result.done;
  }
}
