import { hkdfSync, randomBytes } from 'node:crypto';
import { EncryptJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../shared/model/errors.ts';
import {
  clearAttempt,
  clearSession,
  type LoginAttempt,
  openAttempt,
  openSession,
  type ResponseCookie,
  type SealContext,
  sealAttempt,
  sealSession,
  type Session,
  SESSION_COOKIE_NAME,
} from '../../shared/session/session.ts';
import {
  CLIENT_ID,
  createSealContext,
  createTestClock,
  createTestKeyRing,
  PUBLIC_URL,
  TENANT_ID,
} from '../support/signInDoubles.ts';

const attempt: LoginAttempt = {
  state: 'state-one',
  nonce: 'nonce-one',
  codeVerifier: 'verifier-one',
  returnTo: '/teams?x=1',
  claimsReplayed: false,
};
const session: Session = {
  userId: 'user-1',
  tenantId: 'tenant-1',
  observation: { id: 'observation-1', observed_at: '2026-01-01T00:00:00.000Z' },
  issuedAt: '2026-01-01T00:00:01.234Z',
};

const named = (name: string, cookie: ResponseCookie): Map<string, string> => new Map([[name, cookie.value]]);
const sent = (cookie: ResponseCookie): Map<string, string> => named(cookie.name, cookie);

async function attemptName(context: SealContext): Promise<string> {
  return (await sealAttempt(context, attempt)).name;
}

describe('the attempt cookie', () => {
  it('opens as the attempt that was sealed', async () => {
    const context = createSealContext();
    const cookie = await sealAttempt(context, attempt);
    expect(await openAttempt(context, sent(cookie), 'state-one')).toMatchObject(attempt);
  });

  it('is a __Host- cookie that scripts cannot read, for ten minutes, and hides what it holds', async () => {
    const cookie = await sealAttempt(createSealContext(), attempt);
    const { name, value, ...attributes } = cookie;
    expect(name).toMatch(/^__Host-litellm-attempt-[A-Za-z0-9_-]{16}$/);
    expect(value).toMatch(/^[A-Za-z0-9_.-]+$/);
    expect(attributes).toEqual({ maxAge: 600, path: '/', secure: true, httpOnly: true, sameSite: 'Lax' });
    expect(Buffer.from(cookie.value, 'base64url').toString()).not.toContain('verifier-one');
  });

  it('has a name of its own for each state, so that two tabs sign in at once', async () => {
    const context = createSealContext();
    const one = await sealAttempt(context, attempt);
    const two = await sealAttempt(context, { ...attempt, state: 'state-two' });
    const both = new Map([...sent(one), ...sent(two)]);
    expect((await openAttempt(context, both, 'state-one'))?.state).toBe('state-one');
    expect((await openAttempt(context, both, 'state-two'))?.state).toBe('state-two');
  });

  it('opens until ten minutes have passed and not after', async () => {
    const clock = createTestClock();
    const context = createSealContext({ clock });
    const cookies = sent(await sealAttempt(context, attempt));
    clock.advance(599_000);
    expect(await openAttempt(context, cookies, 'state-one')).toBeDefined();
    clock.advance(1_000);
    expect(await openAttempt(context, cookies, 'state-one')).toBeUndefined();
  });

  it('is cleared under the same name', async () => {
    expect(clearAttempt('state-one')).toMatchObject({
      name: await attemptName(createSealContext()),
      value: '',
      maxAge: 0,
    });
  });
});

describe('the session cookie', () => {
  it('opens as the session that was sealed, milliseconds included', async () => {
    const context = createSealContext();
    expect(await openSession(context, sent(await sealSession(context, session)))).toMatchObject(session);
  });

  it('opens until eight hours have passed and not after', async () => {
    const clock = createTestClock();
    const context = createSealContext({ clock });
    const cookies = sent(await sealSession(context, session));
    clock.advance(8 * 3600_000 - 1_000);
    expect(await openSession(context, cookies)).toBeDefined();
    clock.advance(1_000);
    expect(await openSession(context, cookies)).toBeUndefined();
  });

  it('is cleared under the same name', () => {
    expect(clearSession()).toMatchObject({ name: SESSION_COOKIE_NAME, value: '', maxAge: 0 });
  });
});

describe('a cookie that is not ours', () => {
  it('is absent', async () => {
    expect(await openSession(createSealContext(), new Map())).toBeUndefined();
  });

  it('does not open as a session when it is an attempt, nor the other way round', async () => {
    const context = createSealContext();
    const attemptCookie = await sealAttempt(context, attempt);
    expect(await openSession(context, named(SESSION_COOKIE_NAME, attemptCookie))).toBeUndefined();
    const sessionCookie = await sealSession(context, session);
    expect(await openAttempt(context, named(attemptCookie.name, sessionCookie), 'state-one')).toBeUndefined();
  });

  it('does not open as a session even when an attempt holds a session’s fields', async () => {
    const context = createSealContext();
    const hybrid = await sealAttempt(context, { ...attempt, ...session });
    expect(await openSession(context, named(SESSION_COOKIE_NAME, hybrid))).toBeUndefined();
  });

  it.each([
    ['tenant', { tenantId: 'another-tenant' }],
    ['client', { clientId: 'another-client' }],
    ['site', { publicUrl: 'https://other.example.com' }],
  ])('does not open when it was sealed for another %s', async (_, other) => {
    const context = createSealContext();
    const cookies = sent(await sealSession(context, session));
    expect(await openSession({ ...context, ...other }, cookies)).toBeUndefined();
    expect(await openSession(context, cookies)).toBeDefined();
  });

  it('does not open when its key id is unknown', async () => {
    const context = createSealContext();
    const cookies = sent(await sealSession(context, session));
    expect(await openSession({ ...context, keyRing: createTestKeyRing() }, cookies)).toBeUndefined();
    const retired = createTestKeyRing();
    retired.keys.pop();
    expect(await openSession({ ...context, keyRing: retired }, cookies)).toBeUndefined();
  });

  it('does not open when any of its characters was changed', async () => {
    const context = createSealContext();
    const { value } = await sealSession(context, session);
    for (let at = 0; at < value.length; at += 7) {
      const changed = value.slice(0, at) + (value[at] === 'A' ? 'B' : 'A') + value.slice(at + 1);
      if (changed === value) continue;
      expect(
        await openSession(context, new Map([[SESSION_COOKIE_NAME, changed]])),
        `at ${at}`,
      ).toBeUndefined();
    }
  });

  it.each([
    ['empty', ''],
    ['no token', 'hello'],
    ['five empty parts', '....'],
    ['a header that is not JSON', 'e30x..e30.e30.e30'],
    ['a key id that is not text', `${Buffer.from('{"alg":"dir","kid":{}}').toString('base64url')}..aa.aa.aa`],
    ['too long', 'x'.repeat(5000)],
  ])('does not open when it is garbage (%s), and nothing throws', async (_, value) => {
    expect(await openSession(createSealContext(), new Map([[SESSION_COOKIE_NAME, value]]))).toBeUndefined();
  });

  it('does not open when the ring’s own secret sealed it, or another algorithm did', async () => {
    const context = createSealContext();
    const key = await context.keyRing.sealingKey();
    const forge = (alg: string, enc: string): Promise<string> =>
      new EncryptJWT({ ...session })
        .setProtectedHeader({ alg, enc, kid: key.id })
        .setExpirationTime('1h')
        .encrypt(key.secret);
    for (const value of [await forge('dir', 'A256GCM'), await forge('A256KW', 'A256GCM')]) {
      expect(await openSession(context, new Map([[SESSION_COOKIE_NAME, value]]))).toBeUndefined();
    }
  });
});

describe('the name and the email in a session', () => {
  async function kept(profile: Partial<Session>): Promise<Partial<Session>> {
    const context = createSealContext();
    const opened = await openSession(context, sent(await sealSession(context, { ...session, ...profile })));
    const { displayName, email } = opened ?? {};
    return {
      ...(displayName === undefined ? {} : { displayName }),
      ...(email === undefined ? {} : { email }),
    };
  }
  const bytesOf = (profile: Partial<Session>): number =>
    Object.values(profile).reduce((sum, value) => sum + Buffer.byteLength(JSON.stringify(value)) - 2, 0);

  it('are those of the sign-in', async () => {
    const profile = { displayName: 'Zoë Ünal 👩‍👩‍👧', email: 'zoë@company.com' };
    expect(await kept(profile)).toEqual(profile);
    expect(await kept({})).toEqual({});
    expect(await kept({ displayName: '', email: '' })).toEqual({});
  });

  it.each([
    ['letters', 'x'.repeat(5_000)],
    ['letters of three bytes', '名'.repeat(5_000)],
    ['families', '👩‍👩‍👧'.repeat(1_000)],
    ['controls', '\u0000'.repeat(1_000)],
    ['quotes', '"'.repeat(1_000)],
    ['half characters', '\ud800'.repeat(1_000)],
    ['one character with many accents', `e${'\u0301'.repeat(1_000)}`],
  ])('take at most 300 bytes, and a cut name has only whole characters: %s', async (_, displayName) => {
    const email = `${'a'.repeat(88)}@company.com`;
    const profile = await kept({ displayName, email });
    expect(profile.email).toBe(email);
    expect(bytesOf(profile)).toBeLessThanOrEqual(300);
    const name = profile.displayName ?? '…';
    expect(name.endsWith('…')).toBe(true);
    expect(displayName.startsWith(name.slice(0, -1))).toBe(true);
    const parts = [...new Intl.Segmenter('en').segment(displayName)].map(({ segment }) => segment);
    expect(parts.slice(0, [...new Intl.Segmenter('en').segment(name)].length - 1).join('')).toBe(
      name.slice(0, -1),
    );
  });

  it('are exactly 300 bytes where they fit', async () => {
    const profile = { displayName: 'x'.repeat(200), email: 'y'.repeat(100) };
    expect(await kept(profile)).toEqual(profile);
    expect((await kept({ ...profile, displayName: 'x'.repeat(201) })).displayName).toBe(
      `${'x'.repeat(197)}…`,
    );
  });

  it('are never half an address', async () => {
    expect(await kept({ displayName: 'Alice', email: `${'a'.repeat(300)}@company.com` })).toEqual({
      displayName: 'Alice',
    });
  });
});

describe('the key that is derived', () => {
  it('is HKDF-SHA-256 of the ring’s secret for purpose, tenant, client and site, so that all versions open the same', async () => {
    const context = createSealContext();
    const { id, secret } = await context.keyRing.sealingKey();
    const info = JSON.stringify(['litellm-cookie', 'session', TENANT_ID, CLIENT_ID, PUBLIC_URL]);
    const value = await new EncryptJWT({ ...session })
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: id })
      .setExpirationTime('1h')
      .encrypt(new Uint8Array(hkdfSync('sha256', secret, '', info, 32)));
    expect(await openSession(context, new Map([[SESSION_COOKIE_NAME, value]]))).toMatchObject(session);
  });

  it('is derived once for each purpose, however many cookies are sealed and opened', async () => {
    const keyRing = createTestKeyRing();
    const secret = Uint8Array.from(randomBytes(32));
    let readings = 0;
    keyRing.keys.push({
      id: 'k000002',
      get secret() {
        readings += 1;
        return secret;
      },
    });
    const context = createSealContext({ keyRing });
    for (let round = 0; round < 3; round += 1) {
      await openAttempt(context, sent(await sealAttempt(context, attempt)), 'state-one');
      await openSession(context, sent(await sealSession(context, session)));
    }
    expect(readings).toBe(2);
  });

  it('is derived again from a secret that took the place of another under the same id', async () => {
    const keyRing = createTestKeyRing();
    const context = createSealContext({ keyRing });
    const before = sent(await sealSession(context, session));
    keyRing.keys.splice(0, 1, { id: 'k000001', secret: Uint8Array.from(randomBytes(32)) });
    expect(await openSession(context, before)).toBeUndefined();
    expect(await openSession(context, sent(await sealSession(context, session)))).toMatchObject(session);
  });
});

describe('a cookie longer than any browser keeps', () => {
  it('costs no read of the key ring', async () => {
    const keyRing = createTestKeyRing();
    const context = createSealContext({ keyRing });
    const { value } = await sealSession(context, session);
    keyRing.fault = new Error('the ring was read');
    const long = new Map([[SESSION_COOKIE_NAME, value + 'A'.repeat(4096)]]);
    expect(await openSession(context, long)).toBeUndefined();
  });
});

describe('a store that cannot be read', () => {
  it('throws instead of looking like a bad cookie', async () => {
    const keyRing = createTestKeyRing();
    const context = createSealContext({ keyRing });
    const cookies = sent(await sealSession(context, session));
    keyRing.fault = new AppError('storage_unavailable', 'down', { retryable: true });
    await expect(openSession(context, cookies)).rejects.toMatchObject({ code: 'storage_unavailable' });
    await expect(sealSession(context, session)).rejects.toMatchObject({ code: 'storage_unavailable' });
  });
});
