import { request as sendRequest } from 'node:http';
import { decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FaultsInput } from '../../dev/identity/faults.ts';
import { samplePeople } from '../../dev/identity/sampleDirectory.ts';
import type { ErrorCode } from '../../shared/model/errors.ts';
import { errorStatus } from '../../shared/web/errorStatus.ts';
import { errorTexts } from '../../shared/web/pages/errorTexts.ts';
import { SESSION_COOKIE_NAME } from '../../shared/session/session.ts';
import { editRow, readRows } from '../support/e2eRows.ts';
import { type E2eStack, QUEUES_OFF, startE2eStack, waitForLog } from '../support/e2eStack.ts';
import { type Answer, Visitor } from '../support/e2eVisitor.ts';
import { waitUntil } from '../support/e2eWait.ts';

const bob = 'bob@company.com';
const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);
const attemptPrefix = '__Host-litellm-attempt-';
/** Longer than the app waits for Microsoft (15 s). */
const tooSlowMs = 30_000;

let stack: E2eStack;
let slow: Promise<Answer>;

/** The queue functions are off here, so every message stays in the queue. */
const settings = { ...QUEUES_OFF, ALLOWED_EMAIL_DOMAINS: 'company.com' };

beforeAll(async () => {
  stack = await startE2eStack({ env: settings });
  // It takes 15 seconds, so it begins now; the last test looks at what came of it.
  await stack.control.setFaults({ token: { delayMs: tooSlowMs, times: 1, grantType: 'authorization_code' } });
  slow = new Visitor(stack.url).signIn(bob);
  const asked = async (): Promise<true | undefined> =>
    (await stack.control.readRequests()).requests.some(
      ({ grantType, status }) => grantType === 'authorization_code' && status === 0,
    )
      ? true
      : undefined;
  await waitUntil(asked, () => 'the token was never asked for');
});
afterAll(async () => stack?.close());
beforeEach(async () => {
  await stack.control.clearFaults();
  stack.storage.forget();
});

/** A sign-in whose callback is not asked for yet. */
async function comeBack(login = bob): Promise<{ readonly visitor: Visitor; readonly back: string }> {
  const visitor = new Visitor(stack.url);
  return {
    visitor,
    back: await visitor.goToMicrosoft(await visitor.startLogin({ login_hint: login })),
  };
}

const attemptNameOf = (visitor: Visitor): string =>
  [...visitor.cookies.keys()].find((name) => name.startsWith(attemptPrefix)) ?? 'no attempt';

/** What a refusal looks like: the code's own page, a way on, a trace in the log, and nothing begun or enqueued. */
function refusedWith(code: ErrorCode): object {
  return {
    status: errorStatus(code),
    code,
    title: errorTexts[code].title,
    hasRetry: true,
    logged: { event: 'signin.complete', code },
    cookies: ['attempt cleared'],
    puts: [],
  };
}

async function readRefusal(answer: Answer): Promise<object> {
  const { body } = answer;
  const reference = referenceOf(answer);
  const line = await waitForLog(stack, (each) => each.includes(`"correlationId":"${reference}"`));
  return {
    status: answer.status,
    code: /<dt>Error code<\/dt>\s*<dd><code>([^<]+)</.exec(body)?.[1],
    title: /<h1>([^<]+)<\/h1>/.exec(body)?.[1],
    hasRetry: /<a class="button primary" href="\/sso\/login(?:\?[^"]*)?">/.test(body),
    logged: { event: /"event":"([^"]+)"/.exec(line)?.[1], code: /"code":"([^"]+)"/.exec(line)?.[1] },
    cookies: answer.cookies.map(({ name, value, attributes }) =>
      name.startsWith(attemptPrefix) && value === '' && attributes.includes('max-age=0')
        ? 'attempt cleared'
        : name,
    ),
    puts: stack.storage.puts(),
  };
}

const referenceOf = ({ body }: Answer): string =>
  /<code id="reference">([^<]+)<\/code>/.exec(body)?.[1] ?? 'no reference';

/** The token endpoint's refusal, in Entra's shape. */
const tokenError = (error: string, number: number): FaultsInput['token'] => ({
  status: 400,
  body: JSON.stringify({ error, error_description: `AADSTS${number}: No.`, error_codes: [number] }),
});

