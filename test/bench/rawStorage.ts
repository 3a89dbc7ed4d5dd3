/**
 * What storage itself takes for a first provisioning. Raw: one row per entity and membership and one of the user, in full
 * transactions where a partition allows, side by side; no reads, no fence, no claim, no index. Unsafe on purpose: it is the floor,
 * not an alternative. With the index: the same and the rows that say who is in a team or an organization, which the rules
 * require (docs/domain.md), still all side by side.
 */
import { entityPartition } from '../../shared/storage/entityStore.ts';
import { inParallel } from '../../shared/platform/inParallel.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import {
  indexRow,
  ORGANIZATION_MEMBERSHIPS,
  TEAM_MEMBERSHIPS,
} from '../../shared/storage/membershipKinds.ts';
import type { Properties, RowKey, Tables } from '../../shared/model/tables.ts';
import { chunksOf } from '../../shared/platform/chunksOf.ts';
import { type SubjectPerson, TENANT_ID } from './provisioningSubject.ts';

const ROWS_PER_TRANSACTION = 100;

/** As many as the product sends at once. */
const PARALLEL_REQUESTS = 16;

/** A row that somebody's first provisioning writes, and its table. */
export interface RawRow {
  readonly table: string;
  readonly key: RowKey;
  readonly properties: Properties;
}

export interface RawProvisioning {
  readonly person: SubjectPerson;
  readonly groups: readonly { readonly id: string; readonly displayName: string }[];
  /** Whether organizations and teams are written too, or are there already. */
  readonly newEntities: boolean;
  /** Whether the rows of the member indexes are written too. Default false. */
  readonly withIndex?: boolean;
}

/** Writes the rows of one person's first provisioning; {@link rawTableRequests} requests. Throws an Error where one is there. */
export async function provisionRaw(tables: Tables, what: RawProvisioning): Promise<void> {
  await writeRows(tables, allRowsOf(what));
}

/** Creates rows, in full transactions where a partition allows, side by side. Throws an Error where one is there. */
export async function writeRows(tables: Tables, rows: readonly RawRow[]): Promise<void> {
  await inParallel(transactionsOf(rows), PARALLEL_REQUESTS, async (transaction) => {
    const [first] = transaction;
    if (first === undefined) return;
    const writes = transaction.map(({ key, properties }) => ({ kind: 'create' as const, key, properties }));
    const [only] = writes;
    const result =
      writes.length === 1 && only !== undefined
        ? await tables.write(first.table, only)
        : await tables.transact(first.table, writes);
    if (!result.done) throw new Error(`A row of ${first.table} was there already`);
  });
}

/** Gives how many requests {@link provisionRaw} sends. Pure. */
export function rawTableRequests(what: RawProvisioning): number {
  return transactionsOf(allRowsOf(what)).length;
}

function transactionsOf(all: readonly RawRow[]): readonly (readonly RawRow[])[] {
  const partitions = new Map<string, RawRow[]>();
  for (const row of all) {
    const name = `${row.table} ${row.key.partitionKey}`;
    const rows = partitions.get(name);
    if (rows === undefined) partitions.set(name, [row]);
    else rows.push(row);
  }
  return [...partitions.values()].flatMap((rows) => chunksOf(rows, ROWS_PER_TRANSACTION));
}

/** The rows of one first provisioning, by what they are. */
export interface RawRows {
  readonly organizations: readonly RawRow[];
  readonly teams: readonly RawRow[];
  readonly index: readonly RawRow[];
  readonly organizationMemberships: readonly RawRow[];
  readonly teamMemberships: readonly RawRow[];
  readonly user: RawRow;
}

/** Gives the rows. `now` is their time. Pure. */
export function rawRowsOf({ person, groups, newEntities }: RawProvisioning, now: Date): RawRows {
  const at = now.toISOString();
  const entities = newEntities ? groups : [];
  const { userId } = person;
  return {
    organizations: entities.map((group) => organizationRow(group, at)),
    teams: entities.map((group) => teamRow(group, at)),
    index: groups.flatMap(({ id: entityId }) => [
      {
        table: TABLES.organizationMembers,
        ...indexRow(ORGANIZATION_MEMBERSHIPS, { entityId, userId, role: 'internal_user' }, now),
      },
      {
        table: TABLES.teamMembers,
        ...indexRow(TEAM_MEMBERSHIPS, { entityId, userId, role: 'user' }, now),
      },
    ]),
    organizationMemberships: groups.map(({ id }) =>
      membershipRow(TABLES.organizationMemberships, {
        key: { partitionKey: userId, rowKey: id },
        properties: {
          organization_id: id,
          user_role: 'internal_user',
          user_role_written: 'internal_user',
          created_at: at,
        },
      }),
    ),
    teamMemberships: groups.map(({ id }) =>
      membershipRow(TABLES.teamMemberships, {
        key: { partitionKey: userId, rowKey: id },
        properties: { team_id: id, role: 'user', role_written: 'user', created_at: at },
      }),
    ),
    user: userRow(person, at),
  };
}

function allRowsOf(what: RawProvisioning): readonly RawRow[] {
  const rows = rawRowsOf(what, new Date());
  return [
    ...rows.organizations,
    ...rows.teams,
    ...(what.withIndex === true ? rows.index : []),
    ...rows.organizationMemberships,
    ...rows.teamMemberships,
    rows.user,
  ];
}

type EntityGroup = RawProvisioning['groups'][number];

function organizationRow({ id, displayName }: EntityGroup, at: string): RawRow {
  return {
    table: TABLES.organizations,
    key: { partitionKey: entityPartition(id), rowKey: id },
    properties: {
      organization_id: id,
      organization_alias: displayName,
      models: '["gpt-4","gpt-3.5-turbo"]',
      max_budget: 1000,
      budget_duration: '30d',
      spend: 0,
      metadata: metadataOf('LiteLLM_OrganizationTable', id),
      created_at: at,
      updated_at: at,
    },
  };
}

function metadataOf(entity: string, groupId: string): string {
  return JSON.stringify({
    litellm_entity: entity,
    entra_provisioning: { source: 'entra', group_id: groupId },
  });
}

function teamRow({ id, displayName }: EntityGroup, at: string): RawRow {
  return {
    table: TABLES.teams,
    key: { partitionKey: entityPartition(id), rowKey: id },
    properties: {
      team_id: id,
      team_alias: displayName,
      organization_id: id,
      models: '["all-org-models"]',
      team_member_permissions: '[]',
      spend: 0,
      metadata: metadataOf('LiteLLM_TeamTable', id),
      created_at: at,
      updated_at: at,
    },
  };
}

function membershipRow(table: string, row: Omit<RawRow, 'table'>): RawRow {
  const { created_at: at = '' } = row.properties;
  return {
    table,
    key: row.key,
    properties: {
      ...row.properties,
      user_id: row.key.partitionKey,
      grant_source: 'entra',
      updated_at: at,
    },
  };
}

function userRow({ userId, email, displayName }: SubjectPerson, at: string): RawRow {
  return {
    table: TABLES.users,
    key: { partitionKey: userId, rowKey: 'user' },
    properties: {
      user_id: userId,
      sso_user_id: userId,
      tenant_id: TENANT_ID,
      user_email: email,
      user_email_written: email,
      display_name: displayName,
      display_name_written: displayName,
      user_role: 'internal_user_viewer',
      user_role_written: 'internal_user_viewer',
      models: '[]',
      active: true,
      created_at: at,
      updated_at: at,
    },
  };
}
