/**
 * What was put into the LiteLLM proxy, and who may write to it now: one partition a person, organization or team. Its row
 * `lease` is the guard of every transaction, so a holder that was overtaken writes nothing more.
 */
import * as z from 'zod/mini';
import type { OrganizationValues, TeamValues, UserValues } from '../model/litellmValues.ts';
import {
  SYNC_REPORT_LIMIT,
  type SyncedEntity,
  type SyncedMembership,
  type SyncOutcome,
  type SyncReport,
  type SyncSubject,
} from '../model/synced.ts';
import { GLOBAL_ROLES } from '../model/roles.ts';
import { AppError } from '../model/errors.ts';
import type { Clock, Random } from '../model/ports.ts';
import { json, readColumns, text, withoutUndefined } from './tables/columns.ts';
import { packJson, parsePacked } from './tables/packedBytes.ts';
import { TABLES } from './tables/tableNames.ts';
import type { Properties, RowKey, StoredRow, Tables, TransactionWrite } from '../model/tables.ts';

const LEASE = 'lease';
const USER = 'user';
const ENTITY = 'entity';
const OUTCOME = 'outcome';
/** A colon, which no id has (`isSafeId`): no membership's row can be taken for another row. */
const ORGANIZATION_PREFIX = 'organization:';
const TEAM_PREFIX = 'team:';

/** A transaction takes 100 rows (Azure's limit), and one of them is the guard. */
const WRITES_PER_TRANSACTION = 99;
/** Instances' clocks differ: somebody else's lease has ended only this long after its time. */
const CLOCK_SKEW_MS = 5_000;
/** How often a transaction is written again that was refused although the lease is ours still. */
const WRITE_ROUNDS = 3;

const limits = {
  max_budget: z.exactOptional(z.number()),
  budget_duration: z.exactOptional(z.string()),
  tpm_limit: z.exactOptional(z.number()),
  rpm_limit: z.exactOptional(z.number()),
};
const organizationValuesSchema: z.ZodMiniType<OrganizationValues> = z.object({
  organization_alias: z.string(),
  models: z.array(z.string()),
  ...limits,
});
const teamValuesSchema: z.ZodMiniType<TeamValues> = z.object({
  team_alias: z.string(),
  organization_id: z.exactOptional(z.string()),
  models: z.array(z.string()),
  ...limits,
});
const userValuesSchema: z.ZodMiniType<UserValues> = z.object({
  user_email: z.exactOptional(z.string()),
  user_alias: z.exactOptional(z.string()),
  user_role: z.enum(GLOBAL_ROLES),
  models: z.array(z.string()),
  max_budget: z.exactOptional(z.number()),
  budget_duration: z.exactOptional(z.string()),
});

const leaseColumns = z.object({ holder: z.string(), expires_at: z.iso.datetime() });
const entityColumns = z.object({ since: z.string() });
const membershipColumns = z.object({
  state: z.enum(['adding', 'added', 'found']),
  role: z.string().check(z.minLength(1)),
  wanted: text,
  since: text,
});
/** Every one of them, or it does not compile: an outcome with a word that is missing here would read as none. */
const REPORT_CODES: { readonly [Code in SyncReport['code']]: Code } = {
  differs: 'differs',
  cannot_be_cleared: 'cannot_be_cleared',
  created_in_litellm: 'created_in_litellm',
  not_moved: 'not_moved',
  role_needs_licence: 'role_needs_licence',
  refused: 'refused',
  row_missing: 'row_missing',
};
const reportedSchema: z.ZodMiniType<SyncReport[]> = z.array(
  z.object({
    kind: z.enum(['user', 'organization', 'team']),
    id: z.string(),
    code: z.enum(REPORT_CODES),
    detail: z.exactOptional(z.string()),
  }),
);
const outcomeColumns = z.object({
  status: z.enum(['done', 'waiting', 'retrying', 'failed']),
  reason: text,
  attempts: z.number(),
  updated_at: z.string(),
  next_try_at: text,
  reported: json(reportedSchema),
});

/** Where everything about a subject stands. */
interface Place {
  readonly table: string;
  readonly partitionKey: string;
}

const personPlace = (userId: string): Place => ({ table: TABLES.syncedPeople, partitionKey: userId });

function placeOf({ kind, id }: SyncSubject): Place {
  if (kind === 'user') return personPlace(id);
  return { table: TABLES.syncedEntities, partitionKey: `${kind}:${id}` };
}

function unreadable(table: string, row: RowKey, columns: readonly string[]): AppError {
  return new AppError('row_unreadable', 'What was put into the LiteLLM proxy cannot be read.', {
    details: { table, row: `${row.partitionKey}/${row.rowKey}`, columns },
  });
}

