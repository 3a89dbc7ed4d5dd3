import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';

import {
  RestError,
  TableClient,
  type TableEntity,
  type TableServiceClientOptions,
  type TransactionAction,
} from '@azure/data-tables';

import { AppError } from '../../model/errors.ts';
import { withTimeout } from '../../platform/withTimeout.ts';
import { isRefusal, isRowGone, toStorageError } from './storageFailure.ts';
import { requireKey, requireQuery, requireTransaction, requireWrite } from './tableLimits.ts';
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
} from '../../model/tables.ts';

/** Gives tokens for Azure Storage; caches and coalesces them itself, as each table's client asks for its own. */
export interface StorageCredential {
  getToken(
    scopes: string | string[],
  ): Promise<{ readonly token: string; readonly expiresOnTimestamp: number } | null>;
}

/** Where the tables are and as whom. */
export type TablesConnection =
  | { readonly kind: 'connectionString'; readonly connectionString: string }
  | {
      readonly kind: 'managedIdentity';
      /** `https://<account>.table.core.windows.net` */
      readonly tableServiceUri: string;
      readonly credential: StorageCredential;
    };

export interface AzureTablesOptions {
  readonly connection: TablesConnection;
  /** How long one try may take, from waiting for a socket to the last byte. Default 10,000. */
  readonly requestTimeoutMs?: number;
  /** Tries after the first, on time-outs, network failures, 408, 5xx, and 429 with a Retry-After. Default 2. */
  readonly maxRetries?: number;
  /** The first pause between tries; the next is about twice as long, at most 2,000. Default 200. */
  readonly retryDelayMs?: number;
}

type PipelinePolicy = NonNullable<TableServiceClientOptions['additionalPolicies']>[number]['policy'];

const MAX_RETRY_DELAY_MS = 2_000;

/** A longer Retry-After is the queue's to wait for, not a function's that is paid by the second. */
const MAX_RETRY_AFTER_SECONDS = 5;

/** Enough for the writes of one run in parallel; far below an instance's outbound ports. */
const MAX_SOCKETS = 100;

/**
 * Gives {@link Tables} on Azure Table Storage (or Azurite). Nothing is connected before the first call; clients are
 * kept per table, sockets are kept alive and shared by all.
 *
 * Each call is one request (a read: one a page), unless a try fails and is repeated. A repeated write may meet its own
 * first try, which was done although its answer was lost: a `create` then finds the row there (409), a `replace`, `merge`
 * or transaction another ETag (412), a `delete` nothing (404). All of them answer `done: false`, which therefore
 * means "read again", never "not done". An `upsert` whose try timed out may still land later, over a newer write: where order matters,
 * write under an ETag.
 *
 * A read of several pages is no snapshot: rows may change between pages. What a person wrote with another tool reads
 * as its nearest: Int64 as a number where that is exact (else bigint), DateTime as an ISO string, Guid as a string.
 *
 * Throws `configuration_invalid` for a connection string that cannot be used or that sends its key over plain http to
 * another machine.
 */
export function createAzureTables(options: AzureTablesOptions): Tables {
  const clientOptions = createClientOptions(options);
  const clients = new Map<string, TableClient>();
  const clientFor = (table: string): TableClient => {
    const known = clients.get(table);
    if (known !== undefined) return known;
    const client = createClient(options.connection, table, clientOptions);
    clients.set(table, client);
    return client;
  };
  const readPages = (table: string, query: Query): AsyncIterable<readonly StoredRow[]> =>
    iteratePages(clientFor, table, query);
  return {
    find: (table, key) => find(clientFor, table, key),
    readPages,
    read: async (table, query) => {
      const rows: StoredRow[] = [];
      for await (const page of readPages(table, query)) rows.push(...page);
      return rows;
    },
    write: (table, write) => writeOne(clientFor, table, write),
    transact: (table, writes) => transact(clientFor, table, writes),
  };
}

type ClientFor = (table: string) => TableClient;

async function find(clientFor: ClientFor, table: string, key: RowKey): Promise<StoredRow | undefined> {
  requireKey(key);
  try {
    return toRow(await clientFor(table).getEntity(key.partitionKey, key.rowKey));
  } catch (error) {
    if (isRowGone(error)) return undefined;
    throw toStorageError(error, { table, operation: 'find' });
  }
}

