import { type ClientRequestArgs, Agent as HttpAgent, validateHeaderValue } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import {
  createDefaultHttpClient,
  createHttpHeaders,
  createPipelineRequest,
  type HttpHeaders,
  type HttpMethods,
  type PipelineRequest,
  type PipelineResponse,
  RestError,
} from '@azure/core-rest-pipeline';
import type { Fetch } from '../model/ports.ts';

/**
 * Connections to one host at a time; requests beyond that wait, and their time-outs run meanwhile. A hundred exchanges of 0.2 s
 * are 500 a second, more than one instance computes, and few of the ports that Azure has for an instance's connections.
 */
const MAX_CONNECTIONS = 100;
/** Less than the 10 s that Entra, Graph and LiteLLM are given: where nothing was sent, the caller should know that. */
const CONNECT_TIMEOUT_MS = 5_000;

/** Some firewalls refuse requests that have neither. */
const DEFAULT_HEADERS = { accept: '*/*', 'user-agent': 'litellm-entra-provisioning' };

export interface KeepAliveOptions {
  /** After which an idle connection is closed: less than whatever the server or the network on the way to it allows. */
  readonly idleMs: number;
  /** Name, TCP and TLS together. Default 5,000. */
  readonly connectTimeoutMs?: number;
}

/**
 * Gives a `fetch` that keeps its connections. A request is sent once and never again, whatever becomes of it: a code must not
 * be redeemed twice. A redirect is never followed: `manual` gives it as an answer, anything else rejects.
 *
 * The body is read before the answer is given, so `signal` bounds both. Answers are asked for without compression, as the client
 * below would hang on a compressed one that breaks off; one that comes compressed all the same is refused. A body is a string, its
 * `content-type` is the caller's. Rejects as `fetch` does: with the signal's reason, else a TypeError whose `cause` has nothing
 * but the `code` (the client's own errors carry the request, and the secrets in it).
 */
export function createKeepAliveFetch(options: KeepAliveOptions): Fetch {
  const agents = createAgents(options);
  // Without a pipeline there are no policies: no retries, redirects, tracing or logs.
  const client = createDefaultHttpClient();
  return async (url, init) => {
    try {
      return createResponse(await client.sendRequest(createRequest(url, init, agents)), init);
    } catch (error) {
      init.signal?.throwIfAborted();
      throw failureOf(error);
    }
  };
}

interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

/**
 * An agent's `timeout` closes idle connections only: during a request the agent ignores it, and a request that nobody gave a
 * time-out does too. A server that announces a shorter time (`Keep-Alive: timeout=…`) is obeyed.
 */
function createAgents({ idleMs, connectTimeoutMs = CONNECT_TIMEOUT_MS }: KeepAliveOptions): Agents {
  const agentOptions = { keepAlive: true, maxSockets: MAX_CONNECTIONS, timeout: idleMs };
  return {
    http: new (class extends HttpAgent {
      override createConnection(...args: ConnectionArguments<ClientRequestArgs>): Connection {
        return boundConnecting(super.createConnection(...args), 'connect', connectTimeoutMs);
      }
    })(agentOptions),
    https: new (class extends HttpsAgent {
      override createConnection(...args: ConnectionArguments<RequestOptions>): Connection {
        return boundConnecting(super.createConnection(...args), 'secureConnect', connectTimeoutMs);
      }
    })(agentOptions),
  };
}

type Connection = Duplex | null | undefined;
type ConnectionArguments<T> = [options: T, callback?: (error: Error | null, connection: Duplex) => void];

function boundConnecting(
  connection: Connection,
  connected: 'connect' | 'secureConnect',
  timeoutMs: number,
): Connection {
  const timer = setTimeout(() => connection?.destroy(codedError('CONNECT_TIMEOUT')), timeoutMs);
  const stop = (): void => clearTimeout(timer);
  return connection?.once(connected, stop).once('close', stop);
}

const METHODS: readonly HttpMethods[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

function createRequest(url: string, init: RequestInit, agents: Agents): PipelineRequest {
  const { protocol, hostname } = new URL(url);
  const { body, signal } = init;
  const method = METHODS.find((known) => known === (init.method ?? 'GET'));
  if (method === undefined) throw codedError('METHOD_UNKNOWN');
  if (typeof body === 'object' && body !== null) throw codedError('BODY_NO_STRING');
  const isHttp = protocol === 'http:';
  const request = createPipelineRequest({
    url,
    method,
    headers: createHeaders(init.headers ?? {}),
    // Where http is allowed is the configuration's business: emulators, and the managed identity's endpoint.
    allowInsecureConnection: isHttp,
    ...(body ? { body } : {}),
    ...(signal ? { abortSignal: signal } : {}),
    // The client hands an IPv6 address on as it stands in URLs, which no resolver understands.
    ...(hostname.startsWith('[') ? { requestOverrides: { hostname: hostname.slice(1, -1) } } : {}),
  });
  // The function above knows no agents.
  request.agent = isHttp ? agents.http : agents.https;
  return request;
}

function createHeaders(given: NonNullable<RequestInit['headers']>): HttpHeaders {
  const record = Symbol.iterator in given ? Object.fromEntries(given) : given;
  // The client would take line breaks out and send what is left, which is not what was meant to be sent.
  for (const [name, value] of Object.entries(record)) validateHeaderValue(name, String(value).trim());
  return createHttpHeaders({ ...DEFAULT_HEADERS, ...record, 'accept-encoding': 'identity' });
}

/** The statuses that `fetch` calls redirects; 304 is none. */
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

function createResponse({ status, headers, bodyAsText }: PipelineResponse, init: RequestInit): Response {
  if (init.redirect !== 'manual' && REDIRECTS.has(status)) throw codedError('REDIRECTED');
  if ((headers.get('content-encoding') ?? 'identity') !== 'identity') throw codedError('COMPRESSED');
  // Not the empty text: a 204 may have no body at all.
  const body = bodyAsText === '' ? null : (bodyAsText ?? null);
  return new Response(body, { status, headers: headers.toJSON() });
}

function codedError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

function failureOf(error: unknown): TypeError {
  const given = error instanceof Error && 'code' in error ? error.code : undefined;
  const code = typeof given === 'string' ? given : 'UNKNOWN';
  // What the client calls a body that broke off, whatever it was that broke.
  const cause = codedError(code === RestError.PARSE_ERROR ? 'ANSWER_CUT' : code);
  return new TypeError('No usable answer', { cause });
}
