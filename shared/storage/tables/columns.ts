/** Reading rows that a person may have edited: what cannot be read is named by column, never guessed. */
import * as z from 'zod/mini';

/** An empty string is how a cleared column is written, so it reads as an absent one. */
const emptyIsAbsent = z.transform((value: unknown) => (value === '' ? undefined : value));

/** A string column that may be absent. */
export const text = z.optional(z.pipe(emptyIsAbsent, z.optional(z.string())));

/** A column of one of the given words that may be absent. */
export function word<const Words extends readonly string[]>(words: Words) {
  return z.optional(z.pipe(emptyIsAbsent, z.optional(z.enum(words))));
}

/** A number column that may be absent. */
export const amount = z.optional(z.number().check(z.nonnegative()));

/** A column that holds JSON as a string. */
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

/** A column of JSON for which an absent or empty column stands for `fallback`. */
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

/** Some JSON that only the system writes; an absent or empty column is `null`. */
export function jsonOrNull<T extends z.ZodMiniType>(schema: T) {
  return jsonOr(z.nullable(schema), 'null');
}

export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly columns: readonly string[] };

/** Reads a row's properties, or names the columns that cannot be read, sorted. */
export function readColumns<T extends z.ZodMiniType>(
  schema: T,
  properties: Readonly<Record<string, unknown>>,
): Reading<z.output<T>> {
  const result = schema.safeParse(properties);
  if (result.success) return { ok: true, value: result.data };
  const columns = new Set(result.error.issues.map((issue) => String(issue.path[0] ?? '')));
  return { ok: false, columns: [...columns].sort() };
}

/** Gives the object without the fields that are `undefined` (an absent field is an absent column). */
export function withoutUndefined<T extends Readonly<Record<string, unknown>>>(
  fields: T,
): { [K in keyof T]?: Exclude<T[K], undefined> };
export function withoutUndefined(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
