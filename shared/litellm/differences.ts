/** What differs between the store and LiteLLM, and what a sync would do about it. Pure. */
import { planEntity, type SyncedFields } from './planEntity.ts';
import { planLitellmMemberships } from './planLitellmMemberships.ts';
import type { SyncedEntity, SyncedMembership, SyncSubject } from '../model/synced.ts';

/** The user of LiteLLM's master key. It is admin of every team that the key created, and never one of our people. */
export const KEY_USER_ID = 'default_user_id';

/**
 * Why a sync leaves it alone.
 * - `created_in_litellm`: the organization, team or user was created in LiteLLM, so its settings belong to LiteLLM's administrators.
 * - `added_in_litellm`: the membership was added in LiteLLM.
 * - `cannot_be_cleared`: LiteLLM does not accept an empty value for it.
 * - `role_needs_licence`: LiteLLM needs a licence for this role.
 * - `account_closed`: the person's account is closed, so LiteLLM gets nothing for them.
 * - `row_missing`: a row that is needed (the organization's, the team's or the person's) is missing in the store.
 * - `row_unreadable`: such a row, or the sync record, cannot be read.
 */
export type WhyLeftAlone =
  | 'created_in_litellm'
  | 'added_in_litellm'
  | 'cannot_be_cleared'
  | 'role_needs_licence'
  | 'account_closed'
  | 'row_missing'
  | 'row_unreadable';

/** One field's value on both sides. */
export interface FieldDifference {
  readonly field: string;
  readonly stored: unknown;
  readonly inLitellm: unknown;
}

interface Difference {
  /**
   * - `add`, `change`, `remove`: a sync does it.
   * - `differs`: this product wrote it and an administrator changed it in LiteLLM, so it stays.
   * - `left alone`: see `why`.
   */
  readonly action: 'add' | 'change' | 'remove' | 'differs' | 'left alone';
  readonly why?: WhyLeftAlone;
  /** Of a membership: its role. */
  readonly fields: readonly FieldDifference[];
}

export interface EntityDifference extends Difference {
  readonly what: 'organization' | 'team' | 'user';
  readonly id: string;
}

export interface MembershipDifference extends Difference {
  readonly what: 'membership';
  /** What the person is in, or should be in. */
  readonly of: 'organization' | 'team';
  readonly id: string;
  readonly userId: string;
}

export type LitellmDifference = EntityDifference | MembershipDifference;

/** Returns whether a sync would write to LiteLLM because of the difference. */
export function isWrite({ action }: LitellmDifference): boolean {
  return action === 'add' || action === 'change' || action === 'remove';
}

/** Returns what to sync so that the difference disappears; `undefined`: no sync changes it. */
export function subjectOf(difference: LitellmDifference): SyncSubject | undefined {
  if (!isWrite(difference)) return undefined;
  if (difference.what === 'membership') return { kind: 'user', id: difference.userId };
  return { kind: difference.what, id: difference.id };
}

/** Returns the difference as one that a sync leaves alone. */
export function leaveAlone<D extends LitellmDifference>(difference: D, why: WhyLeftAlone): D {
  return { ...difference, action: 'left alone', why };
}

/** Returns the fields that differ. Lists count regardless of order, and an empty list counts as absent. */
export function differingFields<Values extends object>(
  desired: Values,
  actual: Partial<Values>,
  { fields }: SyncedFields<Values>,
): readonly string[] {
  // As if this product had written what is desired: then every other value counts as changed in LiteLLM.
  const recorded = { written: desired, since: '' };
  const plan = planEntity({ desired, actual, recorded, fields, neverCleared: [] });
  return plan.kind === 'update' ? plan.differs : [];
}

function read(values: object, field: string): unknown {
  return Object.entries(values).find(([name]) => name === field)?.[1];
}

export interface EntityComparison<Values> {
  readonly what: EntityDifference['what'];
  readonly id: string;
  readonly desired: Values;
  /** What LiteLLM has; `undefined`: LiteLLM does not have it. */
  readonly actual: Partial<Values> | undefined;
  /** What the sync record has; `undefined`: this product did not create it. Not needed if LiteLLM does not have it. */
  readonly recorded: SyncedEntity<Values> | undefined;
}

/** Returns what a sync would do about one organization, team or user: at most one row for each action. */
export function compareEntity<Values extends object>(
  comparison: EntityComparison<Values>,
  synced: SyncedFields<Values>,
): readonly EntityDifference[] {
  const { what, id, desired, actual, recorded } = comparison;
  const row = (
    difference: Pick<Difference, 'action' | 'why'>,
    names: readonly string[],
  ): EntityDifference[] => {
    if (names.length === 0) return [];
    const fields = names.map((field) => ({
      field,
      stored: read(desired, field),
      inLitellm: read(actual ?? {}, field),
    }));
    return [{ ...difference, what, id, fields }];
  };
  const plan = planEntity({ desired, actual, recorded, ...synced });
  if (plan.kind === 'create') return [{ action: 'add', what, id, fields: [] }];
  if (plan.kind === 'adopt') return row({ action: 'left alone', why: 'created_in_litellm' }, plan.differs);
  return [
    ...row({ action: 'change' }, Object.keys(plan.changes)),
    ...row({ action: 'differs' }, plan.differs),
    ...row({ action: 'left alone', why: 'cannot_be_cleared' }, plan.uncleared),
  ];
}

export interface MembershipComparison {
  readonly of: MembershipDifference['of'];
  readonly id: string;
  readonly userId: string;
  /** The stored role; `undefined`: no membership is stored. */
  readonly desired: string | undefined;
  /** Why a desired membership cannot be written; `undefined`: it can. */
  readonly withheld: WhyLeftAlone | undefined;
  /** The role in LiteLLM; `undefined`: not a member. */
  readonly actual: string | undefined;
  readonly recorded: SyncedMembership | undefined;
}

/** Returns what a sync of the person would do about one membership. */
export function compareMembership(comparison: MembershipComparison): readonly MembershipDifference[] {
  const { of, id, userId, desired, actual, recorded } = comparison;
  const withheld = desired === undefined ? undefined : comparison.withheld;
  const row = (action: Difference['action'], why?: WhyLeftAlone): MembershipDifference[] => [
    {
      action,
      ...(why === undefined ? {} : { why }),
      what: 'membership',
      of,
      id,
      userId,
      fields: [{ field: 'role', stored: desired, inLitellm: actual }],
    },
  ];
  if (desired === actual) return [];
  if (withheld !== undefined) return row('left alone', withheld);
  const plan = planLitellmMemberships({
    desired: new Map(desired === undefined ? [] : [[id, desired]]),
    withheld: new Set(),
    actual: new Map([[id, actual]]),
    recorded: new Map(recorded === undefined ? [] : [[id, recorded]]),
  });
  if (plan.adds.length > 0) return row('add');
  if (plan.removals.length > 0) return row('remove');
  if (plan.roleChanges.length > 0) return row('change');
  if (plan.differs.length > 0) return row('differs');
  if (plan.lesser.length > 0) return row('left alone', 'role_needs_licence');
  if (actual === undefined) return [];
  // An interrupted sync left it open. The next sync records whose it is, and the one after that changes what is ours.
  if (recorded?.state === 'adding' || recorded?.state === 'removed')
    return row(recorded.role === actual ? 'change' : 'differs');
  return row('left alone', 'added_in_litellm');
}
