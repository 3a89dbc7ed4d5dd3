/**
 * Azure Table Storage's limits, checked before anything is sent. A refusal from this file names the broken rule and costs no
 * request. It is the same on Azure, on Azurite (which lacks some of the limits) and in tests.
 * Source: the Table service's data model and scalability targets. Every function throws AppError
 * `storage_refused` (not retryable) with `details.rule`, and never puts a stored value into the message.
 */
import { AppError } from '../../model/errors.ts';
import type { Properties, Query, RowKey, TransactionWrite, Value, Write } from '../../model/tables.ts';

/** 64 KiB of UTF-16. */
const MAX_STRING_UNITS = 32 * 1024;
const MAX_BINARY_BYTES = 64 * 1024;
/** Azure's 255 minus partition key, row key and timestamp. */
const MAX_PROPERTIES = 252;
const MAX_ENTITY_BYTES = 1024 * 1024;
export const MAX_TRANSACTION_WRITES = 100;
const MAX_TRANSACTION_BYTES = 4 * 1024 * 1024;
const MAX_COMPARISONS = 15;

/** 1 KiB of UTF-16. */
const MAX_KEY_UNITS = 512;
const MAX_NAME_UNITS = 255;

// Azure forbids / \ # ? and control characters. This product forbids braces too: Azure's client reads any "{...}" in the answer
// to a transaction as an error, so a transaction that succeeded would look failed.
// oxlint-disable-next-line no-control-regex
const FORBIDDEN_IN_KEY = /[\u0000-\u001f\u007f-\u009f/\\#?{}]/;

/** Property names that cannot be used: the client renames the first four, and the service owns the last three. */
const RESERVED_NAMES: ReadonlySet<string> = new Set([
  'partitionKey',
  'rowKey',
  'etag',
  'timestamp',
  'PartitionKey',
  'RowKey',
  'Timestamp',
]);

/** The bytes of a transaction's sub-request without keys and properties (method, address, headers). A generous estimate. */
const SUBREQUEST_BYTES = 1024;

/** Throws for a key that Azure could not store: at most 512 UTF-16 units a part, no `/ \ # ? { }`, no control characters. */
export function requireKey(key: RowKey): void {
  requireKeyPart('partitionKey', key.partitionKey);
  requireKeyPart('rowKey', key.rowKey);
}

/** Throws for a write whose key, properties or ETag Azure would refuse. `*` as an ETag means any existing row. */
export function requireWrite(write: Write | TransactionWrite): void {
  requireKey(write.key);
  if ('etag' in write && write.etag !== '*' && !/^W\/".+"$/.test(write.etag)) {
    refuse('etag', 'an ETag must be the one that was read, or "*"');
  }
  if (write.kind !== 'delete') requireProperties(write.key, write.properties);
}

/** Throws unless the writes can be one transaction: 1 to 100 writes to distinct rows of one partition, at most 4 MiB. */
export function requireTransaction(writes: readonly TransactionWrite[]): void {
  if (writes.length < 1 || writes.length > MAX_TRANSACTION_WRITES) {
    refuse(
      'transactionWrites',
      `a transaction has 1 to ${MAX_TRANSACTION_WRITES} writes, not ${writes.length}`,
    );
  }
  if (new Set(writes.map((write) => write.key.partitionKey)).size > 1) {
    refuse('onePartition', 'a transaction may touch only one partition');
  }
  if (new Set(writes.map((write) => write.key.rowKey)).size < writes.length) {
    refuse('distinctRows', 'a transaction may touch each row only once');
  }
  let bytes = 0;
  for (const write of writes) {
    requireWrite(write);
    bytes += payloadBytes(write);
  }
  if (bytes > MAX_TRANSACTION_BYTES) {
    refuse('transactionBytes', `a transaction has at most ${MAX_TRANSACTION_BYTES} bytes, not ${bytes}`);
  }
}

/**
 * Throws for a query that names row keys without a partition, names both a range and a list of row keys, or needs more than 15
 * comparisons.
 */
export function requireQuery(query: Query): void {
  const range = [query.rowKeyFrom, query.rowKeyBelow].filter((bound) => bound !== undefined);
  if (query.partitionKey === undefined && (range.length > 0 || query.rowKeys !== undefined)) {
    refuse('partitionKey', 'a query that names row keys must name a partition');
  }
  if (range.length > 0 && query.rowKeys !== undefined) {
    refuse('rangeOrList', 'a query may name a range of row keys or a list of them, not both');
  }
  const rowKeys = new Set(query.rowKeys);
  if (1 + rowKeys.size > MAX_COMPARISONS) {
    refuse(
      'comparisons',
      `a filter has at most ${MAX_COMPARISONS} comparisons, so a query at most ${MAX_COMPARISONS - 1} row keys, ` +
        `not ${rowKeys.size}`,
    );
  }
  if (query.partitionKey !== undefined) requireKeyPart('partitionKey', query.partitionKey);
  for (const rowKey of [...range, ...rowKeys]) requireKeyPart('rowKey', rowKey);
}

function requireKeyPart(part: 'partitionKey' | 'rowKey', value: string): void {
  if (value.length > MAX_KEY_UNITS) refuse(part, `a ${part} has at most ${MAX_KEY_UNITS} UTF-16 units`);
  if (FORBIDDEN_IN_KEY.test(value) || !value.isWellFormed()) {
    refuse(part, `a ${part} has no / \\ # ? { }, no control characters and no half of a surrogate pair`);
  }
}

function requireProperties(key: RowKey, properties: Properties): void {
  const entries = Object.entries(properties);
  if (entries.length > MAX_PROPERTIES) {
    refuse('properties', `a row has at most ${MAX_PROPERTIES} properties, not ${entries.length}`);
  }
  for (const [name, value] of entries) {
    requireName(name);
    requireValue(name, value);
  }
  const bytes = entityBytes(key, entries);
  if (bytes > MAX_ENTITY_BYTES)
    refuse('entityBytes', `a row has at most ${MAX_ENTITY_BYTES} bytes, not ${bytes}`);
}

function requireName(name: string): void {
  if (name.length > MAX_NAME_UNITS || RESERVED_NAMES.has(name) || !/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)) {
    refuse(
      'name',
      `a property name is an identifier of at most ${MAX_NAME_UNITS} characters and not a reserved one`,
    );
  }
}

