import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { TableClient } from '@azure/data-tables';

import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';
import type { RowKey, Tables } from '../../shared/model/tables.ts';
import { AppError } from '../../shared/model/errors.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { type Fault, startTableProxy, type TableProxy } from '../support/tableProxy.ts';

const TABLE = 'AzureTablesTest';
const key: RowKey = { partitionKey: 'p', rowKey: 'r' };
const SERVER_BUSY: Fault = { kind: 'answer', status: 503 };

describe('createAzureTables', () => {
  let azurite: Azurite;
  let client: TableClient;
  let proxy: TableProxy;
  let tables: Tables;

  const connect = (connectionString: string, requestTimeoutMs = 1_000): Tables =>
    createAzureTables({
      connection: { kind: 'connectionString', connectionString },
      requestTimeoutMs,
      maxRetries: 2,
      retryDelayMs: 1,
    });

  beforeAll(async () => {
    azurite = await startAzurite();
    client = TableClient.fromConnectionString(azurite.connectionString, TABLE, {
      allowInsecureConnection: true,
    });
    await client.createTable();
  });
  afterAll(async () => azurite.stop());
  beforeEach(async () => {
    proxy = await startTableProxy(azurite);
    tables = connect(proxy.connectionString);
    await client.upsertEntity({ ...toEntity(key), value: 1 }, 'Replace');
  });
  afterEach(async () => proxy.stop());

  describe('retries', () => {
    it.each<[string, Fault]>([
      ['503', SERVER_BUSY],
      ['500', { kind: 'answer', status: 500 }],
      ['429 with a short Retry-After', { kind: 'answer', status: 429, headers: { 'retry-after': '0' } }],
      ['a broken connection', { kind: 'reset' }],
      ['a lost answer', { kind: 'loseAnswer' }],
    ])('repeats after %s', async (_name, fault) => {
      proxy.breakNext(fault);
      expect(await tables.find(TABLE, key)).toMatchObject({ properties: { value: 1 } });
      expect(proxy.requests()).toHaveLength(2);
    });

    it('repeats a try that got no answer in time', async () => {
      tables = connect(proxy.connectionString, 100);
      proxy.breakNext({ kind: 'silence' });
      expect(await tables.find(TABLE, key)).toMatchObject({ properties: { value: 1 } });
      expect(proxy.requests()).toHaveLength(2);
    });

    it('repeats a try whose body stopped midway', async () => {
      tables = connect(proxy.connectionString, 100);
      proxy.breakNext({ kind: 'stallBody' });
      expect(await tables.find(TABLE, key)).toMatchObject({ properties: { value: 1 } });
      expect(proxy.requests()).toHaveLength(2);
    });

    it('throws a retryable storage_unavailable after the third try', async () => {
      proxy.breakNext(SERVER_BUSY, SERVER_BUSY, SERVER_BUSY, SERVER_BUSY);
      await expect(tables.find(TABLE, key)).rejects.toMatchObject({
        code: 'storage_unavailable',
        retryable: true,
        details: { table: TABLE, operation: 'find', status: 503 },
      });
      expect(proxy.requests()).toHaveLength(3);
    });

    it('does not wait for a long Retry-After', async () => {
      const fault: Fault = { kind: 'answer', status: 429, headers: { 'retry-after': '600' } };
      proxy.breakNext(fault);
      await expect(tables.find(TABLE, key)).rejects.toMatchObject({
        code: 'storage_unavailable',
        retryable: true,
        details: { status: 429 },
      });
    });

    it('limits the time of a call to a service that never answers', async () => {
      tables = connect(proxy.connectionString, 50);
      proxy.breakNext({ kind: 'silence' }, { kind: 'silence' }, { kind: 'silence' });
      await expect(
        tables.transact(TABLE, [{ kind: 'upsert', key, properties: { value: 2 } }]),
      ).rejects.toMatchObject({
        code: 'storage_unavailable',
        retryable: true,
        details: { operation: 'transact' },
      });
      expect(proxy.requests()).toHaveLength(3);
    });

    it('throws for a page that fails midway instead of returning the pages before it', async () => {
      for (let from = 0; from < 1_100; from += 100) {
        await client.submitTransaction(
          Array.from({ length: 100 }, (_, index) => [
            'upsert',
            { partitionKey: 'many', rowKey: String(from + index) },
            'Replace',
          ]),
        );
      }
      proxy.breakNext({ kind: 'answer', status: 200, body: 'garbage' });
      await expect(tables.read(TABLE, { partitionKey: 'many' })).rejects.toMatchObject({
        code: 'storage_unavailable',
      });
      const pages = tables.readPages(TABLE, { partitionKey: 'many' })[Symbol.asyncIterator]();
      await pages.next();
      proxy.breakNext(SERVER_BUSY, SERVER_BUSY, SERVER_BUSY);
      await expect(pages.next()).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true });
    });
  });

  describe('a write whose answer is lost', () => {
    const lost: Fault = { kind: 'loseAnswer' };
    const currentEtag = async (): Promise<string> => (await tables.find(TABLE, key))?.etag ?? '';
    const currentValue = async (): Promise<unknown> => (await tables.find(TABLE, key))?.properties['value'];

    it('answers "read again" if its first try succeeded', async () => {
      const etag = await currentEtag();
      proxy.breakNext(lost);
      expect(await tables.write(TABLE, { kind: 'merge', key, properties: { value: 2 }, etag })).toStrictEqual(
        {
          done: false,
        },
      );
      expect(await currentValue()).toBe(2);

      const moved = await currentEtag();
      proxy.breakNext(lost);
      expect(
        await tables.transact(TABLE, [{ kind: 'replace', key, properties: { value: 3 }, etag: moved }]),
      ).toStrictEqual({ done: false });
      expect(await currentValue()).toBe(3);

      proxy.breakNext(lost);
      expect(await tables.write(TABLE, { kind: 'delete', key, etag: '*' })).toStrictEqual({ done: false });
      expect(await currentValue()).toBeUndefined();

      proxy.breakNext(lost);
      expect(await tables.write(TABLE, { kind: 'create', key, properties: { value: 4 } })).toStrictEqual({
        done: false,
      });
      expect(await currentValue()).toBe(4);
    });

    it('repeats an upsert, which has the same result', async () => {
      proxy.breakNext(lost);
      expect(await tables.write(TABLE, { kind: 'upsert', key, properties: { value: 5 } })).toMatchObject({
        done: true,
      });
      expect(await currentValue()).toBe(5);
    });
  });

  describe('failures', () => {
    it('throws storage_refused with the code of the service and does not retry', async () => {
      const wrongKey = proxy.connectionString.replace(/AccountKey=[^;]*/, 'AccountKey=d3Jvbmc=');
      await expect(connect(wrongKey).find(TABLE, key)).rejects.toMatchObject({
        code: 'storage_refused',
        retryable: false,
        details: { table: TABLE, operation: 'find', status: 403 },
      });
      expect(proxy.requests()).toHaveLength(1);
    });

    it('treats a 404 that is not about the row as a failure, never as an absent row', async () => {
      const notFound: Fault = { kind: 'answer', status: 404, body: '<html>Not found</html>' };
      proxy.breakNext(notFound, notFound);
      await expect(tables.find(TABLE, key)).rejects.toMatchObject({ code: 'storage_refused' });
      await expect(tables.write(TABLE, { kind: 'delete', key, etag: '*' })).rejects.toMatchObject({
        code: 'storage_refused',
      });
    });

    it('treats a 409 that is not about the row as a failure', async () => {
      const body = JSON.stringify({ 'odata.error': { code: 'TableBeingDeleted', message: { value: 'x' } } });
      const headers = { 'content-type': 'application/json' };
      proxy.breakNext({ kind: 'answer', status: 409, headers, body });
      await expect(tables.write(TABLE, { kind: 'create', key, properties: {} })).rejects.toMatchObject({
        code: 'storage_unavailable',
        retryable: true,
        details: { storageCode: 'TableBeingDeleted' },
      });
    });

    it('throws storage_unavailable if nothing listens at the address', async () => {
      await proxy.stop();
      await expect(tables.find(TABLE, key)).rejects.toMatchObject({
        code: 'storage_unavailable',
        retryable: true,
      });
    });

    it('keeps the row out of the error', async () => {
      proxy.breakNext(SERVER_BUSY, SERVER_BUSY, SERVER_BUSY);
      const error: unknown = await tables
        .write(TABLE, { kind: 'upsert', key, properties: { user_email: 'alice@company.com' } })
        .catch((reason: unknown) => reason);
      if (!(error instanceof AppError) || !(error.cause instanceof Error)) throw new Error('no AppError');
      const everything = JSON.stringify([
        error,
        error.message,
        error.stack,
        error.cause,
        error.cause.message,
        error.cause.stack,
        Object.getOwnPropertyNames(error.cause),
      ]);
      expect(everything).not.toMatch(/alice|authorization|SharedKey/i);
      expect(Object.getOwnPropertyNames(error.cause).sort()).toStrictEqual(['message', 'name', 'stack']);
    });
  });

  it('shares kept-alive connections between calls and tables', async () => {
    for (let call = 0; call < 5; call += 1) {
      await tables.find(TABLE, key);
      await tables.transact(TABLE, [{ kind: 'upsert', key, properties: { call } }]);
      await tables.find('AnotherTable', key).catch(() => undefined);
    }
    expect(proxy.connectionCount()).toBe(1);
  });

  it('opens at most 100 connections for any number of concurrent calls', async () => {
    tables = connect(proxy.connectionString, 15_000);
    await Promise.all(Array.from({ length: 300 }, () => tables.find(TABLE, key)));
    expect(proxy.requests()).toHaveLength(300);
    expect(proxy.connectionCount()).toBeGreaterThan(1);
    expect(proxy.connectionCount()).toBeLessThanOrEqual(100);
  });

  it('marks a number outside Int32 as a double, as Azure demands', async () => {
    await tables.write(TABLE, {
      kind: 'upsert',
      key,
      properties: { small: 2_147_483_647, large: 2_147_483_648 },
    });
    expect(JSON.parse(proxy.bodies().at(-1) ?? '')).toMatchObject({
      small: 2_147_483_647,
      large: 2_147_483_648,
      'large@odata.type': 'Edm.Double',
    });
  });

  it('converts the types that other tools write to the nearest type', async () => {
    await client.upsertEntity(
      {
        ...toEntity(key),
        int64: { type: 'Int64', value: '1000' },
        large: { type: 'Int64', value: '9007199254740993' },
        instant: new Date(0),
        guid: { type: 'Guid', value: '11111111-2222-3333-4444-555555555555' },
      },
      'Replace',
    );
    expect((await tables.find(TABLE, key))?.properties).toStrictEqual({
      int64: 1000,
      large: 9_007_199_254_740_993n,
      instant: '1970-01-01T00:00:00.000Z',
      guid: '11111111-2222-3333-4444-555555555555',
    });
  });

  describe('connections', () => {
    it.each([
      'DefaultEndpointsProtocol=http;AccountName=a;AccountKey=c2VjcmV0;TableEndpoint=http://storage.example.com/a;',
      'DefaultEndpointsProtocol=http;AccountName=a;AccountKey=c2VjcmV0;TableEndpoint=http://127.0.0.1.example.com/a;',
      'DefaultEndpointsProtocol=http;AccountName=a;AccountKey=c2VjcmV0;TableEndpoint=http://127.0.0.1@example.com/a;',
      'DefaultEndpointsProtocol=http;AccountName=a;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net',
    ])('refuses plain http to another machine: %s', (connectionString) => {
      expect(() => connect(connectionString)).toThrow(
        expect.objectContaining({ code: 'configuration_invalid' }),
      );
    });

    it('does not quote a connection string that it cannot use', async () => {
      const error: unknown = await connect('AccountKey=c2VjcmV0')
        .find(TABLE, key)
        .catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'configuration_invalid', retryable: false });
      expect(String(error)).not.toContain('c2VjcmV0');
    });

    it('asks the credential for a token for Azure Storage, and throws if it has none', async () => {
      const scopes: unknown[] = [];
      const managed = createAzureTables({
        connection: {
          kind: 'managedIdentity',
          tableServiceUri: 'https://127.0.0.1:1',
          credential: {
            getToken: (asked) => {
              scopes.push(asked);
              return Promise.reject(new Error('no identity here'));
            },
          },
        },
        maxRetries: 0,
      });
      await expect(managed.find(TABLE, key)).rejects.toMatchObject({
        code: 'storage_unavailable',
        retryable: true,
        cause: { message: 'no identity here' },
      });
      expect(scopes.flat()).toStrictEqual(['https://storage.azure.com/.default']);
    });

    it('never sends a token over plain http', async () => {
      const managed = createAzureTables({
        connection: {
          kind: 'managedIdentity',
          tableServiceUri: azurite.tableUrl,
          credential: {
            getToken: () => Promise.resolve({ token: 'x', expiresOnTimestamp: Number.MAX_SAFE_INTEGER }),
          },
        },
      });
      await expect(managed.find(TABLE, key)).rejects.toMatchObject({ code: 'storage_unavailable' });
    });
  });
});

function toEntity(rowKey: RowKey): { partitionKey: string; rowKey: string } {
  return { partitionKey: rowKey.partitionKey, rowKey: rowKey.rowKey };
}
