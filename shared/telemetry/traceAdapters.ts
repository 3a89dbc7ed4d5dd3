import type { Tables, Query, StoredRow } from '../model/tables.ts';
import type { Config } from '../config/config.ts';
import type { Fetch, MessageQueue } from '../model/ports.ts';
import type { Tracing, SpanAttributes, RunningSpan, SpanStart } from './tracing.ts';
import { outgoingFetch } from '../platform/outgoingFetch.ts';
import { AppError, errorCodeOf } from '../model/errors.ts';

/** Wraps the adapters, to trace what they do. */
export interface TracedAdapters {
  fetch(dependency: Dependency): Fetch;
  tables(tables: Tables): Tables;
  queue(queueName: string, queue: MessageQueue): MessageQueue;
}

const UNTRACED: TracedAdapters = {
  fetch: () => outgoingFetch,
  tables: (tables) => tables,
  queue: (_queueName, queue) => queue,
};

/** Creates a span for each request and store call. If telemetry is off, it changes nothing. */
export function traceAdapters(tracing: Tracing, storage: Config['storage']): TracedAdapters {
  if (tracing.isOff) return UNTRACED;
  return {
    fetch: (dependency) => traceFetch(tracing, dependency, outgoingFetch),
    tables: (tables) => traceTables(tracing, tables, storageServer(storage, 'Table')),
    queue: (queueName, queue) =>
      traceQueue(tracing, queue, { queueName, server: storageServer(storage, 'Queue') }),
  };
}

/** The server that a request goes to, as traces name it. */
export type Dependency = 'entra' | 'graph' | 'managed_identity' | 'litellm';

/** Path segments that this product uses. Another segment may be an id, or a name in one of Graph's links. */
const KNOWN_SEGMENTS: ReadonlySet<string> = new Set(
  [
    'oauth2 v2.0 token discovery keys graph v1.0 me memberOf servicePrincipals appRoleAssignedTo metadata identity msi',
    'organization team user v2 info list new update member_add member_update member_delete health readiness details',
  ]
    .join(' ')
    .split(' '),
);

/** Returns a path without its unknown segments, and without the query. */
function pathTemplate(url: URL): string {
  const segments = url.pathname.split('/');
  return segments
    .map((segment) => (segment === '' || KNOWN_SEGMENTS.has(segment) ? segment : '{id}'))
    .join('/');
}

/**
 * Wraps a `fetch`, so that each request is a span, including the answer's body if `fetch` reads it. The span has the
 * method, the host and the path's template. It has no queries, headers or bodies, because those hold tokens, codes
 * and secrets. The trace isn't passed on: Microsoft wouldn't use it, and LiteLLM would mix it with its own.
 */
export function traceFetch(tracing: Tracing, dependency: Dependency, fetch: Fetch): Fetch {
  return async (url, init) => {
    const parsed = new URL(url);
    const method = init.method ?? 'GET';
    const template = pathTemplate(parsed);
    const attributes = {
      'app.dependency': dependency,
      'http.request.method': method,
      'url.scheme': parsed.protocol.slice(0, -1),
      'url.template': template,
      ...serverAttributes(parsed),
    };
    return tracing.run({ name: `${method} ${template}`, kind: 'client', attributes }, async (span) => {
      try {
        const response = await fetch(url, init);
        span.set({ 'http.response.status_code': response.status });
        if (response.status >= 400) span.fail(String(response.status));
        if (response.status === 429 && dependency === 'graph') tracing.add('graph.throttled', 1);
        return response;
      } catch (error) {
        // Only the class: the message may quote the address.
        span.fail(error instanceof Error ? error.name : 'unexpected');
        throw error;
      }
    });
  };
}

/**
 * Wraps a queue, so that each message sent is a span. If a message has the surrounding span as its trace context, it
 * gets the sending span's instead (of the same length), so that its reader becomes a child of the sending span. A
 * message that is put back has another trace context, of the span that first sent it, and keeps it.
 */
export function traceQueue(
  tracing: Tracing,
  queue: MessageQueue,
  described: { readonly queueName: string; readonly server: SpanAttributes },
): MessageQueue {
  const { queueName } = described;
  return {
    // Untraced, because probes call it all day.
    check: async () => queue.check(),
    // Untraced too: the heartbeat looks at every queue, and its event says what it saw.
    peek: async () => queue.peek(),
    enqueue: async (text, options) => {
      const around = tracing.current()?.traceparent;
      const attributes = {
        'app.dependency': 'queue',
        'messaging.system': 'azure_queue_storage',
        'messaging.operation.type': 'send',
        'messaging.operation.name': 'send',
        'messaging.destination.name': queueName,
        'messaging.message.body.size': Buffer.byteLength(text),
        'app.delay': options?.delaySeconds,
        ...described.server,
      };
      return tracing.run({ name: `send ${queueName}`, kind: 'producer', attributes }, async (span) =>
        failSpan(span, async () => {
          const sent = around === undefined ? text : text.replace(around, span.traceparent);
          await queue.enqueue(sent, options);
        }),
      );
    },
  };
}

