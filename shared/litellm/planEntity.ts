/** What a sync has to change in LiteLLM about one organization, team or user. Pure. */
import type { ClearedValue, SyncedEntity } from '../model/synced.ts';
import type { OrganizationValues, TeamValues, UserValues } from '../model/litellmValues.ts';
import { canonical } from './teamLimits.ts';
import { isAtLeast } from './proxyVersion.ts';

type FieldOf<Values> = keyof Values & string;

/** Which fields a sync keeps equal in LiteLLM, and what an empty value of each means. */
export interface SyncedFields<Values> {
  readonly fields: readonly FieldOf<Values>[];
  /** An empty value of these is a value like others. Of every other field it says nothing about LiteLLM's own defaults. */
  readonly statesEmpty: readonly FieldOf<Values>[];
  /** From which version on LiteLLM clears a field with null. A field that is in neither list is never cleared. */
  readonly clearsFrom: { readonly [Field in FieldOf<Values>]?: string };
  /** The field that says where the entity is. It changes by a move, and nothing else does while it is wrong. */
  readonly place?: FieldOf<Values>;
}

const LIMITS = ['max_budget', 'budget_duration', 'tpm_limit', 'rpm_limit'] as const;
const EVERY_VERSION = '0.0.0';

export const ORGANIZATION_FIELDS: SyncedFields<OrganizationValues> = {
  fields: ['organization_alias', 'models', ...LIMITS],
  statesEmpty: ['models'],
  clearsFrom: {
    max_budget: '1.101.0',
    budget_duration: '1.101.0',
    tpm_limit: '1.101.0',
    rpm_limit: '1.101.0',
  },
};

export const TEAM_FIELDS: SyncedFields<TeamValues> = {
  fields: ['team_alias', 'models', 'team_member_permissions', ...LIMITS],
  statesEmpty: ['models'],
  clearsFrom: {
    team_member_permissions: EVERY_VERSION,
    max_budget: EVERY_VERSION,
    budget_duration: EVERY_VERSION,
    tpm_limit: EVERY_VERSION,
    rpm_limit: EVERY_VERSION,
  },
  place: 'organization_id',
};

/** The email is left out, because LiteLLM's own login writes it. */
export const USER_FIELDS: SyncedFields<UserValues> = {
  fields: ['user_alias', 'user_role', 'models', 'max_budget', 'budget_duration'],
  statesEmpty: [],
  clearsFrom: { max_budget: '1.84.0', budget_duration: '1.108.0' },
};

export interface EntityPlanInput<Values> extends SyncedFields<Values> {
  readonly desired: Values;
  /** What LiteLLM has; `undefined`: LiteLLM does not have it. */
  readonly actual: Partial<Values> | undefined;
  /** What the sync record has; `undefined`: this product did not create it. */
  readonly recorded: SyncedEntity<Values> | undefined;
  /** LiteLLM's version. Where it is not known, clearing is tried. */
  readonly version: string | undefined;
  /** What this product may have written besides, in a move that a crash interrupted. */
  readonly alsoWritten?: readonly Partial<Values>[];
}

/** What an update changes, and what stays different. */
export interface EntityUpdate<Values> {
  readonly kind: 'update';
  /** Fields that get their desired value. */
  readonly set: readonly FieldOf<Values>[];
  /** Fields that are cleared with null. */
  readonly clear: readonly FieldOf<Values>[];
  /** What to record after the changes; `undefined` where the record is right already. */
  readonly record: SyncedEntity<Values> | undefined;
  /** Fields that an administrator changed in LiteLLM. They stay. */
  readonly differs: readonly string[];
  /** Fields that are empty in the store and that LiteLLM does not empty. */
  readonly uncleared: readonly string[];
  /** Fields on which the store says nothing, and that LiteLLM's own defaults filled in. They stay. */
  readonly defaulted: readonly string[];
}

/**
 * - `create`: LiteLLM does not have it.
 * - `adopt`: it was created in LiteLLM, so its settings belong to LiteLLM's administrators.
 * - `elsewhere`: an administrator moved it, so nothing of it is changed.
 * - `move`: it is where this product put it, and belongs elsewhere by now. Until it is moved, nothing of it is changed.
 * - `update`: changes are to be sent (there may be none).
 */
export type EntityPlan<Values> =
  | { readonly kind: 'create' }
  | {
      readonly kind: 'adopt';
      /** Fields that differ in LiteLLM. They stay. */
      readonly differs: readonly string[];
    }
  | { readonly kind: 'elsewhere'; readonly differs: readonly string[] }
  | { readonly kind: 'move'; readonly differs: readonly string[] }
  | EntityUpdate<Values>;

/** What is to be done about one field. */
type FieldPlan = 'record' | 'default' | 'differ' | 'keep' | 'clear' | 'write';

/** Compares one field of the store, LiteLLM and the record. */
class FieldLook<Values extends object> {
  readonly want: string;
  readonly have: string;
  readonly #input: EntityPlanInput<Values>;
  readonly #recorded: SyncedEntity<Values>;
  readonly #field: FieldOf<Values>;

