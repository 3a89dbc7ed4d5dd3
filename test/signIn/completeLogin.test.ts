import { createStore } from '../../shared/storage/store.ts';
import { createMemoryTables } from '../support/memoryTables.ts';
import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../shared/model/errors.ts';
import {
  completeLogin,
  type CompleteLoginDeps,
  type LoginOutcome,
} from '../../shared/signIn/completeLogin.ts';
import { startLogin, type StartLoginRequest } from '../../shared/signIn/startLogin.ts';
import {
  MAX_INLINE_BYTES,
  parseProvisionMessage,
  type ProvisionMessage,
} from '../../shared/queue/queueMessage.ts';
import type { AuthorizeRequest, IdTokenClaims, RedeemRequest } from '../../shared/model/ports.ts';
import { openSession, type RequestCookies, SESSION_COOKIE_NAME } from '../../shared/session/session.ts';
import {
  createSealContext,
  createTestClock,
  createTestKeyRing,
  createTestQueue,
  createTestRandom,
  createTestSnapshots,
  keepCookies,
  TENANT_ID,
} from '../support/signInDoubles.ts';

const GUID = '0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0';
const CHALLENGE = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}';
const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const ISSUER = `https://login.microsoftonline.com/${TENANT_ID}/v2.0`;
const TOKEN_DATE = '2026-07-01T10:00:04.000Z';
const DIRECTORY_DATE = '2026-07-01T10:00:00.000Z';

/** The world around a sign-in. What is not readonly, a test changes. */
interface World {
  readonly clock: ReturnType<typeof createTestClock>;
  readonly keyRing: ReturnType<typeof createTestKeyRing>;
  readonly queue: ReturnType<typeof createTestQueue>;
  readonly snapshots: ReturnType<typeof createTestSnapshots>;
  readonly asked: AuthorizeRequest[];
  readonly redeemed: RedeemRequest[];
  readonly directoryReads: string[];
  deps: CompleteLoginDeps;
  claims: IdTokenClaims;
  /** The `Date` of Entra's token answer. */
  answeredAt: string;
  refusal?: Error;
  directoryAnswer: { readonly groupIds: readonly string[]; readonly observedAt: string };
  directoryFault?: AppError;
  /** The ids of the accepted list, and how often it was read. */
  accepted: ReadonlySet<string>;
  acceptedReads: number;
  cookies: RequestCookies;
}

let world: World;

beforeEach(() => {
  const clock = createTestClock(Date.parse('2026-07-01T10:00:05.678Z'));
  const keyRing = createTestKeyRing();
  const queue = createTestQueue();
  const snapshots = createTestSnapshots();
  const deps: CompleteLoginDeps = {
    seal: createSealContext({ clock, keyRing }),
    random: createTestRandom(),
    users: createStore(createMemoryTables()).users,
    queue,
    snapshots,
    issuer: ISSUER,
    groupsClaimIsApplicationGroup: true,
    readAcceptedGroupIds: async () => {
      world.acceptedReads += 1;
      return world.accepted;
    },
    allowedEmailDomains: [],
    identity: {
      async createAuthorizeUrl(request) {
        world.asked.push(request);
        return `https://login.example/authorize?attempt=${world.asked.length}`;
      },
      async redeemCode(request) {
        world.redeemed.push(request);
        if (world.refusal) throw world.refusal;
        return {
          claims: world.claims,
          accessToken: 'person-token',
          answeredAt: world.answeredAt,
        };
      },
    },
    directory: {
      async readMyGroupIds(accessToken) {
        world.directoryReads.push(accessToken);
        if (world.directoryFault) throw world.directoryFault;
        return world.directoryAnswer;
      },
      readAssignedGroups: async () => Promise.reject(new Error('a sign-in reads no assigned groups')),
    },
  };
  world = {
    clock,
    keyRing,
    queue,
    snapshots,
    deps,
    asked: [],
    redeemed: [],
    directoryReads: [],
    directoryAnswer: { groupIds: ['d1'], observedAt: DIRECTORY_DATE },
    answeredAt: TOKEN_DATE,
    accepted: new Set(['g1', 'g2']),
    acceptedReads: 0,
    cookies: new Map(),
    claims: {
      userId: 'alice-oid',
      tenantId: TENANT_ID,
      displayName: 'Alice',
      preferredUsername: 'alice@company.com',
      appRoles: ['org_admin'],
      // Entra dates its tokens back by five minutes.
      issuedAt: '2026-07-01T09:55:04.000Z',
      groups: { kind: 'listed', groupIds: ['g1', 'g2', 'g1'] },
    },
  };
});

