/** Makes sure that an organization, a team or a user is in the proxy as it is here, as far as it is ours. */
import type { HeldLease } from '../storage/syncRecord.ts';
import { planEntitySync, type EntitySync } from './planEntity.ts';
import type { SyncedEntity, SyncReport, SyncSubject } from '../model/synced.ts';
import { ORGANIZATION_FIELDS, type SyncedFields, TEAM_FIELDS, USER_FIELDS } from './syncedFields.ts';
import type { OrganizationValues, TeamValues, UserValues } from '../model/litellmValues.ts';
import { AppError } from '../model/errors.ts';
import type { Ensured, LitellmMember, LitellmOrganization, LitellmTeam } from '../model/litellmPorts.ts';
import type { SyncDeps } from './syncDeps.ts';
import { type SyncLease, withLease } from './withLease.ts';

/** What the proxy has now, and what of it is not as it is here. */
export interface InLitellm<Values = unknown> {
  /** Its values as they are there now. */
  readonly values: Partial<Values>;
  readonly members: readonly LitellmMember[];
  readonly reported: readonly SyncReport[];
  /** The proxy refused to make it, so nobody can be in it. */
  readonly isMissing: boolean;
}

type There<Values> = { readonly values: Partial<Values>; readonly members: readonly LitellmMember[] };

/** How one kind of thing is found, made and changed. */
interface Kind<Values extends object> extends SyncedFields<Values> {
  readonly name: SyncReport['kind'];
  find(id: string): Promise<There<Values> | undefined>;
  create(id: string, values: Values): Promise<Ensured>;
  update(id: string, changes: Partial<Values>, there: Partial<Values>): Promise<void>;
}

/** A kind whose record stands in a partition of its own, under a lease of its own. */
interface RecordedKind<Values extends object> extends Kind<Values> {
  findRecord(id: string): Promise<SyncedEntity<Values> | undefined>;
  writeRecord(lease: HeldLease, entity: SyncedEntity<Values>): Promise<HeldLease | undefined>;
}

function organizations(deps: SyncDeps): RecordedKind<OrganizationValues> {
  const { proxy, record } = deps;
  return {
    name: 'organization',
    ...ORGANIZATION_FIELDS,
    find: async (id) => proxy.findOrganization(id),
    create: async (id, values) => proxy.createOrganization(id, values),
    update: async (id, changes) => proxy.updateOrganization(id, changes),
    findRecord: async (id) => record.findOrganization(id),
    writeRecord: async (lease, entity) => record.writeOrganization(lease, entity),
  };
}

function teams(deps: SyncDeps): RecordedKind<TeamValues> {
  const { proxy, record } = deps;
  return {
    name: 'team',
    ...TEAM_FIELDS,
    find: async (id) => proxy.findTeam(id),
    create: async (id, values) => proxy.createTeam(id, values),
    // A version may rewrite the models of a team inside an organization where an update leaves them out.
    update: async (id, changes, there) => proxy.updateTeam(id, { models: there.models ?? [], ...changes }),
    findRecord: async (id) => record.findTeam(id),
    writeRecord: async (lease, entity) => record.writeTeam(lease, entity),
  };
}

function users(deps: SyncDeps): Kind<UserValues> {
  const { proxy } = deps;
  return {
    name: 'user',
    ...USER_FIELDS,
    find: async (id) => {
      const user = await proxy.findUser(id);
      return user === undefined ? undefined : { values: user.values, members: [] };
    },
    create: async (id, values) => proxy.createUser(id, values),
    update: async (id, changes) => proxy.updateUser(id, changes),
  };
}

function planFor<Values extends object>(
  kind: Kind<Values>,
  desired: Values,
  now: { readonly there: There<Values> | undefined; readonly recorded: SyncedEntity<Values> | undefined },
): EntitySync<Values> {
  const { fields, neverCleared } = kind;
  return planEntitySync({ desired, actual: now.there?.values, recorded: now.recorded, fields, neverCleared });
}

function isSettled<Values>(plan: EntitySync<Values>): boolean {
  return plan.kind === 'adopt' || (plan.kind === 'update' && plan.written === undefined);
}

function reportsOf<Values>(kind: SyncReport['kind'], id: string, plan: EntitySync<Values>): SyncReport[] {
  if (plan.kind === 'create') return [];
  const report = (code: SyncReport['code'], fields: readonly string[]): SyncReport[] =>
    fields.length === 0 ? [] : [{ kind, id, code, detail: fields.join(', ') }];
  if (plan.kind === 'adopt') return report('made_there', plan.otherwise);
  return [...report('differs', plan.differs), ...report('cannot_be_cleared', plan.uncleared)];
}

/** Gives the report of a refusal; throws on whatever is none. */
export function reportRefusal(kind: SyncReport['kind'], id: string, error: unknown): SyncReport {
  if (!(error instanceof AppError) || error.code !== 'litellm_refused') throw error;
  const { status } = error.details;
  return { kind, id, code: 'refused', ...(status === undefined ? {} : { detail: String(status) }) };
}

/** Gives the final error that names what was refused (at most 10). */
export function refusalOf(reported: readonly SyncReport[]): AppError {
  const refusals = reported.filter(({ code }) => code === 'refused');
  return new AppError('litellm_refused', 'LiteLLM refused some of it; the rest is done.', {
    details: {
      refused: refusals
        .slice(0, 10)
        .map(({ kind, id, detail }) => `${kind} ${id} (${detail ?? 'no status'})`),
      refusedCount: refusals.length,
    },
  });
}

interface Work<Values extends object> {
  readonly id: string;
  readonly desired: Values;
  readonly there: There<Values> | undefined;
  readonly recorded: SyncedEntity<Values> | undefined;
  readonly lease: SyncLease;
  readonly now: Date;
  writeRecord(entity: SyncedEntity<Values>): Promise<void>;
}

