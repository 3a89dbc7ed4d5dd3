/**
 * A field that follows Entra unless an administrator edits it. An administrator who edits a row sets no source column, so the
 * product stores beside the field the value that it wrote last. A field that differs from that value was edited, and stays
 * (docs/domain.md, "Roles").
 */
export interface EntraField {
  /** The value of the row now; `undefined` where the column is absent. */
  readonly current: string | undefined;
  /** The value that the product wrote last; `undefined` where it never wrote one. */
  readonly written: string | undefined;
}

/**
 * Returns whether an administrator edited the field since the product wrote it. A field that the product never wrote counts as
 * edited. A field that an administrator cleared differs too and stays cleared: without a role, a row grants the least power.
 */
export function isEditedByHand(field: EntraField): boolean {
  return field.current !== field.written;
}
