/** The emulator's one door: LiteLLM's API, the control interface and a page for people, on the loopback. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

import { ApiError, proxyError } from './apiError.ts';
import type { Call } from './call.ts';
import { handleControl } from './control.ts';
import type { CallFault, FaultSwitches } from './faults.ts';
import { renderFrontPage } from './frontPage.ts';
import { MemberWriteGap } from './memberWriteGap.ts';
import { readBehaviours } from './profile.ts';
import type { Profile } from './profile.ts';
import type { LitellmState } from './litellmState.ts';
import type { ProxyStore } from './proxyStore.ts';
import type { RecordedRequest, RequestRecord } from './requestRecord.ts';
import { admit, requireEndpoint, runEndpoint } from './routes.ts';

export interface Parts {
  readonly profile: Profile;
  readonly masterKey: string;
  readonly store: ProxyStore;
  readonly state: LitellmState;
  readonly faults: FaultSwitches;
  readonly requests: RequestRecord;
  /** Keeps what is in the store now. */
  save(): void;
}

export interface RunningServer {
  readonly url: string;
  /** Breaks every connection that is kept silent. */
  endSilence(): void;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: object | string | null;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
}

/** Answers requests, one object per emulator. */
class Door {
  readonly #parts: Parts;
  readonly #gap: MemberWriteGap;
  readonly silent = new Set<ServerResponse>();
  #inFlight = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#gap = new MemberWriteGap(parts.faults, () => this.#inFlight);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Another name that leads to this machine (DNS rebinding) is not one of ours.
    if (!/^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/.test(request.headers.host ?? '')) {
      response.writeHead(421).end();
      return;
    }
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname.startsWith('/control/')) {
      await handleControl(this.#parts, request, response);
    } else if (url.pathname === '/' && request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
      response.end(renderFrontPage(this.#parts));
    } else {
      await this.#handleCall({ request, response, url });
    }
  }

  async #handleCall({ request, response, url }: Exchange): Promise<void> {
    const { faults, requests } = this.#parts;
    const method = request.method ?? '';
    const recorded = requests.start(method, url);
    const startedMs = performance.now();
    this.#inFlight += 1;
    response.once('close', () => {
      this.#inFlight -= 1;
    });
    response.once('finish', () => {
      recorded.durationMs = Math.round(performance.now() - startedMs);
    });
    const sent = await text(request);
    const fault = faults.take(method, url.pathname);
    const act = async (): Promise<boolean> => this.#actOut(fault, response, recorded);
    if (fault !== undefined && fault.afterApplying !== true && (await act())) return;
    const answer = await this.#answer(
      { request, response, url },
      { recorded, sent, halfWrite: fault?.halfWrite === true },
    );
    if (recorded.isWrite) this.#parts.save();
    if (fault?.afterApplying === true && (await act())) return;
    send(response, recorded, answer);
  }

  async #answer(
    { request, url }: Exchange,
    {
      recorded,
      sent,
      halfWrite,
    }: { readonly recorded: RecordedRequest; readonly sent: string; readonly halfWrite: boolean },
  ): Promise<Answer> {
    const { store, masterKey, profile, faults } = this.#parts;
    try {
      const body = parseJson(sent);
      if (body !== undefined) recorded.body = body;
      const endpoint = requireEndpoint(recorded.method, recorded.path);
      const { authorization } = request.headers;
      const caller = admit({ store, masterKey, path: recorded.path, authorization, body });
      const changedBy = request.headers['litellm-changed-by'];
      const call: Call = {
        store,
        behaviours: readBehaviours(profile),
        faults,
        gap: this.#gap,
        caller,
        query: url.searchParams,
        body,
        recorded,
        changedBy: typeof changedBy === 'string' ? changedBy : undefined,
        halfWrite,
        now: new Date().toISOString(),
      };
      return { status: 200, body: await runEndpoint(call, endpoint) };
    } catch (error) {
      if (error instanceof ApiError) return { status: error.status, body: error.body };
      throw error;
    }
  }

  /** Gives whether the request is thereby answered, or never will be. */
  async #actOut(
    fault: CallFault | undefined,
    response: ServerResponse,
    recorded: RecordedRequest,
  ): Promise<boolean> {
    if (fault === undefined) return false;
    if (fault.delayMs !== undefined) await delay(fault.delayMs);
    if (fault.silent === true) {
      this.silent.add(response);
      return true;
    }
    if (fault.reset === true) {
      response.socket?.resetAndDestroy();
      return true;
    }
    if (fault.status === undefined && fault.body === undefined) return false;
    if (fault.retryAfter !== undefined) response.setHeader('retry-after', fault.retryAfter);
    const status = fault.status ?? 200;
    const type = status === 429 ? 'throttling_error' : 'internal_server_error';
    const body = fault.body ?? proxyError(status, 'A switched fault', { type }).body;
    send(response, recorded, { status, body });
    return true;
  }
}

function send(response: ServerResponse, recorded: RecordedRequest, { status, body }: Answer): void {
  recorded.status = status;
  const isText = typeof body === 'string';
  response.writeHead(status, { 'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json' });
  response.end(isText ? body : JSON.stringify(body));
}

function parseJson(sent: string): unknown {
  if (sent === '') return undefined;
  try {
    const value: unknown = JSON.parse(sent);
    return value;
  } catch {
    throw new ApiError(422, {
      detail: [{ type: 'json_invalid', loc: ['body', 0], msg: 'JSON decode error' }],
    });
  }
}

/** Serves on 127.0.0.1, ready when this resolves; port 0: any free one. Rejects with `EADDRINUSE` for a port in use. */
export async function serve(parts: Parts, port: number): Promise<RunningServer> {
  const door = new Door(parts);
  const server = createServer((request, response) => {
    door.handle(request, response).catch((error: unknown) => {
      console.error('LiteLLM emulator:', error);
      response.destroy();
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    endSilence: () => {
      for (const response of door.silent) response.destroy();
      door.silent.clear();
    },
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