describe('what Microsoft says no with', () => {
  it.each<[string, FaultsInput, ErrorCode]>([
    ['consent missing, said at once', { consentMissing: true }, 'consent_missing'],
    ['consent missing, said with the code', { consentMissing: { at: 'token' } }, 'consent_missing'],
    [
      'consent missing, without its suberror',
      { consentMissing: { at: 'token', suberror: false } },
      'consent_missing',
    ],
    [
      'an account that was disabled meanwhile',
      { token: tokenError('invalid_grant', 50057) },
      'account_disabled',
    ],
    ['something new', { token: tokenError('brand_new', 999999) }, 'sign_in_refused'],
    ['its own trouble', { token: { status: 503, times: 1 } }, 'microsoft_unreachable'],
    ['too many requests', { token: { status: 429, retryAfterSeconds: 1 } }, 'microsoft_unreachable'],
    ['nothing: it hangs up', { token: { hangUp: true } }, 'microsoft_unreachable'],
    ['what is not JSON', { token: { status: 200, body: '<html>' } }, 'microsoft_unreachable'],
    ['a scope that is no text', { tokenAnswer: { scope: 7 } }, 'id_token_invalid'],
    ['tokens of another type', { tokenAnswer: { token_type: 'pop' } }, 'id_token_invalid'],
    ['an expiry that is no number', { tokenAnswer: { expires_in: {} } }, 'id_token_invalid'],
    ['no access token', { tokenAnswer: { access_token: null } }, 'id_token_invalid'],
    ['an error that is no text', { tokenAnswer: { error: 7 } }, 'id_token_invalid'],
    ['a clock that is ahead', { clockSkewSeconds: 900 }, 'clock_skew'],
  ])('%s is a page of its own', async (_what, faults, code) => {
    await stack.control.setFaults(faults);
    expect(await readRefusal(await new Visitor(stack.url).signIn(bob))).toEqual(refusedWith(code));
  });

  it.each<[string, number, ErrorCode]>([
    ['Conditional Access blocks', 53003, 'policy_blocked'],
    ['the device is not managed', 53000, 'device_refused'],
    ['the application is disabled', 7000112, 'application_disabled'],
    ['the account is locked', 50053, 'account_locked'],
  ])('the number decides, at either endpoint: %s', async (_what, number, code) => {
    await stack.control.setFaults({ authorizeRefusal: { error: 'access_denied', number } });
    const atOnce = await new Visitor(stack.url).signIn(bob);
    expect(await readRefusal(atOnce)).toEqual(refusedWith(code));
    expect(atOnce.body).toContain(`AADSTS${number}`);
    await stack.control.clearFaults();
    await stack.control.setFaults({ token: tokenError('access_denied', number) });
    expect(await readRefusal(await new Visitor(stack.url).signIn(bob))).toEqual(refusedWith(code));
  });

  it.each([
    ['error=invalid_client', 'sign_in_refused'],
    ['error=invalid_client&error_description=AADSTS7000215%3A+Invalid+client+secret', 'sign_in_refused'],
    ['error=server_error', 'microsoft_unreachable'],
    ['error=unauthorized_client', 'application_misconfigured'],
  ])('a stranger who writes %s raises no alarm', async (query, code) => {
    const { visitor, back } = await comeBack();
    const url = new URL(back);
    const state = url.searchParams.get('state') ?? '';
    const answer = await visitor.request(`/sso/callback?${query}&state=${state}`);
    expect(await readRefusal(answer)).toMatchObject({ status: 403, code });
    const line = await waitForLog(stack, (each) => each.includes(referenceOf(answer)));
    expect(line).toContain('"source":"query"');
    expect(line).toContain(' warning callback ');
  });

  it('a person who declines sees that, and may try again', async () => {
    await stack.control.setFaults({ askConsent: true });
    expect(await readRefusal(await new Visitor(stack.url).signIn(bob, {}, { consent: 'no' }))).toEqual(
      refusedWith('consent_declined'),
    );
  });

  it('a person who is not assigned learns whom to ask, and may pick another account', async () => {
    const answer = await new Visitor(stack.url).signIn('ulrich@company.com', { return_to: '/?later' });
    expect(await readRefusal(answer)).toEqual(refusedWith('not_assigned'));
    expect(answer.body).toContain('AADSTS50105');
    expect(answer.body).toContain('prompt=select_account&amp;return_to=%2F%3Flater');
  });

  it('one trouble is over with the next attempt', async () => {
    await stack.control.setFaults({ token: { status: 503, times: 1 } });
    const visitor = new Visitor(stack.url);
    expect(await readRefusal(await visitor.signIn(bob))).toEqual(refusedWith('microsoft_unreachable'));
    expect((await visitor.signIn(bob)).status).toBe(302);
  });
});