  constructor(input: EntityPlanInput<Values>, recorded: SyncedEntity<Values>, field: FieldOf<Values>) {
    this.#input = input;
    this.#recorded = recorded;
    this.#field = field;
    this.want = canonical(input.desired[field]);
    this.have = canonical(input.actual?.[field]);
  }

  plan(): FieldPlan {
    const { want, have } = this;
    if (want === have) return 'record';
    const saysNothing = want === '' && !this.#input.statesEmpty.includes(this.#field);
    if (saysNothing && (this.#isDefault() || this.#recorded.isNew === true)) return 'default';
    if (!this.isOurs()) return 'differ';
    if (!saysNothing) return 'write';
    return this.#canClear() ? 'clear' : 'keep';
  }

  /** Whether LiteLLM has what this product wrote, or what LiteLLM's own defaults filled in. */
  isOurs(): boolean {
    const { written } = this.#recorded;
    const ours = [written, ...(this.#input.alsoWritten ?? [])].map((values) =>
      canonical(values[this.#field]),
    );
    return ours.includes(this.have) || this.#isDefault() || this.#isUncleared();
  }

  #isDefault(): boolean {
    return this.have !== '' && canonical(this.#recorded.defaults?.[this.#field]) === this.have;
  }

  #cleared(): ClearedValue | undefined {
    return this.#recorded.cleared?.[this.#field];
  }

  #isUncleared(): boolean {
    const cleared = this.#cleared();
    return cleared !== undefined && canonical(cleared.value) === this.have;
  }

  #canClear(): boolean {
    const { clearsFrom, version } = this.#input;
    const least = clearsFrom[this.#field];
    if (least === undefined) return false;
    if (isAtLeast(version, least) === false) return false;
    // It was tried with this version, and the value is still there.
    return !(this.#isUncleared() && this.#cleared()?.version === (version ?? ''));
  }
}

function recordOf<Values extends object>(
  { desired, actual, version }: EntityPlanInput<Values>,
  recorded: SyncedEntity<Values>,
  plans: ReadonlyMap<FieldOf<Values>, FieldPlan>,
): SyncedEntity<Values> {
  const written = { ...recorded.written };
  const defaults: Partial<Values> = {};
  const cleared: Record<string, ClearedValue> = {};
  for (const [field, plan] of plans) {
    const known = recorded.defaults?.[field];
    const value = actual?.[field];
    const tried = recorded.cleared?.[field];
    if (plan === 'record' || plan === 'write' || plan === 'clear') written[field] = desired[field];
    else if (plan === 'default') defaults[field] = value;
    else if (known !== undefined) defaults[field] = known;
    if (plan === 'clear') cleared[field] = { value, version: version ?? '' };
    else if (plan === 'keep' && tried !== undefined) cleared[field] = tried;
  }
  const { isNew: _isNew, defaults: _defaults, cleared: _cleared, ...rest } = recorded;
  return {
    ...rest,
    written,
    ...(Object.keys(defaults).length === 0 ? {} : { defaults }),
    ...(Object.keys(cleared).length === 0 ? {} : { cleared }),
  };
}

/** Compares field by field, since lists count regardless of order. */
function isSameRecord<Values extends object>(
  fields: readonly FieldOf<Values>[],
  a: SyncedEntity<Values>,
  b: SyncedEntity<Values>,
): boolean {
  const textOf = ({ written, defaults, cleared, isNew }: SyncedEntity<Values>): string =>
    JSON.stringify([
      isNew ?? false,
      ...fields.map((field) => [written[field], defaults?.[field], cleared?.[field]].map(canonical)),
    ]);
  return textOf(a) === textOf(b);
}

/**
 * Compares the values of each field: the desired one, the one in LiteLLM, the one that this product wrote last, and the one that
 * LiteLLM's defaults filled in. A field is changed only while LiteLLM still has what was written or filled in. A field that already
 * is as desired counts as written, so an administrator who makes the same change on both sides makes it once.
 */
export function planEntity<Values extends object>(input: EntityPlanInput<Values>): EntityPlan<Values> {
  const { actual, recorded, fields, place } = input;
  if (actual === undefined) return { kind: 'create' };
  const compared = place === undefined ? fields : [place, ...fields];
  if (recorded === undefined) {
    const isDifferent = (field: FieldOf<Values>): boolean =>
      canonical(input.desired[field]) !== canonical(actual[field]);
    return { kind: 'adopt', differs: compared.filter(isDifferent) };
  }
  const looks = compared.map((field) => [field, new FieldLook(input, recorded, field)] as const);
  const placed = looks.find(([field, { want, have }]) => field === place && want !== have);
  if (placed !== undefined) {
    const [field, look] = placed;
    return look.isOurs() ? { kind: 'move', differs: [field] } : { kind: 'elsewhere', differs: [field] };
  }
  const plans = new Map(looks.map(([field, look]) => [field, look.plan()] as const));
  const named = (plan: FieldPlan): FieldOf<Values>[] => compared.filter((field) => plans.get(field) === plan);
  const record = recordOf(input, recorded, plans);
  return {
    kind: 'update',
    set: named('write'),
    clear: named('clear'),
    record: isSameRecord(compared, record, recorded) ? undefined : record,
    differs: named('differ'),
    uncleared: named('keep'),
    defaulted: named('default'),
  };
}
