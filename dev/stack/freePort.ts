import { createServer } from 'node:net';

/** Says whether nothing listens on this port of the loopback addresses. */
export async function isPortFree(port: number): Promise<boolean> {
  return (await tryListen('127.0.0.1', port)) !== undefined && (await isFreeOnIpv6(port));
}

/** Gives the first free one of the preferred ports, else one that the system chooses. Another program may still take it first. */
export async function findFreePort(preferred: readonly number[]): Promise<number> {
  for (const port of preferred) {
    if (await isPortFree(port)) {
      return port;
    }
  }
  const port = await tryListen('127.0.0.1', 0);
  if (port === undefined) {
    throw new Error('The system gives out no port on 127.0.0.1.');
  }
  return port;
}

/** Where there is no IPv6 nothing can listen there. */
async function isFreeOnIpv6(port: number): Promise<boolean> {
  return (await tryListen('::1', port, (code) => code !== 'EADDRINUSE')) !== undefined;
}

async function tryListen(
  host: string,
  port: number,
  countsAsFree: (code: unknown) => boolean = () => false,
): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => {
      resolve('code' in error && countsAsFree(error.code) ? port : undefined);
    });
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
    });
  });
}