describe('groups that cannot be read', () => {
  it.each<[string, FaultsInput['graph'], ErrorCode]>([
    ['Graph is down for long', { status: 503, retryAfterSeconds: 120 }, 'directory_unreachable'],
    ['Graph says that a permission is missing', { status: 403 }, 'directory_permission_missing'],
    ['Graph returns no list', { status: 200, body: '{"value":"none"}' }, 'directory_answer_invalid'],
  ])('are not treated as none: %s', async (_what, graph, code) => {
    await stack.control.setFaults({ dropGroupsClaim: true, ...(graph === undefined ? {} : { graph }) });
    expect(await readRefusal(await new Visitor(stack.url).signIn(bob))).toEqual(refusedWith(code));
  });

  it('are not treated as fewer: the second page fails', async () => {
    await stack.control.setFaults({
      dropGroupsClaim: true,
      graph: { page: 2, status: 503, retryAfterSeconds: 120 },
    });
    await stack.control.editDirectory({
      edit: 'createManyGroups',
      count: 1100,
      prefix: 'many',
      assigned: false,
      members: [bob],
    });
    expect(await readRefusal(await new Visitor(stack.url).signIn(bob))).toEqual(
      refusedWith('directory_unreachable'),
    );
  });
});

describe('an id_token that is not what it seems', () => {
  const elsewhere = '99999999-0000-4000-8000-000000000000';

  it.each<[string, FaultsInput, ErrorCode]>([
    ['signed with another key', { wrongKey: true }, 'id_token_invalid'],
    ['signed with an unpublished key', { wrongKey: 'unknownKid' }, 'signing_key_unknown'],
    ['not signed at all', { algNone: true }, 'id_token_invalid'],
    ['signed with the public key as a password', { algHs256: true }, 'id_token_invalid'],
    ['of another issuer', { claimsOverride: { iss: 'https://login.example/x/v2.0' } }, 'id_token_invalid'],
    ['for another application', { claimsOverride: { aud: elsewhere } }, 'id_token_invalid'],
    ['for others too', { claimsOverride: { aud: [elsewhere, 'us'] } }, 'id_token_invalid'],
    ['for another sign-in', { claimsOverride: { nonce: 'of-another' } }, 'id_token_invalid'],
    ['without a nonce', { claimsOverride: { nonce: null } }, 'id_token_invalid'],
    ['expired', { claimsOverride: { exp: 1_700_000_000 } }, 'id_token_invalid'],
    ['without an end', { claimsOverride: { exp: null } }, 'id_token_invalid'],
    ['without an object id', { claimsOverride: { oid: null } }, 'id_token_invalid'],
    ['without a subject', { claimsOverride: { sub: null } }, 'id_token_invalid'],
    ['whose subject is a number', { claimsOverride: { sub: 12 } }, 'id_token_invalid'],
    ['issued in another geological age', { claimsOverride: { iat: 1e15 } }, 'id_token_invalid'],
    ['for another authorized party', { claimsOverride: { azp: elsewhere } }, 'id_token_invalid'],
    ['of an id that is not a key', { claimsOverride: { oid: '../../etc' } }, 'id_token_invalid'],
    ['of another tenant', { claimsOverride: { tid: elsewhere } }, 'wrong_tenant'],
    [
      'of another tenant and its issuer',
      { claimsOverride: { tid: elsewhere, iss: `https://login.example/${elsewhere}/v2.0` } },
      'wrong_tenant',
    ],
    [
      'of another tenant, unsigned',
      { algNone: true, claimsOverride: { tid: elsewhere } },
      'id_token_invalid',
    ],
    ['of tomorrow', { claimsOverride: { nbf: 4_000_000_000, exp: 4_000_003_600 } }, 'clock_skew'],
  ])('%s signs no one in', async (_what, faults, code) => {
    await stack.control.setFaults(faults);
    expect(await readRefusal(await new Visitor(stack.url).signIn(bob))).toEqual(refusedWith(code));
  });

  it('whose email domain is not allowed signs no one in', async () => {
    expect(await readRefusal(await new Visitor(stack.url).signIn('grace@partner.example'))).toEqual(
      refusedWith('domain_not_allowed'),
    );
  });

  it.each([
    'a@evil.example,b@company.com',
    'a@evil.example b@company.com',
    '@company.com',
    'x_y.example#EXT#@company.com',
  ])('whose email is not one address signs no one in: %s', async (email) => {
    await stack.control.setFaults({ claimsOverride: { email } });
    expect(await readRefusal(await new Visitor(stack.url).signIn(bob))).toEqual(
      refusedWith('domain_not_allowed'),
    );
  });

  it.each(['rotated', 'application'] as const)(
    'is verified with a key that is %s, at once',
    async (signingKey) => {
      await stack.control.setFaults({ signingKey });
      expect((await new Visitor(stack.url).signIn(bob)).status).toBe(302);
    },
  );

  it('whose email only ends like an allowed domain signs no one in', async () => {
    await stack.control.setFaults({ claimsOverride: { email: 'bob@evilcompany.com' } });
    expect(await readRefusal(await new Visitor(stack.url).signIn(bob))).toEqual(
      refusedWith('domain_not_allowed'),
    );
  });
});