async function* iteratePages(
  clientFor: ClientFor,
  table: string,
  query: Query,
): AsyncGenerator<readonly StoredRow[]> {
  requireQuery(query);
  // No row is named, so there is nothing to ask; as a filter it would mean the whole partition.
  if (query.rowKeys?.length === 0) return;
  const filter = renderFilter(query);
  const queryOptions = filter === undefined ? {} : { queryOptions: { filter } };
  try {
    for await (const page of clientFor(table).listEntities(queryOptions).byPage()) {
      if (page.length > 0) yield page.map(toRow);
    }
  } catch (error) {
    throw toStorageError(error, { table, operation: 'read' });
  }
}

async function writeOne(clientFor: ClientFor, table: string, write: Write): Promise<WriteResult> {
  requireWrite(write);
  try {
    return { done: true, etag: await send(clientFor(table), write) };
  } catch (error) {
    if (isRefusal(error) && !isUnconditional(write)) return { done: false };
    throw toStorageError(error, { table, operation: write.kind });
  }
}

async function send(client: TableClient, write: Write): Promise<string | undefined> {
  if (write.kind === 'delete') {
    await client.deleteEntity(write.key.partitionKey, write.key.rowKey, { etag: write.etag });
    return undefined;
  }
  const entity = toEntity(write);
  if (write.kind === 'create') return requireEtag((await client.createEntity(entity)).etag);
  const mode = modeOf(write.kind);
  const response =
    'etag' in write
      ? await client.updateEntity(entity, mode, { etag: write.etag })
      : await client.upsertEntity(entity, mode);
  return requireEtag(response.etag);
}

async function transact(
  clientFor: ClientFor,
  table: string,
  writes: readonly TransactionWrite[],
): Promise<TransactionResult> {
  requireTransaction(writes);
  try {
    const { subResponses } = await clientFor(table).submitTransaction(writes.map(toAction));
    const etags = writes.map((write, index) =>
      write.kind === 'delete' ? undefined : requireEtag(subResponses[index]?.etag),
    );
    return { done: true, etags };
  } catch (error) {
    if (isRefusal(error) && !writes.every(isUnconditional)) return { done: false };
    throw toStorageError(error, { table, operation: 'transact' });
  }
}

function toAction(write: TransactionWrite): TransactionAction {
  if (write.kind === 'delete') return ['delete', { ...write.key }];
  const entity = toEntity(write);
  if (write.kind === 'create') return ['create', entity];
  const mode = modeOf(write.kind);
  return 'etag' in write ? ['update', entity, mode, { etag: write.etag }] : ['upsert', entity, mode];
}

function modeOf(kind: 'replace' | 'merge' | 'upsert' | 'upsertMerge'): 'Merge' | 'Replace' {
  return kind === 'merge' || kind === 'upsertMerge' ? 'Merge' : 'Replace';
}

/** An upsert has no condition, so whatever refuses it is a failure. */
function isUnconditional(write: Write | TransactionWrite): boolean {
  return write.kind === 'upsert' || write.kind === 'upsertMerge';
}

/** It was done, but without the ETag nobody could go on: read again. */
function requireEtag(etag: string | undefined): string {
  if (etag !== undefined) return etag;
  throw new AppError('storage_unavailable', 'Table Storage answered a write without an ETag', {
    retryable: true,
  });
}

function toEntity(write: { readonly key: RowKey; readonly properties: Properties }): TableEntity {
  const entity: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(write.properties)) entity[name] = toEdm(value);
  return { ...entity, partitionKey: write.key.partitionKey, rowKey: write.key.rowKey };
}

/**
 * Half a surrogate pair becomes U+FFFD here, so that it does not depend on who reads the JSON. Numbers that are no Int32 say so, else the service reads 3000000000 as an Int32 that is too large. Binaries go as a
 * Buffer of exactly these bytes: of a view on a larger buffer the client would send the whole of it.
 */
function toEdm(value: Value): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value === 'number' && (value | 0) !== value) return { type: 'Double', value };
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return value;
}

function toRow(entity: {
  readonly partitionKey?: string;
  readonly rowKey?: string;
  readonly etag?: string;
}): StoredRow {
  const { partitionKey, rowKey, etag, ...rest } = entity;
  if (partitionKey === undefined || rowKey === undefined || etag === undefined) {
    throw new AppError('storage_unavailable', 'Table Storage answered a row without key or ETag', {
      retryable: true,
    });
  }
  const properties: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(rest)) {
    if (name !== 'timestamp' && !name.startsWith('odata.')) properties[name] = fromEdm(value);
  }
  return { partitionKey, rowKey, etag, properties };
}

