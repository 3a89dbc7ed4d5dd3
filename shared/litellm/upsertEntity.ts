/** Creates an organization, a team or a user in LiteLLM, or updates what this product wrote of it. */
import { type EntityPlan, type EntityUpdate, planEntity, type SyncedFields } from './planEntity.ts';
import {
  type Desired,
  type Found,
  type Look,
  pick,
  planFor,
  type Recorded,
  withoutFields,
} from './entityLook.ts';
import type { SyncReport, SyncSubject } from '../model/synced.ts';
import type { Created, LitellmMember } from '../model/litellmPorts.ts';
import type { HeldLease } from '../storage/syncRecord.ts';
import type { SyncDeps } from './syncDeps.ts';
import { reportRefusal } from './syncErrors.ts';
import { type SyncLease, takeLease } from './syncLease.ts';

/** What LiteLLM has after an upsert, and what of it differs from the store. */
export interface EntityInLitellm<Values = unknown> {
  readonly values: Partial<Values>;
  readonly members: readonly LitellmMember[];
  readonly reported: readonly SyncReport[];
  /** LiteLLM refused to create it, so it can have no members. */
  readonly isMissing: boolean;
  /** It is where this product put it, and belongs elsewhere by now. */
  readonly mustMove: boolean;
  /** A move of it has begun, and is not finished. */
  readonly isMoving: boolean;
  /** This call created it. */
  readonly isNew: boolean;
}

/** What the record of a team may have besides. */
export type TeamMarks = Pick<Recorded<unknown>, 'isBlockedByUs' | 'notMoved'>;

/** A look while nothing else can write. */
export interface LeasedLook<Values> extends Look<Values> {
  readonly lease: SyncLease;
  readonly now: Date;
}

/** What an update sends: new values, and fields to clear with null. */
export interface EntityChanges<Values> {
  readonly set: Partial<Values>;
  readonly clear: readonly (keyof Values & string)[];
}

/** One organization, team or user, and how the store, LiteLLM and the sync record are asked about it. */
export interface Entity<Values extends object> extends SyncedFields<Values> {
  readonly subject: SyncSubject;
  /** LiteLLM's version. */
  readonly version: string | undefined;
  /** What the store wants, given where LiteLLM has it. */
  desire(look: Look<Values>): Promise<Desired<Values>>;
  find(): Promise<Found<Values> | undefined>;
  create(values: Values): Promise<Created<Values>>;
  update(changes: EntityChanges<Values>, found: Partial<Values>): Promise<void>;
  writeRecord(held: HeldLease, entity: Recorded<Values>): Promise<HeldLease | undefined>;
  /** Whether there is nothing to do besides the plan's update. */
  isSettled?(look: Look<Values>, desired: Desired<Values>): boolean;
  /** Run before and after the plan's update, under the lease. `before` returns what it added to the record. */
  before?(apply: Applying<Values>, plan: EntityUpdate<Values>): Promise<TeamMarks>;
  after?(apply: Applying<Values>): Promise<void>;
}

/** An organization or team: it has a record and a lease of its own. A user's are the person's. */
export interface SharedEntity<Values extends object> extends Entity<Values> {
  findRecord(): Promise<Recorded<Values> | undefined>;
}

/** What the steps of one update share. */
export interface Applying<Values> {
  readonly look: LeasedLook<Values>;
  readonly desired: Desired<Values>;
  /** As it is by now. */
  readonly recorded: Recorded<Values> | undefined;
}

function reportsOf<Values>({ kind, id }: SyncSubject, plan: EntityPlan<Values>): SyncReport[] {
  const report = (code: SyncReport['code'], fields: readonly string[]): SyncReport[] =>
    fields.length === 0 ? [] : [{ kind, id, code, detail: fields.join(', ') }];
  if (plan.kind === 'create' || plan.kind === 'move') return [];
  if (plan.kind === 'adopt') return report('created_in_litellm', plan.differs);
  if (plan.kind === 'elsewhere') return report('differs', plan.differs);
  return [...report('differs', plan.differs), ...report('cannot_be_cleared', plan.uncleared)];
}

function changesAnything<Values>({ set, clear, record }: EntityUpdate<Values>): boolean {
  return set.length + clear.length > 0 || record !== undefined;
}

/** Returns what LiteLLM has where a plan changes nothing. */
function unchanged<Values extends object>(
  { subject }: Entity<Values>,
  { found, recorded }: Look<Values>,
  { plan, desired }: { readonly plan: EntityPlan<Values>; readonly desired: Desired<Values> },
): EntityInLitellm<Values> {
  const { values = {}, members = [] } = found ?? {};
  const wanted = plan.kind === 'update' ? (desired.reported ?? []) : [];
  return {
    values,
    members,
    reported: [...reportsOf(subject, plan), ...wanted],
    isMissing: false,
    mustMove: plan.kind === 'move',
    isMoving: recorded?.moving !== undefined,
    isNew: false,
  };
}

