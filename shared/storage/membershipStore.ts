/**
 * A person's memberships: one partition per person in each membership table, and that partition is the truth. The
 * members of a team or organization stand in an index table, a superset of the truth: an index row is written before
 * the membership, deleted after it and only under the ETag that its grant left, so no interleaving loses a member.
 */
import type { UnreadableRow } from '../model/unreadableRow.ts';
import * as z from 'zod/mini';
import { chunksOf } from '../platform/chunksOf.ts';
import type { GrantSource } from '../model/entities.ts';
import type { ObservationKey } from '../model/observation.ts';
import { readColumns, text, withoutUndefined } from './tables/columns.ts';
import { inParallel } from '../platform/inParallel.ts';
import type { MembershipKind } from './membershipKinds.ts';
import { FENCE_ROW_KEY, indexRow, memberKey } from './membershipKinds.ts';
import type { Properties, StoredRow, Tables, TransactionWrite } from '../model/tables.ts';

/** A transaction takes 100 rows (Azure's limit), and one of them is the fence. */
const WRITES_PER_TRANSACTION = 99;

/** A person's index rows are in one partition and have no fence. */
const INDEX_ROWS_PER_TRANSACTION = 100;

/** Requests to the index at once: enough to hide latency, few enough to leave sockets to others. */
const PARALLEL_INDEX_WRITES = 16;

const fenceColumns = z.object({ observed_at: text, observation_id: text });

function parseFence(row: StoredRow | undefined): Fence {
  if (row === undefined) return { etag: undefined, observation: undefined };
  const reading = readColumns(fenceColumns, row.properties);
  const { observed_at: observedAt, observation_id: id } = reading.ok ? reading.value : {};
  return {
    etag: row.etag,
    observation: observedAt === undefined || id === undefined ? undefined : { observed_at: observedAt, id },
  };
}

/** A membership as read; `entity_id` is the team's or organization's id. */
export interface ActualMembership<Role extends string> {
  readonly entityId: string;
  /** ETag of the row, so that a hand edit made meanwhile refuses the write. */
  readonly etag: string;
  readonly role: Role;
  /** The role that the system wrote last; `undefined` where it never wrote one. */
  readonly roleWritten: string | undefined;
  readonly grantSource: GrantSource | undefined;
  /** ETag of the index row that this membership's grant wrote. */
  readonly indexEtag: string | undefined;
}

export interface Grant<Role extends string> {
  readonly entityId: string;
  readonly role: Role;
}

export interface RoleChange<Role extends string> extends Grant<Role> {
  readonly from: Role;
  readonly etag: string;
}

export interface Removal<Role extends string> {
  readonly entityId: string;
  readonly role: Role;
  readonly indexEtag: string | undefined;
}

/** Fence of a membership partition: every transaction on the partition moves it. */
export interface Fence {
  /** `undefined`: nobody has written the partition yet. */
  readonly etag: string | undefined;
  /** The observation that moved it last; `undefined` where something without one did. */
  readonly observation: ObservationKey | undefined;
}

export interface MembershipPartition<Role extends string> {
  readonly rows: readonly ActualMembership<Role>[];
  readonly unreadable: readonly UnreadableRow[];
  readonly fence: Fence;
}

/** Writes of one phase; each transaction takes up to 99 of them and the fence. */
export interface MembershipWrites<Role extends string> {
  readonly removals: readonly Removal<Role>[];
  readonly roleChanges: readonly RoleChange<Role>[];
  readonly grants: readonly Grant<Role>[];
}

/** Index rows that stand already, by entity id: the role they name, and their ETag. */
export type Announced<Role extends string> = ReadonlyMap<
  string,
  { readonly role: Role; readonly etag: string | undefined }
>;

export interface ApplyContext<Role extends string> {
  readonly userId: string;
  readonly fence: Fence;
  /** By {@link MembershipStore.announce}, for this run. */
  readonly announced?: Announced<Role>;
  readonly observation: ObservationKey;
  readonly now: Date;
}

