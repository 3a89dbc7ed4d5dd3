/**
 * A field that Entra gives and Entra takes. Nobody who edits a row by hand sets a source column, so the system keeps
 * beside the field the value that it wrote last: a field that differs from it was edited by a person and stays
 * (docs/domain.md, "Roles").
 */
export interface EntraField {
  /** What the row says now; `undefined` where the column is absent. */
  readonly current: string | undefined;
  /** What the system wrote last; `undefined` where it never wrote. */
  readonly written: string | undefined;
}

/**
 * Gives whether a person edited the field since the system wrote it. A field that the system never wrote is a person's;
 * one that a person cleared differs too, and stays cleared: without a role a row gives the least power.
 */
export function isEditedByHand(field: EntraField): boolean {
  return field.current !== field.written;
}
