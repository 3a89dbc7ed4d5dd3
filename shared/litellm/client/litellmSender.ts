/** Sends requests to LiteLLM and reads its answers. Nothing else in the product does. */
import { toDotPath } from 'zod/v4/core';
import * as z from 'zod/mini';
import type { Secret } from '../../model/secret.ts';
import { AppError } from '../../model/errors.ts';
import type { Created, Ensured } from '../../model/litellmPorts.ts';
import type { Clock, Fetch } from '../../model/ports.ts';
import { startTimeout } from '../../platform/withTimeout.ts';
import { type Failure, type Outcome, parseJson, readFailure } from './failure.ts';
import type { InputSchema, RequestKind } from './requests.ts';

export interface LitellmOptions {
  /** May have a path, and a slash at the end. */
  readonly baseUrl: string;
  /** The master key, or the key of a proxy_admin. */
  readonly apiKey: Pick<Secret, 'reveal'>;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly sleep: (durationMs: number) => Promise<void>;
  /** Called before each request. What it throws is thrown on, and nothing is sent. */
  readonly beforeSend?: () => Promise<void>;
  /** For each request, from the first byte sent to the last byte read. */
  readonly timeoutMs: number;
}

/** Who changed something, for LiteLLM's audit log. */
const CHANGED_BY = 'litellm-entra-provisioning';

/** The shortest pause before the second try. A random part of up to `PAUSE_SPREAD_MS` is added, so that instances do not retry together. */
const FIRST_PAUSE_MS = 150;
const PAUSE_SPREAD_MS = 300;

/** A success with its JSON, or what it was instead. */
export type Answer =
  | { readonly ok: true; readonly body: unknown }
  | { readonly ok: false; readonly failure: Failure };

/**
 * Both methods send what `kind` allows, and follow no redirect: the key must not go anywhere else. They throw `litellm_refused`
 * (status 422) for input that `kind` does not allow, and what `beforeSend` throws. Nothing was sent then.
 */
export interface LitellmSender {
  readonly options: LitellmOptions;
  /** Sends one request. `timeoutMs`: other than that of the options. */
  send<Schema extends InputSchema>(
    kind: RequestKind<Schema>,
    input: z.input<Schema>,
    timeoutMs?: number,
  ): Promise<Answer>;
  /** As `send`, for reads: sends it once more if the connection broke or a gateway answered (502 to 504). */
  read<Schema extends InputSchema>(
    kind: RequestKind<Schema>,
    input: z.input<Schema>,
    timeoutMs?: number,
  ): Promise<Answer>;
}

/** Returns the sender for one proxy. */
export function createSender(options: LitellmOptions): LitellmSender {
  const send: LitellmSender['send'] = async (kind, input, timeoutMs = options.timeoutMs) => {
    const { url, init } = createRequest(options, kind, requireInput(kind, input));
    await options.beforeSend?.();
    const about = { path: kind.path, isWrite: kind.method !== 'GET' };
    const timeout = startTimeout(timeoutMs);
    try {
      const response = await options.fetch(url, { ...init, signal: timeout.signal });
      const retryAfterSeconds = findRetryAfter(response, options.clock);
      return readAnswer({ status: response.status, text: await response.text(), retryAfterSeconds }, about);
    } catch (error) {
      // The error is not passed on as the cause: an error about a header quotes it, and the key with it.
      return readAnswer({ status: 0, text: '', fault: findFault(error) }, about);
    } finally {
      timeout.clear();
    }
  };
  return {
    options,
    send,
    async read(kind, input, timeoutMs) {
      const answer = await send(kind, input, timeoutMs);
      if (answer.ok || !answer.failure.isWorthAnotherTry) return answer;
      await options.sleep(FIRST_PAUSE_MS + Math.random() * PAUSE_SPREAD_MS);
      return send(kind, input, timeoutMs);
    },
  };
}

/** Returns the JSON of a success. Throws what a failure means. */
export function requireBody(answer: Answer): unknown {
  if (answer.ok) return answer.body;
  throw answer.failure.error;
}

/** With a 500, some versions say that something exists already, or that it does not exist. */
const AMBIGUOUS: ReadonlySet<number> = new Set([400, 404, 409, 500]);

/**
 * Returns how a write ended: `done`, or `already` if LiteLLM refused it because it is done already. A 400, 404, 409 or 500 does
 * not say which, so `looksDone` looks once. If it does not look done, what the answer means is thrown.
 * `ifUnclear`: what to return after a 500, which does not say whose write did it.
 * What may still take effect later (a time-out, 502 to 504) is thrown as it is: a look now would prove nothing.
 */
export async function settle(
  answer: Answer,
  looksDone: () => Promise<boolean>,
  ifUnclear: Ensured = 'already',
): Promise<Ensured> {
  if (answer.ok) return 'done';
  if (AMBIGUOUS.has(answer.failure.status) && answer.failure.error.code !== 'litellm_answer_invalid') {
    if (await looksDone()) return answer.failure.status === 500 ? ifUnclear : 'already';
  }
  throw answer.failure.error;
}

/** As {@link settle} for a creation: after a success, what the answer says about the new entity. */
export async function settleCreation<Values>(
  answer: Answer,
  exists: () => Promise<boolean>,
  parseNew: (body: unknown) => Partial<Values>,
): Promise<Created<Values>> {
  if (answer.ok) return { ensured: 'done', values: parseNew(answer.body) };
  await settle(answer, exists);
  return { ensured: 'already' };
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
  // LiteLLM would answer 422, for example to a limit with a fraction.
  throw new AppError('litellm_refused', 'LiteLLM does not accept this value.', {
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

/** Accepts seconds or a date. An unreadable value counts as absent. */
function findRetryAfter(response: Response, clock: Clock): number | undefined {
  const asked = response.headers.get('retry-after');
  if (asked === null) return undefined;
  if (/^\d{1,9}$/.test(asked)) return Number(asked);
  const untilMs = Date.parse(asked) - clock.now().getTime();
  return Number.isNaN(untilMs) ? undefined : Math.max(0, Math.ceil(untilMs / 1000));
}

const TIMEOUTS: ReadonlySet<string> = new Set(['TimeoutError', 'AbortError']);

/** Returns the code that the system or the HTTP client gives for what broke, such as `ECONNRESET`. */
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
