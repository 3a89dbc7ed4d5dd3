import {
  AuthenticationHandler,
  Client,
  type Middleware,
  ResponseType,
} from '@microsoft/microsoft-graph-client';
import * as z from 'zod/mini';
import { AppError } from '../model/errors.ts';
import type { Clock, Fetch } from '../model/ports.ts';
import { withTimeout } from '../platform/withTimeout.ts';

export interface GraphOptions {
  /** `https://graph.microsoft.com/v1.0`, without a slash at the end. Over http no token would be sent. */
  readonly graphBaseUrl: string;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly sleep: (durationMs: number) => Promise<void>;
  /** For each request. */
  readonly timeoutMs: number;
}

/** Returns the bearer token for a request. `fresh`: a new one, because the last was refused. */
export type GraphToken = (options: { readonly fresh: boolean }) => Promise<string>;

/** An answer of 200, its body as text. */
export interface GraphAnswer {
  readonly text: string;
  /** The `Date` header as it came. */
  readonly date: string | null;
}

const MAX_TRIES = 4;
const BACKOFF_MS = 500;
/** The longest wait within one request. After that a person tries again, and a message is put back. */
const MAX_RETRY_AFTER_MS = 10_000;

/**
 * Reads one URL of Graph, with at most 4 tries. After 429, 5xx, a time-out or a broken connection it waits as long
 * as Graph's `Retry-After` says (up to 10 s), or 0.5, 1 and 2 s, but doesn't try after `giveUpAtMs`. After 401 it
 * tries once more, with a fresh token.
 *
 * We don't use the Graph client's own retries: they ignore 500, 502 and broken connections, and accept any
 * `Retry-After`. Redirects aren't followed, so the token is never sent elsewhere.
 * Throws `directory_unreachable` (retryable), `directory_permission_missing` (403), `directory_answer_invalid`
 * (other 4xx), and what `token` throws.
 */
export async function getFromGraph(
  options: GraphOptions,
  token: GraphToken,
  target: { readonly url: string; readonly giveUpAtMs: number },
): Promise<GraphAnswer> {
  let fresh = false;
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await send(options, await token({ fresh }), target.url);
    if (outcome.status === 200) return outcome;
    if (outcome.status === 401 && !fresh) {
      fresh = true;
      continue;
    }
    const nowMs = options.clock.now().getTime();
    const delayMs = isTransient(outcome.status) ? findDelay(outcome.retryAfter, attempt, nowMs) : undefined;
    if (delayMs === undefined || nowMs + delayMs > target.giveUpAtMs) throw appErrorOf(outcome);
    await options.sleep(delayMs);
  }
}

interface Outcome {
  /** 0: no answer. */
  readonly status: number;
  readonly text: string;
  readonly date: string | null;
  readonly retryAfter: string | null;
  readonly cause?: unknown;
}

async function send(options: GraphOptions, bearer: string, url: string): Promise<Outcome> {
  try {
    return await withTimeout(options.timeoutMs, async (signal) => {
      const response: unknown = await createClient(options, bearer)
        .api(url)
        .options({ signal, redirect: 'manual' })
        .responseType(ResponseType.RAW)
        .get();
      if (!(response instanceof Response)) return noAnswer();
      return {
        status: response.status,
        text: await response.text(),
        date: response.headers.get('date'),
        retryAfter: response.headers.get('retry-after'),
      };
    });
  } catch (cause) {
    return { ...noAnswer(), cause };
  }
}

function noAnswer(): Outcome {
  return { status: 0, text: '', date: null, retryAfter: null };
}

/** The Graph client attaches the token to https requests to this one host only. */
function createClient(options: GraphOptions, bearer: string): Client {
  const transport: Middleware = {
    async execute(context) {
      context.response = await options.fetch(z.string().parse(context.request), context.options ?? {});
    },
  };
  return Client.initWithMiddleware({
    baseUrl: options.graphBaseUrl,
    customHosts: new Set([new URL(options.graphBaseUrl).hostname]),
    middleware: [new AuthenticationHandler({ getAccessToken: async () => bearer }), transport],
  });
}

function isTransient(status: number): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500;
}

/** Returns `undefined` if it should not try again. An unreadable `Retry-After` is ignored. */
function findDelay(retryAfter: string | null, attempt: number, nowMs: number): number | undefined {
  if (attempt >= MAX_TRIES) return undefined;
  const backoffMs = BACKOFF_MS * 2 ** (attempt - 1);
  if (retryAfter === null) return backoffMs;
  const askedMs = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - nowMs;
  if (Number.isNaN(askedMs)) return backoffMs;
  return askedMs > MAX_RETRY_AFTER_MS ? undefined : Math.max(askedMs, backoffMs);
}

function appErrorOf({ status, cause }: Outcome): AppError {
  if (status === 403) {
    return new AppError('directory_permission_missing', 'Graph refused the list: a permission is missing', {
      details: { status },
    });
  }
  if (status !== 401 && status > 0 && !isTransient(status)) {
    return new AppError('directory_answer_invalid', 'Graph did not return a list', { details: { status } });
  }
  return new AppError('directory_unreachable', 'Graph did not answer', {
    retryable: true,
    details: { status },
    cause,
  });
}
