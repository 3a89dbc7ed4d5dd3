/** The members of every team and organization as the index names them, beside the truth, for the reconcile. */
import type { IndexedMembership, IndexEntry, MemberIndex } from '../storePorts.ts';
import type { MembershipKind } from './tables/membershipKinds.ts';
import {
  FENCE_ROW_KEY,
  GUARD_ROW_KEY,
  ORGANIZATION_MEMBERSHIPS,
  TEAM_MEMBERSHIPS,
} from './tables/membershipKinds.ts';
import type { StoredRow, Tables } from './tables/tables.ts';

function textOf(row: StoredRow, column: string): string | undefined {
  const value = row.properties[column];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function createMemberIndex(
  tables: Tables,
  name: MemberIndex['kind'],
  kind: MembershipKind<string>,
): MemberIndex {
  const { table, indexTable, idColumn, roleColumn } = kind;

  async function* readPages(): AsyncGenerator<readonly IndexEntry[]> {
    for await (const page of tables.readPages(indexTable, {})) {
      yield page
        .filter((row) => row.rowKey !== GUARD_ROW_KEY)
        .map((row) => ({
          entityId: row.partitionKey,
          userId: row.rowKey,
          etag: row.etag,
          writtenAt: textOf(row, 'updated_at'),
        }));
    }
  }

  async function* readUnindexedPages(): AsyncGenerator<readonly IndexedMembership[]> {
    for await (const page of tables.readPages(table, {})) {
      yield page
        .filter((row) => row.rowKey !== FENCE_ROW_KEY && textOf(row, 'index_etag') === undefined)
        .map((row) => ({
          entityId: row.rowKey,
          userId: row.partitionKey,
          role: textOf(row, roleColumn) ?? '',
        }));
    }
  }

  return {
    kind: name,
    readPages,
    readUnindexedPages,
    isMember: async (userId, entityId) =>
      (await tables.find(table, { partitionKey: userId, rowKey: entityId })) !== undefined,
    async add(membership, now) {
      await tables.write(indexTable, {
        kind: 'upsert',
        key: { partitionKey: membership.entityId, rowKey: membership.userId },
        properties: {
          user_id: membership.userId,
          [idColumn]: membership.entityId,
          [roleColumn]: membership.role,
          updated_at: now.toISOString(),
        },
      });
    },
    async remove({ entityId, userId, etag }) {
      const key = { partitionKey: entityId, rowKey: userId };
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
