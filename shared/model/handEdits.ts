import type { Reported } from './access.ts';

/**
 * A field that follows Entra unless an administrator edits it. An administrator who edits a row sets no source column, so the
 * product stores beside the field the value that it wrote last. A field that differs from that value was edited, and stays
 * (docs/domain.md, "Roles").
 */
export interface EntraField {
  /** The value of the row now; `undefined` if the column is absent. */
  readonly current: string | undefined;
  /** The value that the product wrote last; `undefined` if it never wrote one. */
  readonly written: string | undefined;
}

/**
 * Returns whether an administrator edited the field since the product wrote it. A field that the product never wrote counts as
 * edited. A field that an administrator cleared differs too and stays cleared: without a role, a row grants the least power.
 */
export function isEditedByHand(field: EntraField): boolean {
  return field.current !== field.written;
}

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
