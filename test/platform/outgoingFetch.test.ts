/** Sends requests to real servers on loopback, and checks what those received. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type Server as TcpServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLoopbackCertificate } from '../../dev/identity/loopbackCertificate.ts';
import { outgoingFetch as send } from '../../shared/platform/outgoingFetch.ts';

const SECRET = 'code-and-client-secret';

type Handle = (request: IncomingMessage, response: ServerResponse) => unknown;

let connections: Socket[];
let requests: string[];
const stops: (() => void)[] = [];

beforeEach(() => {
  connections = [];
  requests = [];
});
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

async function listen(server: Server | TcpServer, host = '127.0.0.1'): Promise<number> {
  server.listen(0, host);
  await once(server, 'listening');
  server.on('connection', (socket: Socket) => connections.push(socket));
  stops.push(() => {
    for (const socket of connections) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

/** Counts requests when they arrive, before `handle` does with them what it does. The server itself never drops an idle connection. */
async function serve(handle: Handle, host = '127.0.0.1'): Promise<string> {
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    void handle(request, response);
  });
  const port = await listen(server, host);
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const echo: Handle = async (request, response) => {
  const { method, url, headers } = request;
  response.end(JSON.stringify({ method, url, headers, body: await text(request) }));
};

/** The error of a request that failed, but not by its signal. */
const withCode = (code: unknown): object => ({ name: 'TypeError', cause: { code } });

describe('connections', () => {
  it('are shared by requests one after another', async () => {
    const url = await serve(echo);
    for (let request = 0; request < 5; request += 1) {
      await send(`${url}/${request}`, {});
      await delay(50);
    }
    expect(requests).toHaveLength(5);
    expect(connections).toHaveLength(1);
  });

  it('that the server closed while they were idle are not used again', async () => {
    const url = await serve(echo);
    await send(url, { method: 'POST', body: 'first' });
    connections[0]?.end();
    await delay(50);
    expect((await send(url, { method: 'POST', body: 'second' })).ok).toBe(true);
    expect(connections).toHaveLength(2);
  });

  it(
    'that cannot be made fail before a caller’s time-out of 15 s, so that the caller knows that nothing was sent',
    { timeout: 20_000 },
    async () => {
      // A server that accepts connections and never answers the TLS handshake.
      const port = await listen(createTcpServer());
      const failing = send(`https://localhost:${port}/`, { signal: AbortSignal.timeout(15_000) });
      await expect(failing).rejects.toMatchObject(withCode('UND_ERR_CONNECT_TIMEOUT'));
    },
  );
});

describe('a request', () => {
  it('whose connection breaks after it was sent is rejected and not sent again', async () => {
    const url = await serve((request) => request.socket.destroy());
    await expect(send(url, { method: 'POST', body: SECRET })).rejects.toMatchObject(
      withCode('UND_ERR_SOCKET'),
    );
    await delay(100);
    expect(requests).toEqual(['POST /']);
  });

  it('on a connection that was used before is not sent again either', async () => {
    const url = await serve((request, response) => {
      if (requests.length === 1) response.end('{}');
      else request.socket.destroy();
    });
    await send(url, { method: 'POST', body: 'first' });
    await delay(50);
    await expect(send(url, { method: 'POST', body: SECRET })).rejects.toMatchObject(
      withCode('UND_ERR_SOCKET'),
    );
    await delay(100);
    expect(connections).toHaveLength(1);
    expect(requests).toHaveLength(2);
  });

  it.each([401, 408, 421, 425, 429, 500, 503])(
    'that is answered with %d is not sent again',
    async (status) => {
      const url = await serve((_, response) => response.writeHead(status, { 'retry-after': '0' }).end());
      expect((await send(url, { method: 'POST', body: SECRET })).status).toBe(status);
      await delay(50);
      expect(requests).toHaveLength(1);
    },
  );

  it.each([
    ['a record', { 'X-One': '1', 'content-type': 'text/plain' }],
    ['Headers', new Headers({ 'X-One': '1', 'content-type': 'text/plain' })],
    [
      'pairs',
      [['X-One', '1'] satisfies [string, string], ['content-type', 'text/plain'] satisfies [string, string]],
    ],
  ])('goes out with method, path, body and headers as given in %s', async (_, headers) => {
    const url = await serve(echo);
    const answer = await send(`${url}/a/b?c=%20d`, { method: 'PATCH', headers, body: 'ä' });
    expect(await answer.json()).toMatchObject({
      method: 'PATCH',
      url: '/a/b?c=%20d',
      headers: {
        'x-one': '1',
        'content-type': 'text/plain',
        'content-length': '2',
        accept: '*/*',
        'user-agent': 'litellm-entra-provisioning',
      },
      body: 'ä',
    });
  });

  it('with an empty body says that it is empty', async () => {
    const url = await serve(echo);
    const answer = await send(url, { method: 'POST', body: '' });
    expect(await answer.json()).toMatchObject({ headers: { 'content-length': '0' } });
  });

  it('reaches an IPv6 address', async () => {
    const url = await serve(echo, '::1');
    expect(await (await send(`${url}/x`, {})).json()).toMatchObject({ headers: { host: url.slice(7) } });
  });

  it.each([
    ['a method that `fetch` refuses', { method: 'TRACE' }],
    ['a header that cannot be sent', { headers: { authorization: `${SECRET}€` } }],
    ['a header of two lines', { headers: { authorization: `${SECRET}\n${SECRET}` } }],
  ])('with %s is not sent', async (_, init) => {
    const url = await serve(echo);
    await expect(send(url, init)).rejects.toThrow(TypeError);
    expect(requests).toEqual([]);
  });
});