function requireColumns<T extends z.ZodMiniType>(table: string, row: StoredRow, schema: T): z.output<T> {
  const reading = readColumns(schema, row.properties);
  if (!reading.ok) throw unreadable(table, row, reading.columns);
  return reading.value;
}

function findWritten<T>(row: StoredRow, schema: z.ZodMiniType<T>): T | undefined {
  try {
    return schema.safeParse(parsePacked('written', row.properties)).data;
  } catch (error) {
    if (error instanceof AppError && error.code === 'row_unreadable') return undefined;
    throw error;
  }
}

function parseEntity<Values>(
  table: string,
  row: StoredRow | undefined,
  schema: z.ZodMiniType<Values>,
): SyncedEntity<Values> | undefined {
  if (row === undefined) return undefined;
  const reading = readColumns(entityColumns, row.properties);
  const written = findWritten(row, schema);
  if (reading.ok && written !== undefined) return { written, since: reading.value.since };
  throw unreadable(table, row, [
    ...(reading.ok ? [] : reading.columns),
    ...(written === undefined ? ['written'] : []),
  ]);
}

function parseMembership(table: string, row: StoredRow, entityId: string): SyncedMembership {
  const { state, role, wanted, since } = requireColumns(table, row, membershipColumns);
  return { entityId, state, role, ...withoutUndefined({ wanted, since }) };
}

/** The system alone writes it and it decides nothing in the proxy: a broken one is overwritten by the next. */
function parseOutcome(row: StoredRow | undefined): SyncOutcome | undefined {
  if (row === undefined) return undefined;
  const reading = readColumns(outcomeColumns, row.properties);
  if (!reading.ok) return undefined;
  const { status, attempts, updated_at: updatedAt, reported } = reading.value;
  const { reason, next_try_at: nextTryAt } = reading.value;
  return { status, attempts, updatedAt, reported, ...withoutUndefined({ reason, nextTryAt }) };
}

function outcomeProperties(outcome: SyncOutcome): Properties {
  return {
    status: outcome.status,
    attempts: outcome.attempts,
    updated_at: outcome.updatedAt,
    ...withoutUndefined({ reason: outcome.reason, next_try_at: outcome.nextTryAt }),
    reported: JSON.stringify(outcome.reported.slice(0, SYNC_REPORT_LIMIT)),
  };
}

function membershipProperties({ entityId, state, role, wanted, since }: SyncedMembership): Properties {
  return { entity_id: entityId, state, role, ...withoutUndefined({ wanted, since }) };
}

/** Collects what is written to the rows of one partition. */
class Writes {
  readonly all: TransactionWrite[] = [];
  readonly #partitionKey: string;

  constructor(partitionKey: string) {
    this.#partitionKey = partitionKey;
  }

  /** `null` forgets the row, `undefined` leaves it alone. */
  put(rowKey: string, properties: Properties | null | undefined): void {
    const key = { partitionKey: this.#partitionKey, rowKey };
    if (properties === null) this.all.push({ kind: 'delete', key });
    // Not a merge: a column that is left out is gone.
    else if (properties !== undefined) this.all.push({ kind: 'upsert', key, properties });
  }

  putEntity(rowKey: string, entity: SyncedEntity<unknown> | null | undefined): void {
    this.put(rowKey, entity && { since: entity.since, ...packJson('written', entity.written) });
  }

  putMemberships(
    prefix: string,
    memberships: ReadonlyMap<string, SyncedMembership | null> | undefined,
  ): void {
    for (const [entityId, membership] of memberships ?? []) {
      this.put(prefix + entityId, membership && membershipProperties(membership));
    }
  }
}

/** A lease as held. Every write of the record under it moves its ETag, so a holder that was overtaken is refused. */
export interface HeldLease {
  readonly subject: SyncSubject;
  /** Who it is, unique to each taking: tells a write of one's own whose answer was lost from somebody else's. */
  readonly holder: string;
  readonly etag: string;
  /** By the clock of this process, in milliseconds. */
  readonly expiresAtMs: number;
}

/** All that is recorded of one person. */
export interface SyncedPerson {
  readonly user: SyncedEntity<UserValues> | undefined;
  readonly organizations: ReadonlyMap<string, SyncedMembership>;
  readonly teams: ReadonlyMap<string, SyncedMembership>;
  readonly outcome: SyncOutcome | undefined;
}

/** What changes in the record of one person; `null` forgets. */
export interface PersonRecordChanges {
  readonly user?: SyncedEntity<UserValues> | null;
  readonly organizations?: ReadonlyMap<string, SyncedMembership | null>;
  readonly teams?: ReadonlyMap<string, SyncedMembership | null>;
  readonly outcome?: SyncOutcome;
}

interface SyncRecordOptions {
  readonly tables: Tables;
  readonly clock: Clock;
  /** Names the holders of leases. */
  readonly random: Pick<Random, 'uuid'>;
}

/**
 * What this product put into the proxy, and who may write to it now. Throws `storage_unavailable`, `storage_refused`, and
 * `row_unreadable` where a person edited the record into something unreadable: unknown is not "not ours".
 */
export class SyncRecord {
  readonly #tables: Tables;
  readonly #clock: Clock;
  readonly #random: Pick<Random, 'uuid'>;

