import { beforeEach, describe, expect, it } from 'vitest';
import { outgoingFetch } from '../../shared/platform/outgoingFetch.ts';
import {
  storageServer,
  traceAdapters,
  traceFetch,
  traceQueue,
  traceTables,
} from '../../shared/telemetry/traceAdapters.ts';
import type { Tables } from '../../shared/model/tables.ts';
import { Secret } from '../../shared/config/config.ts';
import { AppError } from '../../shared/model/errors.ts';
import { NO_TRACING } from '../../shared/telemetry/tracing.ts';
import { createMemoryTables } from '../support/memoryTables.ts';
import { createTestQueue } from '../support/signInDoubles.ts';
import { type RecordedTracing, recordTracing } from './recordedTracing.ts';

let tracing: RecordedTracing;
beforeEach(() => {
  tracing = recordTracing();
});

const STORAGE = {
  kind: 'connectionString' as const,
  connectionString: new Secret('UseDevelopmentStorage=true'),
};

describe('traceAdapters', () => {
  it('leaves everything what it is where telemetry is off', () => {
    const traced = traceAdapters(NO_TRACING, STORAGE);
    const tables = createMemoryTables();
    const queue = createTestQueue();
    expect(traced.fetch('graph')).toBe(outgoingFetch);
    expect(traced.tables(tables)).toBe(tables);
    expect(traced.queue('provision', queue)).toBe(queue);
  });
});

describe('traceFetch', () => {
  const answer = (status: number) => async () => new Response('{}', { status });

  it.each([
    ['https://login.example.com/1111/oauth2/v2.0/token?x=1', 'POST', 'POST /{id}/oauth2/v2.0/token'],
    ['https://login.example.com/1111/discovery/v2.0/keys', undefined, 'GET /{id}/discovery/v2.0/keys'],
    ['https://graph.example.com/v1.0/me/memberOf?$skiptoken=secret', undefined, 'GET /v1.0/me/memberOf'],
    [
      'https://graph.example.com/v1.0/users/alice@company.com/memberOf',
      undefined,
      'GET /v1.0/{id}/{id}/memberOf',
    ],
    [
      'http://169.254.169.254/metadata/identity/oauth2/token',
      undefined,
      'GET /metadata/identity/oauth2/token',
    ],
  ])('names %s by what is known of its path', async (url, method, name) => {
    const traced = traceFetch(tracing, 'entra', answer(200));
    await traced(url, method === undefined ? {} : { method });
    expect(tracing.spans[0]?.start).toMatchObject({ name, kind: 'client' });
    const { attributes } = tracing.spans[0] ?? { attributes: {} };
    expect(JSON.stringify(attributes)).not.toMatch(/alice|secret|1111|\?/);
    expect(attributes).toMatchObject({
      'server.address': new URL(url).hostname,
      'http.response.status_code': 200,
    });
  });

  it('passes the request on unchanged and returns the answer', async () => {
    const seen: unknown[] = [];
    const response = new Response('body');
    const traced = traceFetch(tracing, 'graph', async (url, init) => {
      seen.push(url, init);
      return response;
    });
    const init = { method: 'GET', headers: { authorization: 'Bearer x' } };
    expect(await traced('https://localhost:8443/v1.0/me/memberOf', init)).toBe(response);
    expect(seen).toEqual(['https://localhost:8443/v1.0/me/memberOf', init]);
    expect(tracing.spans[0]?.attributes['server.port']).toBe(8443);
  });

  it('marks a refusal and a request without an answer, by status and by class', async () => {
    await traceFetch(tracing, 'graph', answer(503))('https://g/v1.0/me/memberOf', {});
    const failing = traceFetch(tracing, 'graph', async () => {
      throw new TypeError('fetch of https://g/?secret failed');
    });
    await expect(failing('https://g/v1.0/me/memberOf', {})).rejects.toThrow('secret');
    expect(tracing.spans.map((span) => span.failure)).toEqual(['503', 'TypeError']);
    expect(tracing.spans.every((span) => span.ended)).toBe(true);
  });

  it('counts what Graph throttles, and only that', async () => {
    await traceFetch(tracing, 'graph', answer(429))('https://g/v1.0/me/memberOf', {});
    await traceFetch(tracing, 'graph', answer(503))('https://g/v1.0/me/memberOf', {});
    await traceFetch(tracing, 'entra', answer(429))('https://e/1/oauth2/v2.0/token', {});
    expect(tracing.measured).toEqual(['graph.throttled 1 {}']);
  });
});

