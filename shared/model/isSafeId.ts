const SAFE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/**
 * Returns whether an id can be used unchanged as a table key, a path segment and a log field: 1 to 128 of `A-Z a-z 0-9 . _ -`, starting
 * with a letter or digit. Entra's ids are GUIDs; the product's own example is `entra-group-123`.
 */
export function isSafeId(id: string): boolean {
  return SAFE_ID.test(id);
}