/** The fence as moved, or refused: somebody else moved it, or a row is gone (back to reading). */
export type Applied = { readonly applied: true; readonly fence: Fence } | { readonly applied: false };

export class MembershipStore<Role extends string> {
  readonly #tables: Tables;
  readonly #kind: MembershipKind<Role>;

  constructor(tables: Tables, kind: MembershipKind<Role>) {
    this.#tables = tables;
    this.#kind = kind;
  }

  /** One partition read. */
  async read(userId: string): Promise<MembershipPartition<Role>> {
    const rows = await this.#tables.read(this.#kind.table, { partitionKey: userId });
    const readable: ActualMembership<Role>[] = [];
    const unreadable: UnreadableRow[] = [];
    for (const row of rows) {
      if (row.rowKey === FENCE_ROW_KEY) continue;
      const parsed = this.#parseRow(row);
      if ('columns' in parsed) unreadable.push(parsed);
      else readable.push(parsed);
    }
    return {
      rows: readable,
      unreadable,
      fence: parseFence(rows.find((row) => row.rowKey === FENCE_ROW_KEY)),
    };
  }

  /** One point read: the role a person has now; `undefined` where there is no (readable) membership. */
  async findRole(userId: string, entityId: string): Promise<Role | undefined> {
    const row = await this.#tables.find(this.#kind.table, { partitionKey: userId, rowKey: entityId });
    if (row === undefined) return undefined;
    const parsed = this.#parseRow(row);
    return 'columns' in parsed ? undefined : parsed.role;
  }

  /**
   * Writes the index rows of memberships that are about to be granted, one request for up to 100, all at once. A row too many
   * harms nobody: the reconcile takes it after an hour.
   */
  async announce(userId: string, members: readonly Grant<Role>[], now: Date): Promise<Announced<Role>> {
    const chunks = chunksOf(members, INDEX_ROWS_PER_TRANSACTION);
    const announced = await inParallel(chunks, PARALLEL_INDEX_WRITES, async (chunk) => {
      const rows = chunk.map((member) => ({
        kind: 'upsert' as const,
        ...indexRow(this.#kind, { ...member, userId }, now),
      }));
      const etags = await this.#upsert(rows);
      return chunk.map(({ entityId, role }, index) => [entityId, { role, etag: etags[index] }] as const);
    });
    return new Map(announced.flat());
  }

  /**
   * Writes what is missing of the index rows first (as {@link announce}), then the transactions, then deletes the index rows of
   * removed memberships (one request each) under the ETag that their grant left. Moves the fence even when there is nothing to
   * write. Refused also where the fence or a granted membership is there although none was read.
   */
  async apply(context: ApplyContext<Role>, writes: MembershipWrites<Role>): Promise<Applied> {
    const operations = this.#operations(context, writes, await this.#writeIndex(context, writes));
    let fence = context.fence;
    for (let start = 0; start === 0 || start < operations.length; start += WRITES_PER_TRANSACTION) {
      const chunk = operations.slice(start, start + WRITES_PER_TRANSACTION);
      const result = await this.#tables.transact(this.#kind.table, [moveFence(context, fence), ...chunk]);
      if (!result.done) return { applied: false };
      fence = { etag: result.etags[0], observation: context.observation };
    }
    await this.#removeFromIndex(context.userId, writes.removals);
    return { applied: true, fence };
  }

  #parseRow(row: StoredRow): ActualMembership<Role> | UnreadableRow {
    const { idColumn, roleColumn, roles, table } = this.#kind;
    const schema = z.object({
      [roleColumn]: z.enum(roles),
      [`${roleColumn}_written`]: text,
      // Any other source is somebody else's word for "not by Entra", so it is never removed here.
      grant_source: text,
      index_etag: text,
    });
    const reading = readColumns(schema, row.properties);
    if (!reading.ok) return { id: row.rowKey, table, columns: reading.columns };
    const role = roles.find((candidate) => candidate === row.properties[roleColumn]);
    if (role === undefined || row.rowKey === '') return { id: row.rowKey, table, columns: [idColumn] };
    const source = row.properties['grant_source'];
    return {
      entityId: row.rowKey,
      etag: row.etag,
      role,
      roleWritten: asText(row.properties[`${roleColumn}_written`]),
      grantSource: source === 'entra' || source === 'manual' ? source : undefined,
      indexEtag: asText(row.properties['index_etag']),
    };
  }

