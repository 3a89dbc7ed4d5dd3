/** Reads rows of the record of what was written to LiteLLM. An edit may have made any of them unreadable. */
import * as z from 'zod/mini';
import { AppError } from '../model/errors.ts';
import type { SyncedMembership, SyncedStanding } from '../model/synced.ts';
import type { Properties, RowKey, StoredRow } from '../model/tables.ts';
import { withoutUndefined } from '../platform/withoutUndefined.ts';
import { readColumns, text } from './tables/columns.ts';
import { packJson, parsePacked } from './tables/packedBytes.ts';

const membershipColumns = z.object({
  state: z.enum(['adding', 'added', 'found', 'removed']),
  role: z.string().check(z.minLength(1)),
  wanted: text,
  since: text,
});
const standingColumns = z.object({ reason: z.enum(['closed', 'no_access']), since: z.string() });
const blockedKeysSchema = z.array(z.string());

/** Returns the error for a row with unreadable columns. */
export function unreadable(table: string, row: RowKey, columns: readonly string[]): AppError {
  return new AppError('row_unreadable', 'The record of what was written to LiteLLM cannot be read.', {
    details: { table, row: `${row.partitionKey}/${row.rowKey}`, columns },
  });
}

/** Returns the columns of a row. Throws `row_unreadable`. */
export function requireColumns<T extends z.ZodMiniType>(
  table: string,
  row: StoredRow,
  schema: T,
): z.output<T> {
  const reading = readColumns(schema, row.properties);
  if (!reading.ok) throw unreadable(table, row, reading.columns);
  return reading.value;
}

/** Returns the rows whose keys begin with the prefix, by what follows it. */
export function rowsByPrefix(
  rows: readonly StoredRow[],
  prefix: string,
): readonly (readonly [string, StoredRow])[] {
  return rows
    .filter(({ rowKey }) => rowKey.startsWith(prefix))
    .map((row) => [row.rowKey.slice(prefix.length), row] as const);
}

export function parseMembership(table: string, row: StoredRow, entityId: string): SyncedMembership {
  const { state, role, wanted, since } = requireColumns(table, row, membershipColumns);
  return { entityId, state, role, ...withoutUndefined({ wanted, since }) };
}

export function membershipProperties({ entityId, state, role, wanted, since }: SyncedMembership): Properties {
  return { entity_id: entityId, state, role, ...withoutUndefined({ wanted, since }) };
}

export function parseStanding(table: string, row: StoredRow | undefined): SyncedStanding | undefined {
  if (row === undefined) return undefined;
  const blockedKeys = blockedKeysSchema.safeParse(parsePacked('blocked_keys', row.properties)).data;
  if (blockedKeys === undefined) throw unreadable(table, row, ['blocked_keys']);
  return { ...requireColumns(table, row, standingColumns), blockedKeys };
}

export function standingProperties({ reason, since, blockedKeys }: SyncedStanding): Properties {
  return { reason, since, ...packJson('blocked_keys', blockedKeys) };
}
