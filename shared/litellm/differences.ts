/** What is not in the proxy as it is here, and what a push would do about it. Pure. */
import { planEntitySync } from './planEntity.ts';
import { planMembershipSync } from './planMemberships.ts';
import type { SyncedFields } from './syncedFields.ts';
import type { SyncedEntity, SyncedMembership } from '../model/synced.ts';

/** The user that LiteLLM's master key counts as: admin of every team that the key made, and nobody of ours. */
export const KEY_USER_ID = 'default_user_id';

/**
 * Why a push changes nothing of it.
 * - `made_there`: somebody made the organization, team or user in the proxy, so its settings are theirs.
 * - `added_there`: somebody added the membership in the proxy.
 * - `cannot_be_cleared`: LiteLLM takes no empty value for it.
 * - `role_needs_licence`: without a licence LiteLLM gives nobody this role.
 * - `row_missing`: a row here is gone (the organization's, the team's, the person's), so nothing is known of it.
 * - `row_unreadable`: such a row, or the record of what was pushed, cannot be read.
 */
export type WhyLeftAlone =
  | 'made_there'
  | 'added_there'
  | 'cannot_be_cleared'
  | 'role_needs_licence'
  | 'row_missing'
  | 'row_unreadable';

/** One field as it is here and as the proxy has it. */
export interface FieldDifference {
  readonly field: string;
  readonly here: unknown;
  readonly there: unknown;
}

interface Difference {
  /**
   * - `add`, `change`, `remove`: a push does it.
   * - `differs`: this product wrote it and somebody changed it in the proxy, so it stays.
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
  /** What the person is in, or should be. */
  readonly of: 'organization' | 'team';
  readonly id: string;
  readonly userId: string;
}

/** Something that is not in the proxy as it is here. */
export type LitellmDifference = EntityDifference | MembershipDifference;

/** Gives whether a push would write to the proxy because of it. */
export function isWrite({ action }: LitellmDifference): boolean {
  return action === 'add' || action === 'change' || action === 'remove';
}

/** Gives whom or what to push so that the difference is gone; `undefined`: no push changes it. */
export function subjectOf(
  difference: LitellmDifference,
): { readonly kind: 'user' | 'organization' | 'team'; readonly id: string } | undefined {
  if (!isWrite(difference)) return undefined;
  if (difference.what === 'membership') return { kind: 'user', id: difference.userId };
  return { kind: difference.what, id: difference.id };
}

/** Gives the difference as one that nothing is done about. */
export function leaveAlone<D extends LitellmDifference>(difference: D, why: WhyLeftAlone): D {
  return { ...difference, action: 'left alone', why };
}

/** Gives the fields that are not in the proxy as they are here; lists count regardless of order, an empty one as absent. */
export function differingFields<Values extends object>(
  desired: Values,
  actual: Partial<Values>,
  { fields }: SyncedFields<Values>,
): readonly string[] {
  // As if this product had written what is desired: then all that is not like it was changed there.
  const recorded = { written: desired, since: '' };
  const plan = planEntitySync({ desired, actual, recorded, fields, neverCleared: [] });
  return plan.kind === 'update' ? plan.differs : [];
}

function read(values: object, field: string): unknown {
  return Object.entries(values).find(([name]) => name === field)?.[1];
}

export interface EntityComparison<Values> {
  readonly what: EntityDifference['what'];
  readonly id: string;
  readonly desired: Values;
  /** What the proxy has; `undefined`: it has no such thing. */
  readonly actual: Partial<Values> | undefined;
  /** What was recorded; `undefined`: this product did not make it. Not needed where the proxy has no such thing. */
  readonly recorded: SyncedEntity<Values> | undefined;
}

/** Gives what a push would do about one organization, team or user: at most one row an action. */
export function compareEntity<Values extends object>(
  comparison: EntityComparison<Values>,
  pushed: SyncedFields<Values>,
): readonly EntityDifference[] {
  const { what, id, desired, actual, recorded } = comparison;
  const row = (
    difference: Pick<Difference, 'action' | 'why'>,
    names: readonly string[],
  ): EntityDifference[] => {
    if (names.length === 0) return [];
    const fields = names.map((field) => ({
      field,
      here: read(desired, field),
      there: read(actual ?? {}, field),
    }));
    return [{ ...difference, what, id, fields }];
  };
  const plan = planEntitySync({ desired, actual, recorded, ...pushed });
  if (plan.kind === 'create') return [{ action: 'add', what, id, fields: [] }];
  if (plan.kind === 'adopt') {
    return row({ action: 'left alone', why: 'made_there' }, differingFields(desired, actual ?? {}, pushed));
  }
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
  /** The role here; `undefined`: no membership here. */
  readonly desired: string | undefined;
  /** Why it cannot be pushed whatever is desired; `undefined`: it can. */
  readonly held: WhyLeftAlone | undefined;
  /** The role in the proxy; `undefined`: no member there. */
  readonly actual: string | undefined;
  readonly recorded: SyncedMembership | undefined;
}

/** Gives what a push of the person would do about one membership. */
export function compareMembership(comparison: MembershipComparison): readonly MembershipDifference[] {
  const { of, id, userId, desired, actual, recorded } = comparison;
  const held = desired === undefined ? undefined : comparison.held;
  const row = (action: Difference['action'], why?: WhyLeftAlone): MembershipDifference[] => [
    {
      action,
      ...(why === undefined ? {} : { why }),
      what: 'membership',
      of,
      id,
      userId,
      fields: [{ field: 'role', here: desired, there: actual }],
    },
  ];
  if (desired === actual) return [];
  if (held !== undefined) return row('left alone', held);
  const plan = planMembershipSync({
    desired: new Map(desired === undefined ? [] : [[id, desired]]),
    held: new Set(),
    actual: new Map([[id, actual]]),
    recorded: new Map(recorded === undefined ? [] : [[id, recorded]]),
  });
  if (plan.adds.length > 0) return row('add');
  if (plan.removals.length > 0) return row('remove');
  if (plan.roleChanges.length > 0) return row('change');
  if (plan.differs.length > 0) return row('differs');
  if (plan.lesser.length > 0) return row('left alone', 'role_needs_licence');
  if (actual === undefined) return [];
  // A push that broke off left it open: the next one settles whose it is, the one after changes what is ours.
  if (recorded?.state === 'adding') return row(recorded.role === actual ? 'change' : 'differs');
  return row('left alone', 'added_there');
}
