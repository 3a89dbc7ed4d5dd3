import type { Reported } from './access.ts';

/** Where a row is that a person edited into something unreadable, without its key. */
export interface UnreadablePlace {
  readonly table: string;
  readonly columns: readonly string[];
}

/** A row that a person edited into something unreadable, named so that an operator finds it. */
export interface UnreadableRow extends UnreadablePlace {
  readonly id: string;
}

/** Gives where an unreadable row is, as `table: columns`: enough to find and mend it, and no value of it. */
export function describeUnreadable(row: UnreadablePlace): string {
  return `${row.table}: ${row.columns.join(', ')}`;
}

/** Gives what is reported of an unreadable row; `id` names what it is about. */
export function reportUnreadable(kind: Reported['kind'], id: string, row: UnreadablePlace): Reported {
  return { kind, id, code: 'row_unreadable', detail: describeUnreadable(row) };
}