describe('traceTables', () => {
  const key = { partitionKey: 'person-1', rowKey: 'row-1' };
  const create = { kind: 'create' as const, key, properties: { email: 'alice@company.com' } };

  it('makes each call a span of its table, without keys or values, that says what came of it', async () => {
    const tables = traceTables(tracing, createMemoryTables({ tables: ['Users'] }), {
      'server.address': 'a.table',
    });
    await tables.find('Users', key);
    await tables.write('Users', create);
    await tables.write('Users', create);
    await tables.find('Users', key);
    await tables.read('Users', { partitionKey: 'person-1' });
    await tables.transact('Users', [{ kind: 'create', key: { ...key, rowKey: 'row-2' }, properties: {} }]);
    expect(
      tracing.spans.map(({ start, attributes }) => [
        start.name,
        attributes['db.response.returned_rows'] ?? attributes['app.refused'],
      ]),
    ).toEqual([
      ['find Users', 0],
      ['create Users', false],
      ['create Users', true],
      ['find Users', 1],
      ['read Users', 1],
      ['transact Users', false],
    ]);
    expect(tracing.spans[5]?.attributes).toMatchObject({
      'db.collection.name': 'Users',
      'db.operation.name': 'transact',
      'db.operation.batch.size': 1,
      'server.address': 'a.table',
    });
    expect(JSON.stringify(tracing.spans.map((span) => span.attributes))).not.toMatch(/person|row-|alice/);
  });

  it('makes each page of a read a span, and none of the time in which the reader works', async () => {
    const page = [{ ...key, etag: 'e', properties: {} }];
    const paged: Tables = {
      ...createMemoryTables(),
      async *readPages() {
        yield page;
        yield page;
      },
    };
    const tables = traceTables(tracing, paged, {});
    for await (const read of tables.readPages('Users', {})) {
      expect(read).toBe(page);
      expect(tracing.current()).toBeUndefined();
    }
    expect(tracing.spans.map((span) => span.attributes['db.response.returned_rows'])).toEqual([1, 1, 0]);
  });

  it('closes the read below when the reader stops early', async () => {
    let closed = false;
    const paged: Tables = {
      ...createMemoryTables(),
      async *readPages() {
        try {
          yield [];
          yield [];
        } finally {
          closed = true;
        }
      },
    };
    for await (const _page of traceTables(tracing, paged, {}).readPages('Users', {})) break;
    expect(closed).toBe(true);
  });

  it('marks a failure by its code and the status of the service, and throws it on', async () => {
    const failure = new AppError('storage_refused', 'text', { details: { status: 403 } });
    const broken: Tables = {
      ...createMemoryTables(),
      find: async () => {
        throw failure;
      },
    };
    await expect(traceTables(tracing, broken, {}).find('Users', key)).rejects.toBe(failure);
    expect(tracing.spans[0]).toMatchObject({ failure: 'storage_refused', ended: true });
    expect(tracing.spans[0]?.attributes['http.response.status_code']).toBe(403);
  });
});

describe('traceQueue', () => {
  const described = { queueName: 'provision', server: { 'server.address': 'a.queue' } };

  it('sends a message with the context of the sending span where it names the span around it', async () => {
    const queue = createTestQueue();
    await tracing.run({ name: 'callback', kind: 'internal' }, async (callback) =>
      traceQueue(tracing, queue, described).enqueue(`{"traceparent":"${callback.traceparent}"}`),
    );
    const [, send] = tracing.spans;
    expect(send?.start).toMatchObject({ name: 'send provision', kind: 'producer' });
    expect(queue.messages).toEqual([`{"traceparent":"${send?.traceparent}"}`]);
  });

  it('leaves a message as it is that names another span, or none', async () => {
    const queue = createTestQueue();
    const text = `{"traceparent":"00-${'b'.repeat(32)}-${'c'.repeat(16)}-01"}`;
    await tracing.run({ name: 'process', kind: 'consumer' }, async () => {
      await traceQueue(tracing, queue, described).enqueue(text, { delaySeconds: 15 });
      await traceQueue(tracing, queue, described).enqueue('{}');
    });
    expect(queue.messages).toEqual([text, '{}']);
    expect(tracing.spans[1]?.attributes).toMatchObject({ 'app.delay': 15, 'server.address': 'a.queue' });
  });

  it('marks a failed send', async () => {
    const queue = createTestQueue();
    queue.fault = new AppError('storage_unavailable', 'text', { details: { status: 503 } });
    await expect(traceQueue(tracing, queue, described).enqueue('{}')).rejects.toBe(queue.fault);
    expect(tracing.spans[0]?.failure).toBe('storage_unavailable');
  });
});

describe('storageServer', () => {
  it.each([
    ['UseDevelopmentStorage=true', { 'server.address': '127.0.0.1', 'server.port': 10_002 }],
    [
      'DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net',
      { 'server.address': 'acct.table.core.windows.net' },
    ],
    [
      'AccountName=acct;AccountKey=c2VjcmV0;QueueEndpoint=http://127.0.0.1:1/q;TableEndpoint=http://127.0.0.1:2/t',
      { 'server.address': '127.0.0.1', 'server.port': 2 },
    ],
    [
      'TableEndpoint=https://acct.table.core.windows.net/;SharedAccessSignature=sig=c2VjcmV0',
      { 'server.address': 'acct.table.core.windows.net' },
    ],
  ])('reads of a connection string the address and nothing else', (text, expected) => {
    const storage = { kind: 'connectionString' as const, connectionString: new Secret(text) };
    const server = storageServer(storage, 'Table');
    expect(server).toEqual({ 'server.port': undefined, ...expected });
  });

  it('returns the address of the service that a managed identity reaches', () => {
    const storage = {
      kind: 'managedIdentity' as const,
      queueServiceUri: 'https://acct.queue.core.windows.net',
      tableServiceUri: 'https://acct.table.core.windows.net',
    };
    expect(storageServer(storage, 'Queue')['server.address']).toBe('acct.queue.core.windows.net');
    expect(storageServer(storage, 'Table')['server.address']).toBe('acct.table.core.windows.net');
  });
});
