/** A proxy in front of a Table service. It counts the actual network traffic and breaks it on demand. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { azuriteConnectionString } from './azurite.ts';

/**
 * A fault for one request.
 * - `answer`: the proxy answers, and the request never reaches the service.
 * - `silence`: the request gets no answer at all.
 * - `loseAnswer`: the service executes the request, and then the connection breaks.
 * - `stallBody`: the headers and half of the body arrive, and the rest never does.
 * - `reset`: the connection breaks before the service gets the request.
 */
export type Fault =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  | { readonly kind: 'silence' | 'loseAnswer' | 'stallBody' | 'reset' };

export interface TableProxy {
  readonly connectionString: string;
  /** Returns every request since the start or the last `forgetRequests` as `GET /…`, in the order of arrival. */
  requests(): readonly string[];
  /** Returns the bodies of the forwarded requests, in the order in which they were complete. */
  bodies(): readonly string[];
  forgetRequests(): void;
  /** Applies these faults to the next requests, one each, in order. Replaces earlier faults. */
  breakNext(...faults: readonly Fault[]): void;
  /** Returns the number of connections opened since the start. */
  connectionCount(): number;
  stop(): Promise<void>;
}

/** Starts a proxy on loopback in front of `urls.tableUrl`. */
export async function startTableProxy(urls: {
  readonly queueUrl: string;
  readonly tableUrl: string;
}): Promise<TableProxy> {
  const target = new URL(urls.tableUrl);
  const requests: string[] = [];
  const bodies: string[] = [];
  let faults: readonly Fault[] = [];
  let connections = 0;
  const server = createServer((incoming, outgoing) => {
    requests.push(`${incoming.method ?? ''} ${incoming.url ?? ''}`);
    const [fault, ...rest] = faults;
    faults = rest;
    if (fault?.kind === 'silence') return;
    if (fault?.kind === 'reset') incoming.socket.destroy();
    else if (fault?.kind === 'answer') outgoing.writeHead(fault.status, fault.headers).end(fault.body);
    else forward(target, { incoming, outgoing, fault, bodies });
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const tableUrl = `http://127.0.0.1:${portOf(server.address())}${target.pathname}`;
  return {
    connectionString: azuriteConnectionString({ queueUrl: urls.queueUrl, tableUrl }),
    requests: () => [...requests],
    bodies: () => [...bodies],
    forgetRequests: () => {
      requests.length = 0;
      bodies.length = 0;
    },
    breakNext: (...next) => {
      faults = next;
    },
    connectionCount: () => connections,
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

function forward(
  target: URL,
  exchange: {
    readonly incoming: IncomingMessage;
    readonly outgoing: ServerResponse;
    readonly fault: Fault | undefined;
    readonly bodies: string[];
  },
): void {
  const { incoming, outgoing, fault, bodies } = exchange;
  const upstream = request(
    {
      host: target.hostname,
      port: target.port,
      method: incoming.method,
      path: incoming.url,
      headers: incoming.headers,
    },
    (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        if (fault?.kind === 'loseAnswer') {
          incoming.socket.destroy();
          return;
        }
        const body = Buffer.concat(chunks);
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        if (fault?.kind === 'stallBody') outgoing.write(body.subarray(0, body.length / 2));
        else outgoing.end(body);
      });
    },
  );
  upstream.on('error', () => incoming.socket.destroy());
  const sent: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => sent.push(chunk));
  incoming.on('end', () => bodies.push(Buffer.concat(sent).toString('utf8')));
  incoming.pipe(upstream);
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port.');
  return address.port;
}
