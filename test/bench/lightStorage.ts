/** A storage account on loopback that costs next to nothing: tables in memory, and a queue that forgets. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { azuriteConnectionString } from '../support/azurite.ts';
import { createLightTables, type LightTables, type TableAnswer, type TableRequest } from './lightTables.ts';

export interface LightStorage {
  readonly connectionString: string;
  close(this: void): void;
}

const TABLES_PATH = '/tables/devstoreaccount1/';
const QUEUES_PATH = '/queues/devstoreaccount1/';

const QUEUE_ANSWER = `<?xml version="1.0" encoding="utf-8"?><QueueMessagesList><QueueMessage><MessageId>5974b586-0df3-4e2d-ad0c-18e3892bfca2</MessageId><InsertionTime>Mon, 23 Nov 2026 09:00:00 GMT</InsertionTime><ExpirationTime>Fri, 31 Dec 9999 23:59:59 GMT</ExpirationTime><PopReceipt>AgAAAAMAAAAAAAAA</PopReceipt><TimeNextVisible>Mon, 23 Nov 2026 09:00:00 GMT</TimeNextVisible></QueueMessage></QueueMessagesList>`;

/** Starts it in this process, empty. The caller closes it. Asks nobody for a signature. */
export async function startLightStorage(): Promise<LightStorage> {
  const tables = createLightTables();
  const server = createServer((request, response) => {
    answer(tables, request, response).catch((error: unknown) => {
      response.writeHead(501).end(String(error));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('The storage listens nowhere');
  const origin = `http://127.0.0.1:${address.port}`;
  return {
    connectionString: azuriteConnectionString({
      queueUrl: `${origin}${QUEUES_PATH.slice(0, -1)}`,
      tableUrl: `${origin}${TABLES_PATH.slice(0, -1)}`,
    }),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(
  tables: LightTables,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await text(request);
  const { method = '', url = '', headers } = request;
  if (method === 'POST' && url.startsWith(QUEUES_PATH)) {
    response.writeHead(201, { 'Content-Type': 'application/xml' }).end(QUEUE_ANSWER);
    return;
  }
  if (url === `${TABLES_PATH}$batch`) {
    const boundary = 'answer';
    response
      .writeHead(202, { 'Content-Type': `multipart/mixed; boundary=batchresponse_${boundary}` })
      .end(renderParts(tables.transact(readParts(body)), boundary));
    return;
  }
  const ifMatch = headers['if-match'];
  const { status, etag, body: answered = '' } = tables.answer(toTableRequest(method, url, { ifMatch, body }));
  response
    .writeHead(status, {
      ...(etag === undefined ? {} : { ETag: etag }),
      ...(answered === '' ? {} : { 'Content-Type': 'application/json;odata=minimalmetadata' }),
    })
    .end(answered);
}

function toTableRequest(
  method: string,
  target: string,
  { ifMatch, body }: Pick<TableRequest, 'ifMatch' | 'body'>,
): TableRequest {
  const { pathname, searchParams } = new URL(target, 'http://127.0.0.1');
  if (!pathname.startsWith(TABLES_PATH)) throw new Error(`${method} ${pathname}`);
  const path = decodeURIComponent(pathname.slice(TABLES_PATH.length));
  return { method, path, filter: searchParams.get('$filter') ?? undefined, ifMatch, body };
}

/** The requests of a transaction, out of its changeset. */
function readParts(changeset: string): readonly TableRequest[] {
  return changeset
    .split('--changeset_')
    .map((part) => /(\w+) (\S+) HTTP\/1\.1\r?\n([\s\S]*?)\r?\n\r?\n([\s\S]*)/.exec(part))
    .filter((found) => found !== null)
    .map(([, method = '', url = '', headers = '', body = '']) =>
      toTableRequest(method, url, { ifMatch: /^If-Match: *(.*?)\r?$/im.exec(headers)?.[1], body }),
    );
}

function renderParts(answers: readonly TableAnswer[], boundary: string): string {
  const parts = answers.map(({ status, etag, body = '' }) =>
    [
      `--changesetresponse_${boundary}`,
      'Content-Type: application/http',
      'Content-Transfer-Encoding: binary',
      '',
      `HTTP/1.1 ${status} -`,
      ...(etag === undefined ? [] : [`ETag: ${etag}`]),
      '',
      body,
    ].join('\r\n'),
  );
  return [
    `--batchresponse_${boundary}`,
    `Content-Type: multipart/mixed; boundary=changesetresponse_${boundary}`,
    '',
    ...parts,
    `--changesetresponse_${boundary}--`,
    `--batchresponse_${boundary}--`,
    '',
  ].join('\r\n');
}