/** Applies the plan under the lease. What is to be made is recorded first: a crash must not make it somebody else's. */
async function applyPlan<Values extends object>(
  kind: Kind<Values>,
  work: Work<Values>,
): Promise<InLitellm<Values>> {
  const { id, desired, there, recorded, lease } = work;
  const plan = planFor(kind, desired, { there, recorded });
  const reported = reportsOf(kind.name, id, plan);
  const members = there?.members ?? [];
  const values = there?.values ?? {};
  if (plan.kind === 'adopt') return { values, members, reported, isMissing: false };
  if (plan.kind === 'create') {
    await work.writeRecord({ written: desired, since: recorded?.since ?? work.now.toISOString() });
    await lease.keep();
    // What is there by now may be what an earlier try made; if not, its values differ from what is recorded and stay.
    const created = await kind.create(id, desired);
    if (created === 'done') return { values: desired, members: [], reported, isMissing: false };
    const found = await kind.find(id);
    return { values: found?.values ?? {}, members: found?.members ?? [], reported, isMissing: false };
  }
  if (plan.hasChanges) {
    await lease.keep();
    await kind.update(id, plan.changes, there?.values ?? {});
  }
  if (plan.written !== undefined && recorded !== undefined) {
    await work.writeRecord({ ...recorded, written: plan.written });
  }
  return { values: { ...values, ...plan.changes }, members, reported, isMissing: false };
}

/** As {@link applyPlan}; a refusal is reported, and what was there before still is. */
async function applyOrReport<Values extends object>(
  kind: Kind<Values>,
  work: Work<Values>,
): Promise<InLitellm<Values>> {
  try {
    return await applyPlan(kind, work);
  } catch (error) {
    const refusal = reportRefusal(kind.name, work.id, error);
    const { values = {}, members = [] } = work.there ?? {};
    return { values, members, reported: [refusal], isMissing: work.there === undefined };
  }
}

async function ensureEntity<Values extends object>(
  deps: SyncDeps,
  kind: RecordedKind<Values>,
  wanted: {
    readonly subject: SyncSubject;
    readonly desired: Values;
    /** What an answer just said of it. */
    readonly looked: { readonly there: There<Values> | undefined } | undefined;
  },
): Promise<InLitellm<Values>> {
  const { subject, desired, looked } = wanted;
  const { id } = subject;
  const [there, recorded] = await Promise.all([
    looked === undefined ? kind.find(id) : looked.there,
    kind.findRecord(id),
  ]);
  const plan = planFor(kind, desired, { there, recorded });
  if (isSettled(plan)) {
    const { values = {}, members = [] } = there ?? {};
    return { values, members, reported: reportsOf(kind.name, id, plan), isMissing: false };
  }
  return withLease(deps, subject, async (lease) => {
    // Read again: whoever had the lease before may have done it.
    const [nowThere, nowRecorded] = await Promise.all([kind.find(id), kind.findRecord(id)]);
    return applyOrReport(kind, {
      id,
      desired,
      there: nowThere,
      recorded: nowRecorded,
      lease,
      now: deps.clock.now(),
      writeRecord: async (entity) => lease.write(async (held) => kind.writeRecord(held, entity)),
    });
  });
}

/** What the proxy has of an organization, whole where its answer carried its teams. */
export interface OrganizationInLitellm extends InLitellm<OrganizationValues> {
  readonly teams: LitellmOrganization['teams'];
}

/**
 * Makes the organization where the proxy has none, and changes what of it this product wrote and nobody changed there. Settled:
 * one request and one read of the record. Idempotent. Throws what proxy and record throw but `litellm_refused`, which is reported.
 */
export async function ensureOrganization(
  deps: SyncDeps,
  id: string,
  desired: OrganizationValues,
): Promise<OrganizationInLitellm> {
  const there = await deps.proxy.findOrganization(id);
  const subject = { kind: 'organization', id } as const;
  const ensured = await ensureEntity(deps, organizations(deps), { subject, desired, looked: { there } });
  return { ...ensured, teams: there?.teams ?? new Map() };
}

/** As {@link ensureOrganization}; its organization must be there. `known`: what the organization's answer said of it. */
export async function ensureTeam(
  deps: SyncDeps,
  id: string,
  wanted: { readonly desired: TeamValues; readonly known: LitellmTeam | undefined },
): Promise<InLitellm<TeamValues>> {
  const { desired, known } = wanted;
  const looked = known === undefined ? undefined : { there: known };
  const subject = { kind: 'team', id } as const;
  const ensured = await ensureEntity(deps, teams(deps), { subject, desired, looked });
  const isElsewhere = ensured.values.organization_id !== desired.organization_id;
  const isTheirs = ensured.reported.some(({ code }) => code === 'made_there');
  if (!isElsewhere || isTheirs || ensured.isMissing) return ensured;
  return { ...ensured, reported: [...ensured.reported, { kind: 'team', id, code: 'not_moved' }] };
}

/** As {@link ensureOrganization}, under the person's lease. Throws `litellm_email_taken` too: without a user nothing follows. */
export async function ensureUser(
  deps: SyncDeps,
  lease: SyncLease,
  wanted: {
    readonly userId: string;
    readonly desired: UserValues;
    readonly recorded: SyncedEntity<UserValues> | undefined;
  },
): Promise<InLitellm> {
  const { userId, desired, recorded } = wanted;
  const kind = users(deps);
  return applyOrReport(kind, {
    id: userId,
    desired,
    there: await kind.find(userId),
    recorded,
    lease,
    now: deps.clock.now(),
    writeRecord: async (user) => lease.write(async (held) => deps.record.writePerson(held, { user })),
  });
}
