/**
 * The few operations of Azure Table Storage that this product uses, as strict as Azure is: a transaction touches
 * one partition of one table, and every conditional write names the ETag that it read.
 */

/** What a property may hold. Binary is at most 64 KiB, a string at most 32 Ki UTF-16 units. */
export type Value = string | number | boolean | Uint8Array;

/** Where a row is. */
export interface RowKey {
  readonly partitionKey: string;
  readonly rowKey: string;
}

/** A row as read: its key, its properties as stored (unknown shapes included), and the ETag of what was read. */
export interface StoredRow extends RowKey {
  readonly etag: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

export type Properties = Readonly<Record<string, Value>>;

/**
 * One write.
 * - `create`: refused where the row exists.
 * - `replace`, `merge`: refused where the row is gone or its ETag is another; `merge` keeps properties not named.
 * - `upsert`: creates or replaces the row. `upsertMerge`: creates the row or merges into it.
 * - `delete`: with `etag`, refused where the row is another or gone; inside a transaction Azure's client drops the
 *   ETag, so a delete there is guarded by the transaction's guard row and takes no ETag.
 */
export type Write =
  | { readonly kind: 'create'; readonly key: RowKey; readonly properties: Properties }
  | { readonly kind: 'replace'; readonly key: RowKey; readonly properties: Properties; readonly etag: string }
  | { readonly kind: 'merge'; readonly key: RowKey; readonly properties: Properties; readonly etag: string }
  | { readonly kind: 'upsert'; readonly key: RowKey; readonly properties: Properties }
  | { readonly kind: 'upsertMerge'; readonly key: RowKey; readonly properties: Properties }
  | { readonly kind: 'delete'; readonly key: RowKey; readonly etag: string };

/** A write inside a transaction: as {@link Write}, but a delete has no ETag. */
export type TransactionWrite =
  | Exclude<Write, { readonly kind: 'delete' }>
  | { readonly kind: 'delete'; readonly key: RowKey };

/**
 * `done` with the new ETag (`undefined` after a delete), or refused: another writer was first (412, 409),
 * or the row is gone (404). A refusal is an answer, not an error. Every other failure throws.
 */
export type WriteResult =
  | { readonly done: true; readonly etag: string | undefined }
  | { readonly done: false };

/** `done` with the new ETags in the order of the writes; or refused as a whole. */
export type TransactionResult =
  | { readonly done: true; readonly etags: readonly (string | undefined)[] }
  | { readonly done: false };

/**
 * Selects rows of one table: all, one partition, a range of row keys in one partition, or named row keys of one
 * partition (at most 14, which with the partition makes Azure's limit of 15 comparisons).
 */
export interface Query {
  readonly partitionKey?: string;
  /** Inclusive lower bound of the row key. */
  readonly rowKeyFrom?: string;
  /** Exclusive upper bound of the row key. */
  readonly rowKeyBelow?: string;
  readonly rowKeys?: readonly string[];
}

/**
 * Throws AppError `storage_unavailable` (retryable: network, time-out, 429, 5xx) or `storage_refused`
 * (authorization, bad request, missing table). Rows come in the order of (partition key, row key).
 */
export interface Tables {
  /** Reads one row: one request. Returns `undefined` where there is no such row. */
  find(table: string, key: RowKey): Promise<StoredRow | undefined>;
  /** Reads every row that the query names, all pages: one request a page of 1,000 rows. */
  read(table: string, query: Query): Promise<readonly StoredRow[]>;
  /** Reads the same page by page, for what does not fit into memory. */
  readPages(table: string, query: Query): AsyncIterable<readonly StoredRow[]>;
  /** Sends one write: one request. */
  write(table: string, write: Write): Promise<WriteResult>;
  /** Sends 1 to 100 writes to distinct rows of one partition: all or none, one request. */
  transact(table: string, writes: readonly TransactionWrite[]): Promise<TransactionResult>;
}
