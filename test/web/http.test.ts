import { HttpRequest, InvocationContext, type HttpResponseInit } from '@azure/functions';
import { describe, expect, it } from 'vitest';
import { AppError, type ErrorCode } from '../../shared/model/errors.ts';
import {
  answerJson,
  answerPages,
  emptyAnswer,
  failureLevel,
  findCanonicalLogin,
  type Handle,
  jsonAnswer,
  pageAnswer,
  readCookies,
  redirectAnswer,
  requireOwnOrigin,
} from '../../shared/web/http.ts';
import { clearSession } from '../../shared/session/session.ts';

const SITE = 'https://ai.company.com';

function aRequest(headers: Readonly<Record<string, string>> = {}): HttpRequest {
  return new HttpRequest({ method: 'GET', url: `${SITE}/`, headers: { ...headers } });
}

async function answerOf(
  door: typeof answerPages,
  handle: Handle,
): Promise<{ readonly answer: HttpResponseInit; readonly logged: readonly string[] }> {
  const logged: string[] = [];
  const context = new InvocationContext({
    invocationId: 'invocation-1',
    functionName: 'home',
    logHandler: (level, ...parts) => {
      logged.push([level, ...parts].join(' '));
    },
  });
  const answer = await door(handle)(aRequest(), context);
  return { answer: answer ?? {}, logged };
}

function headersOf(answer: HttpResponseInit): Headers {
  return new Headers(Object.entries(answer.headers ?? {}).map(([name, value]) => [name, String(value)]));
}

function textOf({ body }: HttpResponseInit): string {
  if (typeof body !== 'string') throw new Error('The answer has no text.');
  return body;
}

