import type { Reported } from './access.ts';

/** The place of a row that an edit made unreadable, without its key. */
export interface UnreadablePlace {
  readonly table: string;
  readonly columns: readonly string[];
}

/** A row that an edit made unreadable, named so that an operator finds it. */
export interface UnreadableRow extends UnreadablePlace {
  readonly id: string;
}

/** Returns the place of an unreadable row, as `table: columns`: enough to find and correct it, without any of its values. */
export function describeUnreadable(row: UnreadablePlace): string {
  return `${row.table}: ${row.columns.join(', ')}`;
}

/** Returns the report about an unreadable row; `id` names the entity. */
export function reportUnreadable(kind: Reported['kind'], id: string, row: UnreadablePlace): Reported {
  return { kind, id, code: 'row_unreadable', detail: describeUnreadable(row) };
}
