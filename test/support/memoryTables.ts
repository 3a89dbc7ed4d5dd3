import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import {
  requireKey,
  requireQuery,
  requireTransaction,
  requireWrite,
} from '../../shared/storage/tables/tableLimits.ts';
import type {
  Properties,
  Query,
  RowKey,
  StoredRow,
  Tables,
  TransactionResult,
  TransactionWrite,
  Value,
  Write,
  WriteResult,
} from '../../shared/model/tables.ts';
import { AppError } from '../../shared/model/errors.ts';

/** One request to the store. A read of several pages makes several requests. */
export type StoreOperation =
  | { readonly kind: 'find'; readonly table: string; readonly key: RowKey }
  | { readonly kind: 'readPage'; readonly table: string; readonly query: Query }
  | { readonly kind: 'write'; readonly table: string; readonly write: Write }
  | { readonly kind: 'transact'; readonly table: string; readonly writes: readonly TransactionWrite[] };

/** A moment of a request. `before`: it is not executed yet. `after`: it is executed, but the caller has no answer yet. */
export type StoreMoment = StoreOperation & {
  readonly phase: 'before' | 'after';
  /** The number of the request, from 0. It is the same in both phases. */
  readonly sequence: number;
};

/**
 * A function that the store calls and awaits at both moments of every request. Wait in it to interleave requests. Throw in it to
 * crash the caller; in the phase `after`, the write has been done.
 */
export type StoreHook = (moment: StoreMoment) => void | Promise<void>;

export interface MemoryTablesOptions {
  /** The tables that exist. Default: all of TABLES. */
  readonly tables?: readonly string[];
  /** The number of rows in a page. Default 1,000, as in Azure. */
  readonly pageSize?: number;
  readonly hook?: StoreHook;
}

/** A row without its ETag, so that equal states compare as equal even if they were reached in different ways. */
export interface DumpedRow extends RowKey {
  readonly properties: Readonly<Record<string, Value>>;
}

export interface MemoryTables extends Tables {
  /**
   * Returns every request since the start or the last `forgetRequests`, in order. A call that breaks a limit makes no request.
   */
  requests(): readonly StoreOperation[];
  forgetRequests(): void;
  /** Returns a view of the same rows and the same list of requests with another hook. Each actor of a test uses its own view. */
  view(hook: StoreHook): Tables;
  /** Returns a separate store with the same rows, without requests and hooks. */
  copy(): MemoryTables;
  /** Returns all rows by table, in the order of the keys. Leaves out tables without rows. */
  dump(): Readonly<Record<string, readonly DumpedRow[]>>;
}

interface Row {
  readonly key: RowKey;
  readonly etag: string;
  readonly properties: Readonly<Record<string, Value>>;
}

/** The rows of a table, found by their address or by their partition. */
class Rows {
  readonly #partitions = new Map<string, Map<string, Row>>();

