/**
 * Storage for the record of what this product wrote to LiteLLM, and for the lease of the instance that may write to it now. Each
 * person, organization and team has its own partition. Every transaction includes the partition's row `lease`, so an instance
 * that has lost its lease cannot write any more.
 */
import * as z from 'zod/mini';
import type { OrganizationValues, TeamValues, UserValues } from '../model/litellmValues.ts';
import {
  SYNC_REPORT_LIMIT,
  type SyncedEntity,
  type SyncedMembership,
  type SyncedTeam,
  type SyncOutcome,
  type SyncReport,
  type SyncedStanding,
  type SyncSubject,
} from '../model/synced.ts';
import type { Leaving, RestingKey } from '../model/restingKeys.ts';
import { AppError } from '../model/errors.ts';
import type { Clock, Random } from '../model/ports.ts';
import {
  DueKeys,
  KEY_PREFIX,
  keyProperties,
  type KeyRecord,
  leavingProperties,
  LEFT_PREFIX,
  parseKeyRecord,
} from './parkedKeys.ts';
import {
  membershipProperties,
  parseMembership,
  parseStanding,
  requireColumns,
  rowsByPrefix,
  standingProperties,
  unreadable,
} from './syncRows.ts';
import { json, readColumns, text } from './tables/columns.ts';
import { withoutUndefined } from '../platform/withoutUndefined.ts';
import {
  entityProperties,
  type EntityReading,
  readSyncedOrganization,
  readSyncedTeam,
  readSyncedUser,
} from './syncedEntityColumns.ts';
import { TABLES } from './tables/tableNames.ts';
import type { Properties, StoredRow, Tables, TransactionWrite } from '../model/tables.ts';

const LEASE = 'lease';
const USER = 'user';
const ENTITY = 'entity';
const OUTCOME = 'outcome';
const STANDING = 'standing';
/** The prefixes end with a colon, which no id contains (`isSafeId`). So a membership's row key never equals another row's key. */
const ORGANIZATION_PREFIX = 'organization:';
const TEAM_PREFIX = 'team:';

/** A transaction takes 100 rows (Azure's limit), and one of them is the lease. */
const WRITES_PER_TRANSACTION = 99;
/** How long after its expiry another instance's lease counts as ended, because clocks differ. */
const CLOCK_SKEW_MS = 5_000;
/** How often a write under a lease is tried before giving up, while this instance still holds the lease. */
const WRITE_ROUNDS = 3;

