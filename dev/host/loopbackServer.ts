import { type RequestListener, type Server, createServer } from 'node:http';

export interface LoopbackServer {
  readonly port: number;
  /** Stops accepting; calls that run may still answer. */
  refuseNew(): void;
  /** Ends what is left. */
  close(): Promise<void>;
}

/**
 * Listens on 127.0.0.1, and on ::1 where the machine has it (a browser may try either for `localhost`); never on
 * another address. Port 0 takes a free one. Throws what `listen` throws, `EADDRINUSE` for one.
 */
export async function listenOnLoopback(port: number, listener: RequestListener): Promise<LoopbackServer> {
  const first = await listen('127.0.0.1', port, listener);
  const address = first.address();
  const actualPort = typeof address === 'object' && address !== null ? address.port : port;
  const servers = [first];
  try {
    servers.push(await listen('::1', actualPort, listener));
  } catch (error) {
    // Without IPv6 there is nothing to listen on; but another program on that port would get half the requests.
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      first.close();
      if (port === 0) {
        return listenOnLoopback(0, listener);
      }
      throw error;
    }
  }
  return {
    port: actualPort,
    refuseNew: () => {
      for (const server of servers) {
        server.close();
        server.closeIdleConnections();
      }
    },
    close: async () => {
      await Promise.all(
        servers.map(
          async (server) =>
            new Promise<void>((resolve) => {
              server.close(() => resolve());
              server.closeAllConnections();
            }),
        ),
      );
    },
  };
}

async function listen(host: string, port: number, listener: RequestListener): Promise<Server> {
  const server = createServer(listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return server;
}
