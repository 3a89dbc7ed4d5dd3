import { beforeEach, describe, expect, it } from 'vitest';
import { createAppTokens } from '../../shared/microsoft/appTokens.ts';
import type { TokenSource } from '../../shared/microsoft/cacheToken.ts';
import { createEntraConfig, createEntraDouble, type EntraDouble, refuse } from '../support/entraDouble.ts';
import { createTestClock, type TestClock } from '../support/signInDoubles.ts';

let clock: TestClock;
let entra: EntraDouble;
let appToken: TokenSource;

beforeEach(async () => {
  clock = createTestClock();
  entra = await createEntraDouble(clock);
  appToken = createAppTokens({ entra: createEntraConfig(), clock, fetch: entra.fetch, timeoutMs: 1_000 });
});

describe('createAppTokens', () => {
  it('asks for Graph’s application permissions with the application’s own credential', async () => {
    expect((await appToken()).token).toBe('app-token-1');
    expect(Object.fromEntries(entra.forms[0] ?? [])).toMatchObject({
      grant_type: 'client_credentials',
      scope: 'https://graph.microsoft.com/.default',
      client_secret: 'client-secret',
    });
    expect(entra.requests).toEqual(['POST /oauth2/v2.0/token']);
  });

  it('asks once for twenty who wait, and not again until five minutes before the expiry', async () => {
    await Promise.all(Array.from({ length: 20 }, () => appToken()));
    clock.advance(54 * 60_000);
    await appToken();
    expect(entra.forms).toHaveLength(1);
    clock.advance(2 * 60_000);
    expect((await appToken()).token).toBe('app-token-2');
  });

  it('returns a new one where the last was refused', async () => {
    await appToken();
    expect((await appToken({ fresh: true })).token).toBe('app-token-2');
    expect((await appToken()).token).toBe('app-token-2');
  });

  it('survives an outage while it has a token, and is not blocked after one', async () => {
    await appToken();
    entra.intercept(
      '/token',
      async () => new Response('', { status: 503, headers: { 'retry-after': '60' } }),
    );
    expect((await appToken()).token).toBe('app-token-1');
    await expect(appToken({ fresh: true })).rejects.toMatchObject({
      code: 'microsoft_unreachable',
      retryable: true,
    });
    entra.intercept('/token', undefined);
    expect((await appToken({ fresh: true })).token).toBe('app-token-2');
  });

  it('says that the credential was refused', async () => {
    entra.intercept('/token', async () => refuse('invalid_client', 7_000_215, { status: 401 }));
    await expect(appToken()).rejects.toMatchObject({ code: 'credential_refused', retryable: false });
  });

  it.each([
    ['application_disabled', 7_000_112],
    ['application_misconfigured', 700_016],
    ['policy_blocked', 53_003],
    ['credential_refused', 50_105],
  ])('says what is wrong with the application: %s', async (code, number) => {
    entra.intercept('/token', async () => refuse('unauthorized_client', number));
    await expect(appToken()).rejects.toMatchObject({ code, retryable: false });
  });

  it('treats a malformed answer as none, so that messages wait', async () => {
    entra.intercept('/token', async () =>
      Response.json({ token_type: 'Bearer', expires_in: 'x', access_token: 'a' }),
    );
    await expect(appToken()).rejects.toMatchObject({ code: 'microsoft_unreachable', retryable: true });
  });

  it('asks the emulator’s own Graph', async () => {
    const config = createEntraConfig({ graphBaseUrl: 'https://localhost:8443/graph/v1.0' });
    await createAppTokens({ entra: config, clock, fetch: entra.fetch, timeoutMs: 1_000 })();
    expect(entra.forms[0]?.get('scope')).toBe('https://localhost:8443/.default');
  });
});