/** Starts an attempt in the browser of the test and returns what it asked Microsoft for. */
async function begin(request: StartLoginRequest = {}): Promise<AuthorizeRequest> {
  const { cookie } = await startLogin(world.deps, request);
  world.cookies = keepCookies(world.cookies, [cookie]);
  const asked = world.asked.at(-1);
  if (asked === undefined) throw new Error('nothing was asked for');
  return asked;
}

/** Comes back from Microsoft with this query, in the browser of the test. */
async function comeBack(
  query: Record<string, string> | URLSearchParams,
  traceparent?: string,
): Promise<LoginOutcome> {
  const outcome = await completeLogin(world.deps, {
    query: new URLSearchParams(query),
    cookies: world.cookies,
    traceparent,
  });
  world.cookies = keepCookies(world.cookies, outcome.cookies);
  return outcome;
}

async function signIn(request: StartLoginRequest = {}): Promise<LoginOutcome> {
  const { state } = await begin(request);
  return comeBack({ code: 'code-1', state });
}

function onlyMessage(): ProvisionMessage {
  expect(world.queue.messages).toHaveLength(1);
  return parseProvisionMessage(world.queue.messages[0] ?? '');
}

/** Nothing was enqueued or parked, no one is signed in, and the attempt is gone from the browser. */
function expectNothingStarted(): void {
  expect(world.queue.messages).toEqual([]);
  expect(world.snapshots.lists.size).toBe(0);
  expect([...world.cookies.keys()]).toEqual([]);
}

describe('a sign-in', () => {
  it('goes where it was meant to go, with a session and without the attempt', async () => {
    const outcome = await signIn({ returnTo: '/teams?x=1' });
    expect(outcome).toMatchObject({ ok: true, location: '/teams?x=1', signedIn: { userId: 'alice-oid' } });
    expect([...world.cookies.keys()]).toEqual([SESSION_COOKIE_NAME]);
    expect(await openSession(world.deps.seal, world.cookies)).toEqual({
      userId: 'alice-oid',
      tenantId: TENANT_ID,
      displayName: 'Alice',
      email: 'alice@company.com',
      observation: { id: onlyMessage().id, observed_at: TOKEN_DATE },
      issuedAt: '2026-07-01T10:00:05.678Z',
    });
  });

  it('redeems the code with the attempt’s own verifier and nonce', async () => {
    const { state, nonce } = await begin();
    await comeBack({ code: 'code-1', state });
    expect(world.redeemed).toMatchObject([{ code: 'code-1', nonce }]);
    const challenge = createHash('sha256')
      .update(world.redeemed[0]?.codeVerifier ?? '')
      .digest('base64url');
    expect(challenge).toBe(world.asked[0]?.codeChallenge);
  });

  it('enqueues exactly one message that states what was seen', async () => {
    const { state } = await begin();
    await comeBack({ code: 'code-1', state }, TRACEPARENT);
    const { id, ...message } = onlyMessage();
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(message).toEqual({
      version: 1,
      observed_at: TOKEN_DATE,
      person: {
        user_id: 'alice-oid',
        tenant_id: TENANT_ID,
        display_name: 'Alice',
        user_email: 'alice@company.com',
        app_roles: ['org_admin'],
      },
      groups_source: 'claim',
      group_ids: ['g1', 'g2'],
      traceparent: TRACEPARENT,
      enqueued_at: '2026-07-01T10:00:05.678Z',
    });
  });

  it('works without a name or an email, and drops an invalid trace context', async () => {
    const { displayName: _, preferredUsername: __, ...claims } = world.claims;
    world.claims = claims;
    const { state } = await begin();
    await comeBack({ code: 'code-1', state }, 'rubbish');
    expect(onlyMessage()).not.toHaveProperty('traceparent');
    expect(onlyMessage().person).toEqual({
      user_id: 'alice-oid',
      tenant_id: TENANT_ID,
      app_roles: ['org_admin'],
    });
    const session = await openSession(world.deps.seal, world.cookies);
    expect(session).not.toHaveProperty('displayName');
    expect(session).not.toHaveProperty('email');
  });

  it('is independent of another in a second tab', async () => {
    const first = await begin({ returnTo: '/first' });
    const second = await begin({ returnTo: '/second' });
    expect(await comeBack({ code: 'code-2', state: second.state })).toMatchObject({
      ok: true,
      location: '/second',
    });
    expect(await comeBack({ code: 'code-1', state: first.state })).toMatchObject({
      ok: true,
      location: '/first',
    });
    expect(world.queue.messages).toHaveLength(2);
  });
});

