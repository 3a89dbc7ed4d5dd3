/**
 * Storage for people's memberships. Each person has one partition in each membership table, and that partition decides what is
 * true. An index table lists the members of each team or organization and may list too many people. The store writes an index row
 * before the membership. It deletes the row after the membership, and only if the row still has the ETag of its grant. So no
 * order of concurrent writes loses a member.
 */
import type { UnreadableRow } from '../model/handEdits.ts';
import * as z from 'zod/mini';
import { chunksOf, inParallel } from '../platform/inParallel.ts';
import type { GrantSource } from '../model/entities.ts';
import type { ObservationKey } from '../model/observation.ts';
import { readColumns, text } from './tables/columns.ts';
import { withoutUndefined } from '../platform/withoutUndefined.ts';
import { type MembershipKind, FENCE_ROW_KEY, indexRow, memberKey } from './membershipKinds.ts';
import type { Properties, StoredRow, Tables, TransactionWrite } from '../model/tables.ts';

/** A transaction takes 100 rows (Azure's limit), and one of them is the fence. */
const WRITES_PER_TRANSACTION = 99;

/** A transaction on the index takes 100 rows too. A person's index rows are in one partition, and it has no fence. */
const INDEX_ROWS_PER_TRANSACTION = 100;

/** Concurrent requests to the index: enough to hide latency, few enough to leave sockets to other requests. */
const PARALLEL_INDEX_WRITES = 16;

const fenceColumns = z.object({ observed_at: text, observation_id: text, moved_at: text });

function parseFence(row: StoredRow | undefined): Fence {
  if (row === undefined) return { etag: undefined, observation: undefined };
  const reading = readColumns(fenceColumns, row.properties);
  const { observed_at: observedAt, observation_id: id, moved_at: movedAt } = reading.ok ? reading.value : {};
  return {
    etag: row.etag,
    ...(movedAt === undefined ? {} : { movedAt }),
    observation: observedAt === undefined || id === undefined ? undefined : { observed_at: observedAt, id },
  };
}

/** A membership as read. `entityId` is the id of the team or organization. */
export interface ActualMembership<Role extends string> {
  readonly entityId: string;
  /** The row's ETag. A write under it is refused if an administrator has edited the row meanwhile. */
  readonly etag: string;
  readonly role: Role;
  /** The role that this product wrote last, or `undefined` if it never wrote one. */
  readonly roleWritten: string | undefined;
  readonly grantSource: GrantSource | undefined;
  /** The ETag of the index row that this membership's grant wrote. */
  readonly indexEtag: string | undefined;
}

/** A membership to create. */
export interface Grant<Role extends string> {
  readonly entityId: string;
  readonly role: Role;
}

/** A new role for an existing membership. `from` is the role before. */
export interface RoleChange<Role extends string> extends Grant<Role> {
  readonly from: Role;
  readonly etag: string;
}

/** A membership to delete. */
export interface Removal<Role extends string> {
  readonly entityId: string;
  readonly role: Role;
  readonly indexEtag: string | undefined;
}

/** The fence row of a membership partition. Every transaction on the partition moves it, so concurrent runs refuse each other. */
export interface Fence {
  /** `undefined` before the first write to the partition. */
  readonly etag: string | undefined;
  /** The observation of the run that moved the fence last, or `undefined` if the fence names none. */
  readonly observation: ObservationKey | undefined;
  /** When it was moved last, by the clock of that run's host. ISO 8601 UTC. */
  readonly movedAt?: string;
}

/** One person's memberships of one kind, as read. */
export interface MembershipPartition<Role extends string> {
  readonly rows: readonly ActualMembership<Role>[];
  readonly unreadable: readonly UnreadableRow[];
  readonly fence: Fence;
}

/** The writes of one phase. Each transaction takes up to 99 of them and the fence. */
export interface MembershipWrites<Role extends string> {
  readonly removals: readonly Removal<Role>[];
  readonly roleChanges: readonly RoleChange<Role>[];
  readonly grants: readonly Grant<Role>[];
}

/** The person, fence and observation for which a run applies its writes. */
export interface ApplyContext {
  readonly userId: string;
  readonly fence: Fence;
  readonly observation: ObservationKey;
  readonly now: Date;
}

/**
 * The moved fence, or a refusal. A write is refused if another run moved the fence or a row is gone. The caller then reads the
 * partition again.
 */