  get size(): number {
    return [...this.#partitions.values()].reduce((sum, { size }) => sum + size, 0);
  }

  get({ partitionKey, rowKey }: RowKey): Row | undefined {
    return this.#partitions.get(partitionKey)?.get(rowKey);
  }

  set(row: Row): void {
    const { partitionKey, rowKey } = row.key;
    const partition = this.#partitions.get(partitionKey) ?? new Map<string, Row>();
    this.#partitions.set(partitionKey, partition.set(rowKey, row));
  }

  delete({ partitionKey, rowKey }: RowKey): void {
    this.#partitions.get(partitionKey)?.delete(rowKey);
  }

  /** Without a partition: all rows. */
  of(partitionKey: string | undefined): readonly Row[] {
    if (partitionKey !== undefined) return [...(this.#partitions.get(partitionKey)?.values() ?? [])];
    return [...this.#partitions.values()].flatMap((partition) => [...partition.values()]);
  }

  /** Rows are replaced and never changed, so both have the same ones. */
  copy(): Rows {
    const copied = new Rows();
    for (const row of this.of(undefined)) copied.set(row);
    return copied;
  }
}

/**
 * Creates a store in memory that is as strict as Azure Table Storage and passes the same contract tests. It has missing tables,
 * limits, pages, ETags that change with each write, and atomic transactions on one partition. Deterministic: it uses no clock and
 * no randomness. Values are copied in and out.
 */
export function createMemoryTables(options: MemoryTablesOptions = {}): MemoryTables {
  const state: State = {
    tables: new Map((options.tables ?? Object.values(TABLES)).map((name) => [name, new Rows()])),
    requests: [],
    pageSize: options.pageSize ?? 1_000,
    sequence: 0,
    version: 0,
  };
  return createTables(state, options.hook);
}

function createTables(state: State, hook: StoreHook | undefined): MemoryTables {
  return {
    ...createView(state, hook),
    requests: () => [...state.requests],
    forgetRequests: () => {
      state.requests.length = 0;
    },
    view: (viewHook) => createView(state, viewHook),
    copy: () => {
      const tables = new Map([...state.tables].map(([name, rows]) => [name, rows.copy()]));
      return createTables({ ...state, tables, requests: [], sequence: 0 }, undefined);
    },
    dump: () => dump(state),
  };
}

interface State {
  readonly tables: ReadonlyMap<string, Rows>;
  readonly requests: StoreOperation[];
  readonly pageSize: number;
  sequence: number;
  version: number;
}

function createView(state: State, hook: StoreHook | undefined): Tables {
  const request = async <T>(operation: StoreOperation, act: (rows: Rows) => T): Promise<T> => {
    const sequence = state.sequence++;
    await hook?.({ ...operation, phase: 'before', sequence });
    state.requests.push(operation);
    const result = act(requireTable(state, operation.table));
    await hook?.({ ...operation, phase: 'after', sequence });
    return result;
  };
  async function* readPages(table: string, query: Query): AsyncGenerator<readonly StoredRow[]> {
    requireQuery(query);
    if (query.rowKeys?.length === 0) return;
    let after: RowKey | undefined;
    do {
      const from = after;
      const page = await request({ kind: 'readPage', table, query }, (rows) =>
        readPage(state, rows, { query, from }),
      );
      after = page.next;
      if (page.rows.length > 0) yield page.rows;
    } while (after !== undefined);
  }
  return {
    find: async (table, key) => {
      requireKey(key);
      return request({ kind: 'find', table, key }, (rows) => {
        const row = rows.get(key);
        return row === undefined ? undefined : toStoredRow(row);
      });
    },
    readPages,
    read: async (table, query) => {
      const rows: StoredRow[] = [];
      for await (const page of readPages(table, query)) rows.push(...page);
      return rows;
    },
    write: async (table, write) => {
      requireWrite(write);
      return request({ kind: 'write', table, write }, (rows) => writeOne(state, rows, write));
    },
    transact: async (table, writes) => {
      requireTransaction(writes);
      return request({ kind: 'transact', table, writes }, (rows) => transact(state, rows, writes));
    },
  };
}

function writeOne(state: State, rows: Rows, write: Write): WriteResult {
  if (!isAllowed(rows, write)) return { done: false };
  requireRoom(rows, write);
  return { done: true, etag: apply(state, rows, write) };
}

function transact(state: State, rows: Rows, writes: readonly TransactionWrite[]): TransactionResult {
  if (!writes.every((write) => isAllowed(rows, write))) return { done: false };
  for (const write of writes) requireRoom(rows, write);
  return { done: true, etags: writes.map((write) => apply(state, rows, write)) };
}

/** Checks the limits of the row that results from a merge, too. */
function requireRoom(rows: Rows, write: Write | TransactionWrite): void {
  if (write.kind === 'delete') return;
  requireWrite({ kind: 'upsert', key: write.key, properties: mergedProperties(rows, write) });
}

function isAllowed(rows: Rows, write: Write | TransactionWrite): boolean {
  const row = rows.get(write.key);
  if (write.kind === 'create') return row === undefined;
  if (write.kind === 'upsert' || write.kind === 'upsertMerge') return true;
  if (row === undefined) return false;
  return !('etag' in write) || write.etag === '*' || write.etag === row.etag;
}

function apply(state: State, rows: Rows, write: Write | TransactionWrite): string | undefined {
  if (write.kind === 'delete') {
    rows.delete(write.key);
    return undefined;
  }
  const etag = `W/"version'${++state.version}'"`;
  const key = { partitionKey: write.key.partitionKey, rowKey: write.key.rowKey };
  rows.set({ key, etag, properties: mergedProperties(rows, write) });
  return etag;
}

function mergedProperties(
  rows: Rows,
  write: Exclude<Write | TransactionWrite, { readonly kind: 'delete' }>,
): Readonly<Record<string, Value>> {
  const keepsOthers = write.kind === 'merge' || write.kind === 'upsertMerge';
  const kept = keepsOthers ? rows.get(write.key)?.properties : undefined;
  return { ...kept, ...copy(write.properties) };
}

function readPage(
  state: State,
  rows: Rows,
  request: { readonly query: Query; readonly from: RowKey | undefined },
): { readonly rows: readonly StoredRow[]; readonly next: RowKey | undefined } {
  const { query, from } = request;
  const isNext = ({ key }: Row): boolean =>
    isNamed(query, key) && (from === undefined || compareKeys(key, from) > 0);
  const found = sorted(rows.of(query.partitionKey).filter(isNext));
  const page = found.slice(0, state.pageSize);
  return {
    rows: page.map(toStoredRow),
    next: found.length > page.length ? page.at(-1)?.key : undefined,
  };
}

function isNamed(query: Query, key: RowKey): boolean {
  return (
    (query.partitionKey === undefined || key.partitionKey === query.partitionKey) &&
    (query.rowKeyFrom === undefined || key.rowKey >= query.rowKeyFrom) &&
    (query.rowKeyBelow === undefined || key.rowKey < query.rowKeyBelow) &&
    (query.rowKeys === undefined || query.rowKeys.includes(key.rowKey))
  );
}

function requireTable(state: State, table: string): Rows {
  const rows = state.tables.get(table);
  if (rows !== undefined) return rows;
  throw new AppError('storage_refused', 'Table Storage refused the operation: the table does not exist.', {
    details: { table, status: 404, storageCode: 'TableNotFound' },
  });
}

function dump(state: State): Readonly<Record<string, readonly DumpedRow[]>> {
  const all: Record<string, readonly DumpedRow[]> = {};
  for (const [table, rows] of state.tables) {
    if (rows.size === 0) continue;
    all[table] = sorted(rows.of(undefined)).map(({ key, properties }) => ({
      partitionKey: key.partitionKey,
      rowKey: key.rowKey,
      properties: copy(properties),
    }));
  }
  return all;
}

function sorted(rows: readonly Row[]): readonly Row[] {
  return [...rows].sort((a, b) => compareKeys(a.key, b.key));
}

function compareKeys(a: RowKey, b: RowKey): number {
  return compareText(a.partitionKey, b.partitionKey) || compareText(a.rowKey, b.rowKey);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function toStoredRow({ key, etag, properties }: Row): StoredRow {
  return { ...key, etag, properties: copy(properties) };
}

/** Copies a value as the network does: no memory is shared, -0 becomes 0, and half a surrogate pair becomes U+FFFD. */
function copy(properties: Properties): Record<string, Value> {
  const copied: Record<string, Value> = {};
  for (const [name, value] of Object.entries(properties)) copied[name] = copyValue(value);
  return copied;
}

function copyValue(value: Value): Value {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value === 'number') return value === 0 ? 0 : value;
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  return value;
}
