/** Reads rows of the record of what was written to LiteLLM. An edit may have made any of them unreadable. */
import type * as z from 'zod/mini';
import { AppError } from '../model/errors.ts';
import type { RowKey, StoredRow } from '../model/tables.ts';
import { readColumns } from './tables/columns.ts';

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
