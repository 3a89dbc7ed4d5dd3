/** How this product answers over HTTP: headers, cookies, errors. Every answer is created here. */
import { randomBytes } from 'node:crypto';
import type { HttpHandler, HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import { AppError, errorCodeOf } from '../model/errors.ts';
import { failureStatus } from './errorStatus.ts';
import { errorTexts } from './pages/errorTexts.ts';
import { renderConfigurationFault } from './pages/renderConfigurationFault.ts';
import { renderError } from './pages/renderError.ts';
import type { RequestCookies, ResponseCookie } from '../session/session.ts';
import { errorFields, isReported, writeEvent } from '../telemetry/events.ts';
import { traceInvocation } from '../telemetry/traceInvocation.ts';
import type { RunningSpan } from '../telemetry/tracing.ts';

/** Headers of every answer. Each answer is personal or changes with time, so it is never cached. */
const COMMON_HEADERS = {
  'Cache-Control': 'no-store',
  // Without `includeSubDomains`: this host's subdomains may belong to other services of the customer.
  'Strict-Transport-Security': 'max-age=31536000',
  'X-Content-Type-Options': 'nosniff',
  // Not `no-referrer`: with that, browsers send `Origin: null` with our own sign-out form.
  'Referrer-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  // For answers that aren't pages. A page has its own policy below.
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
} as const;

/** Values of one answer. */
export interface Answering {
  /** Lets this page's own style and script run, and nothing else. */
  readonly nonce: string;
  /** Names this invocation in the logs. */
  readonly correlationId: string;
  readonly context: InvocationContext;
}

export type Handle = (request: HttpRequest, answering: Answering) => Promise<HttpResponseInit>;

function contentSecurityPolicy(nonce: string): string {
  return [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    `script-src 'nonce-${nonce}'`,
    'img-src data:',
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
}

export interface PageOptions {
  readonly nonce: string;
  /** Default 200. */
  readonly status?: number;
  readonly cookies?: readonly ResponseCookie[];
}

/** Creates an answer with a page. */
export function pageAnswer(body: string, options: PageOptions): HttpResponseInit {
  return {
    status: options.status ?? 200,
    headers: {
      ...COMMON_HEADERS,
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': contentSecurityPolicy(options.nonce),
      'X-Frame-Options': 'DENY',
    },
    cookies: [...(options.cookies ?? [])],
    body,
  };
}

/** Creates a redirect. Cookies must be in `cookies`: as headers, all but the last would be lost. */
export function redirectAnswer(
  location: string,
  cookies: readonly ResponseCookie[],
  status: 302 | 303 = 302,
): HttpResponseInit {
  return { status, headers: { ...COMMON_HEADERS, Location: location }, cookies: [...cookies] };
}

/** Creates an answer with JSON. */
export function jsonAnswer(body: unknown, status = 200): HttpResponseInit {
  return {
    status,
    headers: { ...COMMON_HEADERS, 'Content-Type': 'application/json; charset=utf-8' },
    body: JSON.stringify(body),
  };
}

/** Creates an answer with a status and no body. */
export function emptyAnswer(status: number): HttpResponseInit {
  return { status, headers: { ...COMMON_HEADERS } };
}

/** A cookie's name (RFC 6265, 4.1.1): visible ASCII without separators. */
const COOKIE_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Reads the `Cookie` header. If a name comes twice, the first counts, because browsers send the longest path first.
 *
 * Only spaces and tabs are trimmed, and a name that is no RFC 6265 token is ignored. `trim()` would also remove U+00A0,
 * for example. With that, another host of the same domain could set a cookie that we read as a `__Host-` cookie, although the
 * browser does not see that prefix.
 */
export function readCookies(request: HttpRequest): RequestCookies {
  const cookies = new Map<string, string>();
  for (const pair of (request.headers.get('cookie') ?? '').split(';')) {
    const separator = pair.indexOf('=');
    const name = trimBlanks(pair.slice(0, Math.max(separator, 0)));
    if (COOKIE_NAME.test(name) && !cookies.has(name))
      cookies.set(name, trimBlanks(pair.slice(separator + 1)));
  }
  return cookies;
}

function trimBlanks(text: string): string {
  return text.replace(/^[ \t]+/, '').replace(/(?<![ \t])[ \t]+$/, '');
}

/** Throws `origin_mismatch` unless the browser says that the request comes from this site's own pages. */
export function requireOwnOrigin(request: HttpRequest, publicUrl: string): void {
  if (request.headers.get('origin') !== publicUrl) {
    throw new AppError('origin_mismatch', 'The request does not come from this site.');
  }
}

/**
 * Returns where a sign-in has to start instead, if the browser opened the site at another host than `publicUrl`'s. A cookie belongs
 * to one host, and Microsoft sends the browser back to `publicUrl`. Returns `undefined` if the host is right, or if the browser comes
 * from such a redirect (`canonical`): a gateway may rewrite `Host`, and the redirect would never end.
 *
 * Hosts are compared, not schemes. The header is only compared, and is never part of the address.
 */
export function findCanonicalLogin(request: HttpRequest, publicUrl: string): string | undefined {
  const query = new URLSearchParams(new URL(request.url).search);
  const host = request.headers.get('host');
  if (host === null || query.has('canonical') || hostOf(host) === hostOf(new URL(publicUrl).host))
    return undefined;
  query.set('canonical', '1');
  return `${publicUrl}/sso/login?${query.toString()}`;
}

/** Returns a host in lower case, without the default port of either scheme. */
function hostOf(host: string): string {
  return host.toLowerCase().replace(/:(?:80|443)?$/, '');
}

function settingsOf(error: unknown): readonly string[] {
  const settings = error instanceof AppError ? error.details['settings'] : undefined;
  return typeof settings === 'object' ? settings : [];
}

/** Returns Entra's number of a refusal, for the administrator who looks it up. */
function detailOf(error: unknown): string | undefined {
  const number = error instanceof AppError ? error.details['aadsts'] : undefined;
  return typeof number === 'string' ? `AADSTS${number}` : undefined;
}

export interface ErrorAnswerOptions {
  readonly retryHref?: string;
  readonly cookies?: readonly ResponseCookie[];
}

/** Creates the error page for a failure, by its code, with the right status. */
export function errorPageAnswer(
  error: unknown,
  answering: Answering,
  options: ErrorAnswerOptions = {},
): HttpResponseInit {
  const { nonce, correlationId } = answering;
  const code = errorCodeOf(error);
  const page = { nonce, status: failureStatus(error), cookies: options.cookies ?? [] };
  if (code === 'configuration_invalid') {
    return pageAnswer(renderConfigurationFault({ nonce, settings: settingsOf(error) }), page);
  }
  const { retryHref } = options;
  const detail = detailOf(error);
  return pageAnswer(
    renderError({
      nonce,
      code,
      correlationId,
      ...(retryHref === undefined ? {} : { retryHref }),
      ...(detail === undefined ? {} : { detail }),
    }),
    page,
  );
}

/** Creates an answer with the failure as JSON: its code, its meaning, and the id that finds it in the logs. */
function errorJsonAnswer(error: unknown, answering: Answering): HttpResponseInit {
  const code = errorCodeOf(error);
  const settings = settingsOf(error);
  return jsonAnswer(
    {
      error: {
        code,
        message: errorTexts[code].title,
        correlation_id: answering.correlationId,
        ...(settings.length === 0 ? {} : { settings }),
      },
    },
    failureStatus(error),
  );
}

/** Returns the log level of a failure: `error` if this service or Microsoft failed, `warn` for a refusal. */
export function failureLevel(error: unknown): 'error' | 'warn' {
  return failureStatus(error) >= 500 ? 'error' : 'warn';
}

/** Logs a failure outside a flow. It has no event of its own, and the reference on the page must be in the log. */
function writeFailure(context: InvocationContext, error: unknown): void {
  const code = errorCodeOf(error);
  const name = code === 'configuration_invalid' ? 'configuration.fault' : 'request.failed';
  writeEvent(context, { name, level: failureLevel(error) }, errorFields(error));
}

/** Creates a handler that turns every thrown error into an answer, which shows only the error's code. */
function answerWith(
  handle: Handle,
  answerError: (error: unknown, answering: Answering) => HttpResponseInit,
): HttpHandler {
  return async (request, context) =>
    traceInvocation(context, { kind: 'http' }, async (span) => {
      const nonce = randomBytes(16).toString('base64');
      const answering: Answering = { nonce, correlationId: context.invocationId, context };
      try {
        return noteAnswer(span, await handle(request, answering));
      } catch (error) {
        if (!isReported(error)) writeFailure(context, error);
        return noteAnswer(span, answerError(error, answering));
      }
    });
}

/** Marks the span as failed only for the service's own failures. A refused sign-in is a normal answer. */
function noteAnswer(span: RunningSpan, answer: HttpResponseInit): HttpResponseInit {
  const status = answer.status ?? 200;
  span.set({ 'http.response.status_code': status });
  if (status >= 500) span.fail(String(status));
  return answer;
}

/** Creates the handler of a route that shows pages. */
export function answerPages(handle: Handle): HttpHandler {
  return answerWith(handle, (error, answering) => errorPageAnswer(error, answering));
}

/** Creates the handler of a route that returns data. */
export function answerJson(handle: Handle): HttpHandler {
  return answerWith(handle, errorJsonAnswer);
}