  constructor({ tables, clock, random }: SyncRecordOptions) {
    this.#tables = tables;
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * Takes the lease of a subject for `durationMs`: one read and one write. `undefined`: somebody else holds it, until a time that
   * has not come. A lease that expired is taken over.
   */
  async takeLease(subject: SyncSubject, durationMs: number): Promise<HeldLease | undefined> {
    const { table, partitionKey } = placeOf(subject);
    const key = { partitionKey, rowKey: LEASE };
    const row = await this.#tables.find(table, key);
    const nowMs = this.#nowMs();
    if (row !== undefined) {
      const endsAtMs = Date.parse(requireColumns(table, row, leaseColumns).expires_at);
      if (nowMs <= endsAtMs + CLOCK_SKEW_MS) return undefined;
    }
    const holder = this.#random.uuid();
    const expiresAtMs = nowMs + durationMs;
    const properties: Properties = { holder, expires_at: new Date(expiresAtMs).toISOString() };
    const result = await this.#tables.write(
      table,
      row === undefined
        ? { kind: 'create', key, properties }
        : { kind: 'replace', key, properties, etag: row.etag },
    );
    // A repeated write may have met its own first try, whose answer was lost: then the lease is ours.
    const etag = result.done ? result.etag : await this.#findLeaseEtag({ table, partitionKey }, holder);
    return etag === undefined ? undefined : { subject, holder, etag, expiresAtMs };
  }

  /** Gives the lease anew for `durationMs`; `undefined`: it was taken over meanwhile. One write, where nobody did. */
  async renewLease(lease: HeldLease, durationMs: number): Promise<HeldLease | undefined> {
    const { table, partitionKey } = placeOf(lease.subject);
    const key = { partitionKey, rowKey: LEASE };
    const expiresAtMs = this.#nowMs() + durationMs;
    const properties: Properties = { expires_at: new Date(expiresAtMs).toISOString() };
    let etag: string | undefined = lease.etag;
    for (let round = 0; round < WRITE_ROUNDS && etag !== undefined; round += 1) {
      const result = await this.#tables.write(table, { kind: 'merge', key, properties, etag });
      if (result.done && result.etag !== undefined) return { ...lease, etag: result.etag, expiresAtMs };
      etag = await this.#findLeaseEtag({ table, partitionKey }, lease.holder);
    }
    return undefined;
  }

  /** Ends it: one write. A lease that was taken over stays as it is. Hand in the lease as it was given last. */
  async releaseLease({ subject, etag }: HeldLease): Promise<void> {
    const { table, partitionKey } = placeOf(subject);
    // Refused where it was taken over. Of a move whose answer was lost it leaves the lease until its time.
    await this.#tables.write(table, { kind: 'delete', key: { partitionKey, rowKey: LEASE }, etag });
  }

  /** One partition read. */
  async readPerson(userId: string): Promise<SyncedPerson> {
    const { table, partitionKey } = personPlace(userId);
    const rows = await this.#tables.read(table, { partitionKey });
    const memberships = (prefix: string): ReadonlyMap<string, SyncedMembership> =>
      new Map(
        rows
          .filter(({ rowKey }) => rowKey.startsWith(prefix))
          .map((row) => [row.rowKey.slice(prefix.length), row] as const)
          .map(([entityId, row]) => [entityId, parseMembership(table, row, entityId)]),
      );
    return {
      user: parseEntity(table, findRow(rows, USER), userValuesSchema),
      organizations: memberships(ORGANIZATION_PREFIX),
      teams: memberships(TEAM_PREFIX),
      outcome: parseOutcome(findRow(rows, OUTCOME)),
    };
  }

  /**
   * Writes under the lease, up to 99 rows a transaction, the outcome last; gives the lease as moved (its expiry as it was), or
   * `undefined` where it was taken over: then the rest is not written. Idempotent: forgetting what is not there is fine. No request
   * where nothing changes.
   */
  async writePerson(lease: HeldLease, changes: PersonRecordChanges): Promise<HeldLease | undefined> {
    const writes = new Writes(placeOf(lease.subject).partitionKey);
    writes.putEntity(USER, changes.user);
    writes.putMemberships(ORGANIZATION_PREFIX, changes.organizations);
    writes.putMemberships(TEAM_PREFIX, changes.teams);
    // Last: where several transactions are needed, it says `done` only of what is written.
    writes.put(OUTCOME, changes.outcome && outcomeProperties(changes.outcome));
    return this.#write(lease, writes.all);
  }

