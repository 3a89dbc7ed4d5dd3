/** What has to change in the proxy so that an organization, a team or a user is there as it is here. Pure. */
import type { SyncedEntity } from '../model/synced.ts';

export interface EntitySyncInput<Values> {
  readonly desired: Values;
  /** What the proxy has; `undefined`: it has no such thing. */
  readonly actual: Partial<Values> | undefined;
  /** What was recorded; `undefined`: this product did not make it. */
  readonly recorded: SyncedEntity<Values> | undefined;
  readonly fields: readonly (keyof Values & string)[];
  /** Fields for which the proxy takes no empty value: absent, or an empty list. */
  readonly neverCleared: readonly (keyof Values & string)[];
}

/**
 * - `create`: the proxy has no such thing.
 * - `adopt`: somebody else made it, so its settings are theirs.
 * - `update`: `changes` are to be sent (there may be none), and `written` recorded then, where that is something else than
 *   before.
 */
export type EntitySync<Values> =
  | { readonly kind: 'create' }
  | {
      readonly kind: 'adopt';
      /** Fields that are otherwise there. */
      readonly otherwise: readonly string[];
    }
  | {
      readonly kind: 'update';
      readonly changes: Partial<Values>;
      readonly hasChanges: boolean;
      /** What to record; `undefined` where the record is right already. */
      readonly written: Values | undefined;
      /** Fields that somebody changed in the proxy: they stay. */
      readonly differs: readonly string[];
      /** Fields that are empty here and cannot be emptied there. */
      readonly uncleared: readonly string[];
    };

/** Gives the value as one text, the same for equal values: lists regardless of order, an empty one as an absent one. */
function canonical(value: unknown): string {
  if (value === undefined) return '';
  if (!Array.isArray(value)) return JSON.stringify(value);
  return value.length === 0 ? '' : JSON.stringify([...new Set(value.map(String))].sort());
}

/**
 * Compares three things field by field: what is desired, what the proxy has, and what this product wrote last. A field is
 * changed only where the proxy still has what was written; one that is as desired already counts as written, so that an admin
 * who makes the same change on both sides has made it once.
 */
export function planEntitySync<Values extends object>(input: EntitySyncInput<Values>): EntitySync<Values> {
  const { desired, actual, recorded, fields, neverCleared } = input;
  if (actual === undefined) return { kind: 'create' };
  if (recorded === undefined) {
    const isOtherwise = (field: keyof Values): boolean =>
      canonical(desired[field]) !== canonical(actual[field]);
    return { kind: 'adopt', otherwise: fields.filter(isOtherwise) };
  }
  const changes: Partial<Values> = {};
  const written = { ...recorded.written };
  const differs: string[] = [];
  const uncleared: string[] = [];
  let isRecordOld = false;
  for (const field of fields) {
    const [want, have, wrote] = [desired[field], actual[field], recorded.written[field]].map(canonical);
    if (want === have) {
      if (wrote !== want) isRecordOld = true;
      written[field] = desired[field];
    } else if (have !== wrote) {
      differs.push(field);
    } else if (want === '' && neverCleared.includes(field)) {
      uncleared.push(field);
    } else {
      changes[field] = desired[field];
      written[field] = desired[field];
    }
  }
  const hasChanges = Object.keys(changes).length > 0;
  return {
    kind: 'update',
    changes,
    hasChanges,
    written: hasChanges || isRecordOld ? written : undefined,
    differs,
    uncleared,
  };
}