describe('readCookies', () => {
  it.each<[string, readonly (readonly [string, string])[]]>([
    [
      'a=1; b=2',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    [
      'a=1;b=2',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    ['a=x=y==', [['a', 'x=y==']]],
    ['  a = 1 ', [['a', '1']]],
    ['a=first; a=second', [['a', 'first']]],
    ['a=', [['a', '']]],
    ['=nameless; plain; ; a=1', [['a', '1']]],
    ['__proto__=x', [['__proto__', 'x']]],
    // What only looks like a name with a prefix: browsers let sibling hosts set these.
    ['\u00a0__Host-litellm-session=x; a=1', [['a', '1']]],
    ['__Host-litellm-session\u00a0=x; a=1', [['a', '1']]],
    ['\u0085__Host-litellm-session=x; a=1', [['a', '1']]],
    ['a b=1; "c"=2; d(e)=3; f@g=4; ok=5', [['ok', '5']]],
    ['\t a\t=\t1 ', [['a', '1']]],
    ['a=\u00a01\u00a0', [['a', '\u00a01\u00a0']]],
    ['', []],
  ])('reads %j', (header, expected) => {
    expect([...readCookies(aRequest({ cookie: header }))]).toEqual(expected);
  });

  it('reads none without a header', () => {
    expect(readCookies(aRequest()).size).toBe(0);
  });
});

describe('findCanonicalLogin', () => {
  const at = (
    host: string | undefined,
    query = '',
    url = 'http://inside.example/sso/login',
  ): string | undefined =>
    findCanonicalLogin(
      new HttpRequest({
        method: 'GET',
        url: `${url}${query}`,
        headers: { ...(host === undefined ? {} : { host }), 'x-forwarded-host': 'evil.example' },
      }),
      SITE,
    );

  it.each(['ai.company.com', 'AI.Company.com', 'ai.company.com:443', 'ai.company.com:80', undefined])(
    'lets a sign-in start at the site itself: %s',
    (host) => {
      expect(at(host)).toBeUndefined();
    },
  );

  it.each([
    '127.0.0.1',
    'app-x.azurewebsites.net',
    'ai.company.com.evil.example',
    'ai.company.com:8443',
    'ai.company.com.',
    'evil.example/ai.company.com',
    'x@ai.company.com',
    '',
  ])('sends %j to the configured address, once', (host) => {
    expect(at(host)).toBe(`${SITE}/sso/login?canonical=1`);
    expect(at(host, '?canonical=1')).toBeUndefined();
    expect(at(host, '?canonical')).toBeUndefined();
  });

  it('keeps the query, and nothing of the header', () => {
    const location = at(
      'evil.example',
      '?return_to=%2F%3Fx%3D1&login_hint=a%40b.example&prompt=select_account',
    );
    expect(location).toBe(
      `${SITE}/sso/login?return_to=%2F%3Fx%3D1&login_hint=a%40b.example&prompt=select_account&canonical=1`,
    );
  });

  it('compares with the port where the site has one', () => {
    const request = new HttpRequest({
      method: 'GET',
      url: 'http://127.0.0.1:7071/sso/login',
      headers: { host: 'localhost:7071' },
    });
    expect(findCanonicalLogin(request, 'http://localhost:7071')).toBeUndefined();
    expect(findCanonicalLogin(request, 'http://localhost:7072')).toBe(
      'http://localhost:7072/sso/login?canonical=1',
    );
  });
});

describe('a refusal that only the query states', () => {
  it('is never a failure of this service', async () => {
    const refusal = new AppError('microsoft_unreachable', 'no', {
      details: { source: 'query', aadsts: '90033' },
    });
    const { answer, logged } = await answerOf(answerPages, async () => Promise.reject(refusal));
    expect(answer.status).toBe(403);
    expect(textOf(answer)).toContain('AADSTS90033');
    expect(logged).toEqual([expect.stringMatching(/^warning .*"source":"query"/)]);
  });
});

describe('requireOwnOrigin', () => {
  it('accepts this site’s own pages', () => {
    expect(() => {
      requireOwnOrigin(aRequest({ origin: SITE }), SITE);
    }).not.toThrow();
  });

  it.each<[string, Readonly<Record<string, string>>]>([
    ['no origin', {}],
    ['a hidden origin', { origin: 'null' }],
    ['another site', { origin: 'https://evil.example' }],
    ['a host below this one', { origin: 'https://x.ai.company.com' }],
    ['a site that begins like this one', { origin: `${SITE}.evil.example` }],
    ['another port', { origin: `${SITE}:8443` }],
    ['http', { origin: 'http://ai.company.com' }],
    ['the site as the referrer alone', { referer: `${SITE}/` }],
  ])('refuses %s', (_case, headers) => {
    expect(() => {
      requireOwnOrigin(aRequest(headers), SITE);
    }).toThrow(expect.objectContaining({ code: 'origin_mismatch' }));
  });
});

describe('every answer', () => {
  it.each<[string, HttpResponseInit]>([
    ['a page', pageAnswer('<p>', { nonce: 'n' })],
    ['a redirect', redirectAnswer('/', [])],
    ['data', jsonAnswer({})],
    ['a status alone', emptyAnswer(503)],
  ])('carries the headers that protect it: %s', (_case, answer) => {
    const headers = headersOf(answer);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('same-origin');
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none';.*frame-ancestors 'none'/);
    // Not the hosts below this one, which are the customer's.
    expect(headers.get('strict-transport-security')).toBe('max-age=31536000');
  });

  it('lets a page run only what carries its nonce, and lets no site frame it', () => {
    const headers = headersOf(pageAnswer('<p>', { nonce: 'the-nonce' }));
    expect(headers.get('content-security-policy')).toContain("script-src 'nonce-the-nonce'");
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
  });

  it('sets cookies as cookies, so that none is lost', () => {
    const cookies = [clearSession(), { ...clearSession(), name: 'another' }];
    expect(redirectAnswer('/', cookies).cookies).toEqual(cookies);
    expect(redirectAnswer('/', cookies, 303)).toMatchObject({ status: 303, headers: { Location: '/' } });
  });
});

describe('what a handler throws', () => {
  it('becomes a page or data of its code, and shows nothing of its text', async () => {
    const handle = async (): Promise<never> =>
      Promise.reject(new AppError('storage_unavailable', 'alice@company.com'));
    const page = await answerOf(answerPages, handle);
    expect(page.answer.status).toBe(503);
    expect(page.answer.body).toContain('invocation-1');
    expect(page.answer.body).not.toContain('alice');
    const data = await answerOf(answerJson, handle);
    expect(JSON.parse(textOf(data.answer))).toMatchObject({
      error: { code: 'storage_unavailable', correlation_id: 'invocation-1' },
    });
    expect(data.answer.body).not.toContain('alice');
  });

  it.each<[ErrorCode, 'error' | 'warn', 'error' | 'warning']>([
    ['storage_unavailable', 'error', 'error'],
    ['microsoft_unreachable', 'error', 'error'],
    ['credential_refused', 'error', 'error'],
    ['unexpected', 'error', 'error'],
    ['not_assigned', 'warn', 'warning'],
    ['attempt_missing', 'warn', 'warning'],
    ['origin_mismatch', 'warn', 'warning'],
  ])('is written as loud as it is: %s', async (code, level, hostLevel) => {
    expect(failureLevel(new AppError(code, 'no'))).toBe(level);
    const { logged } = await answerOf(answerPages, async () => Promise.reject(new AppError(code, 'no')));
    expect(logged).toEqual([expect.stringMatching(new RegExp(`^${hostLevel} .*"code":"${code}"`))]);
  });

  it('is an error where it is nothing of this product', () => {
    expect(failureLevel('nonsense')).toBe('error');
  });
});
