/**
 * The few operations of Azure Table Storage that this product uses, as strict as Azure is: a transaction touches
 * one partition of one table, and every conditional write names the ETag that it read.
 */

/** The value of a property. A binary has at most 64 KiB, a string at most 32 Ki UTF-16 units. */
export type Value = string | number | boolean | Uint8Array;

/** The key of a row. */
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
 * - `create`: refused if the row exists.
 * - `replace`, `merge`: refused if the row is gone or its ETag has changed. `merge` keeps the properties that it does not name.
 * - `upsert`: creates or replaces the row. `upsertMerge`: creates the row or merges into it.
 * - `delete`: refused if the row is gone or its ETag has changed. Inside a transaction it takes no ETag, because Azure's client
 *   drops it. Another write of the transaction, with an ETag, then protects the delete.
 */
export type Write =
  | { readonly kind: 'create'; readonly key: RowKey; readonly properties: Properties }
  | { readonly kind: 'replace'; readonly key: RowKey; readonly properties: Properties; readonly etag: string }
  | { readonly kind: 'merge'; readonly key: RowKey; readonly properties: Properties; readonly etag: string }
  | { readonly kind: 'upsert'; readonly key: RowKey; readonly properties: Properties }
  | { readonly kind: 'upsertMerge'; readonly key: RowKey; readonly properties: Properties }
  | { readonly kind: 'delete'; readonly key: RowKey; readonly etag: string };

/** A write inside a transaction. It is a {@link Write}, but a delete has no ETag. */
export type TransactionWrite =
  | Exclude<Write, { readonly kind: 'delete' }>
  | { readonly kind: 'delete'; readonly key: RowKey };

/**
 * The result of a write. `done` has the new ETag (`undefined` after a delete). Otherwise the write was refused, because another
 * writer was first (412, 409) or the row is gone (404). A refusal is an answer, not an error. Every other failure throws.
 */
export type WriteResult =
  | { readonly done: true; readonly etag: string | undefined }
  | { readonly done: false };

/** The result of a transaction: `done` with the new ETags in the order of the writes, or refused as a whole. */
export type TransactionResult =
  | { readonly done: true; readonly etags: readonly (string | undefined)[] }
  | { readonly done: false };

/**
 * A selection of rows of one table: all rows, one partition, a range of row keys in one partition, or named row keys of one
 * partition. It may name at most 14 row keys, because Azure allows 15 comparisons and the partition is one of them.
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
 * The operations on tables. They throw AppError `storage_unavailable` (retryable: network, time-out, 429, 5xx) or
 * `storage_refused` (authorization, bad request, missing table). Rows are ordered by partition key, then row key.
 */
export interface Tables {
  /** Reads one row with one request. Returns `undefined` if the row does not exist. */
  find(table: string, key: RowKey): Promise<StoredRow | undefined>;
  /** Reads every selected row, with one request for each page of 1,000 rows. */
  read(table: string, query: Query): Promise<readonly StoredRow[]>;
  /** Reads the selected rows page by page, for results that do not fit into memory. */
  readPages(table: string, query: Query): AsyncIterable<readonly StoredRow[]>;
  /** Sends one write with one request. */
  write(table: string, write: Write): Promise<WriteResult>;
  /** Sends 1 to 100 writes to distinct rows of one partition with one request. Either all of them happen or none. */
  transact(table: string, writes: readonly TransactionWrite[]): Promise<TransactionResult>;
}
