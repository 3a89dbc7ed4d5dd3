import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAssertion, createManagedIdentity } from '../../shared/microsoft/managedIdentity.ts';
import { createTestClock, type TestClock } from '../support/signInDoubles.ts';

const MINUTE_MS = 60_000;
const ENDPOINT = 'http://127.0.0.1:41741/msi/token';
const SCOPE = 'https://storage.azure.com/.default';

let clock: TestClock;
let asked: URL[];
let answer: (() => Promise<Response>) | undefined;

async function fetchDouble(url: string, init: RequestInit): Promise<Response> {
  asked.push(new URL(url));
  expect(new Headers(init.headers).get('x-identity-header')).toBe('header-secret');
  if (answer) return answer();
  return Response.json({
    access_token: `token-${asked.length}`,
    expires_on: String(Math.floor(clock.now().getTime() / 1000) + 3600),
    resource: new URL(url).searchParams.get('resource'),
    token_type: 'Bearer',
  });
}

const createCredential = (clientId?: string): ReturnType<typeof createManagedIdentity> =>
  createManagedIdentity({ clock, fetch: fetchDouble, ...(clientId === undefined ? {} : { clientId }) });

beforeAll(() => {
  process.env['IDENTITY_ENDPOINT'] = ENDPOINT;
  process.env['IDENTITY_HEADER'] = 'header-secret';
});
afterAll(() => {
  delete process.env['IDENTITY_ENDPOINT'];
  delete process.env['IDENTITY_HEADER'];
});
beforeEach(() => {
  clock = createTestClock();
  asked = [];
  answer = undefined;
});

describe('createManagedIdentity', () => {
  it('asks the platform for the resource, for the identity that is named', async () => {
    const issued = await createCredential('identity-1').getToken(SCOPE);
    expect(issued).toEqual({ token: 'token-1', expiresOnTimestamp: clock.now().getTime() + 60 * MINUTE_MS });
    expect(asked[0]?.origin).toBe(new URL(ENDPOINT).origin);
    expect(asked[0]?.searchParams.get('resource')).toBe('https://storage.azure.com');
    expect(asked[0]?.searchParams.get('client_id')).toBe('identity-1');
  });

  it('asks once for all who wait, and not again until five minutes before the expiry', async () => {
    const credential = createCredential();
    await Promise.all([credential.getToken(SCOPE), credential.getToken([SCOPE]), credential.getToken(SCOPE)]);
    clock.advance(55 * MINUTE_MS - 1);
    await credential.getToken(SCOPE);
    expect(asked).toHaveLength(1);
    clock.advance(1);
    expect(await credential.getToken(SCOPE)).toMatchObject({ token: 'token-2' });
  });

  it('keeps one token a scope', async () => {
    const credential = createCredential();
    await credential.getToken(SCOPE);
    await credential.getToken('https://other.example/.default');
    expect(asked).toHaveLength(2);
  });

  it('reports that nothing answered, and does not cache that', async () => {
    const credential = createCredential();
    answer = async () => Promise.reject(new TypeError('fetch failed'));
    await expect(credential.getToken(SCOPE)).rejects.toMatchObject({
      code: 'microsoft_unreachable',
      retryable: true,
    });
    answer = undefined;
    await expect(credential.getToken(SCOPE)).resolves.toBeDefined();
  });

  it.each([
    { access_token: 7, expires_on: '1', token_type: 'Bearer' },
    { access_token: 'a', expires_on: {}, token_type: 'Bearer' },
    { access_token: 'a', expires_on: 1e300, token_type: 'Bearer' },
    { access_token: 'a', expires_on: '1', token_type: 7 },
    {},
  ])('treats a malformed answer as none: %j', async (body) => {
    answer = async () => Response.json(body);
    await expect(createCredential().getToken(SCOPE)).rejects.toMatchObject({
      code: 'microsoft_unreachable',
      retryable: true,
    });
  });

  it('reports that the identity does not exist', async () => {
    answer = async () =>
      Response.json({ statusCode: 400, message: 'No User Assigned Identity' }, { status: 400 });
    await expect(createCredential('nobody').getToken(SCOPE)).rejects.toMatchObject({
      code: 'credential_refused',
      retryable: false,
    });
  });
});

describe('createAssertion', () => {
  it('returns the identity’s token for Entra’s token exchange', async () => {
    expect(await createAssertion(createCredential())()).toBe('token-1');
    expect(asked[0]?.searchParams.get('resource')).toBe('api://AzureADTokenExchange');
  });
});