const leaseColumns = z.object({ holder: z.string(), expires_at: z.iso.datetime() });
/** All report codes. The type makes a missing one a compile error: an outcome with an unlisted code would read as absent. */
const REPORT_CODES: { readonly [Code in SyncReport['code']]: Code } = {
  differs: 'differs',
  cannot_be_cleared: 'cannot_be_cleared',
  created_in_litellm: 'created_in_litellm',
  not_moved: 'not_moved',
  capped_to_organization: 'capped_to_organization',
  no_models_left: 'no_models_left',
  organization_frozen: 'organization_frozen',
  role_needs_licence: 'role_needs_licence',
  refused: 'refused',
  not_deactivated: 'not_deactivated',
  not_created: 'not_created',
  deactivated: 'deactivated',
  owns_our_key: 'owns_our_key',
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

/** The partition that holds all rows about a subject. */
interface Place {
  readonly table: string;
  readonly partitionKey: string;
}

const personPlace = (userId: string): Place => ({ table: TABLES.syncedPeople, partitionKey: userId });

function placeOf({ kind, id }: SyncSubject): Place {
  if (kind === 'user') return personPlace(id);
  return { table: TABLES.syncedEntities, partitionKey: `${kind}:${id}` };
}

function contention(table: string): AppError {
  return new AppError(
    'storage_contention',
    'The record of a sync could not be written: every try was refused.',
    { retryable: true, details: { table } },
  );
}

function parseEntity<Entity>(
  table: string,
  row: StoredRow | undefined,
  read: (properties: StoredRow['properties']) => EntityReading<Entity>,
): Entity | undefined {
  if (row === undefined) return undefined;
  const reading = read(row.properties);
  if (reading.ok) return reading.entity;
  throw unreadable(table, row, reading.columns);
}

/**
 * Parses an outcome. Returns `undefined` for a broken one, because it decides nothing in LiteLLM and the next outcome
 * overwrites it.
 */
function parseOutcome(row: StoredRow | undefined): SyncOutcome | undefined {
  if (row === undefined) return undefined;
  const reading = readColumns(outcomeColumns, row.properties);
  if (!reading.ok) return undefined;
  const { status, attempts, updated_at: updatedAt, reported } = reading.value;
  const { reason, next_try_at: nextTryAt } = reading.value;
  return { status, attempts, updatedAt, reported, ...withoutUndefined({ reason, nextTryAt }) };
}

function isLost(outcome: SyncOutcome | undefined, before: Date): boolean {
  const isFinal = outcome === undefined || outcome.status === 'done' || outcome.status === 'failed';
  return !isFinal && Date.parse(outcome.updatedAt) < before.getTime();
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

/** The writes to one partition, collected before they are sent. */
class Writes {
  readonly all: TransactionWrite[] = [];
  readonly #partitionKey: string;

  constructor(partitionKey: string) {
    this.#partitionKey = partitionKey;
  }

  /** Adds the write of one row. `null` deletes the row, `undefined` leaves it as it is. */
  put(rowKey: string, properties: Properties | null | undefined): void {
    const key = { partitionKey: this.#partitionKey, rowKey };
    if (properties === null) this.all.push({ kind: 'delete', key });
    // The row is replaced and not merged, so that a column without a value disappears.
    else if (properties !== undefined) this.all.push({ kind: 'upsert', key, properties });
  }

  putEntity(rowKey: string, entity: SyncedTeam<unknown> | null | undefined): void {
    this.put(rowKey, entity && entityProperties(entity));
  }

  /** Writes each row with the properties of its value. */
  putAll<T>(
    prefix: string,
    rows: ReadonlyMap<string, T | null> | undefined,
    propertiesOf: (row: T) => Properties,
  ): void {
    for (const [id, row] of rows ?? []) this.put(prefix + id, row && propertiesOf(row));
  }
}

/** A lease that this instance holds. Every write under it changes its ETag, so an instance that has lost the lease is refused. */
export interface HeldLease {
  readonly subject: SyncSubject;
  /** A unique id of this lease. If the answer to a write is lost, it shows whether the stored lease is this one. */
  readonly holder: string;
  readonly etag: string;
  /** By the clock of this process, in milliseconds. */
  readonly expiresAtMs: number;
}

/** The complete record of one person. */
export interface SyncedPerson extends KeyRecord {
  readonly user: SyncedEntity<UserValues> | undefined;
  readonly organizations: ReadonlyMap<string, SyncedMembership>;
  readonly teams: ReadonlyMap<string, SyncedMembership>;
  /** Present: this product deactivated the person. */
  readonly standing: SyncedStanding | undefined;
  readonly outcome: SyncOutcome | undefined;
}

/** The changes to the record of one person. `null` deletes an entry. */
export interface PersonRecordChanges {
  readonly user?: SyncedEntity<UserValues> | null;
  readonly organizations?: ReadonlyMap<string, SyncedMembership | null>;
  readonly teams?: ReadonlyMap<string, SyncedMembership | null>;
  readonly standing?: SyncedStanding | null;
  /** By team. */
  readonly left?: ReadonlyMap<string, Leaving | null>;
  /** By hash. */
  readonly keys?: ReadonlyMap<string, RestingKey | null>;
  readonly outcome?: SyncOutcome;
}

interface SyncRecordOptions {
  readonly tables: Tables;
  readonly clock: Clock;
  /** Creates the ids of leases. */
  readonly random: Pick<Random, 'uuid'>;
}

/**
 * The record of what this product wrote to LiteLLM, and the leases. Its methods throw `storage_unavailable`, `storage_refused`,
 * and `row_unreadable` if an edit made the record unreadable. They never treat an unreadable record as an absent one, because
 * then the product would no longer remove what it added.
 */
export class SyncRecord {
  /** Whose keys are due, and when. */
  readonly due: DueKeys;
  readonly #tables: Tables;
  readonly #clock: Clock;
  readonly #random: Pick<Random, 'uuid'>;

  constructor({ tables, clock, random }: SyncRecordOptions) {
    this.due = new DueKeys(tables);
    this.#tables = tables;
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * Takes the lease of a subject for `durationMs`, with one read and one write. Takes over an expired lease. Returns `undefined`
   * if another instance holds a lease that has not expired.
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
    // Azure's client repeats a write whose answer was lost. If the first try succeeded, the stored lease is this one.
    const etag = result.done ? result.etag : await this.#findLeaseEtag({ table, partitionKey }, holder);
    return etag === undefined ? undefined : { subject, holder, etag, expiresAtMs };
  }

  /**
   * Renews the lease for `durationMs` from now. Returns `undefined` if another instance has taken it over. It takes one write
   * unless the lease has changed meanwhile.
   */
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

  /**
   * Ends the lease with one write. Pass the lease as the last write returned it. It does nothing to a lease that another instance
   * has taken over.
   */
  async releaseLease({ subject, etag }: HeldLease): Promise<void> {
    const { table, partitionKey } = placeOf(subject);
    // Refused if the ETag has changed. After a write whose answer was lost, the lease stays until it expires.
    await this.#tables.write(table, { kind: 'delete', key: { partitionKey, rowKey: LEASE }, etag });
  }

  /** Reads the record of a person with one partition read. */
  async readPerson(userId: string): Promise<SyncedPerson> {
    return (await this.readPersonSeen(userId)).recorded;
  }

  /** Reads as {@link SyncRecord.readPerson}, with the ETag of the outcome's row for {@link SyncRecord.recordPersonOutcome}. */
  async readPersonSeen(userId: string): Promise<{
    readonly recorded: SyncedPerson;
    readonly seen: { readonly etag: string | undefined };
  }> {
    const { table, partitionKey } = personPlace(userId);
    const rows = await this.#tables.read(table, { partitionKey });
    const memberships = (prefix: string): ReadonlyMap<string, SyncedMembership> =>
      new Map(
        rowsByPrefix(rows, prefix).map(([entityId, row]) => [
          entityId,
          parseMembership(table, row, entityId),
        ]),
      );
    const outcome = findRow(rows, OUTCOME);
    const recorded = {
      user: parseEntity(table, findRow(rows, USER), readSyncedUser),
      organizations: memberships(ORGANIZATION_PREFIX),
      teams: memberships(TEAM_PREFIX),
      standing: parseStanding(table, findRow(rows, STANDING)),
      ...parseKeyRecord(table, rows),
      outcome: parseOutcome(outcome),
    };
    return { recorded, seen: { etag: outcome?.etag } };
  }

  /**
   * Writes changes under the lease, up to 99 rows a transaction, and the outcome last. Returns the lease with its new ETag and
   * the same expiry. If another instance has taken the lease over, it stops writing and returns `undefined`. Idempotent:
   * deleting an absent entry is fine. Without changes it sends no request.
   */
  async writePerson(lease: HeldLease, changes: PersonRecordChanges): Promise<HeldLease | undefined> {
    const writes = new Writes(placeOf(lease.subject).partitionKey);
    writes.putEntity(USER, changes.user);
    writes.put(STANDING, changes.standing && standingProperties(changes.standing));
    writes.putAll(ORGANIZATION_PREFIX, changes.organizations, membershipProperties);
    writes.putAll(TEAM_PREFIX, changes.teams, membershipProperties);
    writes.putAll(LEFT_PREFIX, changes.left, leavingProperties);
    writes.putAll(KEY_PREFIX, changes.keys, keyProperties);
    // Last, because with several transactions the outcome must not say `done` before everything is written.
    writes.put(OUTCOME, changes.outcome && outcomeProperties(changes.outcome));
    return this.#write(lease, writes.all);
  }

  /** Reads the record of an organization with one point read. */
  async findOrganization(organizationId: string): Promise<SyncedEntity<OrganizationValues> | undefined> {
    return this.#findEntity({ kind: 'organization', id: organizationId }, readSyncedOrganization);
  }

  /** Reads the record of a team with one point read. */
  async findTeam(teamId: string): Promise<SyncedTeam<TeamValues> | undefined> {
    return this.#findEntity({ kind: 'team', id: teamId }, readSyncedTeam);
  }

  /**
   * Writes the record of an organization in one transaction under its lease. Returns the lease as {@link SyncRecord.writePerson}
   * does.
   */
  async writeOrganization(
    lease: HeldLease,
    entity: SyncedEntity<OrganizationValues>,
  ): Promise<HeldLease | undefined> {
    return this.#writeEntity(lease, entity);
  }

  /** Writes the record of a team as {@link SyncRecord.writeOrganization} does. */
  async writeTeam(lease: HeldLease, entity: SyncedTeam<TeamValues>): Promise<HeldLease | undefined> {
    return this.#writeEntity(lease, entity);
  }

  /**
   * Writes a person's outcome alone, without a lease: one write under the ETag that the sync saw. What was recorded since then is newer
   * and stays; only `failed` still replaces it, unless it is `done`. Without `seen`, whatever is stored now counts as seen.
   * Throws `storage_contention` if other writers keep changing the row.
   */
  async recordPersonOutcome(
    userId: string,
    outcome: SyncOutcome,
    seen?: { readonly etag: string | undefined },
  ): Promise<void> {
    const { table, partitionKey } = personPlace(userId);
    const key = { partitionKey, rowKey: OUTCOME };
    const properties = outcomeProperties(outcome);
    let etag = seen?.etag;
    for (let round = 0; round < WRITE_ROUNDS; round += 1) {
      const { done } = await this.#tables.write(
        table,
        etag === undefined ? { kind: 'create', key, properties } : { kind: 'replace', key, properties, etag },
      );
      if (done) return;
      const row = await this.#tables.find(table, key);
      const wasUnseen = seen !== undefined || round > 0;
      if (wasUnseen && (outcome.status !== 'failed' || parseOutcome(row)?.status === 'done')) return;
      etag = row?.etag;
    }
    throw contention(table);
  }

  /** Reads the people whose outcome is not final, and was written before `before`: one request a page of the whole record. */
  async *readLostOutcomePages(before: Date): AsyncGenerator<readonly string[]> {
    for await (const page of this.#tables.readPages(TABLES.syncedPeople, {})) {
      yield page
        .filter((row) => row.rowKey === OUTCOME && isLost(parseOutcome(row), before))
        .map((row) => row.partitionKey);
    }
  }

  #nowMs(): number {
    return this.#clock.now().getTime();
  }

  /** Returns the ETag of the stored lease, or `undefined` if `holder` does not hold it. */
  async #findLeaseEtag({ table, partitionKey }: Place, holder: string): Promise<string | undefined> {
    const row = await this.#tables.find(table, { partitionKey, rowKey: LEASE });
    return row?.properties['holder'] === holder ? row.etag : undefined;
  }

  async #findEntity<Entity>(
    subject: SyncSubject,
    read: (properties: StoredRow['properties']) => EntityReading<Entity>,
  ): Promise<Entity | undefined> {
    const { table, partitionKey } = placeOf(subject);
    return parseEntity(table, await this.#tables.find(table, { partitionKey, rowKey: ENTITY }), read);
  }

  async #writeEntity(lease: HeldLease, entity: SyncedTeam<unknown>): Promise<HeldLease | undefined> {
    const writes = new Writes(placeOf(lease.subject).partitionKey);
    writes.putEntity(ENTITY, entity);
    return this.#write(lease, writes.all);
  }

  async #write(lease: HeldLease, writes: readonly TransactionWrite[]): Promise<HeldLease | undefined> {
    let moved: HeldLease | undefined = lease;
    for (let start = 0; start < writes.length && moved !== undefined; start += WRITES_PER_TRANSACTION) {
      moved = await this.#transact(moved, writes.slice(start, start + WRITES_PER_TRANSACTION));
    }
    return moved;
  }

  /**
   * Sends one transaction. A refusal does not always mean that another instance holds the lease. The client may have repeated a
   * write that had succeeded, or an operator may have deleted a row that the transaction deletes too. While this instance holds
   * the lease, the method writes the same rows again, which is harmless.
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
    throw contention(table);
  }
}

function findRow(rows: readonly StoredRow[], rowKey: string): StoredRow | undefined {
  return rows.find((row) => row.rowKey === rowKey);
}
