/** Pages of lists. */
import { detailError } from './apiError.ts';

interface Page<Row> {
  readonly rows: Row[];
  readonly total: number;
  readonly page: number;
  readonly page_size: number;
  readonly total_pages: number;
}

interface Paging {
  readonly page: number;
  readonly page_size: number;
  readonly sort_by?: string | undefined;
  readonly sort_order: 'asc' | 'desc';
}

/** Returns one page of `rows`, which come in the order of their creation. Without `sort_by`, the newest are first. */
export function takePage<Row extends object>(rows: Row[], paging: Paging): Page<Row> {
  const { page, page_size: size, sort_by: column } = paging;
  const sorted = column === undefined ? rows.toReversed() : sortBy(rows, column, paging.sort_order);
  return {
    rows: sorted.slice((page - 1) * size, page * size),
    total: rows.length,
    page,
    page_size: size,
    total_pages: Math.ceil(rows.length / size),
  };
}

function sortBy<Row extends object>(rows: readonly Row[], column: string, order: 'asc' | 'desc'): Row[] {
  if (rows[0] !== undefined && !(column in rows[0])) throw detailError(400, `Invalid sort column: ${column}`);
  const keyed = rows.map((row) => ({ row, key: readColumn(row, column) }));
  const direction = order === 'asc' ? 1 : -1;
  return keyed
    .toSorted((left, right) => (left.key < right.key ? -direction : left.key > right.key ? direction : 0))
    .map(({ row }) => row);
}

function readColumn(row: object, column: string): string | number {
  const value: unknown = Object.entries(row).find(([name]) => name === column)?.[1];
  return typeof value === 'string' || typeof value === 'number' ? value : '';
}
