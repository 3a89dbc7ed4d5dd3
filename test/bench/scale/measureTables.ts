/** Measures the content of the store: rows, bytes and the largest partition of every table. */
import { TABLES } from '../../../shared/storage/tables/tableNames.ts';
import type { StoredRow, Tables } from '../../../shared/model/tables.ts';

export interface TableSize {
  readonly table: string;
  readonly rows: number;
  /** The bytes as Azure counts and bills them. */
  readonly bytes: number;
  readonly partitions: number;
  readonly largest: { readonly partitionKey: string; readonly rows: number; readonly bytes: number };
}

/**
 * Returns a row's bytes by Azure's formula: 4 + keys + per property 8 + name + value; text is UTF-16, and every row has a
 * Timestamp.
 */
function entityBytes(row: StoredRow): number {
  const timestamp = 8 + 2 * 'Timestamp'.length + 8;
  let bytes = 4 + 2 * (row.partitionKey.length + row.rowKey.length) + timestamp;
  for (const [name, value] of Object.entries(row.properties))
    bytes += 8 + 2 * name.length + valueBytes(value);
  return bytes;
}

function valueBytes(value: unknown): number {
  if (typeof value === 'string') return 4 + 2 * value.length;
  if (value instanceof Uint8Array) return 4 + value.length;
  if (typeof value === 'boolean') return 1;
  return typeof value === 'number' && (value | 0) === value ? 4 : 8;
}

async function measureTable(tables: Tables, table: string): Promise<TableSize> {
  const partitions = new Map<string, { rows: number; bytes: number }>();
  let [rows, bytes] = [0, 0];
  for await (const page of tables.readPages(table, {})) {
    for (const row of page) {
      const size = entityBytes(row);
      const partition = partitions.get(row.partitionKey) ?? { rows: 0, bytes: 0 };
      partition.rows += 1;
      partition.bytes += size;
      partitions.set(row.partitionKey, partition);
      rows += 1;
      bytes += size;
    }
  }
  let largest = { partitionKey: '', rows: 0, bytes: 0 };
  for (const [partitionKey, size] of partitions) {
    if (size.rows > largest.rows) largest = { partitionKey, ...size };
  }
  return { table, rows, bytes, partitions: partitions.size, largest };
}

/** Reads every table to its end: one request a page. */
export async function measureTables(tables: Tables): Promise<readonly TableSize[]> {
  const sizes: TableSize[] = [];
  for (const table of Object.values(TABLES)) sizes.push(await measureTable(tables, table));
  return sizes;
}
