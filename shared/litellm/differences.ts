/** What differs between the store and LiteLLM, and what a sync would do about it. Pure. */
import { planEntity, type SyncedFields } from './planEntity.ts';
import { planLitellmMemberships } from './planLitellmMemberships.ts';
import type { SyncedMembership, SyncReport, SyncSubject } from '../model/synced.ts';
import { blockingOf } from './teamBlocking.ts';
import { type Desired, type Found, planFor, type Recorded } from './entityLook.ts';

/** The user of LiteLLM's master key. It is admin of every team that the key created, and never one of our people. */
export const KEY_USER_ID = 'default_user_id';

/**
 * Why a sync leaves it alone.
 * - `created_in_litellm`: the organization, team or user was created in LiteLLM, so its settings belong to LiteLLM's administrators.
 * - `added_in_litellm`: the membership was added in LiteLLM.
 * - `cannot_be_cleared`: LiteLLM does not accept an empty value for it.
 * - `role_needs_licence`: LiteLLM needs a licence for this role.
 * - `account_closed`: the person's account is closed, so LiteLLM gets nothing for them.
 * - `from_proxy_default`: the store says nothing, and LiteLLM's own defaults filled it in.
 * - `capped_to_organization`: the team's own budget is above its organization's, which it has instead.
 * - `no_models_left`: the team and its organization have no model in common.
 * - `not_moved`: LiteLLM does not let the team be moved into its organization.
 * - `organization_frozen`: LiteLLM's licence has ended, so the organization cannot change.
 * - `organizations_unclear`: it is not clear yet whether LiteLLM has organizations, so it waits.
 * - `row_missing`: a row that is needed (the organization's, the team's or the person's) is missing in the store.
 * - `row_unreadable`: such a row, or the sync record, cannot be read.
 */
export type WhyLeftAlone =
  | 'created_in_litellm'
  | 'added_in_litellm'
  | 'cannot_be_cleared'
  | 'role_needs_licence'
  | 'account_closed'
  | 'from_proxy_default'
  | 'capped_to_organization'
  | 'no_models_left'
  | 'not_moved'
  | 'organization_frozen'
  | 'organizations_unclear'
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
  synced: SyncedFields<Values>,
): readonly string[] {
  // As if this product had written what is desired: then every other value counts as changed in LiteLLM.
  const recorded = { written: desired, since: '' };
  const plan = planEntity({ ...synced, desired, actual, recorded, version: undefined });
  return plan.kind === 'create' ? [] : plan.differs;
}

function read(values: object, field: string): unknown {
  return Object.entries(values).find(([name]) => name === field)?.[1];
}

export interface EntityComparison<Values> {
  readonly what: EntityDifference['what'];
  readonly id: string;
  readonly desired: Desired<Values>;
  /** The store's own row, where `desired` is not what it says. */
  readonly row?: object;
  /** What LiteLLM has; `undefined`: LiteLLM does not have it. */
  readonly actual: Found<Values> | undefined;
  /** What the sync record has; `undefined`: this product did not create it. Not needed if LiteLLM does not have it. */
  readonly recorded: Recorded<Values> | undefined;
  /** LiteLLM's version. */
  readonly version: string | undefined;
}

/** Whether a sync would block or unblock the team. */
function blockingRows<Values>({ desired, actual, recorded }: EntityComparison<Values>): FieldDifference[] {
  const blocking = blockingOf({ found: actual, recorded }, desired);
  if (blocking === undefined || blocking === 'forget') return [];
  const isBlocked = blocking === 'block';
  return [{ field: 'blocked', stored: isBlocked, inLitellm: !isBlocked }];
}

/** Returns what a sync would do about one organization, team or user: at most one row for each action and reason. */
export function compareEntity<Values extends object>(
  comparison: EntityComparison<Values>,
  synced: SyncedFields<Values>,
): readonly EntityDifference[] {
  const { what, id, desired, actual, recorded } = comparison;
  const row = (
    difference: Pick<Difference, 'action' | 'why'>,
    names: readonly string[],
    stored: object = desired.values,
  ): EntityDifference => {
    const fields = names.map((field) => ({
      field,
      stored: read(stored, field),
      inLitellm: read(actual?.values ?? {}, field),
    }));
    return { ...difference, what, id, fields };
  };
  const rowOf = (
    difference: Pick<Difference, 'action' | 'why'>,
    names: readonly string[],
  ): EntityDifference[] => (names.length === 0 ? [] : [row(difference, names)]);
  const plan = planFor({ ...synced, version: comparison.version }, { found: actual, recorded }, desired);
  if (plan.kind === 'create') return [{ action: 'add', what, id, fields: [] }];
  if (plan.kind === 'adopt') return rowOf({ action: 'left alone', why: 'created_in_litellm' }, plan.differs);
  if (plan.kind === 'elsewhere') return rowOf({ action: 'differs' }, plan.differs);
  if (plan.kind === 'move') return rowOf({ action: 'change' }, plan.differs);
  const change = row({ action: 'change' }, [...plan.set, ...plan.clear]);
  const changed = [...change.fields, ...blockingRows(comparison)];
  return [
    ...(changed.length === 0 ? [] : [{ ...change, fields: changed }]),
    ...rowOf({ action: 'differs' }, plan.differs),
    ...rowOf({ action: 'left alone', why: 'cannot_be_cleared' }, plan.uncleared),
    ...rowOf({ action: 'left alone', why: 'from_proxy_default' }, plan.defaulted),
    ...(desired.reported ?? []).flatMap(({ code, detail }) =>
      isWhy(code)
        ? [row({ action: 'left alone', why: code }, detail?.split(', ') ?? [], comparison.row)]
        : [],
    ),
  ];
}

const REPORTED_WHYS = [
  'capped_to_organization',
  'no_models_left',
  'not_moved',
  'organization_frozen',
] as const;

function isWhy(code: SyncReport['code']): code is (typeof REPORTED_WHYS)[number] {
  return REPORTED_WHYS.some((why) => why === code);
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
