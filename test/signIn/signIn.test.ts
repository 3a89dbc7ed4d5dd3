/** One sign-in through the real adapters: MSAL, jose, the Graph client and the key ring; only the wire is doubled. */
import { beforeEach, describe, expect, it } from 'vitest';
import { createEntraIdentity } from '../../shared/microsoft/entraIdentity.ts';
import { createGraphDirectory } from '../../shared/microsoft/graphDirectory.ts';
import { KeyRing } from '../../shared/storage/keyRing.ts';
import {
  completeLogin,
  type CompleteLoginDeps,
  type LoginOutcome,
} from '../../shared/signIn/completeLogin.ts';
import { startLogin } from '../../shared/signIn/startLogin.ts';
import { parseProvisionMessage } from '../../shared/queue/queueMessage.ts';
import { openSession, type RequestCookies } from '../../shared/session/session.ts';
import {
  createEntraConfig,
  createEntraDouble,
  type EntraDouble,
  REDIRECT_URI,
  refuse,
} from '../support/entraDouble.ts';
import { createStore } from '../../shared/storage/store.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { createMemoryTables, type MemoryTables } from '../support/memoryTables.ts';
import {
  createSealContext,
  createTestClock,
  createTestQueue,
  createTestRandom,
  createTestSnapshots,
  keepCookies,
} from '../support/signInDoubles.ts';

let entra: EntraDouble;
let tables: MemoryTables;
let queue: ReturnType<typeof createTestQueue>;
let graphRequests: string[];
let deps: CompleteLoginDeps;

beforeEach(async () => {
  const clock = createTestClock();
  const random = createTestRandom();
  entra = await createEntraDouble(clock);
  tables = createMemoryTables();
  queue = createTestQueue();
  graphRequests = [];
  deps = {
    users: createStore(tables).users,
    identity: createEntraIdentity({
      entra: createEntraConfig(),
      redirectUri: REDIRECT_URI,
      clock,
      fetch: entra.fetch,
    }),
    directory: createGraphDirectory({
      graphBaseUrl: createEntraConfig().graphBaseUrl,
      appToken: async () => Promise.reject(new Error('a sign-in needs no application token')),
      clock,
      sleep: async () => {},
      async fetch(url, init) {
        graphRequests.push(`${new URL(url).pathname} ${new Headers(init.headers).get('authorization')}`);
        return Response.json(
          { value: [{ '@odata.type': '#microsoft.graph.group', id: 'graph-group' }] },
          { headers: { date: clock.now().toUTCString() } },
        );
      },
    }),
    seal: createSealContext({ clock, keyRing: new KeyRing({ tables, clock, random }) }),
    random,
    queue,
    snapshots: createTestSnapshots(),
    issuer: createEntraConfig().issuer,
    groupsClaimIsApplicationGroup: true,
    readAcceptedGroupIds: async () => new Set(['entra-group-123']),
    allowedEmailDomains: ['company.com'],
  };
});

interface Visit {
  readonly state: string;
  readonly code: string;
  readonly cookies: RequestCookies;
}

/** The way to Microsoft and through it: what the browser brings to the callback. */
async function visit(claims: Record<string, unknown> = {}): Promise<Visit> {
  const { location, cookie } = await startLogin(deps, { returnTo: '/teams' });
  return {
    state: new URL(location).searchParams.get('state') ?? '',
    code: entra.authorize(location, { claims }),
    cookies: keepCookies(new Map(), [cookie]),
  };
}

const comeBack = ({ state, code, cookies }: Visit): Promise<LoginOutcome> =>
  completeLogin(deps, { query: new URLSearchParams({ state, code }), cookies });

describe('a warm sign-in with a usable groups claim', () => {
  it('costs one token request, one message and one look whether the account is closed: no Graph', async () => {
    await comeBack(await visit());
    entra.requests.length = 0;
    queue.messages.length = 0;
    tables.forgetRequests();
    expect(await comeBack(await visit())).toMatchObject({ ok: true, location: '/teams' });
    expect(entra.requests).toEqual(['POST /oauth2/v2.0/token']);
    expect(queue.messages).toHaveLength(1);
    expect(graphRequests).toEqual([]);
    expect(tables.requests().map(({ kind, table }) => `${kind} ${table}`)).toEqual([`find ${TABLES.users}`]);
  });
});

