/** Creates an organization, a team or a user in LiteLLM, or updates what this product wrote of it. */
import {
  type EntityPlan,
  planEntity,
  ORGANIZATION_FIELDS,
  type SyncedFields,
  TEAM_FIELDS,
  USER_FIELDS,
} from './planEntity.ts';
import type { SyncedEntity, SyncReport, SyncSubject } from '../model/synced.ts';
import type { OrganizationValues, TeamValues, UserValues } from '../model/litellmValues.ts';
import type {
  Created,
  LitellmMember,
  LitellmOrganization,
  LitellmTeam,
  LitellmUser,
} from '../model/litellmPorts.ts';
import type { HeldLease } from '../storage/syncRecord.ts';
import type { PersonSync } from './readPerson.ts';
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
}

type Found<Values> = { readonly values: Partial<Values>; readonly members: readonly LitellmMember[] };

/** One organization, team or user as the store has it, and how LiteLLM and the sync record are asked about it. */
interface Entity<Values extends object> extends SyncedFields<Values> {
  readonly subject: SyncSubject;
  readonly desired: Values;
  find(): Promise<Found<Values> | undefined>;
  create(): Promise<Created<Values>>;
  update(changes: Partial<Values>, found: Partial<Values>): Promise<void>;
  writeRecord(held: HeldLease, entity: SyncedEntity<Values>): Promise<HeldLease | undefined>;
}

/** An organization or team: it has a record and a lease of its own. A user's are the person's. */
interface SharedEntity<Values extends object> extends Entity<Values> {
  findRecord(): Promise<SyncedEntity<Values> | undefined>;
}

function organizationOf(
  { litellm, record }: SyncDeps,
  id: string,
  desired: OrganizationValues,
): SharedEntity<OrganizationValues> {
  return {
    subject: { kind: 'organization', id },
    desired,
    ...ORGANIZATION_FIELDS,
    find: async () => litellm.findOrganization(id),
    create: async () => litellm.createOrganization(id, desired),
    update: async (changes) => litellm.updateOrganization(id, changes),
    findRecord: async () => record.findOrganization(id),
    writeRecord: async (held, entity) => record.writeOrganization(held, entity),
  };
}

function teamOf({ litellm, record }: SyncDeps, id: string, desired: TeamValues): SharedEntity<TeamValues> {
  return {
    subject: { kind: 'team', id },
    desired,
    ...TEAM_FIELDS,
    find: async () => litellm.findTeam(id),
    create: async () => litellm.createTeam(id, desired),
    // Some versions rewrite the models of a team inside an organization if an update leaves them out.
    update: async (changes, { models = [] }) => litellm.updateTeam(id, { models, ...changes }),
    findRecord: async () => record.findTeam(id),
    writeRecord: async (held, entity) => record.writeTeam(held, entity),
  };
}

function userOf({ litellm, record }: SyncDeps, id: string, desired: UserValues): Entity<UserValues> {
  return {
    subject: { kind: 'user', id },
    desired,
    ...USER_FIELDS,
    async find() {
      const user = await litellm.findUser(id);
      return user === undefined ? undefined : { values: user.values, members: [] };
    },
    create: async () => litellm.createUser(id, desired),
    update: async (changes) => litellm.updateUser(id, changes),
    writeRecord: async (held, user) => record.writePerson(held, { user }),
  };
}

function reportsOf<Values>({ kind, id }: SyncSubject, plan: EntityPlan<Values>): SyncReport[] {
  if (plan.kind === 'create') return [];
  const report = (code: SyncReport['code'], fields: readonly string[]): SyncReport[] =>
    fields.length === 0 ? [] : [{ kind, id, code, detail: fields.join(', ') }];
  if (plan.kind === 'adopt') return report('created_in_litellm', plan.differs);
  return [...report('differs', plan.differs), ...report('cannot_be_cleared', plan.uncleared)];
}

/** What a look at LiteLLM and at the sync record found. */
interface Look<Values> {
  readonly found: Found<Values> | undefined;
  readonly recorded: SyncedEntity<Values> | undefined;
}

function planFor<Values extends object>(entity: Entity<Values>, look: Look<Values>): EntityPlan<Values> {
  return planEntity({ ...entity, actual: look.found?.values, recorded: look.recorded });
}

interface LeasedLook<Values> extends Look<Values> {
  readonly lease: SyncLease;
  readonly now: Date;
}

/** Records an entity before it is created: after a crash it must not count as created by an administrator. */
async function create<Values extends object>(
  entity: Entity<Values>,
  { recorded, lease, now }: LeasedLook<Values>,
): Promise<Found<Values>> {
  const written = { written: entity.desired, since: recorded?.since ?? now.toISOString() };
  await lease.write(async (held) => entity.writeRecord(held, written));
  await lease.keep();
  const created = await entity.create();
  if (created.ensured === 'done') return { values: entity.desired, members: [] };
  // An earlier try may have created it. If another program did, its values differ from the record and stay.
  return (await entity.find()) ?? { values: {}, members: [] };
}

