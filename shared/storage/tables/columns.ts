/** Schemas for rows that a person may have edited. An unreadable column is reported by name, and its value is never guessed. */
import * as z from 'zod/mini';

/** Reads an empty string as absent, because a column is cleared by writing an empty string. */
const emptyIsAbsent = z.transform((value: unknown) => (value === '' ? undefined : value));

/** A string column that may be absent. */
export const text = z.optional(z.pipe(emptyIsAbsent, z.optional(z.string())));

/** Returns the schema of a column that holds one of the given words and may be absent. */
export function word<const Words extends readonly string[]>(words: Words) {
  return z.optional(z.pipe(emptyIsAbsent, z.optional(z.enum(words))));
}

/** A number column that may be absent. */
export const amount = z.optional(z.number().check(z.nonnegative()));

/** Returns the schema of a column that holds JSON as a string. */
export function json<T extends z.ZodMiniType>(schema: T) {
  const parsed = z.transform((value: string, context): unknown => {
    try {
      return JSON.parse(value);
    } catch {
      context.issues.push({ code: 'custom', input: value, message: 'not JSON' });
      return z.NEVER;
    }
  });
  return z.pipe(z.pipe(z.string(), parsed), schema);
}

/** Returns the schema of a JSON column. An absent or empty column means `fallback`. */
function jsonOr<T extends z.ZodMiniType>(schema: T, fallback: string) {
  const orFallback = z.transform((value: unknown) =>
    value === undefined || value === '' ? fallback : value,
  );
  return z.pipe(orFallback, json(schema));
}

/** A list of names as JSON; an absent or empty column is an empty list. */
export const nameList = jsonOr(z.array(z.string()), '[]');

/** An object as JSON; an absent or empty column is an empty object. */
export const jsonObject = jsonOr(z.record(z.string(), z.unknown()), '{}');

/** Returns the schema of a JSON column that only this product writes. An absent or empty column is `null`. */
export function jsonOrNull<T extends z.ZodMiniType>(schema: T) {
  return jsonOr(z.nullable(schema), 'null');
}

/** The values of a row, or the names of the columns that cannot be read. */
export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly columns: readonly string[] };

/** Reads a row's properties. Returns the sorted names of the unreadable columns if there are any. */
export function readColumns<T extends z.ZodMiniType>(
  schema: T,
  properties: Readonly<Record<string, unknown>>,
): Reading<z.output<T>> {
  const result = schema.safeParse(properties);
  if (result.success) return { ok: true, value: result.data };
  const columns = new Set(result.error.issues.map((issue) => String(issue.path[0] ?? '')));
  return { ok: false, columns: [...columns].sort() };
}
