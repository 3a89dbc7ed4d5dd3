import { toDotPath } from 'zod/v4/core';
import * as z from 'zod/mini';
import type { Secret } from '../../config/secret.ts';
import { AppError } from '../../model/errors.ts';
import type { Clock, Fetch } from '../../model/ports.ts';
import { withTimeout } from '../../platform/withTimeout.ts';
import { type Failure, type Outcome, parseJson, readFailure } from './failure.ts';
import type { InputSchema, RequestKind } from './requests.ts';

export interface LitellmOptions {
  /** With or without a path and a slash at the end. */
  readonly baseUrl: string;
  /** The master key, or one of a proxy_admin. */
  readonly apiKey: Pick<Secret, 'reveal'>;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly sleep: (durationMs: number) => Promise<void>;
  /** For each request, from the first byte sent to the last one read. */
  readonly timeoutMs: number;
}

/** What LiteLLM's audit log says where it is told. */
const CHANGED_BY = 'litellm-entra-provisioning';

/** Two instances that failed together do not come back together. */
const FIRST_PAUSE_MS = 150;
const PAUSE_SPREAD_MS = 300;

/** A success with its JSON, or what it was instead. */
export type Answer =
  | { readonly ok: true; readonly body: unknown }
  | { readonly ok: false; readonly failure: Failure };

export interface CallOptions {
  /** Default: `timeoutMs`. */
  readonly timeoutMs?: number;
  /** A read that failed quickly is asked once more. Default `true` for reads; a write never is. */
  readonly mayRepeat?: boolean;
}

/** The one way to LiteLLM. */
export interface Litellm {
  readonly options: LitellmOptions;
  /**
   * Sends one request: one try for a write; for a read, one more where the connection broke or a gateway answered (502 to 504).
   * Redirects are not followed: the key goes nowhere else.
   * Throws nothing but `litellm_refused` (status 422) for what `kind` does not allow: then nothing was sent.
   */
  call<Schema extends InputSchema>(
    kind: RequestKind<Schema>,
    input: z.input<Schema>,
    callOptions?: CallOptions,
  ): Promise<Answer>;
}

/** Gives the way to LiteLLM. */
export function createLitellm(options: LitellmOptions): Litellm {
  return {
    options,
    async call(kind, input, callOptions = {}) {
      const about = { path: kind.path, isWrite: kind.method !== 'GET' };
      const request = createRequest(options, kind, requireInput(kind, input));
      const timeoutMs = callOptions.timeoutMs ?? options.timeoutMs;
      const answer = readAnswer(await send(options, request, timeoutMs), about);
      const mayRepeat = !about.isWrite && callOptions.mayRepeat !== false;
      if (answer.ok || !mayRepeat || !answer.failure.isWorthAnotherTry) return answer;
      await options.sleep(FIRST_PAUSE_MS + Math.random() * PAUSE_SPREAD_MS);
      return readAnswer(await send(options, request, timeoutMs), about);
    },
  };
}

/** Gives the JSON of a success; throws what the failure means. */
export function requireBody(answer: Answer): unknown {
  if (answer.ok) return answer.body;
  throw answer.failure.error;
}

interface HttpRequest {
  readonly url: string;
  readonly init: Omit<RequestInit, 'headers'> & { readonly headers: Readonly<Record<string, string>> };
}

/** Only what the schema names is sent. */
function requireInput<Schema extends InputSchema>(
  kind: RequestKind<Schema>,
  input: z.input<Schema>,
): Readonly<Record<string, unknown>> {
  const parsed = kind.schema.safeParse(input);
  if (parsed.success) return parsed.data;
  // LiteLLM would say 422 to it, such as a limit that is no whole number.
  throw new AppError('litellm_refused', 'LiteLLM takes no such value', {
    details: { path: kind.path, status: 422, fault: toDotPath(parsed.error.issues[0]?.path ?? []) },
  });
}

function createRequest(
  options: LitellmOptions,
  kind: RequestKind,
  input: Readonly<Record<string, unknown>>,
): HttpRequest {
  const address = options.baseUrl.replace(/\/+$/, '') + kind.path;
  const headers = {
    accept: 'application/json',
    ...(kind.isPublic ? {} : { authorization: `Bearer ${options.apiKey.reveal()}` }),
    ...(kind.readsChangedBy ? { 'litellm-changed-by': CHANGED_BY } : {}),
  };
  if (kind.method !== 'GET') {
    return {
      url: address,
      init: {
        method: kind.method,
        redirect: 'manual',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(input),
      },
    };
  }
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(input)) query.set(name, String(value));
  return {
    url: query.size === 0 ? address : `${address}?${query.toString()}`,
    init: { method: 'GET', redirect: 'manual', headers },
  };
}

async function send(options: LitellmOptions, request: HttpRequest, timeoutMs: number): Promise<Outcome> {
  try {
    return await withTimeout(timeoutMs, async (signal) => {
      const response = await options.fetch(request.url, { ...request.init, signal });
      return {
        status: response.status,
        text: await response.text(),
        retryAfterSeconds: findRetryAfter(response, options.clock),
      };
    });
  } catch (error) {
    // Not as the cause: an error about a header quotes it, and the key with it.
    return { status: 0, text: '', fault: findFault(error) };
  }
}

/** Seconds or a date; an unreadable one counts as none. */
function findRetryAfter(response: Response, clock: Clock): number | undefined {
  const asked = response.headers.get('retry-after');
  if (asked === null) return undefined;
  if (/^\d{1,9}$/.test(asked)) return Number(asked);
  const untilMs = Date.parse(asked) - clock.now().getTime();
  return Number.isNaN(untilMs) ? undefined : Math.max(0, Math.ceil(untilMs / 1000));
}

const TIMEOUTS: ReadonlySet<string> = new Set(['TimeoutError', 'AbortError']);

/** Gives the system's or the HTTP client's code of what broke, such as `ECONNRESET`. */
function findFault(error: unknown): string {
  if (error instanceof Error && TIMEOUTS.has(error.name)) return 'timeout';
  const coded = z.object({ cause: z.object({ code: z.string().check(z.regex(/^[A-Z0-9_]{1,60}$/)) }) });
  return coded.safeParse(error).data?.cause.code ?? 'network';
}

function readAnswer(outcome: Outcome, request: { readonly path: string; readonly isWrite: boolean }): Answer {
  if (outcome.status < 200 || outcome.status > 299) {
    return { ok: false, failure: readFailure(outcome, request) };
  }
  const body = parseJson(outcome.text);
  // Every success of LiteLLM is an object, a list or null.
  if (typeof body === 'object') return { ok: true, body };
  return { ok: false, failure: readFailure({ ...outcome, fault: 'no_json' }, request) };
}