describe('an attempt', () => {
  it('without its cookie has expired', async () => {
    const { visitor, back } = await comeBack();
    visitor.cookies.clear();
    expect(await readRefusal(await visitor.request(back))).toEqual(refusedWith('attempt_missing'));
  });

  it('whose cookie was changed has expired', async () => {
    const { visitor, back } = await comeBack();
    const name = attemptNameOf(visitor);
    const sealed = visitor.cookies.get(name) ?? '';
    visitor.cookies.set(name, `${sealed.slice(0, -2)}${sealed.endsWith('AA') ? 'BB' : 'AA'}`);
    expect(await readRefusal(await visitor.request(back))).toEqual(refusedWith('attempt_missing'));
  });

  it('whose state was changed has expired', async () => {
    const { visitor, back } = await comeBack();
    const url = new URL(back);
    url.searchParams.set('state', 'another-state');
    expect(await readRefusal(await visitor.request(url.href))).toEqual(refusedWith('attempt_missing'));
  });

  it('under the name of another is a state mismatch', async () => {
    const visitor = new Visitor(stack.url);
    const back = await visitor.goToMicrosoft(await visitor.startLogin({ login_hint: bob }));
    const name = attemptNameOf(visitor);
    const other = new Visitor(stack.url);
    await other.startLogin();
    visitor.cookies.set(name, other.cookies.get(attemptNameOf(other)) ?? '');
    expect(await readRefusal(await visitor.request(back))).toEqual(refusedWith('state_mismatch'));
  });

  it('that brings neither a code nor an error is incomplete', async () => {
    const { visitor, back } = await comeBack();
    const url = new URL(back);
    url.searchParams.delete('code');
    expect(await readRefusal(await visitor.request(url.href))).toEqual(refusedWith('code_missing'));
  });

  it.each(['iss=https%3A%2F%2Fevil.example', 'code=another', 'state=another', 'session_state=1'])(
    'that comes back with %s as well is not one answer of Microsoft',
    async (callbackQuery) => {
      await stack.control.setFaults({ callbackQuery });
      expect(await readRefusal(await new Visitor(stack.url).signIn(bob))).toEqual(
        refusedWith('callback_malformed'),
      );
    },
  );

  it('of a link from one sign-in into the next ends on the page', async () => {
    const visitor = new Visitor(stack.url);
    const answer = await visitor.signIn(bob, { return_to: '/sso/login?return_to=%2Fsso%2Flogin' });
    expect(answer).toMatchObject({ status: 302, location: '/' });
  });

  it('believes no error of a stranger: the state is compared first', async () => {
    const { visitor } = await comeBack();
    const answer = await visitor.request('/sso/callback?error=access_denied&state=guessed');
    expect(await readRefusal(answer)).toEqual(refusedWith('attempt_missing'));
  });

  it('is good for one sign-in: the old cookie with the same code fails', async () => {
    const { visitor, back } = await comeBack();
    const name = attemptNameOf(visitor);
    const sealed = visitor.cookies.get(name) ?? '';
    expect((await visitor.request(back)).status).toBe(302);
    expect(visitor.cookies.has(name)).toBe(false);

    stack.storage.forget();
    visitor.cookies.set(name, sealed);
    expect(await readRefusal(await visitor.request(back))).toEqual(refusedWith('code_refused'));
  });

  it('is good for its own code: the old cookie with a fresh code of another attempt fails', async () => {
    const old = await comeBack();
    const name = attemptNameOf(old.visitor);
    const sealed = old.visitor.cookies.get(name) ?? '';
    expect((await old.visitor.request(old.back)).status).toBe(302);

    const fresh = await comeBack();
    stack.storage.forget();
    const url = new URL(old.back);
    url.searchParams.set('code', new URL(fresh.back).searchParams.get('code') ?? '');
    old.visitor.cookies.set(name, sealed);
    expect(await readRefusal(await old.visitor.request(url.href))).toEqual(refusedWith('code_refused'));
  });

  it('of another browser is of no use', async () => {
    const { back } = await comeBack();
    expect(await readRefusal(await new Visitor(stack.url).request(back))).toEqual(
      refusedWith('attempt_missing'),
    );
  });

  it('whose message cannot be enqueued starts no session', async () => {
    const { visitor, back } = await comeBack();
    stack.storage.refuseQueues(503, 3);
    const answer = await visitor.request(back);
    expect(answer.status).toBe(503);
    expect(answer.body).toContain('<code>storage_unavailable</code>');
    expect(visitor.session).toBeUndefined();
    // The refused tries alone; the next attempt works.
    expect(stack.storage.puts()).toEqual(['provision', 'provision', 'provision']);
    expect((await visitor.signIn(bob)).status).toBe(302);
  });
});