  /** One point read. */
  async findOrganization(organizationId: string): Promise<SyncedEntity<OrganizationValues> | undefined> {
    return this.#findEntity({ kind: 'organization', id: organizationId }, organizationValuesSchema);
  }

  async findTeam(teamId: string): Promise<SyncedEntity<TeamValues> | undefined> {
    return this.#findEntity({ kind: 'team', id: teamId }, teamValuesSchema);
  }

  /** One transaction under the lease of that organization or team; as {@link SyncRecord.writePerson}. */
  async writeOrganization(
    lease: HeldLease,
    entity: SyncedEntity<OrganizationValues>,
  ): Promise<HeldLease | undefined> {
    return this.#writeEntity(lease, entity);
  }

  async writeTeam(lease: HeldLease, entity: SyncedEntity<TeamValues>): Promise<HeldLease | undefined> {
    return this.#writeEntity(lease, entity);
  }

  /** Writes the outcome alone, without a lease: one write. */
  async recordPersonOutcome(userId: string, outcome: SyncOutcome): Promise<void> {
    const { table, partitionKey } = personPlace(userId);
    await this.#tables.write(table, {
      kind: 'upsert',
      key: { partitionKey, rowKey: OUTCOME },
      properties: outcomeProperties(outcome),
    });
  }

  #nowMs(): number {
    return this.#clock.now().getTime();
  }

  /** `undefined`: somebody else holds it, or nobody. */
  async #findLeaseEtag({ table, partitionKey }: Place, holder: string): Promise<string | undefined> {
    const row = await this.#tables.find(table, { partitionKey, rowKey: LEASE });
    return row?.properties['holder'] === holder ? row.etag : undefined;
  }

  async #findEntity<Values>(
    subject: SyncSubject,
    schema: z.ZodMiniType<Values>,
  ): Promise<SyncedEntity<Values> | undefined> {
    const { table, partitionKey } = placeOf(subject);
    return parseEntity(table, await this.#tables.find(table, { partitionKey, rowKey: ENTITY }), schema);
  }

  async #writeEntity(lease: HeldLease, entity: SyncedEntity<unknown>): Promise<HeldLease | undefined> {
    const writes = new Writes(placeOf(lease.subject).partitionKey);
    writes.putEntity(ENTITY, entity);
    return this.#write(lease, writes.all);
  }

  async #write(lease: HeldLease, writes: readonly TransactionWrite[]): Promise<HeldLease | undefined> {
    let held: HeldLease | undefined = lease;
    for (let start = 0; start < writes.length && held !== undefined; start += WRITES_PER_TRANSACTION) {
      held = await this.#transact(held, writes.slice(start, start + WRITES_PER_TRANSACTION));
    }
    return held;
  }

  /**
   * A refusal does not always mean that somebody else took over: a repeated write met its own first try, or a person deleted a row
   * that is to be forgotten. While the holder is still this one, the same is written again, which changes nothing that is so already.
   */
  async #transact(lease: HeldLease, writes: readonly TransactionWrite[]): Promise<HeldLease | undefined> {
    const { table, partitionKey } = placeOf(lease.subject);
    const key = { partitionKey, rowKey: LEASE };
    const properties: Properties = { moved_at: this.#clock.now().toISOString() };
    let { etag } = lease;
    let pending = writes;
    for (let round = 0; round < WRITE_ROUNDS; round += 1) {
      const result = await this.#tables.transact(table, [
        { kind: 'merge', key, properties, etag },
        ...pending,
      ]);
      const moved = result.done ? result.etags[0] : undefined;
      if (moved !== undefined) return { ...lease, etag: moved };
      const rows = await this.#tables.read(table, { partitionKey });
      const row = findRow(rows, LEASE);
      if (row?.properties['holder'] !== lease.holder) return undefined;
      etag = row.etag;
      const present = new Set(rows.map(({ rowKey }) => rowKey));
      pending = writes.filter((write) => write.kind !== 'delete' || present.has(write.key.rowKey));
    }
    throw new AppError('storage_contention', 'The record of a push was refused again and again.', {
      retryable: true,
      details: { table },
    });
  }
}

function findRow(rows: readonly StoredRow[], rowKey: string): StoredRow | undefined {
  return rows.find((row) => row.rowKey === rowKey);
}