  /** Gives the ETag of every index row, in the order of the rows: one request for up to 100 of them. */
  async #upsert(
    rows: readonly (TransactionWrite & { readonly kind: 'upsert' })[],
  ): Promise<readonly (string | undefined)[]> {
    const [only] = rows;
    if (only !== undefined && rows.length === 1) {
      const result = await this.#tables.write(this.#kind.indexTable, only);
      return [result.done ? result.etag : undefined];
    }
    const result = await this.#tables.transact(this.#kind.indexTable, rows);
    return result.done ? result.etags : [];
  }

  /** Gives the index ETags of what is written, by entity id: what was announced as it is granted is not written again. */
  async #writeIndex(
    { userId, now, announced = new Map() }: ApplyContext<Role>,
    writes: MembershipWrites<Role>,
  ): Promise<Announced<Role>> {
    const entries = [...writes.grants, ...writes.roleChanges];
    const missing = entries.filter(({ entityId, role }) => announced.get(entityId)?.role !== role);
    return new Map([...announced, ...(await this.announce(userId, missing, now))]);
  }

  #operations(
    context: ApplyContext<Role>,
    writes: MembershipWrites<Role>,
    indexed: Announced<Role>,
  ): readonly TransactionWrite[] {
    const { idColumn, roleColumn } = this.#kind;
    const at = context.now.toISOString();
    const key = (entityId: string) => ({ partitionKey: context.userId, rowKey: entityId });
    const written = (entry: { readonly entityId: string; readonly role: Role }): Properties => ({
      [roleColumn]: entry.role,
      [`${roleColumn}_written`]: entry.role,
      updated_at: at,
      index_etag: indexed.get(entry.entityId)?.etag ?? '',
    });
    return [
      ...writes.removals.map(({ entityId }) => ({ kind: 'delete' as const, key: key(entityId) })),
      ...writes.roleChanges.map((change) => ({
        kind: 'merge' as const,
        key: key(change.entityId),
        etag: change.etag,
        properties: written(change),
      })),
      ...writes.grants.map((grant) => ({
        kind: 'create' as const,
        key: key(grant.entityId),
        properties: {
          user_id: context.userId,
          [idColumn]: grant.entityId,
          ...written(grant),
          grant_source: 'entra',
          created_at: at,
        },
      })),
    ];
  }

  async #removeFromIndex(userId: string, removals: readonly Removal<Role>[]): Promise<void> {
    await inParallel(removals, PARALLEL_INDEX_WRITES, async ({ entityId, indexEtag }) => {
      // Without the ETag of its own grant the row may belong to a newer one: it stays, and the reconcile decides.
      if (indexEtag === undefined) return;
      await this.#tables.write(this.#kind.indexTable, {
        kind: 'delete',
        key: memberKey({ entityId, userId }),
        etag: indexEtag,
      });
    });
  }
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function moveFence(context: Omit<ApplyContext<string>, 'announced'>, fence: Fence): TransactionWrite {
  const key = { partitionKey: context.userId, rowKey: FENCE_ROW_KEY };
  const properties: Properties = withoutUndefined({
    observed_at: context.observation.observed_at,
    observation_id: context.observation.id,
    moved_at: context.now.toISOString(),
  });
  return fence.etag === undefined
    ? { kind: 'create', key, properties }
    : { kind: 'replace', key, properties, etag: fence.etag };
}