/** Sends what the plan changes, and records it. Returns what LiteLLM has then. */
async function applyUpdate<Values extends object>(
  entity: Entity<Values>,
  { look, desired }: Pick<Applying<Values>, 'look' | 'desired'>,
  plan: EntityUpdate<Values>,
): Promise<Partial<Values>> {
  const { lease, found } = look;
  const { values = {} } = found ?? {};
  const marks = await entity.before?.({ look, desired, recorded: look.recorded }, plan);
  const set = pick(desired.values, plan.set);
  if (plan.set.length + plan.clear.length > 0) {
    await lease.keep();
    await entity.update({ set, clear: plan.clear }, values);
  }
  const kept = plan.record ?? look.recorded;
  const recorded = kept && { ...kept, ...marks };
  if (plan.record !== undefined && recorded !== undefined) {
    await lease.write(async (held) => entity.writeRecord(held, recorded));
  }
  await entity.after?.({ look, desired, recorded });
  return { ...withoutFields(values, plan.clear), ...set };
}

/**
 * Creates an entity. It is recorded before, since after a crash it must not count as created by an administrator, and after, with
 * what LiteLLM's own defaults filled in. What the answer has instead of a stored value is written once more.
 */
async function create<Values extends object>(
  entity: Entity<Values>,
  look: LeasedLook<Values>,
  desired: Desired<Values>,
): Promise<EntityInLitellm<Values>> {
  const { lease, now } = look;
  const { values: written } = desired;
  const recorded = { written, since: look.recorded?.since ?? now.toISOString(), isNew: true };
  await lease.write(async (held) => entity.writeRecord(held, recorded));
  await lease.keep();
  const created = await entity.create(written);
  // An earlier try may have created it. If another program did, its values differ from the record and stay.
  const answered = created.ensured === 'done' ? created.values : undefined;
  const found =
    answered === undefined ? await entity.find() : { values: { ...written, ...answered }, members: [] };
  const createdLook = { ...look, found, recorded };
  const alsoWritten = answered === undefined ? [] : [answered];
  const plan = planEntity({ ...entity, desired: written, actual: found?.values, recorded, alsoWritten });
  const { values, members, ...rest } = unchanged(entity, createdLook, { plan, desired });
  if (plan.kind !== 'update') return { ...rest, values, members, isNew: true };
  const applied = await applyUpdate(entity, { look: createdLook, desired }, plan);
  return { ...rest, values: applied, members, isNew: answered !== undefined };
}

async function applyPlan<Values extends object>(
  entity: Entity<Values>,
  look: LeasedLook<Values>,
): Promise<EntityInLitellm<Values>> {
  const desired = await entity.desire(look);
  const plan = planFor(entity, look, desired);
  if (plan.kind === 'create') return create(entity, look, desired);
  const before = unchanged(entity, look, { plan, desired });
  if (plan.kind !== 'update') return before;
  return { ...before, values: await applyUpdate(entity, { look, desired }, plan) };
}

/** Applies the plan. A refusal is reported, and LiteLLM still has what it had before. */
export async function applyOrReport<Values extends object>(
  entity: Entity<Values>,
  look: LeasedLook<Values>,
): Promise<EntityInLitellm<Values>> {
  try {
    return await applyPlan(entity, look);
  } catch (error) {
    const { kind, id } = entity.subject;
    const { values = {}, members = [] } = look.found ?? {};
    return {
      values,
      members,
      reported: [reportRefusal(kind, id, error)],
      isMissing: look.found === undefined,
      mustMove: false,
      isMoving: false,
      isNew: false,
    };
  }
}

/**
 * Creates or updates an organization or team. Reads it first without a lease, because most need no write. `known`: the entity as an
 * earlier answer described it.
 */
export async function upsertShared<Values extends object>(
  deps: SyncDeps,
  entity: SharedEntity<Values>,
  known?: { readonly found: Found<Values> | undefined },
): Promise<EntityInLitellm<Values>> {
  const [found, recorded] = await Promise.all([
    known === undefined ? entity.find() : known.found,
    entity.findRecord(),
  ]);
  const look = { found, recorded };
  const desired = await entity.desire(look);
  const plan = planFor(entity, look, desired);
  const isSettled = entity.isSettled?.(look, desired) ?? true;
  const needsNothing = plan.kind === 'update' ? !changesAnything(plan) && isSettled : plan.kind !== 'create';
  if (needsNothing) return unchanged(entity, look, { plan, desired });
  const lease = await takeLease(deps, entity.subject);
  try {
    // Read again: the previous holder of the lease may have done it.
    const [foundNow, recordedNow] = await Promise.all([entity.find(), entity.findRecord()]);
    const leased = { found: foundNow, recorded: recordedNow, lease, now: deps.clock.now() };
    return await applyOrReport(entity, leased);
  } catch (error) {
    lease.noteFailure(error);
    throw error;
  } finally {
    await lease.release();
  }
}
