/** Counts the requests of this process through Node's http client, and the bytes on its sockets. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';

/** The counted requests and bytes. Bytes include headers and bodies. */
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
 * Counts what `work` sends and receives. No other code of this process may use the http client meanwhile. A request counts when
 * it begins, and retries count too. Counting takes time, so never count in a round whose time is measured.
 */
export async function countWire(work: () => Promise<unknown>): Promise<WireCount> {
  let requests = 0;
  const before = new Map<Socket, Seen>();
  const onStart = (message: unknown): void => {
    requests += 1;
    requestOf(message)?.once('socket', (socket) => {
      if (before.has(socket)) return;
      // A kept-alive socket has already transferred other requests.
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