describe('an answer', () => {
  it('has its status, its headers and its body', async () => {
    const date = 'Tue, 03 Nov 2026 10:00:00 GMT';
    const url = await serve((_, response) => {
      response.writeHead(429, [
        'Date',
        date,
        'Retry-After',
        '7',
        'X-Two',
        'a',
        'X-Two',
        'b',
        'Set-Cookie',
        'c=d',
      ]);
      response.end('{"a":"ä"}');
    });
    const answer = await send(url, {});
    expect(answer).toMatchObject({ status: 429, ok: false });
    expect(answer.headers.get('date')).toBe(date);
    expect(answer.headers.get('Retry-After')).toBe('7');
    expect(answer.headers.get('x-two')).toBe('a, b');
    expect(await answer.json()).toEqual({ a: 'ä' });
  });

  it.each([204, 304])('of %d has no body', async (status) => {
    const url = await serve((_, response) => response.writeHead(status).end());
    const answer = await send(url, {});
    expect(answer.status).toBe(status);
    expect(await answer.text()).toBe('');
  });

  it('is whole however large it is, and whatever its pieces are', async () => {
    const url = await serve((_, response) => {
      for (let piece = 0; piece < 200; piece += 1) response.write('ä'.repeat(20_000 + piece));
      response.end();
    });
    expect((await (await send(url, {})).text()).length).toBe(200 * 20_000 + (199 * 200) / 2);
  });

  it('may come compressed', async () => {
    const url = await serve((_, response) =>
      response.setHeader('content-encoding', 'gzip').end(gzipSync('{"a":1}')),
    );
    expect(await (await send(url, {})).json()).toEqual({ a: 1 });
  });

  it.each([
    ['a length', { 'content-length': '1000' }],
    ['chunks', { 'transfer-encoding': 'chunked' }],
    ['compressed chunks', { 'transfer-encoding': 'chunked', 'content-encoding': 'gzip' }],
  ])('in %s that breaks off is an error', async (_, headers) => {
    const url = await serve((__, response) => {
      response.writeHead(200, headers);
      response.write('[]', () => response.destroy());
    });
    await expect(send(url, {})).rejects.toMatchObject(
      withCode(expect.stringMatching(/^UND_ERR_SOCKET$|^Z_/)),
    );
  });

  it('that is not HTTP is an error', async () => {
    const server = createTcpServer((socket) => socket.end('hello\r\n\r\n'));
    const port = await listen(server);
    await expect(send(`http://127.0.0.1:${port}/`, {})).rejects.toMatchObject(withCode('UNKNOWN'));
  });
});