describe('a session', () => {
  const statusOf = async (visitor: Visitor): Promise<number> => (await visitor.request('/api/me')).status;
  const signOut = async (visitor: Visitor, origin: string | undefined = stack.url): Promise<Answer> =>
    visitor.request('/sso/logout', {
      method: 'POST',
      headers: origin === '' ? {} : { origin },
    });

  async function signIn(login = bob): Promise<Visitor> {
    const visitor = new Visitor(stack.url);
    expect((await visitor.signIn(login)).status).toBe(302);
    return visitor;
  }

  it('comes in a cookie of its own, beside the one that clears the attempt', async () => {
    const { visitor, back } = await comeBack();
    const name = attemptNameOf(visitor);
    const { cookies } = await visitor.request(back);
    expect(cookies.map((cookie) => cookie.name).sort()).toEqual([name, SESSION_COOKIE_NAME].sort());
    for (const { attributes } of cookies) {
      expect(attributes).toEqual(expect.arrayContaining(['path=/', 'secure', 'httponly', 'samesite=lax']));
      expect(attributes.join(' ')).not.toContain('domain');
    }
    const session = cookies.find((cookie) => cookie.name === SESSION_COOKIE_NAME);
    expect(session?.attributes).toContain('max-age=28800');
    expect(decodeProtectedHeader(session?.value ?? '')).toMatchObject({ alg: 'dir', enc: 'A256GCM' });
  });

  it('shows who signed in on the first page and in its header, although nothing is provisioned yet', async () => {
    const visitor = await signIn('olivia@company.com');
    const home = await visitor.request('/');
    expect(home.body).toMatch(/class="account-name[^>]*><bdi>olivia@company\.com</);
    expect(home.body).toMatch(/<h1>Hello, <bdi>Olivia/);
    expect(home.body).not.toContain('Not known');
    expect((await visitor.me()).user).toMatchObject({ user_email: 'olivia@company.com' });
  });

  it('is not opened by an attempt’s cookie, nor an attempt by a session’s', async () => {
    const { visitor, back } = await comeBack();
    const sealed = visitor.cookies.get(attemptNameOf(visitor));
    const thief = new Visitor(stack.url);
    thief.session = sealed;
    expect(await statusOf(thief)).toBe(401);
    expect((await thief.request('/')).body).toContain('Login with Microsoft');

    visitor.cookies.set(attemptNameOf(visitor), (await signIn()).session ?? '');
    stack.storage.forget();
    expect(await readRefusal(await visitor.request(back))).toEqual(refusedWith('attempt_missing'));
  });

  it.each(['x', 'a.b.c.d.e', 'eyJhbGciOiJub25lIn0..', `eyJ${'A'.repeat(5000)}`])(
    'is ignored where its cookie is not ours (%#)',
    async (value) => {
      const visitor = new Visitor(stack.url);
      visitor.session = value;
      expect(await statusOf(visitor)).toBe(401);
    },
  );

  it.each([0, 2, 3, 4])('is ignored where part %i of its cookie was changed', async (part) => {
    const visitor = await signIn();
    const parts = (visitor.session ?? '').split('.');
    const changed = parts[part] ?? '';
    parts[part] = `${changed.startsWith('A') ? 'B' : 'A'}${changed.slice(1)}`;
    visitor.session = parts.join('.');
    expect(await statusOf(visitor)).toBe(401);
  });

  it('dies with the sign-out, in every copy, and only this person’s', async () => {
    const [alice, olivia] = [await signIn('alice@company.com'), await signIn('olivia@company.com')];
    const copy = new Visitor(stack.url);
    copy.session = alice.session;
    expect(await statusOf(copy)).toBe(200);

    const answer = await signOut(alice);
    expect(answer).toMatchObject({ status: 303, location: '/?signed_out' });
    expect(alice.session).toBeUndefined();
    expect(await statusOf(copy)).toBe(401);
    expect((await copy.request('/')).body).toContain('Your session has ended.');
    expect(await statusOf(olivia)).toBe(200);
    expect(await statusOf(await signIn('alice@company.com'))).toBe(200);
  });

  it.each(['', 'null', 'https://evil.example', 'http://localhost:1'])(
    'does not end at the word of another site (Origin "%s")',
    async (origin) => {
      const visitor = await signIn();
      const answer = await signOut(visitor, origin);
      expect(answer.status).toBe(403);
      expect(answer.body).toContain('<code>origin_mismatch</code>');
      expect(answer.cookies).toEqual([]);
      expect(await statusOf(visitor)).toBe(200);
      await waitForLog(stack, (line) => line.includes(referenceOf(answer)));
    },
  );

  it('cannot be ended by a link', async () => {
    const visitor = await signIn();
    expect((await visitor.request('/sso/logout')).status).toBe(404);
    expect(await statusOf(visitor)).toBe(200);
  });

  it('shows one observation to its own person only', async () => {
    const [one, other] = [await signIn(), await signIn('olivia@company.com')];
    const { id } = (await one.me()).provisioning;
    expect((await one.request(`/api/provisioning/${id}`)).status).toBe(200);
    expect((await other.request(`/api/provisioning/${id}`)).status).toBe(404);
    expect((await new Visitor(stack.url).request(`/api/provisioning/${id}`)).status).toBe(401);
  });

  it('ends when an administrator makes the person inactive, and no new one helps', async () => {
    const visitor = await signIn('alice@company.com');
    // The sign-out above made her row.
    const edit = async (active: boolean): Promise<void> =>
      editRow(stack.storageConnectionString, 'users', {
        partitionKey: samplePeople.alice,
        rowKey: 'user',
        active,
      });
    await edit(false);
    expect(await statusOf(visitor)).toBe(403);
    const again = new Visitor(stack.url);
    const refusal = await again.signIn('alice@company.com');
    expect(refusal.status).toBe(403);
    expect(refusal.body).toContain('<code>account_inactive</code>');
    expect(again.session).toBeUndefined();
    const home = await visitor.request('/');
    expect(home.status).toBe(403);
    expect(home.body).toContain('<code>account_inactive</code>');
    expect(visitor.session).toBeUndefined();
    await edit(true);
  });
});

describe('every answer', () => {
  it('says that it is stored nowhere, framed nowhere, and nothing but what it is', async () => {
    const signedIn = new Visitor(stack.url);
    const callback = await signedIn.signIn(bob);
    const anonymous = new Visitor(stack.url);
    const answers = {
      callback,
      signedOut: await anonymous.request('/'),
      login: await anonymous.request('/sso/login'),
      failure: await anonymous.request('/sso/callback'),
      noSession: await anonymous.request('/api/me'),
      health: await anonymous.request('/api/health'),
      home: await signedIn.request('/'),
      me: await signedIn.request('/api/me'),
      provisioning: await signedIn.request('/api/provisioning/none'),
      detail: await anonymous.request('/api/health/detail', {
        headers: { 'x-functions-key': stack.functionKey },
      }),
      logout: await signedIn.request('/sso/logout', { method: 'POST', headers: { origin: stack.url } }),
    };
    const found = Object.entries(answers).map(([name, { headers }]) => [name, Object.fromEntries(headers)]);
    const secure: unknown = expect.objectContaining({
      'cache-control': 'no-store',
      'strict-transport-security': matching(/^max-age=\d{8}/),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'content-security-policy': matching(/^default-src 'none';(?!.*unsafe).* frame-ancestors 'none'/),
    });
    expect(found).toEqual(Object.keys(answers).map((name) => [name, secure]));
    const nonces = [answers.signedOut, answers.home, answers.failure].map(
      ({ headers }) => /script-src 'nonce-([^']+)'/.exec(headers.get('content-security-policy') ?? '')?.[1],
    );
    expect(new Set(nonces).size).toBe(3);
    expect(nonces).not.toContain(undefined);
    // Every script and style of the page carries the answer's own nonce, and no element an inline handler.
    const body = answers.home.body.replaceAll(/(<script[^>]*>)[^]*?<\/script>/g, '$1');
    const inline = [...body.matchAll(/<(?:script|style)([^>]*)>/g)].map(([, attributes]) =>
      attributes?.trim(),
    );
    expect(inline).toEqual([`nonce="${nonces[1]}"`, `nonce="${nonces[1]}"`]);
    expect(body).not.toMatch(/\son[a-z]+=|style="/);
  });

  it('believes no Host header: the way back is the configured one', async () => {
    const readLocation = async (path: string): Promise<string> =>
      new Promise<string>((resolve, reject) => {
        const url = new URL(path, stack.url);
        const headers = {
          host: 'evil.example',
          'x-forwarded-host': 'evil.example',
          'x-original-host': 'evil.example',
          forwarded: 'host=evil.example',
        };
        sendRequest(
          { host: '127.0.0.1', port: url.port, path: url.pathname + url.search, headers },
          (response) => {
            response.resume();
            resolve(response.headers.location ?? '');
          },
        )
          .on('error', reject)
          .end();
      });
    // Cookies of another host would not come back, so the sign-in first goes to the configured one, once.
    const canonical = await readLocation('/sso/login?return_to=%2F%3Fx');
    expect(canonical).toBe(`${stack.url}/sso/login?return_to=%2F%3Fx&canonical=1`);
    const location = await readLocation(canonical);
    expect(new URL(location).searchParams.get('redirect_uri')).toBe(`${stack.url}/sso/callback`);
    expect(location).not.toContain('evil');
  });

  it('reads no session that a sibling host planted: only blanks are trimmed from a cookie’s name', async () => {
    const visitor = new Visitor(stack.url);
    await visitor.signIn(bob);
    const session = visitor.session ?? '';
    const statusWith = async (name: string): Promise<number> =>
      (await fetch(new URL('/api/me', stack.url), { headers: { cookie: `${name}=${session}` } })).status;
    expect(await statusWith(SESSION_COOKIE_NAME)).toBe(200);
    expect(await statusWith(`\u00a0${SESSION_COOKIE_NAME}`)).toBe(401);
  });
});

