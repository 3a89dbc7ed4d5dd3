import { createServer } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { SESSION_COOKIE_NAME } from '../../shared/session/session.ts';
import { azuriteConnectionString } from '../support/azurite.ts';
import { type Call, loadFunction } from '../support/loadFunction.ts';

const ORIGIN = 'https://ai.company.com';
const URL = `${ORIGIN}/sso/logout`;
/** Looks like a session, so that its key is looked for in the store. */
const COOKIE = `${SESSION_COOKIE_NAME}=${Buffer.from('{"alg":"dir","enc":"A256GCM","kid":"k1"}').toString('base64url')}..a.b.c`;
const CLEARED = [expect.objectContaining({ name: SESSION_COOKIE_NAME, value: '', maxAge: 0 })];

let logOut: Call;

/** A port without a server. */
async function findSilentPort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((ready) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      ready(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  await new Promise((closed) => server.close(closed));
  return port;
}

beforeAll(async () => {
  const silent = `http://127.0.0.1:${await findSilentPort()}/account`;
  Object.assign(process.env, {
    MICROSOFT_TENANT: '11111111-2222-3333-4444-555555555555',
    MICROSOFT_CLIENT_ID: '22222222-3333-4444-5555-666666666666',
    MICROSOFT_CLIENT_SECRET: 'a-client-secret',
    AzureWebJobsStorage: azuriteConnectionString({ queueUrl: silent, tableUrl: silent }),
    PUBLIC_URL: ORIGIN,
  });
  logOut = await loadFunction('logout', async () => import('../../functions/logout.ts'));
});

describe('logout with the store down', () => {
  it('shows the error and clears the cookie of this browser all the same', async () => {
    const { answer, logged } = await logOut({
      method: 'POST',
      url: URL,
      headers: { origin: ORIGIN, cookie: COOKIE },
    });
    expect(answer).toMatchObject({ status: 503, cookies: CLEARED });
    expect(logged).toEqual([
      expect.stringMatching(/^error .*"event":"signin\.end".*"code":"storage_unavailable"/),
    ]);
  });

  it('works without a cookie', async () => {
    const { answer } = await logOut({ method: 'POST', url: URL, headers: { origin: ORIGIN } });
    expect(answer).toMatchObject({ status: 303, headers: { Location: '/?signed_out' }, cookies: CLEARED });
  });

  it('clears nothing for a form on another site', async () => {
    const headers = { origin: 'https://evil.example', cookie: COOKIE };
    const { answer } = await logOut({ method: 'POST', url: URL, headers });
    expect(answer).toMatchObject({ status: 403, cookies: [] });
  });
});
