/**
 * The index of members lists the possible members of each team and organization. The person's own partition decides whether a
 * membership exists, and the daily repair compares the two.
 */
import type { Query, StoredRow, Tables } from '../model/tables.ts';
import { HASH_PARTITIONS } from './tables/tableNames.ts';
import {
  FENCE_ROW_KEY,
  indexRow,
  memberKey,
  memberRange,
  type MembershipKind,
  parseMemberKey,
} from './membershipKinds.ts';

/** One row of the index. The person may be a member; only the person's own partition says whether that is true. */
export interface IndexEntry {
  readonly entityId: string;
  readonly userId: string;
  readonly etag: string;
  /** The role in the index. It is a copy and may be out of date. */
  readonly role: string | undefined;
  /** The time when a grant or a repair last wrote the row, or `undefined` if it cannot be read. */
  readonly writtenAt: string | undefined;
}

/** A membership as the index should have it. */
export interface IndexedMembership {
  readonly entityId: string;
  readonly userId: string;
  readonly role: string;
}

function textOf(row: StoredRow, column: string): string | undefined {
  const value = row.properties[column];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The index of team members or of organization members. Pages hold up to 1,000 rows and cost one request each. */
export class MemberIndex {
  readonly kind: 'team' | 'organization';
  readonly #tables: Tables;
  readonly #kind: MembershipKind<string>;

  constructor(tables: Tables, kind: MembershipKind<string>) {
    this.kind = kind.entity;
    this.#tables = tables;
    this.#kind = kind;
  }

  /** Reads the whole index. */
  readPages(): AsyncIterable<readonly IndexEntry[]> {
    return this.#readPages({});
  }

  /**
   * Reads the members of these teams or organizations. The query covers everything between the first and the last id, in each of
   * the 16 partitions, so ask for ids that lie close together.
   */
  async *readMembersOf(entityIds: readonly string[]): AsyncGenerator<readonly IndexEntry[]> {
    const wanted = new Set(entityIds);
    // Sorted by row key and not by id: the separator changes the order if one id begins with the other.
    const ranges = entityIds
      .map((id) => memberRange(id))
      .sort((a, b) => (a.rowKeyFrom < b.rowKeyFrom ? -1 : 1));
    const [first, last] = [ranges.at(0), ranges.at(-1)];
    if (first === undefined || last === undefined) return;
    const range = { rowKeyFrom: first.rowKeyFrom, rowKeyBelow: last.rowKeyBelow };
    for (const partitionKey of HASH_PARTITIONS) {
      for await (const page of this.#readPages({ partitionKey, ...range })) {
        yield page.filter(({ entityId }) => wanted.has(entityId));
      }
    }
  }

  /** Reads memberships that an administrator added or changed by hand. The index may lack them. */
  async *readUnindexedPages(): AsyncGenerator<readonly IndexedMembership[]> {
    for await (const page of this.#tables.readPages(this.#kind.table, {})) {
      yield page
        .filter((row) => row.rowKey !== FENCE_ROW_KEY && this.#isMadeByHand(row))
        .map((row) => ({
          entityId: row.rowKey,
          userId: row.partitionKey,
          role: textOf(row, this.#kind.roleColumn) ?? '',
        }));
    }
  }

  /**
   * Reads the person's own membership with one point read. Returns the role, `unreadable` for a role that this product doesn't
   * know, or `undefined` if no row exists.
   */
  async findRole(userId: string, entityId: string): Promise<string | undefined> {
    const row = await this.#tables.find(this.#kind.table, { partitionKey: userId, rowKey: entityId });
    if (row === undefined) return undefined;
    return this.#kind.roles.find((role) => role === row.properties[this.#kind.roleColumn]) ?? 'unreadable';
  }

  /** Writes a row of the index. Idempotent. */
  async add(membership: IndexedMembership, now: Date): Promise<void> {
    const row = indexRow(this.#kind, membership, now);
    await this.#tables.write(this.#kind.indexTable, { kind: 'upsert', ...row });
  }

  /** Writes the true role into a row of the index. Returns `false` if a grant has rewritten the row since it was read. */
  async correctRole({ entityId, userId, etag }: IndexEntry, role: string, now: Date): Promise<boolean> {
    const row = indexRow(this.#kind, { entityId, userId, role }, now);
    return (await this.#tables.write(this.#kind.indexTable, { kind: 'replace', ...row, etag })).done;
  }

  /** Deletes a row of the index. Returns `false` if a grant has rewritten the row since it was read. */
  async remove({ entityId, userId, etag }: IndexEntry): Promise<boolean> {
    const key = memberKey({ entityId, userId });
    return (await this.#tables.write(this.#kind.indexTable, { kind: 'delete', key, etag })).done;
  }

  async *#readPages(query: Query): AsyncGenerator<readonly IndexEntry[]> {
    for await (const page of this.#tables.readPages(this.#kind.indexTable, query)) {
      yield page.flatMap((row) => {
        const member = parseMemberKey(row);
        if (member === undefined) return [];
        const role = textOf(row, this.#kind.roleColumn);
        return [{ ...member, etag: row.etag, role, writtenAt: textOf(row, 'updated_at') }];
      });
    }
  }

  /** Returns whether an administrator wrote the row or changed its role after a grant of this product. */
  #isMadeByHand(row: StoredRow): boolean {
    const { roleColumn } = this.#kind;
    return (
      textOf(row, 'index_etag') === undefined ||
      textOf(row, roleColumn) !== textOf(row, `${roleColumn}_written`)
    );
  }
}
