import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { REDIRECT_URI } from '../support/entraDouble.ts';
import { CLIENT_ID, TENANT_ID } from '../support/signInDoubles.ts';
import { type MemoryEntra, startMemoryEntra } from './memoryEntra.ts';
import { codeOf } from './memoryPlan.ts';

let dir: string;
let entra: MemoryEntra;
let ca: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'memory-entra-'));
  entra = await startMemoryEntra(dir);
  ca = await readFile(entra.caFile, 'utf8');
});

afterAll(async () => {
  entra.close();
  await rm(dir, { recursive: true });
});

async function ask(path: string, form?: Readonly<Record<string, string>>): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const sent = request(`${entra.url}/${TENANT_ID}${path}`, {
    method: form === undefined ? 'GET' : 'POST',
    ca,
  });
  sent.on('error', reject);
  sent.on('response', resolve);
  sent.end(form === undefined ? undefined : new URLSearchParams(form).toString());
  return JSON.parse(await text(await promise));
}

async function redeem(verifier: string): Promise<unknown> {
  const authorize = new URLSearchParams({
    client_id: CLIENT_ID,
    redirect_uri: REDIRECT_URI,
    nonce: 'nonce',
    code_challenge: createHash('sha256').update('verifier').digest('base64url'),
    code_challenge_method: 'S256',
  });
  return ask('/oauth2/v2.0/token', {
    client_secret: 'client-secret',
    redirect_uri: REDIRECT_URI,
    code: codeOf({
      authorizeUrl: `https://localhost/authorize?${authorize.toString()}`,
      claims: { oid: 'person' },
    }),
    code_verifier: verifier,
  });
}

describe('the Entra of the memory measurement', () => {
  it('signs what the code says, for its own address', async () => {
    const keys = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) });
    const { id_token: token } = z.object({ id_token: z.string() }).parse(await redeem('verifier'));
    const { payload } = await jwtVerify(
      token,
      createLocalJWKSet(keys.parse(await ask('/discovery/v2.0/keys'))),
      { issuer: `${entra.url}/${TENANT_ID}/v2.0`, audience: CLIENT_ID },
    );
    expect(payload).toMatchObject({ oid: 'person', nonce: 'nonce' });
  });

  it('refuses a verifier that the code was not asked for with', async () => {
    expect(await redeem('another')).toMatchObject({ error: 'invalid_grant' });
  });
});