describe('a redirect', () => {
  const redirecting: Handle = (request, response) =>
    request.url === '/elsewhere'
      ? response.end('elsewhere')
      : response.writeHead(Number(request.url?.slice(1)), { location: '/elsewhere' }).end();

  it.each([301, 302, 303, 307, 308])('of %d is refused, and nothing is sent elsewhere', async (status) => {
    const url = await serve(redirecting);
    for (const redirect of ['error', 'follow', undefined] as const) {
      const init = { method: 'POST', body: SECRET, ...(redirect === undefined ? {} : { redirect }) };
      await expect(send(`${url}/${status}`, init)).rejects.toMatchObject(withCode('REDIRECTED'));
    }
    expect(requests).toEqual(Array.from({ length: 3 }, () => `POST /${status}`));
  });

  it('is an answer like others where it is asked for', async () => {
    const url = await serve(redirecting);
    const answer = await send(`${url}/302`, { redirect: 'manual' });
    expect(answer.status).toBe(302);
    expect(answer.headers.get('location')).toBe('/elsewhere');
    expect(requests).toEqual(['GET /302']);
  });
});

describe('a signal', () => {
  it('ends a request that is not answered in time, with its own reason', async () => {
    const url = await serve(() => undefined);
    await expect(send(url, { signal: AbortSignal.timeout(100) })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    await delay(50);
    expect(connections[0]?.destroyed).toBe(true);
  });

  it('ends an answer whose rest does not come', async () => {
    const url = await serve((_, response) => response.writeHead(200).write('{'));
    await expect(send(url, { signal: AbortSignal.timeout(100) })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    await delay(50);
    expect(connections[0]?.destroyed).toBe(true);
  });

  it('that was aborted before keeps the request from being sent', async () => {
    const url = await serve(echo);
    const reason = new Error('too late');
    await expect(send(url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await delay(50);
    expect(requests).toEqual([]);
  });

  it('that is aborted after the answer leaves the connection open', async () => {
    const url = await serve(echo);
    const controller = new AbortController();
    const answer = await send(url, { signal: controller.signal });
    controller.abort();
    expect(answer.ok).toBe(true);
    await delay(50);
    await send(url, {});
    expect(connections).toHaveLength(1);
  });
});

describe('a failure', () => {
  it('names by its code that no server listens', async () => {
    const port = await listen(createTcpServer());
    for (const stop of stops.splice(0)) stop();
    await expect(send(`http://127.0.0.1:${port}/`, {})).rejects.toMatchObject(withCode('ECONNREFUSED'));
  });

  it('quotes nothing of what was sent', async () => {
    const url = await serve((request) => request.socket.destroy());
    const init = { method: 'POST', headers: { authorization: SECRET }, body: SECRET };
    const error: unknown = await send(`${url}/?${SECRET}`, init).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(TypeError);
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(SECRET);
  });
});

const certificate = await createLoopbackCertificate({ now: new Date(), validDays: 1 });

describe('over TLS', () => {
  const trusted = getCACertificates('default');
  afterEach(() => setDefaultCACertificates(trusted));

  async function serveTls(host = 'localhost'): Promise<string> {
    const identity = { key: certificate.keyPem, cert: certificate.certificatePem };
    const server = createTlsServer({ ...identity, keepAliveTimeout: 0 }, (request, response) => {
      requests.push(`${request.method} ${request.url}`);
      void echo(request, response);
    });
    return `https://localhost:${await listen(server, host)}`;
  }

  it('trusts no server whose authority is unknown', async () => {
    const url = await serveTls();
    await expect(send(url, { method: 'POST', body: SECRET })).rejects.toMatchObject(
      withCode(expect.stringMatching(/CERT|SIGNATURE|ISSUER/)),
    );
    expect(requests).toEqual([]);
  });

  it('trusts no server under another name than its own', async () => {
    setDefaultCACertificates([...trusted, certificate.certificatePem]);
    const { port } = new URL(await serveTls('0.0.0.0'));
    // An address of this machine that the certificate does not name.
    await expect(send(`https://127.0.0.2:${port}`, { method: 'POST', body: SECRET })).rejects.toMatchObject(
      withCode('ERR_TLS_CERT_ALTNAME_INVALID'),
    );
    expect(requests).toEqual([]);
  });

  it('shakes hands once for many requests', async () => {
    setDefaultCACertificates([...trusted, certificate.certificatePem]);
    const url = await serveTls();
    for (let request = 0; request < 5; request += 1) {
      expect((await send(url, { method: 'POST', body: 'x' })).ok).toBe(true);
      await delay(20);
    }
    expect(requests).toHaveLength(5);
    expect(connections).toHaveLength(1);
  });
});
