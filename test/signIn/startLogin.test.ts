import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readReturnTo, startLogin, type StartLoginDeps } from '../../shared/signIn/startLogin.ts';
import type { AuthorizeRequest } from '../../shared/model/ports.ts';
import {
  type LoginAttempt,
  MAX_PENDING_ATTEMPTS,
  openAttempt,
  type RequestCookies,
  SESSION_COOKIE_NAME,
} from '../../shared/session/session.ts';
import { createSealContext, createTestRandom, keepCookies, PUBLIC_URL } from '../support/signInDoubles.ts';

function createDeps(): StartLoginDeps & { readonly asked: AuthorizeRequest[] } {
  const asked: AuthorizeRequest[] = [];
  return {
    asked,
    seal: createSealContext(),
    random: createTestRandom(),
    identity: {
      async createAuthorizeUrl(request) {
        asked.push(request);
        return `https://login.example/authorize?state=${request.state}`;
      },
      redeemCode: async () => Promise.reject(new Error('nothing is redeemed at the start')),
    },
  };
}

async function start(
  deps: ReturnType<typeof createDeps>,
  request: Parameters<typeof startLogin>[1],
): Promise<{ readonly asked: AuthorizeRequest; readonly attempt: LoginAttempt }> {
  const started = await startLogin(deps, request);
  const asked = deps.asked.at(-1);
  if (asked === undefined) throw new Error('no authorize URL was made');
  expect(started.location).toBe(`https://login.example/authorize?state=${asked.state}`);
  const attempt = await openAttempt(deps.seal, keepCookies(new Map(), [started.cookie]), asked.state);
  if (attempt === undefined) throw new Error('the attempt does not open');
  return { asked, attempt };
}

