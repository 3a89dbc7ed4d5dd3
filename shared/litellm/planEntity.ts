/** What a sync has to change in LiteLLM about one organization, team or user. Pure. */
import type { SyncedEntity } from '../model/synced.ts';
import type { OrganizationValues, TeamValues, UserValues } from '../model/litellmValues.ts';

/** Which fields a sync keeps equal in LiteLLM, and which of them it cannot empty. */
export interface SyncedFields<Values> {
  readonly fields: readonly (keyof Values & string)[];
  /** LiteLLM drops an empty value of these in an update, so a value that is set there cannot be taken back. */
  readonly neverCleared: readonly (keyof Values & string)[];
}

const LIMITS = ['max_budget', 'budget_duration', 'tpm_limit', 'rpm_limit'] as const;

export const ORGANIZATION_FIELDS: SyncedFields<OrganizationValues> = {
  fields: ['organization_alias', 'models', ...LIMITS],
  neverCleared: LIMITS,
};

/** Without the organization: before a team can move, the new organization needs all of its members. */
export const TEAM_FIELDS: SyncedFields<TeamValues> = {
  fields: ['team_alias', 'models', ...LIMITS],
  neverCleared: LIMITS,
};

/** The email is left out, because LiteLLM's own login writes it. */
export const USER_FIELDS: SyncedFields<UserValues> = {
  fields: ['user_alias', 'user_role', 'models', 'max_budget', 'budget_duration'],
  neverCleared: ['user_alias', 'models', 'max_budget', 'budget_duration'],
};

export interface EntityPlanInput<Values> extends SyncedFields<Values> {
  readonly desired: Values;
  /** What LiteLLM has; `undefined`: LiteLLM does not have it. */
  readonly actual: Partial<Values> | undefined;
  /** What the sync record has; `undefined`: this product did not create it. */
  readonly recorded: SyncedEntity<Values> | undefined;
}

/**
 * - `create`: LiteLLM does not have it.
 * - `adopt`: it was created in LiteLLM, so its settings belong to LiteLLM's administrators.
 * - `update`: `changes` are to be sent (there may be none). After that `written` is to be recorded, if the record differs.
 */
export type EntityPlan<Values> =
  | { readonly kind: 'create' }
  | {
      readonly kind: 'adopt';
      /** Fields that differ in LiteLLM. They stay. */
      readonly differs: readonly string[];
    }
  | {
      readonly kind: 'update';
      readonly changes: Partial<Values>;
      readonly hasChanges: boolean;
      /** What to record; `undefined` if the record is right already. */
      readonly written: Values | undefined;
      /** Fields that an administrator changed in LiteLLM. They stay. */
      readonly differs: readonly string[];
      /** Fields that are empty in the store and that LiteLLM cannot empty. */
      readonly uncleared: readonly string[];
    };

/** Returns one text for all equal values: lists count regardless of order, and an empty list counts as absent. */
function canonical(value: unknown): string {
  if (value === undefined) return '';
  if (!Array.isArray(value)) return JSON.stringify(value);
  return value.length === 0 ? '' : JSON.stringify([...new Set(value.map(String))].sort());
}

/**
 * Compares three values of each field: the desired one, the one in LiteLLM, and the one that this product wrote last. A field is
 * changed only while LiteLLM still has what was written. A field that already is as desired counts as written, so an administrator
 * who makes the same change on both sides makes it once.
 */
export function planEntity<Values extends object>(input: EntityPlanInput<Values>): EntityPlan<Values> {
  const { desired, actual, recorded, fields, neverCleared } = input;
  if (actual === undefined) return { kind: 'create' };
  if (recorded === undefined) {
    const isDifferent = (field: keyof Values): boolean =>
      canonical(desired[field]) !== canonical(actual[field]);
    return { kind: 'adopt', differs: fields.filter(isDifferent) };
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
