/** Makes sure that an organization, a team or a user is in the proxy as it is here, as far as it is ours. */
import { planEntityPush, type EntityPush } from '../domain/entityPush.ts';
import type { PushedEntity, PushReport } from '../domain/pushed.ts';
import { ORGANIZATION_FIELDS, type PushedFields, TEAM_FIELDS, USER_FIELDS } from '../domain/pushedFields.ts';
import type { OrganizationValues, TeamValues, UserValues } from '../domain/pushValues.ts';
import { AppError } from '../errors.ts';
import type {
  Ensured,
  HeldLease,
  ProxyMember,
  ProxyOrganization,
  ProxyTeam,
  PushSubject,
} from '../proxyPorts.ts';
import type { PushDeps } from './pushRun.ts';
import { type PushLease, withPushLease } from './withPushLease.ts';

/** What the proxy has now, and what of it is not as it is here. */
export interface InProxy<Values = unknown> {
  /** Its values as they are there now. */
  readonly values: Partial<Values>;
  readonly members: readonly ProxyMember[];
  readonly reported: readonly PushReport[];
  /** The proxy refused to make it, so nobody can be in it. */
  readonly isMissing: boolean;
}

type There<Values> = { readonly values: Partial<Values>; readonly members: readonly ProxyMember[] };

/** How one kind of thing is found, made and changed. */
interface Kind<Values extends object> extends PushedFields<Values> {
  readonly name: PushReport['kind'];
  find(id: string): Promise<There<Values> | undefined>;
  create(id: string, values: Values): Promise<Ensured>;
  update(id: string, changes: Partial<Values>, there: Partial<Values>): Promise<void>;
}

/** A kind whose record stands in a partition of its own, under a lease of its own. */
interface RecordedKind<Values extends object> extends Kind<Values> {
  findRecord(id: string): Promise<PushedEntity<Values> | undefined>;
  writeRecord(lease: HeldLease, entity: PushedEntity<Values>): Promise<HeldLease | undefined>;
}

function organizations(deps: PushDeps): RecordedKind<OrganizationValues> {
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

function teams(deps: PushDeps): RecordedKind<TeamValues> {
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

function users(deps: PushDeps): Kind<UserValues> {
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
  now: { readonly there: There<Values> | undefined; readonly recorded: PushedEntity<Values> | undefined },
): EntityPush<Values> {
  const { fields, neverCleared } = kind;
  return planEntityPush({ desired, actual: now.there?.values, recorded: now.recorded, fields, neverCleared });
}

function isSettled<Values>(plan: EntityPush<Values>): boolean {
  return plan.kind === 'adopt' || (plan.kind === 'update' && plan.written === undefined);
}

function reportsOf<Values>(kind: PushReport['kind'], id: string, plan: EntityPush<Values>): PushReport[] {
  if (plan.kind === 'create') return [];
  const report = (code: PushReport['code'], fields: readonly string[]): PushReport[] =>
    fields.length === 0 ? [] : [{ kind, id, code, detail: fields.join(', ') }];
  if (plan.kind === 'adopt') return report('made_there', plan.otherwise);
  return [...report('differs', plan.differs), ...report('cannot_be_cleared', plan.uncleared)];
}

/** Gives the report of a refusal; throws on whatever is none. */
export function reportRefusal(kind: PushReport['kind'], id: string, error: unknown): PushReport {
  if (!(error instanceof AppError) || error.code !== 'litellm_refused') throw error;
  const { status } = error.details;
  return { kind, id, code: 'refused', ...(status === undefined ? {} : { detail: String(status) }) };
}

/** Gives the final error that names what was refused (at most 10). */
export function refusalOf(reported: readonly PushReport[]): AppError {
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
  readonly recorded: PushedEntity<Values> | undefined;
  readonly lease: PushLease;
  readonly now: Date;
  writeRecord(entity: PushedEntity<Values>): Promise<void>;
}

/** Applies the plan under the lease. What is to be made is recorded first: a crash must not make it somebody else's. */
async function applyPlan<Values extends object>(
  kind: Kind<Values>,
  work: Work<Values>,
): Promise<InProxy<Values>> {
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
): Promise<InProxy<Values>> {
  try {
    return await applyPlan(kind, work);
  } catch (error) {
    const refusal = reportRefusal(kind.name, work.id, error);
    const { values = {}, members = [] } = work.there ?? {};
    return { values, members, reported: [refusal], isMissing: work.there === undefined };
  }
}

async function ensureEntity<Values extends object>(
  deps: PushDeps,
  kind: RecordedKind<Values>,
  wanted: {
    readonly subject: PushSubject;
    readonly desired: Values;
    /** What an answer just said of it. */
    readonly looked: { readonly there: There<Values> | undefined } | undefined;
  },
): Promise<InProxy<Values>> {
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
  return withPushLease(deps, subject, async (lease) => {
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
export interface OrganizationInProxy extends InProxy<OrganizationValues> {
  readonly teams: ProxyOrganization['teams'];
}

/**
 * Makes the organization where the proxy has none, and changes what of it this product wrote and nobody changed there. Settled:
 * one request and one read of the record. Idempotent. Throws what proxy and record throw but `litellm_refused`, which is reported.
 */
export async function ensureOrganization(
  deps: PushDeps,
  id: string,
  desired: OrganizationValues,
): Promise<OrganizationInProxy> {
  const there = await deps.proxy.findOrganization(id);
  const subject = { kind: 'organization', id } as const;
  const ensured = await ensureEntity(deps, organizations(deps), { subject, desired, looked: { there } });
  return { ...ensured, teams: there?.teams ?? new Map() };
}

/** As {@link ensureOrganization}; its organization must be there. `known`: what the organization's answer said of it. */
export async function ensureTeam(
  deps: PushDeps,
  id: string,
  wanted: { readonly desired: TeamValues; readonly known: ProxyTeam | undefined },
): Promise<InProxy<TeamValues>> {
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
  deps: PushDeps,
  lease: PushLease,
  wanted: {
    readonly userId: string;
    readonly desired: UserValues;
    readonly recorded: PushedEntity<UserValues> | undefined;
  },
): Promise<InProxy> {
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