async function applyPlan<Values extends object>(
  entity: Entity<Values>,
  look: LeasedLook<Values>,
): Promise<EntityInLitellm<Values>> {
  const { recorded, lease } = look;
  const plan = planFor(entity, look);
  const reported = reportsOf(entity.subject, plan);
  if (plan.kind === 'create') return { ...(await create(entity, look)), reported, isMissing: false };
  const { values = {}, members = [] } = look.found ?? {};
  if (plan.kind === 'adopt') return { values, members, reported, isMissing: false };
  if (plan.hasChanges) {
    await lease.keep();
    await entity.update(plan.changes, values);
  }
  if (plan.written !== undefined && recorded !== undefined) {
    const written = { ...recorded, written: plan.written };
    await lease.write(async (held) => entity.writeRecord(held, written));
  }
  return { values: { ...values, ...plan.changes }, members, reported, isMissing: false };
}

/** Applies the plan as {@link applyPlan}. A refusal is reported, and LiteLLM still has what it had before. */
async function applyOrReport<Values extends object>(
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
    };
  }
}

/**
 * Creates or updates an organization or team. Reads it first without a lease, because most need no write. `known`: the entity as an
 * earlier answer described it.
 */
async function upsertShared<Values extends object>(
  deps: SyncDeps,
  entity: SharedEntity<Values>,
  known?: { readonly found: Found<Values> | undefined },
): Promise<EntityInLitellm<Values>> {
  const [found, recorded] = await Promise.all([
    known === undefined ? entity.find() : known.found,
    entity.findRecord(),
  ]);
  const plan = planFor(entity, { found, recorded });
  if (plan.kind === 'adopt' || (plan.kind === 'update' && plan.written === undefined)) {
    const { values = {}, members = [] } = found ?? {};
    return { values, members, reported: reportsOf(entity.subject, plan), isMissing: false };
  }
  const lease = await takeLease(deps, entity.subject);
  try {
    // Read again: the previous holder of the lease may have done it.
    const [foundNow, recordedNow] = await Promise.all([entity.find(), entity.findRecord()]);
    const look = { found: foundNow, recorded: recordedNow, lease, now: deps.clock.now() };
    return await applyOrReport(entity, look);
  } catch (error) {
    lease.noteFailure(error);
    throw error;
  } finally {
    await lease.release();
  }
}

/** What LiteLLM has of an organization. */
export interface OrganizationInLitellm extends EntityInLitellm<OrganizationValues> {
  /** Its teams, as far as LiteLLM's answer carried them whole. */
  readonly teams: LitellmOrganization['teams'];
}

/**
 * Creates the organization if LiteLLM does not have it, and changes what this product wrote of it and no administrator changed
 * since. If nothing is to be done: one request, and one read of the sync record. Idempotent. Throws what LiteLLM and the record
 * throw, without `litellm_refused`, which is reported.
 */
export async function upsertOrganization(
  deps: SyncDeps,
  id: string,
  desired: OrganizationValues,
): Promise<OrganizationInLitellm> {
  const found = await deps.litellm.findOrganization(id);
  const upserted = await upsertShared(deps, organizationOf(deps, id, desired), { found });
  return { ...upserted, teams: found?.teams ?? new Map() };
}

/** As {@link upsertOrganization}. Its organization must exist. `known`: what the organization's answer said of the team. */
export async function upsertTeam(
  deps: SyncDeps,
  id: string,
  { desired, known }: { readonly desired: TeamValues; readonly known: LitellmTeam | undefined },
): Promise<EntityInLitellm<TeamValues>> {
  const team = teamOf(deps, id, desired);
  const upserted = await upsertShared(deps, team, known && { found: known });
  const isElsewhere = upserted.values.organization_id !== desired.organization_id;
  const isTheirs = upserted.reported.some(({ code }) => code === 'created_in_litellm');
  if (!isElsewhere || isTheirs || upserted.isMissing) return upserted;
  return { ...upserted, reported: [...upserted.reported, { kind: 'team', id, code: 'not_moved' }] };
}

/** As {@link upsertOrganization}, under the person's lease. Throws `litellm_email_taken` too. `found`: a look shortly before. */
export async function upsertUser(
  deps: SyncDeps,
  { userId, lease, recorded }: PersonSync,
  { desired, found: seen }: { readonly desired: UserValues; readonly found: LitellmUser | undefined },
): Promise<EntityInLitellm<UserValues>> {
  const user = userOf(deps, userId, desired);
  const found = seen && { values: seen.values, members: [] };
  return applyOrReport(user, { found, recorded: recorded.user, lease, now: deps.clock.now() });
}
