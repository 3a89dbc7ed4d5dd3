/** HTTP and HTTPS servers on this machine's own addresses: the local host and both emulators listen with them. */
import { once } from 'node:events';
import { type RequestListener, type Server, createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

export interface LoopbackServer {
  readonly port: number;
  /** Hands every further request to `listener`. Until the first call, requests are answered with 503. */
  serve(listener: RequestListener): void;
  /** Stops accepting connections. Calls that are running may still answer. */
  refuseNew(): void;
  /** Breaks all connections and resolves when the port is free. Calling it again changes nothing. */
  close(): Promise<void>;
}

export interface TlsKey {
  /** PEM */
  readonly key: string;
  /** PEM */
  readonly cert: string;
}

/** As Azure's host: 8 KB for the request line and 32 KB for headers. Node would refuse 16 KB in all. */
const maxHeaderSize = 40 * 1024;

/**
 * Listens on 127.0.0.1, and on ::1 if the machine has it, because a browser may try either for `localhost`. Never
 * listens on another address. Port 0 takes a free one. Speaks HTTPS if `tls` is given.
 * Throws what `listen` throws, for example `EADDRINUSE`.
 */
export async function listenOnLoopback(port: number, tls?: TlsKey): Promise<LoopbackServer> {
  let current: RequestListener = (_request, response) => void response.writeHead(503).end();
  const answer: RequestListener = (request, response) => current(request, response);
  const create = (): Server =>
    tls === undefined
      ? createServer({ maxHeaderSize }, answer)
      : createTlsServer({ ...tls, maxHeaderSize }, answer);
  const first = await listen(create(), '127.0.0.1', port);
  const address = first.address();
  const actualPort = typeof address === 'object' && address !== null ? address.port : port;
  const servers = [first];
  try {
    servers.push(await listen(create(), '::1', actualPort));
  } catch (error) {
    // A machine without IPv6 needs no second server. But if another program had the port, it would get half the requests.
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      first.close();
      if (port === 0) {
        return listenOnLoopback(0, tls);
      }
      throw error;
    }
  }
  return {
    port: actualPort,
    serve: (listener) => {
      current = listener;
    },
    refuseNew: () => {
      for (const server of servers) {
        server.close();
        server.closeIdleConnections();
      }
    },
    close: async () => {
      await Promise.all(servers.map(closeServer));
    },
  };
}

async function listen(server: Server, host: string, port: number): Promise<Server> {
  server.listen({ host, port });
  await once(server, 'listening');
  return server;
}

async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
