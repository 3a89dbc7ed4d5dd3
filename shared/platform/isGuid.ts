const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Returns whether the text is a GUID, the form of every object id in Entra. */
export function isGuid(text: string): boolean {
  return GUID.test(text);
}