describe('a cold sign-in', () => {
  it('costs the signing keys once, and the key ring one read, one write and one read where it was empty', async () => {
    await comeBack(await visit());
    expect(entra.requests).toEqual(['GET /discovery/v2.0/keys', 'POST /oauth2/v2.0/token']);
    expect(tables.requests().map((request) => request.kind)).toEqual([
      'readPage',
      'write',
      'readPage',
      'find',
    ]);
  });
});

describe('a sign-in whose claim is missing', () => {
  it('reads Graph once with the person’s own token', async () => {
    const outcome = await comeBack(await visit({ groups: undefined }));
    expect(outcome.ok).toBe(true);
    expect(graphRequests).toEqual(['/v1.0/me/memberOf Bearer person-token']);
    expect(parseProvisionMessage(queue.messages[0] ?? '')).toMatchObject({
      groups_source: 'directory',
      group_ids: ['graph-group'],
    });
  });
});

describe('an attempt put back into the browser', () => {
  it('does not sign in again with the same code', async () => {
    const first = await visit();
    expect(await comeBack(first)).toMatchObject({ ok: true });
    expect(await comeBack(first)).toMatchObject({ ok: false, error: { code: 'code_refused' } });
    expect(queue.messages).toHaveLength(1);
  });

  it('does not sign in with a fresh code of another attempt', async () => {
    const old = await visit();
    const fresh = await visit({ oid: 'mallory-oid' });
    expect(await comeBack({ ...old, code: fresh.code })).toMatchObject({
      ok: false,
      error: { code: 'code_refused', details: { aadsts: '501481' } },
    });
    expect(await comeBack({ ...fresh, cookies: old.cookies })).toMatchObject({
      error: { code: 'attempt_missing' },
    });
    expect(queue.messages).toEqual([]);
  });
});

describe('what was forged', () => {
  it.each([
    ['an issuer', { iss: 'https://evil.example' }, 'id_token_invalid'],
    ['an audience', { aud: 'another' }, 'id_token_invalid'],
    ['a tenant', { tid: 'another' }, 'wrong_tenant'],
    ['a nonce', { nonce: 'another' }, 'id_token_invalid'],
    ['an expiry', { exp: 1 }, 'id_token_invalid'],
    ['an object id', { oid: 'a/b' }, 'id_token_invalid'],
    ['an email', { email: 'alice@other.com' }, 'domain_not_allowed'],
  ])('(%s) enqueues nothing and starts no session', async (_, claims, code) => {
    const visited = await visit(claims);
    const outcome = await comeBack(visited);
    expect(outcome).toMatchObject({ ok: false, error: { code } });
    expect(queue.messages).toEqual([]);
    expect(await openSession(deps.seal, keepCookies(visited.cookies, outcome.cookies))).toBeUndefined();
  });
});

describe('a closed account', () => {
  it.each([false, 'perhaps'])('is refused before anything is queued (active: %s)', async (active) => {
    const oid = '77777777-7777-4777-8777-777777777777';
    const visited = await visit({ oid });
    await tables.write(TABLES.users, {
      kind: 'upsertMerge',
      key: { partitionKey: oid, rowKey: 'user' },
      properties: { active },
    });
    const outcome = await comeBack(visited);
    expect(outcome).toMatchObject({ ok: false, error: { code: 'account_inactive' } });
    expect(queue.messages).toEqual([]);
    expect(await openSession(deps.seal, keepCookies(visited.cookies, outcome.cookies))).toBeUndefined();
  });
});

describe('a claims challenge at the token endpoint', () => {
  it('goes back to Microsoft once, challenge included', async () => {
    const claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}';
    const visited = await visit();
    entra.intercept('/token', async () => refuse('interaction_required', 50_076, { claims }));
    const outcome = await comeBack(visited);
    if (!outcome.ok) throw outcome.error;
    const url = new URL(outcome.location);
    expect(JSON.parse(url.searchParams.get('claims') ?? '')).toMatchObject(JSON.parse(claims));
    entra.intercept('/token', undefined);
    const again = {
      state: url.searchParams.get('state') ?? '',
      code: entra.authorize(outcome.location),
      cookies: keepCookies(visited.cookies, outcome.cookies),
    };
    expect(await comeBack(again)).toMatchObject({ ok: true, location: '/teams' });
    expect(queue.messages).toHaveLength(1);
  });
});
