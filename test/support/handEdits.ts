/** Edits rows as an operator does with a storage explorer, and creates a store that fails. */
import { entityPartition } from '../../shared/storage/entityStore.ts';
import { FENCE_ROW_KEY, guardKey, memberKey } from '../../shared/storage/membershipKinds.ts';
import { readMembers } from '../../shared/storage/organizationGuards.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import type { Properties, RowKey, Tables, Value } from '../../shared/model/tables.ts';
import { type ErrorCode, AppError } from '../../shared/model/errors.ts';
import type { MemoryTables, StoreOperation } from './memoryTables.ts';

/** A row, by its table and key. */
export interface Row {
  readonly table: string;
  readonly key: RowKey;
}

/** Returns the place of a team's row. */
export function teamRow(id: string): Row {
  return { table: TABLES.teams, key: { partitionKey: entityPartition(id), rowKey: id } };
}

/** Returns the place of an organization's row. */
export function organizationRow(id: string): Row {
  return { table: TABLES.organizations, key: { partitionKey: entityPartition(id), rowKey: id } };
}

/** Returns the place of a person's row. */
export function userRow(userId: string): Row {
  return { table: TABLES.users, key: { partitionKey: userId, rowKey: 'user' } };
}

/** Returns the place of a person's membership of a team. */
export function teamMembershipRow(userId: string, id: string): Row {
  return { table: TABLES.teamMemberships, key: { partitionKey: userId, rowKey: id } };
}

/** Returns the place of a person's membership of an organization. */
export function organizationMembershipRow(userId: string, id: string): Row {
  return { table: TABLES.organizationMemberships, key: { partitionKey: userId, rowKey: id } };
}

/** Returns the place of the index row that lists a person as a member of a team or organization. */
export function indexRow(table: 'teamMembers' | 'organizationMembers', id: string, userId: string): Row {
  return { table: TABLES[table], key: memberKey({ entityId: id, userId }) };
}

/** Returns the place of an organization's guard row, which lists the administrators who are leaving. */
export function guardRow(organizationId: string): Row {
  return { table: TABLES.organizationMembers, key: guardKey(organizationId) };
}

/** Reads a row's properties. Returns `undefined` if the row does not exist. */
export async function findRow(
  tables: Tables,
  { table, key }: Row,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  return (await tables.find(table, key))?.properties;
}

/** Sets some columns of a row. Creates the row if it does not exist. */
export async function editRow(tables: Tables, { table, key }: Row, columns: Properties): Promise<void> {
  await tables.write(table, { kind: 'upsertMerge', key, properties: columns });
}

/** Removes a column from a row. A merge cannot do that, so it replaces the row. */
export async function dropColumn(tables: Tables, row: Row, column: string): Promise<void> {
  const properties: Record<string, Value> = {};
  for (const [name, value] of Object.entries((await findRow(tables, row)) ?? {})) {
    if (name !== column && isValue(value)) properties[name] = value;
  }
  await tables.write(row.table, { kind: 'upsert', key: row.key, properties });
}

function isValue(value: unknown): value is Value {
  return ['string', 'number', 'boolean'].includes(typeof value) || value instanceof Uint8Array;
}

/** Deletes a row. */
export async function deleteRow(tables: Tables, { table, key }: Row): Promise<void> {
  await tables.write(table, { kind: 'delete', key, etag: '*' });
}

/** Reads the ids of the people that an index lists, sorted. */
export async function indexOf(
  tables: Tables,
  table: 'teamMembers' | 'organizationMembers',
  id: string,
): Promise<readonly string[]> {
  const members = await readMembers(tables, { indexTable: TABLES[table] }, id);
  return members.map(({ userId }) => userId).toSorted();
}

/** Reads the id of the observation that moved a person's fence last. */
export async function fenceOf(
  tables: Tables,
  table: 'teamMemberships' | 'organizationMemberships',
  userId: string,
): Promise<unknown> {
  const key = { partitionKey: userId, rowKey: FENCE_ROW_KEY };
  return (await findRow(tables, { table: TABLES[table], key }))?.['observation_id'];
}

/** Returns a view of the store that throws before every request for which `fails` is true. */
export function breakingStore(
  tables: MemoryTables,
  fails: (operation: StoreOperation) => boolean,
  code: ErrorCode = 'storage_unavailable',
): Tables {
  return tables.view((moment) => {
    if (moment.phase === 'before' && fails(moment))
      throw new AppError(code, 'The store is broken.', { retryable: true });
  });
}

/** Runs `act` and returns the requests that it made to the store. */
export async function requestsOf(
  tables: MemoryTables,
  act: () => Promise<unknown>,
): Promise<readonly StoreOperation[]> {
  tables.forgetRequests();
  await act();
  return tables.requests();
}

/** Counts the requests by kind and table: `find LiteLLMUserTable` → 1. */
export function tally(requests: readonly StoreOperation[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { kind, table } of requests) counts[`${kind} ${table}`] = (counts[`${kind} ${table}`] ?? 0) + 1;
  return counts;
}