describe('the names of a person', () => {
  it.each([
    [
      'control characters and overrides',
      { displayName: ' \u202EAl\u0000ice\u009B ' },
      { display_name: 'Alice' },
    ],
    ['blanks around an address', { email: 'alice@company.com\u00A0' }, { user_email: 'alice@company.com' }],
    ['blanks around the UPN', { preferredUsername: ' al@company.com ' }, { user_email: 'al@company.com' }],
  ])('are stored without %s', async (_case, claims, person) => {
    world.deps = { ...world.deps, allowedEmailDomains: ['company.com'] };
    world.claims = { ...world.claims, ...claims };
    await signIn();
    expect(onlyMessage().person).toMatchObject({ user_id: 'alice-oid', ...person });
  });

  it('keep joiners', async () => {
    world.claims = { ...world.claims, displayName: 'می\u200Cخواهم 👩\u200D💻' };
    await signIn();
    expect(onlyMessage().person.display_name).toBe('می\u200Cخواهم 👩\u200D💻');
  });

  it('are the id where nothing remains of the name', async () => {
    world.claims = { ...world.claims, displayName: '\u2066\u0007 \u2069' };
    await signIn();
    expect(onlyMessage().person.display_name).toBe('alice-oid');
  });
});

describe('the group ids', () => {
  it('are the claim’s where the application is set up so, and Graph is not asked', async () => {
    await signIn();
    expect(world.directoryReads).toEqual([]);
  });

  it.each<readonly [string, boolean, IdTokenClaims['groups']]>([
    ['the claim is of another kind', false, { kind: 'listed', groupIds: ['g1'] }],
    ['the claim is missing', true, { kind: 'missing' }],
    ['the claim points elsewhere', true, { kind: 'overage' }],
    ['the claim holds names', true, { kind: 'listed', groupIds: ['Production Team'] }],
    ['the claim holds a name that looks like an id', true, { kind: 'listed', groupIds: ['Engineering'] }],
    ['one value of many is a name', true, { kind: 'listed', groupIds: [GUID, 'g1', 'Sales-EU'] }],
    ['the claim holds on-premises ids', true, { kind: 'listed', groupIds: ['S-1-5-21-1-2-3-512'] }],
    ['a value is empty', true, { kind: 'listed', groupIds: ['g1', ''] }],
    ['a value only contains a GUID', true, { kind: 'listed', groupIds: [`${GUID}.x`] }],
    ['a value is a GUID in braces', true, { kind: 'listed', groupIds: [`{${GUID}}`] }],
  ])('are Graph’s, by Graph’s clock, where %s', async (_, groupsClaimIsApplicationGroup, groups) => {
    world.deps = { ...world.deps, groupsClaimIsApplicationGroup };
    world.claims = { ...world.claims, groups };
    const outcome = await signIn();
    expect(outcome).toMatchObject({ ok: true, signedIn: { observation: { observed_at: DIRECTORY_DATE } } });
    expect(world.directoryReads).toEqual(['person-token']);
    expect(onlyMessage()).toMatchObject({
      groups_source: 'directory',
      group_ids: ['d1'],
      observed_at: DIRECTORY_DATE,
    });
  });

  it('of a claim are looked up in the accepted list only where a value is no GUID', async () => {
    world.claims = { ...world.claims, groups: { kind: 'listed', groupIds: [GUID] } };
    await signIn();
    expect(onlyMessage()).toMatchObject({ groups_source: 'claim', group_ids: [GUID] });
    expect(world.acceptedReads).toBe(0);
    world.queue.messages.length = 0;
    world.claims = { ...world.claims, groups: { kind: 'listed', groupIds: [GUID, 'g1'] } };
    await signIn();
    expect(onlyMessage()).toMatchObject({ groups_source: 'claim', group_ids: [GUID, 'g1'] });
    expect(world.acceptedReads).toBe(1);
    expect(world.directoryReads).toEqual([]);
  });

  it('of a claim with a name are asked of Graph, also where no list is known yet', async () => {
    world.accepted = new Set();
    await signIn();
    expect(onlyMessage()).toMatchObject({ groups_source: 'directory', group_ids: ['d1'] });
  });

  it('are enqueued as an empty list, from either source', async () => {
    world.claims = { ...world.claims, groups: { kind: 'listed', groupIds: [] } };
    await signIn();
    expect(onlyMessage()).toMatchObject({ groups_source: 'claim', group_ids: [] });
    world.queue.messages.length = 0;
    world.claims = { ...world.claims, groups: { kind: 'missing' } };
    world.directoryAnswer = { groupIds: [], observedAt: DIRECTORY_DATE };
    await signIn();
    expect(onlyMessage()).toMatchObject({ groups_source: 'directory', group_ids: [] });
  });

  it('that fit travel in the message, up to the last byte; others are parked first', async () => {
    world.claims = { ...world.claims, groups: { kind: 'listed', groupIds: [] } };
    await signIn();
    const room = MAX_INLINE_BYTES - Buffer.byteLength(world.queue.messages[0] ?? '');
    // Each id costs its own length, two quotes and a comma; the last one has no comma and takes what is left.
    const ids = Array.from(
      { length: Math.floor(room / 100) - 1 },
      (_, n) => `g${String(n).padStart(96, '0')}`,
    );
    const last = room - ids.length * 100 - 2;
    for (const [length, parked] of [
      [last, false],
      [last + 1, true],
    ] as const) {
      world.queue.messages.length = 0;
      const groupIds = [...ids, 'x'.repeat(length)];
      world.accepted = new Set(groupIds);
      world.claims = { ...world.claims, groups: { kind: 'listed', groupIds } };
      await signIn();
      const message = onlyMessage();
      expect('parked' in message, `${length} bytes left`).toBe(parked);
    }
  });

  it('that are many are parked whole under the observation’s id before the message is enqueued', async () => {
    const groupIds = Array.from(
      { length: 5000 },
      (_, n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
    );
    world.claims = { ...world.claims, groups: { kind: 'listed', groupIds } };
    world.deps = {
      ...world.deps,
      queue: {
        async enqueue(text) {
          expect(world.snapshots.lists.size).toBe(1);
          await world.queue.enqueue(text);
        },
      },
    };
    await signIn();
    const message = onlyMessage();
    expect(message).toMatchObject({ parked: { snapshot_id: message.id, count: 5000 } });
    expect(message).not.toHaveProperty('group_ids');
    expect(world.snapshots.lists.get(message.id)).toEqual(groupIds);
  });
});

describe('who may sign in', () => {
  it.each([
    ['an allowed domain', { email: 'alice@company.com' }, true],
    ['the UPN of an allowed domain', {}, true],
    ['another domain', { email: 'alice@other.com' }, false],
    ['a subdomain', { email: 'alice@eu.company.com' }, false],
    ['a guest without an email', { preferredUsername: 'bob_company.com#EXT#@company.com' }, false],
  ])('is decided by the email’s domain: %s', async (_, claims, allowed) => {
    world.deps = { ...world.deps, allowedEmailDomains: ['company.com'] };
    world.claims = { ...world.claims, ...claims };
    const outcome = await signIn();
    expect(outcome.ok).toBe(allowed);
    expect(world.queue.messages).toHaveLength(allowed ? 1 : 0);
  });

  it('is refused before Graph is asked', async () => {
    world.deps = { ...world.deps, allowedEmailDomains: ['other.com'], groupsClaimIsApplicationGroup: false };
    expect(await signIn()).toMatchObject({ ok: false, error: { code: 'domain_not_allowed' } });
    expect(world.directoryReads).toEqual([]);
    expectNothingStarted();
  });

  it('is no account of another tenant, even if the adapter accepted it', async () => {
    world.claims = { ...world.claims, tenantId: 'another-tenant' };
    expect(await signIn()).toMatchObject({ ok: false, error: { code: 'wrong_tenant' } });
    expectNothingStarted();
  });
});

describe('an attempt', () => {
  it('of another browser is missing, and its code is not redeemed', async () => {
    const { state } = await begin();
    world.cookies = new Map();
    expect(await comeBack({ code: 'code-1', state })).toMatchObject({
      ok: false,
      error: { code: 'attempt_missing' },
      retryHref: '/sso/login',
    });
    expect(world.redeemed).toEqual([]);
  });

  it.each([['no state'], ['an empty state'], ['another state']])('is missing with %s', async (name) => {
    await begin();
    const query = { 'no state': {}, 'an empty state': { state: '' }, 'another state': { state: 'x' } }[name];
    expect(await comeBack({ code: 'code-1', ...query })).toMatchObject({
      ok: false,
      error: { code: 'attempt_missing' },
    });
    expect(world.redeemed).toEqual([]);
  });

  it('is over after ten minutes', async () => {
    const { state } = await begin();
    world.clock.advance(600_000);
    expect(await comeBack({ code: 'code-1', state })).toMatchObject({ error: { code: 'attempt_missing' } });
    expect(world.redeemed).toEqual([]);
    expectNothingStarted();
  });

  it('that was changed is missing', async () => {
    const { state } = await begin();
    world.cookies = new Map([...world.cookies].map(([name, value]) => [name, `${value.slice(0, -4)}AAAA`]));
    expect(await comeBack({ code: 'code-1', state })).toMatchObject({ error: { code: 'attempt_missing' } });
    expectNothingStarted();
  });

  it('is not a session under the attempt’s name', async () => {
    await signIn();
    const session = world.cookies.get(SESSION_COOKIE_NAME) ?? '';
    const { state } = await begin();
    world.cookies = new Map([...world.cookies.keys()].map((name) => [name, session]));
    expect(await comeBack({ code: 'code-2', state })).toMatchObject({ error: { code: 'attempt_missing' } });
    expect(world.redeemed).toHaveLength(1);
  });

  it('put back under another attempt’s name is refused by its state', async () => {
    const first = await begin();
    const firstCookie = [...world.cookies.values()][0] ?? '';
    world.cookies = new Map();
    const second = await begin();
    world.cookies = new Map([...world.cookies.keys()].map((name) => [name, firstCookie]));
    expect(first.state).not.toBe(second.state);
    expect(await comeBack({ code: 'fresh-code', state: second.state })).toMatchObject({
      ok: false,
      error: { code: 'state_mismatch' },
      retryHref: '/sso/login',
    });
    expect(world.redeemed).toEqual([]);
    expectNothingStarted();
  });

  it('is cleared by every outcome', async () => {
    for (const query of [{ code: 'c' }, { error: 'access_denied' }, {}]) {
      const { state } = await begin();
      const before = [...world.cookies.keys()];
      const outcome = await comeBack({ ...query, state });
      const cleared = outcome.cookies.filter((cookie) => cookie.maxAge === 0).map((cookie) => cookie.name);
      expect(before).toContain(cleared[0]);
      expect([...world.cookies.keys()].filter((name) => name.includes('attempt'))).toEqual([]);
    }
  });
});

describe('a query that is not one answer of our issuer', () => {
  it.each<[string, (query: URLSearchParams) => void]>([
    ['has the code twice', (query) => query.append('code', 'another')],
    ['has the same code twice', (query) => query.append('code', 'code-1')],
    ['has the state twice', (query) => query.append('state', 'another')],
    [
      'has an error twice',
      (query) => {
        query.append('error', 'access_denied');
        query.append('error', 'access_denied');
      },
    ],
    [
      'has another parameter twice',
      (query) => {
        query.append('session_state', '1');
        query.append('session_state', '2');
      },
    ],
    ['is of another issuer', (query) => query.append('iss', 'https://evil.example/v2.0')],
    ['is of an issuer that only begins as ours', (query) => query.append('iss', `${ISSUER}/`)],
    ['is of no issuer', (query) => query.append('iss', '')],
  ])('is refused where it %s, and redeems nothing', async (_, change) => {
    const { state } = await begin({ returnTo: '/teams' });
    const query = new URLSearchParams({ code: 'code-1', state });
    change(query);
    expect(await comeBack(query)).toMatchObject({ ok: false, error: { code: 'callback_malformed' } });
    expect(world.redeemed).toEqual([]);
    expectNothingStarted();
  });

  it('is refused with an error of another issuer too', async () => {
    const { state } = await begin();
    expect(await comeBack({ error: 'access_denied', state, iss: 'https://evil.example/v2.0' })).toMatchObject(
      { error: { code: 'callback_malformed' } },
    );
  });

  it('is not one that names our own issuer', async () => {
    const { state } = await begin();
    expect(await comeBack({ code: 'code-1', state, iss: ISSUER })).toMatchObject({ ok: true });
  });

  it.each(['', ' ', 'a b', 'a\u0000b', 'ä', 'x'.repeat(8193)])('has no code where it is %j', async (code) => {
    const { state } = await begin();
    expect(await comeBack({ code, state })).toMatchObject({ error: { code: 'code_missing' } });
    expect(world.redeemed).toEqual([]);
  });
});

describe('a refusal', () => {
  it('in the query says only what an authorization endpoint can say, and is marked', async () => {
    for (const query of [
      { error: 'invalid_client' },
      { error: 'invalid_client', error_description: 'AADSTS7000215: Invalid client secret provided.' },
      { error: 'access_denied', error_description: 'AADSTS700027: No.' },
      { error: 'invalid_grant' },
      { error: 'invalid_grant', error_description: 'AADSTS54005: No.' },
      { error: 'storage_unavailable' },
    ]) {
      const { state } = await begin();
      expect(await comeBack({ ...query, state })).toMatchObject({
        error: { code: 'sign_in_refused', retryable: false, details: { source: 'query' } },
      });
    }
    const { state } = await begin();
    expect(await comeBack({ error: 'server_error', state })).toMatchObject({
      error: { code: 'microsoft_unreachable', details: { source: 'query' } },
    });
  });

  it('in the query is judged after the state, and never redeems', async () => {
    expect(await comeBack({ error: 'access_denied', state: 'x' })).toMatchObject({
      error: { code: 'attempt_missing' },
    });
    const { state } = await begin({ returnTo: '/teams?x=1' });
    const outcome = await comeBack({
      error: 'access_denied',
      error_description: 'AADSTS50105: alice@company.com is not assigned',
      code: 'code-1',
      state,
    });
    expect(outcome).toMatchObject({
      ok: false,
      error: { code: 'not_assigned' },
      // Microsoft would take the same account again without asking.
      retryHref: '/sso/login?prompt=select_account&return_to=%2Fteams%3Fx%3D1',
    });
    expect(world.redeemed).toEqual([]);
    expectNothingStarted();
  });

  it('that is not of the account itself keeps the account', async () => {
    const { state } = await begin();
    const outcome = await comeBack({ error: 'temporarily_unavailable', state });
    expect(outcome).toMatchObject({ ok: false, retryHref: '/sso/login' });
  });

  it('is that nothing came at all', async () => {
    const { state } = await begin();
    expect(await comeBack({ state })).toMatchObject({ error: { code: 'code_missing' } });
    expectNothingStarted();
  });

  it.each([
    ['code_refused', false],
    ['microsoft_unreachable', true],
    ['id_token_invalid', false],
  ] as const)('at the token endpoint (%s) starts nothing', async (code, retryable) => {
    world.refusal = new AppError(code, 'refused', { retryable });
    expect(await signIn()).toMatchObject({ ok: false, error: { code, retryable } });
    expectNothingStarted();
  });

  it('of the directory starts nothing: unknown groups are not no groups', async () => {
    world.claims = { ...world.claims, groups: { kind: 'missing' } };
    world.directoryFault = new AppError('directory_unreachable', 'down', { retryable: true });
    expect(await signIn()).toMatchObject({ ok: false, error: { code: 'directory_unreachable' } });
    expectNothingStarted();
  });

  it('of an Entra whose clock is more than five minutes ahead starts nothing', async () => {
    world.answeredAt = '2026-07-01T10:05:06.000Z';
    expect(await signIn()).toMatchObject({ ok: false, error: { code: 'clock_skew' } });
    expectNothingStarted();
  });

  it('of a directory whose clock is more than five minutes ahead starts nothing', async () => {
    world.claims = { ...world.claims, groups: { kind: 'missing' } };
    world.directoryAnswer = { groupIds: [], observedAt: '2026-07-01T10:05:06.000Z' };
    expect(await signIn()).toMatchObject({ ok: false, error: { code: 'clock_skew' } });
    expectNothingStarted();
  });

  it('of the queue starts no session', async () => {
    world.queue.fault = new AppError('storage_unavailable', 'down', { retryable: true });
    expect(await signIn()).toMatchObject({ ok: false, error: { code: 'storage_unavailable' } });
    expectNothingStarted();
  });

  it('of the key ring after the code was redeemed enqueues nothing', async () => {
    const { state } = await begin();
    world.keyRing.sealingKey = async () => Promise.reject(new AppError('storage_unavailable', 'down'));
    expect(await comeBack({ code: 'code-1', state })).toMatchObject({
      error: { code: 'storage_unavailable' },
    });
    expect(world.redeemed).toHaveLength(1);
    expectNothingStarted();
  });

  it('that is a defect is an outcome too', async () => {
    world.refusal = new TypeError('x is not a function');
    expect(await signIn()).toMatchObject({ ok: false, error: { code: 'unexpected', cause: world.refusal } });
    expectNothingStarted();
  });
});

describe('a claims challenge', () => {
  beforeEach(() => {
    world.refusal = new AppError('interaction_required', 'one more step', { details: { claims: CHALLENGE } });
  });

  it('is replayed to Microsoft in a new attempt that goes to the same place', async () => {
    const outcome = await signIn({ returnTo: '/teams' });
    expect(outcome).toMatchObject({ ok: true, location: 'https://login.example/authorize?attempt=2' });
    expect(outcome).not.toHaveProperty('signedIn');
    expect(world.asked[1]).toMatchObject({ claims: CHALLENGE });
    expect(world.asked[1]?.state).not.toBe(world.asked[0]?.state);
    expect(world.queue.messages).toEqual([]);
    delete world.refusal;
    expect(await comeBack({ code: 'code-2', state: world.asked[1]?.state ?? '' })).toMatchObject({
      ok: true,
      location: '/teams',
    });
    expect(world.queue.messages).toHaveLength(1);
  });

  it('is replayed once and not again', async () => {
    await signIn({ returnTo: '/teams' });
    expect(await comeBack({ code: 'code-2', state: world.asked[1]?.state ?? '' })).toMatchObject({
      ok: false,
      error: { code: 'interaction_required' },
      retryHref: '/sso/login?return_to=%2Fteams',
    });
    expect(world.asked).toHaveLength(2);
    expectNothingStarted();
  });

  it('without claims is a refusal', async () => {
    world.refusal = new AppError('interaction_required', 'one more step');
    expect(await signIn()).toMatchObject({ ok: false, error: { code: 'interaction_required' } });
    expectNothingStarted();
  });

  it('that cannot be replayed is a refusal', async () => {
    const { state } = await begin();
    world.keyRing.sealingKey = async () => Promise.reject(new AppError('storage_unavailable', 'down'));
    expect(await comeBack({ code: 'code-1', state })).toMatchObject({
      ok: false,
      error: { code: 'storage_unavailable' },
    });
    expectNothingStarted();
  });
});