describe('startLogin', () => {
  it('keeps in the attempt what it asks Microsoft for, and the verifier of its challenge', async () => {
    const { asked, attempt } = await start(createDeps(), {});
    expect(attempt).toMatchObject({
      state: asked.state,
      nonce: asked.nonce,
      returnTo: '/',
      claimsReplayed: false,
    });
    expect(asked.codeChallenge).toBe(createHash('sha256').update(attempt.codeVerifier).digest('base64url'));
    expect(asked).not.toHaveProperty('loginHint');
    expect(asked).not.toHaveProperty('claims');
  });

  it('draws a new state, nonce and verifier each time, 256 bits each', async () => {
    const deps = createDeps();
    const drawn = [await start(deps, {}), await start(deps, {})].flatMap(({ attempt }) => [
      attempt.state,
      attempt.nonce,
      attempt.codeVerifier,
    ]);
    expect(new Set(drawn).size).toBe(6);
    for (const text of drawn) expect(text).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  it('passes the login hint on, unless it is longer than any address', async () => {
    const deps = createDeps();
    expect((await start(deps, { loginHint: 'alice@company.com' })).asked.loginHint).toBe('alice@company.com');
    expect((await start(deps, { loginHint: 'a'.repeat(321) })).asked).not.toHaveProperty('loginHint');
    expect((await start(deps, { selectAccount: true })).asked.selectAccount).toBe(true);
  });

  it('replays a challenge and remembers that it did', async () => {
    const { asked, attempt } = await start(createDeps(), { claims: '{"a":{}}', returnTo: '/teams' });
    expect(asked.claims).toBe('{"a":{}}');
    expect(attempt).toMatchObject({ claimsReplayed: true, returnTo: '/teams' });
  });

  it('keeps where to return, and fits into a cookie at its longest', async () => {
    const deps = createDeps();
    expect((await start(deps, { returnTo: '/teams?x=1#top' })).attempt.returnTo).toBe('/teams?x=1#top');
    const longest = await startLogin(deps, { returnTo: `/${'a'.repeat(1023)}` });
    expect(longest.cookie.name.length + longest.cookie.value.length).toBeLessThan(4000);
  });
});

describe('the attempts of one browser', () => {
  const returnTo = `/${'a'.repeat(1023)}`;

  it('stay few, however often it starts: all but the newest go once they are too many', async () => {
    const deps = createDeps();
    let cookies: RequestCookies = new Map([['other', 'kept']]);
    for (let time = 0; time < 40; time += 1) {
      const started = await startLogin(deps, { returnTo, cookies });
      cookies = keepCookies(cookies, [...started.clearing, started.cookie]);
      expect(cookies.get('other')).toBe('kept');
      expect(cookies.has(started.cookie.name)).toBe(true);
      // With room for a session and all other headers below the 16 KB at which Node gives up.
      expect([...cookies].reduce((size, [name, value]) => size + name.length + value.length, 0)).toBeLessThan(
        11_000,
      );
    }
  });

  it('do not hinder each other in a few tabs', async () => {
    const deps = createDeps();
    let cookies: RequestCookies = new Map();
    for (let tab = 0; tab <= MAX_PENDING_ATTEMPTS; tab += 1) {
      const started = await startLogin(deps, { cookies });
      expect(started.clearing).toEqual([]);
      cookies = keepCookies(cookies, [started.cookie]);
    }
    for (const { state } of deps.asked) {
      expect(await openAttempt(deps.seal, cookies, state)).toMatchObject({ state });
    }
  });

  it('are recognized by their whole name, so that no other cookie is cleared or set', async () => {
    const name = '__Host-litellm-attempt-';
    const cookies = new Map(
      [`${name}short`, `${name}${'x'.repeat(17)}`, `${name}${'x'.repeat(15)},`, 'a', SESSION_COOKIE_NAME].map(
        (each) => [each, 'v'] as const,
      ),
    );
    expect((await startLogin(createDeps(), { cookies })).clearing).toEqual([]);
  });
});

describe('readReturnTo', () => {
  it.each([
    ['/', '/'],
    ['/teams', '/teams'],
    ['/teams?next=//evil.example', '/teams?next=//evil.example'],
    ['/a/../b', '/b'],
    ['/ä b', '/%C3%A4%20b'],
    ['/100%25', '/100%25'],
    ['/ssowatch', '/ssowatch'],
    ['/teams/api/x', '/teams/api/x'],
    ['/?next=/sso/login', '/?next=/sso/login'],
  ])('keeps the path %s', (asked, expected) => {
    expect(readReturnTo(asked, PUBLIC_URL)).toBe(expected);
  });

  it.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['another site', 'https://evil.example/'],
    ['this site, in full', `${PUBLIC_URL}/teams`],
    ['a host without a scheme', '//evil.example'],
    ['a host after a backslash', '/\\evil.example'],
    ['a host after two backslashes', '\\\\evil.example'],
    ['a host behind a tab', '/\t/evil.example'],
    ['a host behind a line end', '/\n/evil.example'],
    ['a host behind dot segments', '/.//evil.example'],
    ['a host behind dot segments and up', '/x/..//evil.example'],
    ['a host behind an encoded dot segment', '/%2e//evil.example'],
    ['a line end', '/teams\r\nSet-Cookie: a=b'],
    ['a relative path', 'teams'],
    ['a script', 'javascript:alert(1)'],
    ['the sign-in itself', '/sso/login?return_to=%2Fsso%2Flogin'],
    ['the sign-in in capitals', '/SSO/Login'],
    ['the folder of the sign-in', '/sso'],
    ['an encoded sign-in', '/%73so/login'],
    ['a twice encoded sign-in', '/%2573so/login'],
    ['a sign-in behind dot segments', '/x/../sso/login'],
    ['a sign-in behind encoded dot segments', '/x%2f..%2fsso/login'],
    ['a sign-in behind an encoded backslash', '/x%5c..%5csso'],
    ['a sign-in behind an encoded slash', '/%2fsso/login'],
    ['the callback', '/sso/callback?error=access_denied'],
    ['data', '/api/me'],
    ['the host’s own administration', '/admin/host/status'],
    ['the host’s own webhooks', '/Runtime/webhooks/x'],
    ['a path that is encoded again and again', '/%252525252525252573so'],
    ['a space before the path', ' /teams'],
    ['a query alone', '?x'],
    ['more than fits', `/${'a'.repeat(1024)}`],
    ['more than fits once encoded', `/${'ä'.repeat(1000)}`],
  ])('returns / for %s', (_, asked) => {
    expect(readReturnTo(asked, PUBLIC_URL)).toBe('/');
  });
});