function requireValue(name: string, value: Value): void {
  if (typeof value === 'string' && value.length > MAX_STRING_UNITS) {
    refuse('string', `${name}: a string has at most ${MAX_STRING_UNITS} UTF-16 units, not ${value.length}`);
  }
  if (typeof value === 'number' && !Number.isFinite(value)) refuse('number', `${name}: a number is finite`);
  if (value instanceof Uint8Array && value.byteLength > MAX_BINARY_BYTES) {
    refuse('binary', `${name}: a binary has at most ${MAX_BINARY_BYTES} bytes, not ${value.byteLength}`);
  }
}

/** Returns the bytes of a stored entity by Azure's formula. */
function entityBytes(key: RowKey, entries: readonly (readonly [string, Value])[]): number {
  let bytes = 4 + (key.partitionKey.length + key.rowKey.length) * 2;
  for (const [name, value] of entries) bytes += 8 + name.length * 2 + valueBytes(value);
  return bytes;
}

function valueBytes(value: Value): number {
  if (typeof value === 'string') return 4 + value.length * 2;
  if (typeof value === 'number') return 8;
  if (typeof value === 'boolean') return 1;
  return 4 + value.byteLength;
}

/** Returns an upper estimate of the bytes of a write in the body of a transaction, which is JSON with binaries in base64. */
function payloadBytes(write: TransactionWrite): number {
  // A key occurs up to twice: percent-encoded in the address and as JSON in the body.
  let bytes = SUBREQUEST_BYTES + (write.key.partitionKey.length + write.key.rowKey.length) * 12;
  if (write.kind === 'delete') return bytes;
  for (const [name, value] of Object.entries(write.properties)) {
    bytes += Buffer.byteLength(name) * 2 + 32;
    bytes +=
      value instanceof Uint8Array
        ? Math.ceil(value.byteLength / 3) * 4
        : Buffer.byteLength(JSON.stringify(value), 'utf8');
  }
  return bytes;
}

function refuse(rule: string, message: string): never {
  throw new AppError('storage_refused', `Table Storage: ${message}`, { details: { rule } });
}
