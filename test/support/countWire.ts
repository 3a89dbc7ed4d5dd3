/** Counts what this process sends and receives through Node's http client: requests, and bytes of the sockets. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';

/** Headers and bodies, both ways. */
export interface WireCount {
  readonly requests: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

interface Seen {
  readonly sent: number;
  readonly received: number;
}

/**
 * Counts what `work` sends and receives. Nothing else of this process may use the http client meanwhile. Counts a request
 * when it begins, retries included. It costs time, so never count in a round whose time is taken.
 */
export async function countWire(work: () => Promise<unknown>): Promise<WireCount> {
  let requests = 0;
  const before = new Map<Socket, Seen>();
  const onStart = (message: unknown): void => {
    requests += 1;
    requestOf(message)?.once('socket', (socket) => {
      if (before.has(socket)) return;
      // A socket that was kept open has carried other requests before.
      before.set(socket, { sent: socket.bytesWritten, received: socket.bytesRead });
    });
  };
  subscribe('http.client.request.created', onStart);
  try {
    await work();
  } finally {
    unsubscribe('http.client.request.created', onStart);
  }
  let bytesSent = 0;
  let bytesReceived = 0;
  for (const [socket, seen] of before) {
    bytesSent += socket.bytesWritten - seen.sent;
    bytesReceived += socket.bytesRead - seen.received;
  }
  return { requests, bytesSent, bytesReceived };
}

function requestOf(message: unknown): ClientRequest | undefined {
  if (typeof message !== 'object' || message === null || !('request' in message)) return undefined;
  return message.request instanceof ClientRequest ? message.request : undefined;
}