export type Applied = { readonly applied: true; readonly fence: Fence } | { readonly applied: false };

/** The ETags of index rows by entity id. */
type IndexEtags = ReadonlyMap<string, string | undefined>;

/** The store of one kind of membership, with its index of members. */
export class MembershipStore<Role extends string> {
  readonly #tables: Tables;
  readonly #kind: MembershipKind<Role>;

  constructor(tables: Tables, kind: MembershipKind<Role>) {
    this.#tables = tables;
    this.#kind = kind;
  }

  /** Reads all memberships of a person with one partition read. */
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

  /** Reads a person's current role with one point read. Returns `undefined` if no readable membership exists. */
  async findRole(userId: string, entityId: string): Promise<Role | undefined> {
    const row = await this.#tables.find(this.#kind.table, { partitionKey: userId, rowKey: entityId });
    if (row === undefined) return undefined;
    const parsed = this.#parseRow(row);
    return 'columns' in parsed ? undefined : parsed.role;
  }

  /**
   * Applies a run's writes in three steps. It first writes the index rows of grants and role changes, then the
   * memberships. Then it deletes the index rows of removed memberships, one request each, if they still have the ETag of their
   * grant. It moves the fence even if nothing changes. The write is also refused if a fence or a granted membership exists that
   * the caller did not read.
   */
  async apply(context: ApplyContext, writes: MembershipWrites<Role>): Promise<Applied> {
    const operations = this.#operations(context, writes, await this.#writeIndex(context, writes));
    let fence = context.fence;
    for (let start = 0; start === 0 || start < operations.length; start += WRITES_PER_TRANSACTION) {
      const chunk = operations.slice(start, start + WRITES_PER_TRANSACTION);
      const result = await this.#tables.transact(this.#kind.table, [moveFence(context, fence), ...chunk]);
      if (!result.done) return { applied: false };
      fence = {
        etag: result.etags[0],
        observation: context.observation,
        movedAt: context.now.toISOString(),
      };
    }
    await this.#removeFromIndex(context.userId, writes.removals);
    return { applied: true, fence };
  }

  #parseRow(row: StoredRow): ActualMembership<Role> | UnreadableRow {
    const { idColumn, roleColumn, roles, table } = this.#kind;
    const schema = z.object({
      [roleColumn]: z.enum(roles),
      [`${roleColumn}_written`]: text,
      // Any text is allowed. Only `entra` marks a membership that this product may remove.
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

  /** Writes up to 100 index rows with one request. Returns their ETags in the order of the rows. */
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

  /**
   * Writes the index rows of grants and role changes. One request writes up to 100 rows, and the requests run at the same time. An
   * extra row does no harm: the daily repair removes it once it is an hour old. Returns the ETags by entity id.
   */
  async #writeIndex(
    { userId, now }: ApplyContext,
    { grants, roleChanges }: MembershipWrites<Role>,
  ): Promise<IndexEtags> {
    const chunks = chunksOf([...grants, ...roleChanges], INDEX_ROWS_PER_TRANSACTION);
    const written = await inParallel(chunks, PARALLEL_INDEX_WRITES, async (chunk) => {
      const rows = chunk.map(({ entityId, role }) => ({
        kind: 'upsert' as const,
        ...indexRow(this.#kind, { entityId, role, userId }, now),
      }));
      const etags = await this.#upsert(rows);
      return chunk.map(({ entityId }, index) => [entityId, etags[index]] as const);
    });
    return new Map(written.flat());
  }

  #operations(
    context: ApplyContext,
    writes: MembershipWrites<Role>,
    indexEtags: IndexEtags,
  ): readonly TransactionWrite[] {
    const { idColumn, roleColumn } = this.#kind;
    const at = context.now.toISOString();
    const key = (entityId: string) => ({ partitionKey: context.userId, rowKey: entityId });
    const written = (entry: { readonly entityId: string; readonly role: Role }): Properties => ({
      [roleColumn]: entry.role,
      [`${roleColumn}_written`]: entry.role,
      updated_at: at,
      index_etag: indexEtags.get(entry.entityId) ?? '',
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
      // Without the ETag of its own grant, the row may belong to a newer one. It stays, and the daily repair decides.
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

function moveFence(context: ApplyContext, fence: Fence): TransactionWrite {
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
