/** Fields that are cleared with null. Pure. */

/** Returns null for each field. */
export function clearingOf<Field extends string>(
  fields: readonly Field[],
): { readonly [Name in Field]?: null };
export function clearingOf(fields: readonly string[]): Record<string, null> {
  return Object.fromEntries(fields.map((field) => [field, null]));
}
