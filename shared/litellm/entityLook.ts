/** What a look at one organization, team or user found, and what is to be done about it. Pure. */
import type { LitellmMember } from '../model/litellmPorts.ts';
import type { SyncedTeam, SyncReport } from '../model/synced.ts';
import { type EntityPlan, planEntity, type SyncedFields } from './planEntity.ts';

/** What LiteLLM says of one entity. */
export interface Found<Values> {
  readonly values: Partial<Values>;
  readonly members: readonly LitellmMember[];
  /** Of a team. */
  readonly blocked?: boolean;
}

/** What the sync record has of one entity. Only a team has more than a {@link SyncedEntity}. */
export type Recorded<Values> = SyncedTeam<Values>;

/** What the store wants, and what is to be reported about it. */
export interface Desired<Values> {
  readonly values: Values;
  readonly reported?: readonly SyncReport[];
  /** Of a team: no key of it may call a model. */
  readonly isBlocked?: boolean;
}

/** What a look at LiteLLM and at the sync record found. */
export interface Look<Values> {
  readonly found: Found<Values> | undefined;
  readonly recorded: Recorded<Values> | undefined;
}

/** Plans what to change. What a move may have left half done counts as written by this product. */
export function planFor<Values extends object>(
  synced: SyncedFields<Values> & { readonly version: string | undefined },
  { found, recorded }: Look<Values>,
  desired: Desired<Values>,
): EntityPlan<Values> {
  const { moving } = recorded ?? {};
  const alsoWritten = moving === undefined ? [] : [moving.before, moving.narrowed];
  return planEntity({ ...synced, desired: desired.values, actual: found?.values, recorded, alsoWritten });
}

/** Returns these fields alone. */
export function pick<Values extends object>(
  values: Values,
  fields: readonly (keyof Values & string)[],
): Partial<Values> {
  const picked: Partial<Values> = {};
  for (const field of fields) picked[field] = values[field];
  return picked;
}

/** Returns the values without these fields. */
export function withoutFields<Values extends object>(
  values: Partial<Values>,
  fields: readonly (keyof Values & string)[],
): Partial<Values> {
  const kept = { ...values };
  for (const field of fields) kept[field] = undefined;
  return kept;
}
