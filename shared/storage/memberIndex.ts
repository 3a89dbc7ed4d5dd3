/** The members of every team and organization as the index names them, beside the truth, for the reconcile. */
import type { IndexedMembership, IndexEntry, MemberIndex } from './storePorts.ts';
import { HASH_PARTITIONS } from './tables/hashPartition.ts';
import type { MembershipKind } from './membershipKinds.ts';
import {
  FENCE_ROW_KEY,
  indexRow,
  memberKey,
  memberRange,
  ORGANIZATION_MEMBERSHIPS,
  parseMemberKey,
  TEAM_MEMBERSHIPS,
} from './membershipKinds.ts';
import type { Query, StoredRow, Tables } from '../model/tables.ts';

function textOf(row: StoredRow, column: string): string | undefined {
  const value = row.properties[column];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

type ReadPages = (query: Query) => AsyncIterable<readonly IndexEntry[]>;

async function* readMembersOf(
  entityIds: readonly string[],
  readPages: ReadPages,
): AsyncGenerator<readonly IndexEntry[]> {
  const wanted = new Set(entityIds);
  // By row key: of two ids of which one begins with the other, either may come first there.
  const ranges = entityIds
    .map((id) => memberRange(id))
    .sort((a, b) => (a.rowKeyFrom < b.rowKeyFrom ? -1 : 1));
  const [first, last] = [ranges.at(0), ranges.at(-1)];
  if (first === undefined || last === undefined) return;
  const range = { rowKeyFrom: first.rowKeyFrom, rowKeyBelow: last.rowKeyBelow };
  for (const partitionKey of HASH_PARTITIONS) {
    for await (const page of readPages({ partitionKey, ...range })) {
      yield page.filter(({ entityId }) => wanted.has(entityId));
    }
  }
}

function createMemberIndex(
  tables: Tables,
  name: MemberIndex['kind'],
  kind: MembershipKind<string>,
): MemberIndex {
  const { table, indexTable, roleColumn } = kind;

  async function* readPages(query: Query): AsyncGenerator<readonly IndexEntry[]> {
    for await (const page of tables.readPages(indexTable, query)) {
      yield page.flatMap((row) => {
        const member = parseMemberKey(row);
        if (member === undefined) return [];
        return [
          { ...member, etag: row.etag, role: textOf(row, roleColumn), writtenAt: textOf(row, 'updated_at') },
        ];
      });
    }
  }

  /** No grant of ours wrote it, or somebody changed its role since: no index row says so. */
  function isMadeByHand(row: StoredRow): boolean {
    return (
      textOf(row, 'index_etag') === undefined ||
      textOf(row, roleColumn) !== textOf(row, `${roleColumn}_written`)
    );
  }

  async function* readUnindexedPages(): AsyncGenerator<readonly IndexedMembership[]> {
    for await (const page of tables.readPages(table, {})) {
      yield page
        .filter((row) => row.rowKey !== FENCE_ROW_KEY && isMadeByHand(row))
        .map((row) => ({
          entityId: row.rowKey,
          userId: row.partitionKey,
          role: textOf(row, roleColumn) ?? '',
        }));
    }
  }

  return {
    kind: name,
    readPages: () => readPages({}),
    readMembersOf: (entityIds) => readMembersOf(entityIds, readPages),
    readUnindexedPages,
    async findRole(userId, entityId) {
      const row = await tables.find(table, { partitionKey: userId, rowKey: entityId });
      if (row === undefined) return undefined;
      return kind.roles.find((role) => role === row.properties[roleColumn]) ?? 'unreadable';
    },
    async add(membership, now) {
      await tables.write(indexTable, { kind: 'upsert', ...indexRow(kind, membership, now) });
    },
    async mend({ entityId, userId, etag }, role, now) {
      const row = indexRow(kind, { entityId, userId, role }, now);
      return (await tables.write(indexTable, { kind: 'replace', ...row, etag })).done;
    },
    async remove({ entityId, userId, etag }) {
      const key = memberKey({ entityId, userId });
      return (await tables.write(indexTable, { kind: 'delete', key, etag })).done;
    },
  };
}

/** Gives the indexes of team and organization members. */
export function createMemberIndexes(tables: Tables): readonly MemberIndex[] {
  return [
    createMemberIndex(tables, 'team', TEAM_MEMBERSHIPS),
    createMemberIndex(tables, 'organization', ORGANIZATION_MEMBERSHIPS),
  ];
}
