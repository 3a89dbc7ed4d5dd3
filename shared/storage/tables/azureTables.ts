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

/** The source of tokens for Azure Storage. It has to cache and share them itself, because each table's client asks separately. */
export interface StorageCredential {
  getToken(
    scopes: string | string[],
  ): Promise<{ readonly token: string; readonly expiresOnTimestamp: number } | null>;
}

/** The address of the tables, and the identity that reads and writes them. */
export type TablesConnection =
  | { readonly kind: 'connectionString'; readonly connectionString: string }
  | {
      readonly kind: 'managedIdentity';
      /** `https://<account>.table.core.windows.net` */
      readonly tableServiceUri: string;
      readonly credential: StorageCredential;
    };

/** The connection, time-outs and retries of {@link createAzureTables}. */
export interface AzureTablesOptions {
  readonly connection: TablesConnection;
  /** The time that one try may take in milliseconds, from waiting for a socket to the last byte. Default 10,000. */
  readonly requestTimeoutMs?: number;
  /** The tries after the first one, on time-outs, network failures, 408, 5xx, and 429 with a Retry-After. Default 2. */
  readonly maxRetries?: number;
  /** The first pause between tries in milliseconds. The next is about twice as long, at most 2,000. Default 200. */
  readonly retryDelayMs?: number;
}

type PipelinePolicy = NonNullable<TableServiceClientOptions['additionalPolicies']>[number]['policy'];

const MAX_RETRY_DELAY_MS = 2_000;

/**
 * The longest Retry-After that is waited for. The queue handles longer waits, because a waiting function is paid by the second.
 */
const MAX_RETRY_AFTER_SECONDS = 5;

/** Enough for the parallel writes of one run, and far below the number of an instance's outbound ports. */
const MAX_SOCKETS = 100;

/**
 * Creates {@link Tables} on Azure Table Storage (or Azurite). It connects at the first call, keeps one client per table, and
 * all clients share kept-alive sockets.
 *
 * Each call is one request, and a read is one request a page, unless a try fails and is repeated. A repeated write may find the
 * result of its own first try, whose answer was lost. Then a `create` finds the row (409), a `replace`, `merge` or transaction
 * finds another ETag (412), and a `delete` finds no row (404). All of them answer `done: false`. So `done: false` means "read
 * again", never "not written". An `upsert` that timed out may still take effect later, over a newer write. Where order matters,
 * write under an ETag.
 *
 * A read of several pages isn't a snapshot, because rows may change between pages. Values that a person wrote with another tool
 * are converted: Int64 to a number if that is exact (else bigint), DateTime to an ISO string, Guid to a string.
 *
 * Throws `configuration_invalid` for a connection string that isn't valid or that would send its key over plain http to
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
  // An empty list selects no rows. As a filter it would select the whole partition.
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

/** Returns whether a write is an upsert. An upsert has no condition, so any refusal of it is a failure. */
function isUnconditional(write: Write | TransactionWrite): boolean {
  return write.kind === 'upsert' || write.kind === 'upsertMerge';
}

/**
 * Returns the ETag of a write. Throws without one, although the write was done: the caller needs the ETag and has to read again.
 */
function requireEtag(etag: string | undefined): string {
  if (etag !== undefined) return etag;
  throw new AppError('storage_unavailable', 'Table Storage answered a write without an ETag.', {
    retryable: true,
  });
}

function toEntity(write: { readonly key: RowKey; readonly properties: Properties }): TableEntity {
  const entity: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(write.properties)) entity[name] = toEdm(value);
  return { ...entity, partitionKey: write.key.partitionKey, rowKey: write.key.rowKey };
}

/**
 * Converts a value for Azure's client. Half a surrogate pair becomes U+FFFD, because readers of JSON handle it differently.
 * Numbers outside Int32 are sent as Double, because the service would read 3000000000 as an Int32 that is too large. Binaries are
 * sent as a Buffer of exactly their bytes, because the client would send the whole memory behind a view.
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
    throw new AppError(
      'storage_unavailable',
      'Table Storage answered with a row that has no key or no ETag.',
      {
        retryable: true,
      },
    );
  }
  const properties: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(rest)) {
    if (name !== 'timestamp' && !name.startsWith('odata.')) properties[name] = fromEdm(value);
  }
  return { partitionKey, rowKey, etag, properties };
}

function fromEdm(value: unknown): unknown {
  // Copies the bytes, because the client's Buffer is a view on memory that it shares.
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (typeof value === 'bigint') return BigInt(Number(value)) === value ? Number(value) : value;
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
  if (typeof value === 'object' && value !== null && 'value' in value) return value.value;
  return value;
}

/** Returns the OData filter of a query, or `undefined` for every row. `requireQuery` has checked the number of comparisons. */
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
    // The cause is left out, because the client may quote the connection string with its key.
    throw new AppError(
      'configuration_invalid',
      'AzureWebJobsStorage is not a valid connection string of a storage account.',
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

/** Returns whether the tables are reached over plain http on this machine. Throws for plain http to another machine. */
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
    'AzureWebJobsStorage uses plain http for a host that is not this machine.',
  );
}

/**
 * Creates the policy that applies to every single try. It uses the shared sockets, and it ignores a long Retry-After. Its
 * time-out covers the body too, because the client's own time-out ends with the headers. A timed-out try is retried like a lost
 * connection.
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
          // The client reuses the request for the next try, which this try's signal must not end.
          delete request.abortSignal;
        }
      });
    },
  };
}
