/**
 * Spreads each table of the product over several tables of the emulator, by partition. Azurite reads the whole table to answer a
 * partition query, and Azure doesn't. With a store of this size, only that would be measured. It uses the real adapter and keeps
 * partitions and transactions whole.
 */
import { TableServiceClient } from '@azure/data-tables';
import { inParallel } from '../../../shared/platform/inParallel.ts';
import { TABLES } from '../../../shared/storage/tables/tableNames.ts';
import type { Query, StoredRow, Tables } from '../../../shared/model/tables.ts';

/** The tables with one partition per person. */
export const PERSON_TABLES: ReadonlySet<string> = new Set([
  TABLES.users,
  TABLES.teamMemberships,
  TABLES.organizationMemberships,
]);

/** The tables with few partitions and many rows per partition. */
const GROUP_TABLES: ReadonlySet<string> = new Set([
  TABLES.teams,
  TABLES.organizations,
  TABLES.teamMembers,
  TABLES.organizationMembers,
]);

const PERSON_PARTS = 64;
const GROUP_PARTS = 16;

const TABLES_AT_ONCE = 16;

function partsOf(table: string): number {
  if (PERSON_TABLES.has(table)) return PERSON_PARTS;
  return GROUP_TABLES.has(table) ? GROUP_PARTS : 1;
}

function partName(table: string, part: number): string {
  return `${table}${String(part).padStart(2, '0')}`;
}

/** Returns a hash of the text (FNV-1a, 32 bits). */
function hashOf(text: string): number {
  let hash = 0x81_1c_9d_c5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01_00_01_93) >>> 0;
  }
  return hash;
}

/** Returns the emulator's tables that hold one table of the product. */
function partNames(table: string): readonly string[] {
  return Array.from({ length: partsOf(table) }, (_, part) => partName(table, part));
}

/** Creates all spread tables in an empty emulator. */
export async function createSpreadTables(connectionString: string): Promise<void> {
  const service = TableServiceClient.fromConnectionString(connectionString, {
    allowInsecureConnection: true,
  });
  const names = Object.values(TABLES).flatMap(partNames);
  await inParallel(names, TABLES_AT_ONCE, async (name) => service.createTable(name));
}

/** Returns the product's tables over the spread ones. A read without a partition reads the parts one after another. */
export function spreadTables(inner: Tables): Tables {
  const nameFor = (table: string, partitionKey: string): string =>
    partName(table, hashOf(partitionKey) % partsOf(table));
  async function* readPages(table: string, query: Query): AsyncGenerator<readonly StoredRow[]> {
    const names = query.partitionKey === undefined ? partNames(table) : [nameFor(table, query.partitionKey)];
    for (const name of names) yield* inner.readPages(name, query);
  }
  return {
    find: async (table, key) => inner.find(nameFor(table, key.partitionKey), key),
    readPages,
    async read(table, query) {
      const rows: StoredRow[] = [];
      for await (const page of readPages(table, query)) rows.push(...page);
      return rows;
    },
    write: async (table, write) => inner.write(nameFor(table, write.key.partitionKey), write),
    transact: async (table, writes) =>
      inner.transact(nameFor(table, writes[0]?.key.partitionKey ?? ''), writes),
  };
}