function fromEdm(value: unknown): unknown {
  // A plain copy: the client's Buffer is a view on memory that it shares with others.
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (typeof value === 'bigint') return BigInt(Number(value)) === value ? Number(value) : value;
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
  if (typeof value === 'object' && value !== null && 'value' in value) return value.value;
  return value;
}

/** The comparisons were counted by requireQuery. `undefined` means every row of the table. */
function renderFilter(query: Query): string | undefined {
  if (query.partitionKey === undefined) return undefined;
  const comparisons = [`PartitionKey eq ${quote(query.partitionKey)}`];
  if (query.rowKeyFrom !== undefined) comparisons.push(`RowKey ge ${quote(query.rowKeyFrom)}`);
  if (query.rowKeyBelow !== undefined) comparisons.push(`RowKey lt ${quote(query.rowKeyBelow)}`);
  if (query.rowKeys !== undefined) {
    const named = [...new Set(query.rowKeys)].map((rowKey) => `RowKey eq ${quote(rowKey)}`);
    comparisons.push(`(${named.join(' or ')})`);
  }
  return comparisons.join(' and ');
}

function quote(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

function createClient(
  connection: TablesConnection,
  table: string,
  clientOptions: TableServiceClientOptions,
): TableClient {
  if (connection.kind === 'managedIdentity') {
    return new TableClient(connection.tableServiceUri, table, connection.credential, clientOptions);
  }
  try {
    return TableClient.fromConnectionString(connection.connectionString, table, { ...clientOptions });
  } catch {
    // Without the cause: the client may quote the connection string, and that holds the key.
    throw new AppError(
      'configuration_invalid',
      'AzureWebJobsStorage is no connection string of a storage account',
    );
  }
}

function createClientOptions(options: AzureTablesOptions): TableServiceClientOptions {
  const { connection, requestTimeoutMs = 10_000, maxRetries = 2, retryDelayMs = 200 } = options;
  const insecure = connection.kind === 'connectionString' && usesLoopbackHttp(connection.connectionString);
  return {
    allowInsecureConnection: insecure,
    retryOptions: { maxRetries, retryDelayInMs: retryDelayMs, maxRetryDelayInMs: MAX_RETRY_DELAY_MS },
    additionalPolicies: [{ position: 'perRetry', policy: createTryPolicy(requestTimeoutMs, insecure) }],
  };
}

/** Whether the tables are behind plain http on this machine. Plain http to another machine is refused. */
function usesLoopbackHttp(connectionString: string): boolean {
  if (/UseDevelopmentStorage=true/i.test(connectionString)) return true;
  const endpoint = /(?:^|;)\s*TableEndpoint=([^;]*)/i.exec(connectionString)?.[1];
  const isHttp =
    endpoint === undefined
      ? /DefaultEndpointsProtocol=http(?:;|$)/i.test(connectionString)
      : endpoint.toLowerCase().startsWith('http:');
  if (!isHttp) return false;
  if (
    endpoint !== undefined &&
    /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?(?:\/|$)/i.test(endpoint)
  ) {
    return true;
  }
  throw new AppError(
    'configuration_invalid',
    'AzureWebJobsStorage uses http for a host that is not this machine',
  );
}

/**
 * What holds for every single try: the shared sockets, a time-out that covers the body too (the client's own ends
 * with the headers) and is retried like a lost connection, and no waiting for a long Retry-After.
 */
function createTryPolicy(requestTimeoutMs: number, insecure: boolean): PipelinePolicy {
  const socketOptions = { keepAlive: true, maxSockets: MAX_SOCKETS };
  const agent = insecure ? new HttpAgent(socketOptions) : new HttpsAgent(socketOptions);
  return {
    name: 'tryPolicy',
    async sendRequest(request, next) {
      request.agent = agent;
      return withTimeout(requestTimeoutMs, async (signal) => {
        request.abortSignal = signal;
        try {
          const response = await next(request);
          const retryAfter = response.headers.get('Retry-After');
          if (retryAfter !== undefined && !(Number(retryAfter) <= MAX_RETRY_AFTER_SECONDS)) {
            response.headers.delete('Retry-After');
          }
          return response;
        } catch (error) {
          if (!signal.aborted) throw error;
          throw new RestError(`no answer within ${requestTimeoutMs} ms`, { code: 'ETIMEDOUT' });
        } finally {
          // The signal of a try that is over must not end the next one.
          delete request.abortSignal;
        }
      });
    },
  };
}