/**
 * Wraps the tables, so that each call is a span: the operation, the table, the number of rows, and whether a
 * condition refused it. A span is a call and not a request, because the client's retries are inside it. In a read by
 * pages, each page is a span. Spans have no keys or values, because those are ids of people and groups.
 */
export function traceTables(tracing: Tracing, tables: Tables, server: SpanAttributes): Tables {
  const run = async <T>(
    call: { readonly operation: string; readonly table: string; readonly size?: number },
    work: (span: RunningSpan) => Promise<T>,
  ): Promise<T> => tracing.run(startOf(call, server), async (span) => failSpan(span, async () => work(span)));

  return {
    find: async (table, key) =>
      run({ operation: 'find', table }, async (span) => {
        const row = await tables.find(table, key);
        span.set({ 'db.response.returned_rows': row === undefined ? 0 : 1 });
        return row;
      }),
    read: async (table, query) =>
      run({ operation: 'read', table }, async (span) => {
        const rows = await tables.read(table, query);
        span.set({ 'db.response.returned_rows': rows.length });
        return rows;
      }),
    readPages: (table, query) => readPages(table, query),
    write: async (table, write) =>
      run({ operation: write.kind, table }, async (span) => {
        const result = await tables.write(table, write);
        span.set({ 'app.refused': !result.done });
        return result;
      }),
    transact: async (table, writes) =>
      run({ operation: 'transact', table, size: writes.length }, async (span) => {
        const result = await tables.transact(table, writes);
        span.set({ 'app.refused': !result.done });
        return result;
      }),
  };

  async function* readPages(table: string, query: Query): AsyncGenerator<readonly StoredRow[]> {
    const pages = tables.readPages(table, query)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await run({ operation: 'read', table }, async (span) => {
          const page = await pages.next();
          span.set({ 'db.response.returned_rows': page.done === true ? 0 : page.value.length });
          return page;
        });
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await pages.return?.();
    }
  }
}

function startOf(
  call: { readonly operation: string; readonly table: string; readonly size?: number },
  server: SpanAttributes,
): SpanStart {
  const attributes = {
    'app.dependency': 'tables',
    'db.system.name': 'azure.tables',
    'db.operation.name': call.operation,
    'db.collection.name': call.table,
    'db.operation.batch.size': call.size,
    ...server,
  };
  return { name: `${call.operation} ${call.table}`, kind: 'client', attributes };
}

/** Runs `work`. If it throws, marks the span with the error's code and the service's status, without text. */
async function failSpan<T>(span: RunningSpan, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const status = error instanceof AppError ? error.details['status'] : undefined;
    if (typeof status === 'number') span.set({ 'http.response.status_code': status });
    span.fail(errorCodeOf(error));
    throw error;
  }
}

/** Returns the server's name and port for a span, without a default port. */
function serverAttributes(url: URL): SpanAttributes {
  const port = url.port === '' ? undefined : Number(url.port);
  return { 'server.address': url.hostname, 'server.port': port };
}

const EMULATOR_PORTS = { Queue: 10_001, Table: 10_002 } as const;

/**
 * Returns the address of a service of the storage account. From a connection string it reads only the endpoint and
 * the account's name.
 */
export function storageServer(storage: Config['storage'], service: 'Queue' | 'Table'): SpanAttributes {
  if (storage.kind === 'managedIdentity') {
    return serverAttributes(new URL(service === 'Queue' ? storage.queueServiceUri : storage.tableServiceUri));
  }
  const text = storage.connectionString.reveal();
  const find = (key: string): string | undefined =>
    new RegExp(`(?:^|;)\\s*${key}=([^;]*)`, 'i').exec(text)?.[1]?.trim();
  const endpoint = URL.parse(find(`${service}Endpoint`) ?? '');
  if (endpoint !== null) return serverAttributes(endpoint);
  if (find('UseDevelopmentStorage') !== undefined) {
    return { 'server.address': '127.0.0.1', 'server.port': EMULATOR_PORTS[service] };
  }
  return { 'server.address': `${find('AccountName')}.${service.toLowerCase()}.${find('EndpointSuffix')}` };
}