describe('afterwards', () => {
  it(
    'Microsoft did not answer in time: the person sees that after 15 seconds',
    { timeout: 30_000 },
    async () => {
      const answer = await slow;
      expect(answer.status).toBe(502);
      expect(answer.body).toContain('<code>microsoft_unreachable</code>');
      expect(answer.cookies.map(({ name }) => name)).not.toContain(SESSION_COOKIE_NAME);
    },
  );

  it('a wrong client secret is the operator’s, and is not shown', async () => {
    await stack.restartHost({ MICROSOFT_CLIENT_SECRET: 'not-the-secret' });
    const answer = await new Visitor(stack.url).signIn(bob);
    expect(await readRefusal(answer)).toEqual(refusedWith('credential_refused'));
    expect(answer.body).not.toContain('not-the-secret');
    expect(stack.host.logs().join('\n')).not.toContain('not-the-secret');
    await stack.restartHost();
  });

  it('no refused person is in the store', async () => {
    const users = await readRows(stack.storageConnectionString, 'users');
    expect(new Set(users.map((row) => row['user_id']))).toEqual(
      new Set([samplePeople.alice, samplePeople.bob]),
    );
    expect(await readRows(stack.storageConnectionString, 'teamMemberships')).toEqual([]);
  });

  it('the log names no person: no address, no name, no token', () => {
    const log = stack.host.logs().join('\n');
    expect(log).not.toMatch(/@company\.com|partner\.example|Bob Brown|Alice|Ulrich|eyJ[A-Za-z0-9_-]{10}/);
    expect(log).not.toContain(stack.identity.clientSecret);
  });
});
