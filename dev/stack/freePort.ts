import { createServer } from 'node:net';
import { CommandError } from '../../terminal/commandError.ts';

/** Returns whether this port is free on both loopback addresses. */
export async function isPortFree(port: number): Promise<boolean> {
  return (await tryListen('127.0.0.1', port)) !== undefined && (await isFreeOnIpv6(port));
}

/** Returns the first preferred port that is free, or else one that the system chooses. Another program may still take it. */
export async function findFreePort(preferred: readonly number[]): Promise<number> {
  for (const port of preferred) {
    if (await isPortFree(port)) {
      return port;
    }
  }
  const port = await tryListen('127.0.0.1', 0);
  if (port === undefined) {
    throw new CommandError('The system has no free port on 127.0.0.1.');
  }
  return port;
}

/** Returns whether the port is free on IPv6. Also returns true if the machine has no IPv6. */
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
