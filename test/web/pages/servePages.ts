import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** The nonce that every served page is rendered with. */
export const NONCE = 'dGVzdC1ub25jZQ';

/** The policy that the pages promise to work under. */
const POLICY = [
  "default-src 'none'",
  `style-src 'nonce-${NONCE}'`,
  `script-src 'nonce-${NONCE}'`,
  'img-src data:',
  "connect-src 'self'",
  "form-action 'self' https://login.microsoftonline.com",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

/** What a path answers: a page, JSON, a bare status, or a cut connection. */
export type Answer =
  | { readonly page: string }
  | { readonly json: unknown }
  | { readonly status: number }
  | { readonly cut: true };

export interface PageServer {
  readonly url: string;
  /** Every request so far, as `GET /path`. */
  readonly requests: readonly string[];
  count(request: string): number;
  close(): Promise<void>;
}

function send(response: ServerResponse, answer: Answer): void {
  if ('cut' in answer) {
    response.destroy();
    return;
  }
  response.setHeader('cache-control', 'no-store');
  if ('status' in answer) {
    response.writeHead(answer.status).end();
    return;
  }
  if ('json' in answer) {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer.json));
    return;
  }
  response
    .writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': POLICY })
    .end(answer.page);
}

/** Serves pages on loopback under the policy of the real site; `answer` is asked for each request (`GET /path`). */
export async function servePages(answer: (request: string) => Answer): Promise<PageServer> {
  const requests: string[] = [];
  const server = createServer((incoming: IncomingMessage, response) => {
    const request = `${incoming.method ?? 'GET'} ${incoming.url ?? '/'}`;
    requests.push(request);
    send(response, answer(request));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The page server has no port.');
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    count: (request) => requests.filter((each) => each === request).length,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
    },
  };
}
