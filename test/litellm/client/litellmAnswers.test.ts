/** The client with answers that LiteLLM never sends, or that only some versions send. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { outgoingFetch } from '../../../shared/platform/outgoingFetch.ts';
import {
  createLitellmClient,
  type LitellmClientOptions,
} from '../../../shared/litellm/client/litellmClient.ts';
import { Secret } from '../../../shared/model/secret.ts';
import { AppError } from '../../../shared/model/errors.ts';
import type { LitellmClient } from '../../../shared/model/litellmPorts.ts';
import { createTestClock } from '../../support/signInDoubles.ts';

const fetch = outgoingFetch;
const KEY = 'sk-very-secret-key';
const EMAIL = 'alice@example.com';
const NOW_MS = Date.UTC(2026, 10, 23, 9);
const PAGE = `<html><body>Sign in, ${EMAIL}</body></html>`;

interface Asked {
  readonly url: string;
  readonly headers: Headers;
  readonly redirect: string | undefined;
}

let asked: Asked[];
let answers: (Response | Error)[];

/** Answers in order, and repeats the last answer. */
async function fetchDouble(url: string, init: RequestInit): Promise<Response> {
  asked.push({ url, headers: new Headers(init.headers), redirect: init.redirect });
  const answer = answers.length > 1 ? answers.shift() : answers[0];
  if (answer === undefined) throw new Error('the test gives no answer');
  if (answer instanceof Error) throw answer;
  return answer.clone();
}

const createClient = (parts: Partial<LitellmClientOptions> = {}): LitellmClient =>
  createLitellmClient({
    baseUrl: 'https://litellm.example.com/base/',
    apiKey: new Secret(KEY),
    fetch: fetchDouble,
    clock: createTestClock(),
    sleep: async () => undefined,
    timeoutMs: 5_000,
    ...parts,
  });

const json = (body: unknown, status = 200): Response => Response.json(body, { status });
const detail = (status: number, words: unknown): Response => json({ detail: words }, status);
const proxyError = (status: number, message: string, type = 'None'): Response =>
  json({ error: { message, type, param: 'None', code: String(status) } }, status);
const broken = (code: string): Error =>
  Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error(`x ${KEY}`), { code }) });

/** What a healthy proxy answers to the check of the key's rights, after its health. */
const rightsAnswers = (health: Response): Response[] => [
  health,
  json({ users: [], total_pages: 0 }),
  json({ teams: [], total_pages: 0 }),
  json({ keys: [], total_pages: 0 }),
  detail(404, { error: 'Organization not found' }),
];

const team = (parts: object = {}): object => ({ team_id: 't1', members_with_roles: [], ...parts });
const teamInfo = (parts: object = {}, more: object = {}): Response =>
  json({ team_id: 't1', team_info: team(parts), keys: [], ...more });

async function catchError(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}

beforeEach(() => {
  asked = [];
  answers = [];
});

describe('a request', () => {
  it('goes below the base URL’s path with the key, follows no redirect, and encodes its query', async () => {
    answers = [detail(404, { error: 'x' })];
    await createClient().findTeam('a&b=ü/../c');
    expect(asked[0]?.url).toBe('https://litellm.example.com/base/team/info?team_id=a%26b%3D%C3%BC%2F..%2Fc');
    expect(asked[0]?.headers.get('authorization')).toBe(`Bearer ${KEY}`);
    expect(asked[0]?.redirect).toBe('manual');
  });

  it('for the public health check carries no key', async () => {
    answers = rightsAnswers(json({ status: 'healthy' }));
    await createClient().checkRights();
    expect(asked[0]?.url).toBe('https://litellm.example.com/base/health/readiness');
    const authorized = Array.from({ length: 4 }, () => `Bearer ${KEY}`);
    expect(asked.map(({ headers }) => headers.get('authorization'))).toEqual([null, ...authorized]);
  });

  it('for one user names the id twice, so that LiteLLM compares it instead of searching for it', async () => {
    answers = [json({ users: [], total_pages: 0 })];
    await createClient().findUser('alice');
    expect(new URL(asked[0]?.url ?? '').searchParams.get('user_ids')).toBe('alice,alice');
  });
});

describe('an answer to a read', () => {
  it.each([
    ['a page', new Response(PAGE), 200],
    ['nothing', new Response(''), 200],
    ['a redirect', new Response(null, { status: 302, headers: { location: '/sso' } }), 302],
    ['a page of 400', new Response(PAGE, { status: 400 }), 400],
    ['a page of 403, such as a firewall’s', new Response(PAGE, { status: 403 }), 403],
    ['a page of 404', new Response(PAGE, { status: 404 }), 404],
    ['a 404 for the address', detail(404, 'Not Found'), 404],
    ['a 404 of another gateway', json({ message: 'no Route matched' }, 404), 404],
    ['a 405', detail(405, 'Method Not Allowed'), 405],
    ['an unknown status', detail(418, { error: 'teapot' }), 418],
  ])('that is %s does not count as LiteLLM’s', async (_, answer, status) => {
    answers = [answer];
    expect(await catchError(createClient().findTeam('t1'))).toMatchObject({
      code: 'litellm_answer_invalid',
      retryable: true,
      details: { status, path: '/team/info' },
    });
    expect(asked).toHaveLength(1);
  });

  it.each([
    ['{detail: {error}}', detail(404, { error: 'Team not found' })],
    ['{detail: text}', detail(404, 'Team not found, passed team id: t1')],
    ['{error: {message}}', proxyError(404, 'Team not found', 'not_found_error')],
  ])('that is a 404 with %s means that the team does not exist', async (_, answer) => {
    answers = [answer];
    expect(await createClient().findTeam('t1')).toBeUndefined();
    expect(await createClient().findOrganization('t1')).toBeUndefined();
  });

  it.each([
    ['401', proxyError(401, 'Invalid', 'token_not_found_in_db')],
    ['401 of a gateway', new Response(PAGE, { status: 401 })],
  ])('that is %s means that the key is wrong', async (_, answer) => {
    answers = [answer];
    expect(await catchError(createClient().findTeam('t1'))).toMatchObject({
      code: 'litellm_key_refused',
      retryable: true,
    });
  });

  it('that is 403 means that the key has too few rights', async () => {
    answers = [detail(403, { error: 'Only proxy admins' })];
    const missing = { code: 'litellm_right_missing', retryable: true };
    expect(await catchError(createClient().findTeam('t1'))).toMatchObject(missing);
    expect(await catchError(createClient().findOrganization('o1'))).toMatchObject(missing);
  });

  it('about organizations without a licence is a state of the proxy, in reads and in writes', async () => {
    const text = 'Organizations are only available for LiteLLM Enterprise users. You must …';
    for (const answer of [detail(403, { error: text }), proxyError(403, text)]) {
      answers = [answer];
      const client = createClient();
      const unlicensed = { code: 'organizations_unlicensed', retryable: true };
      expect(await catchError(client.findOrganization('o1'))).toMatchObject(unlicensed);
      expect(await catchError(client.removeOrganizationMember('o1', 'ann'))).toMatchObject(unlicensed);
      // The same words elsewhere say nothing about organizations.
      expect(await catchError(client.findTeam('t1'))).toMatchObject({ code: 'litellm_right_missing' });
    }
  });

  it.each([
    ['a team without members', teamInfo({ members_with_roles: undefined }), 'team_info.members_with_roles'],
    ['members of the wrong type', teamInfo({ members_with_roles: { a: 1 } }), 'team_info.members_with_roles'],
    ['another team', teamInfo({ team_id: 't2' }), 'team_info.team_id'],
    ['a budget that is not a number', teamInfo({ max_budget: '5' }), 'team_info.max_budget'],
    ['models of the wrong type', teamInfo({ models: 'gpt-4' }), 'team_info.models'],
    ['null', json(null), ''],
    ['a list', json([]), ''],
  ])('with %s is an error, not another team', async (_, answer, fault) => {
    answers = [answer];
    expect(await catchError(createClient().findTeam('t1'))).toMatchObject({
      code: 'litellm_answer_invalid',
      details: { fault },
    });
  });

  it('may have nulls, missing fields, a member without an id, and an empty object for no members', async () => {
    const bare = { team_alias: null, organization_id: '', models: null, max_budget: null, tpm_limit: null };
    answers = [teamInfo({ ...bare, members_with_roles: {} })];
    expect(await createClient().findTeam('t1')).toStrictEqual({
      teamId: 't1',
      values: { team_alias: '', models: [] },
      members: [],
      blocked: false,
    });
    const members = [
      { user_id: null, user_email: EMAIL, role: 'user' },
      { user_id: 'u1', role: 'admin' },
      { user_id: 'u2' },
    ];
    answers = [teamInfo({ members_with_roles: members })];
    expect((await createClient().findTeam('t1'))?.members).toEqual([
      { userId: 'u1', role: 'admin' },
      { userId: 'u2', role: '' },
    ]);
  });

  it('about an organization has limits in its budget, must have members, and may have incomplete teams, which are left out', async () => {
    const row = {
      organization_id: 'o1',
      organization_alias: 'O',
      models: ['m'],
      max_budget: 99,
      members: [],
    };
    answers = [json({ ...row, litellm_budget_table: null, teams: [team(), { team_id: 't2' }] })];
    const organization = await createClient().findOrganization('o1');
    expect(organization?.values).toStrictEqual({ organization_alias: 'O', models: ['m'] });
    expect([...(organization?.teams.keys() ?? [])]).toEqual(['t1']);
    answers = [json({ ...row, litellm_budget_table: { max_budget: 1, tpm_limit: null } })];
    expect((await createClient().findOrganization('o1'))?.values.max_budget).toBe(1);
    answers = [json({ ...row, members: undefined })];
    expect(await catchError(createClient().findOrganization('o1'))).toMatchObject({
      code: 'litellm_answer_invalid',
      details: { fault: 'members' },
    });
    expect(await catchError(createClient().readOrganizations())).toMatchObject({
      code: 'litellm_answer_invalid',
    });
  });

  it('may contain users who were not asked for, which are ignored', async () => {
    const users = ['ann', 'Ann', 'ann-1'].map((userId) => ({ user_id: userId, user_role: 'internal_user' }));
    answers = [json({ users, total_pages: 1 })];
    expect([...(await createClient().findUsers(['ann'])).keys()]).toEqual(['ann']);
  });

  it('that is an endless list is an error', async () => {
    answers = [json({ teams: [], total_pages: 1e9 })];
    const readAll = async (): Promise<void> => {
      for await (const page of createClient().readTeamPages()) expect(page).toEqual([]);
    };
    expect(await catchError(readAll())).toMatchObject({ details: { fault: 'endless_list' } });
    asked = [];
    answers = [json({ users: [], total_pages: 1e9 })];
    expect((await createClient().findUsers(['a', 'b', 'c'])).size).toBe(0);
    expect(asked).toHaveLength(3);
  });

  it.each([
    ['of an older version', json({ status: 'connected', litellm_version: '1.80.0' }), undefined],
    ['of a newer version', json({ status: 'healthy', db: 'connected' }), undefined],
    ['without a status', json({}), 'litellm_answer_invalid'],
    ['with a page', new Response(PAGE), 'litellm_answer_invalid'],
    ['with a 503', detail(503, 'no database'), 'litellm_unreachable'],
  ])('about the health %s is understood', async (_, health, code) => {
    answers = [...(code === 'litellm_unreachable' ? [health] : []), ...rightsAnswers(health)];
    const outcome = await createClient()
      .checkRights()
      .then(() => undefined)
      .catch((error: unknown) => error);
    expect(outcome instanceof AppError ? outcome.code : outcome).toBe(code);
  });

  it.each([
    ['7', 7],
    [new Date(NOW_MS + 9_001).toUTCString(), 9],
    [new Date(NOW_MS - 9_000).toUTCString(), 0],
    ['soon', undefined],
  ])('that asks to wait (%s) is passed on in seconds', async (retryAfter, seconds) => {
    answers = [new Response('', { status: 429, headers: { 'retry-after': retryAfter } })];
    const proxy = createClient({ clock: createTestClock(NOW_MS) });
    const error = await catchError(proxy.findTeam('t1'));
    expect(error instanceof AppError ? error.details['retryAfterSeconds'] : error).toBe(seconds);
  });
});

describe('an answer to a write', () => {
  it.each([
    { what: 'no connection', answer: broken('ECONNREFUSED'), fault: 'ECONNREFUSED', mayHaveWritten: false },
    { what: 'no such host', answer: broken('ENOTFOUND'), fault: 'ENOTFOUND', mayHaveWritten: false },
    {
      what: 'no connection in time',
      answer: broken('UND_ERR_CONNECT_TIMEOUT'),
      fault: 'UND_ERR_CONNECT_TIMEOUT',
      mayHaveWritten: false,
    },
    { what: 'a broken connection', answer: broken('ECONNRESET'), fault: 'ECONNRESET', mayHaveWritten: true },
    { what: 'an error without a code', answer: new Error(KEY), fault: 'network', mayHaveWritten: true },
    { what: '429', answer: new Response(PAGE, { status: 429 }), mayHaveWritten: false },
    { what: '502', answer: new Response(PAGE, { status: 502 }), mayHaveWritten: true },
    { what: '520', answer: new Response(PAGE, { status: 520 }), mayHaveWritten: true },
  ])('that is $what is not sent again by the client', async ({ answer, fault, mayHaveWritten }) => {
    answers = [answer];
    const error = await catchError(createClient().updateTeam('t1', { models: [] }));
    expect(error).toMatchObject({
      code: 'litellm_unreachable',
      retryable: true,
      details: { path: '/team/update', ...(fault === undefined ? {} : { fault }) },
    });
    expect(inspect(error).includes('mayHaveWritten: true')).toBe(mayHaveWritten);
    expect(asked).toHaveLength(1);
  });

  it.each([
    ['a page', new Response(PAGE), true],
    ['a redirect', new Response(null, { status: 307, headers: { location: '/sso' } }), false],
    ['a page of 404', new Response(PAGE, { status: 404 }), false],
    ['a page of 400', new Response(PAGE, { status: 400 }), false],
  ])('that is %s does not count as a refusal', async (_, answer, mayHaveWritten) => {
    answers = [answer];
    const error = await catchError(createClient().createTeam('t1', { team_alias: 'T', models: [] }));
    expect(error).toMatchObject({ code: 'litellm_answer_invalid', retryable: true });
    expect(inspect(error).includes('mayHaveWritten: true')).toBe(mayHaveWritten);
    expect(asked).toHaveLength(1);
  });

  it.each([400, 403, 409, 422])('that is %d is final for this request alone', async (status) => {
    answers = [detail(status, [{ loc: ['body'], msg: EMAIL }])];
    expect(await catchError(createClient().updateTeam('t1', { models: [] }))).toMatchObject({
      code: 'litellm_refused',
      retryable: false,
      details: { status },
    });
  });

  it.each([
    ['the type alone', proxyError(400, 'no', 'team_member_already_in_team')],
    ['words in {error}', proxyError(400, 'User already in team. Member: user_id=u1')],
    ['words in {detail: {error}}', detail(400, { error: 'User u1 is already in team' })],
    ['words in {detail}', detail(409, 'already in the team')],
  ])('says with %s that the user is a member already', async (_, answer) => {
    answers = [answer];
    expect(await createClient().addTeamMember('t1', 'u1', 'user')).toBe('already');
    expect(asked).toHaveLength(1);
  });

  it.each([
    ['{detail}', detail(400, 'Assigning team admins is a premium feature.')],
    ['{detail: {error}}', detail(403, { error: 'You must be a LiteLLM Enterprise user' })],
    ['{error}', proxyError(400, 'needs a LiteLLM License')],
  ])('says with words in %s that a role needs a licence, but only for an admin', async (_, answer) => {
    answers = [answer];
    expect(await catchError(createClient().addTeamMember('t1', 'u1', 'admin'))).toMatchObject({
      code: 'litellm_role_needs_licence',
      retryable: false,
    });
    answers = [answer, teamInfo()];
    expect(await catchError(createClient().addTeamMember('t1', 'u1', 'user'))).toMatchObject({
      code: 'litellm_refused',
    });
  });

  it('that is unclear is settled by a look: the member exists with this role', async () => {
    const there = [{ user_id: 'u1', role: 'user' }];
    answers = [proxyError(500, 'Unable to add user'), teamInfo({ members_with_roles: there })];
    expect(await createClient().addTeamMember('t1', 'u1', 'user')).toBe('done');
    answers = [proxyError(500, 'Unable to remove'), teamInfo()];
    expect(await createClient().removeTeamMember('t1', 'u1')).toBe('already');
    answers = [proxyError(500, 'Unable to remove'), teamInfo({ members_with_roles: there })];
    const error = await catchError(createClient().removeTeamMember('t1', 'u1'));
    expect(error).toMatchObject({ code: 'litellm_unreachable', details: { status: 500 } });
    // LiteLLM has finished the request, so no write can follow.
    expect(error).not.toHaveProperty('details.mayHaveWritten');
  });

  it('that is a conflict does not mean a taken email if no email was sent', async () => {
    answers = [proxyError(409, 'already exists'), json({ users: [], total_pages: 0 })];
    const call = createClient().createUser('u1', { user_role: 'internal_user', models: [] });
    expect(await catchError(call)).toMatchObject({ code: 'litellm_refused', details: { status: 409 } });
  });
});

describe('the key', () => {
  const secrets = [KEY, EMAIL, 'Bearer'];
  const texts: readonly [string, Response | Error][] = [
    ['an error of LiteLLM', proxyError(400, `key ${KEY} of ${EMAIL}`, `type ${KEY}`)],
    ['a detail', detail(422, [{ input: EMAIL, msg: KEY }])],
    ['a refusal', proxyError(401, `Received=${KEY}`, 'auth_error')],
    ['a page', new Response(PAGE + KEY)],
    ['an error of the network', broken('ECONNRESET')],
    ['an error with a strange code', Object.assign(new Error(KEY), { cause: { code: KEY } })],
    ['a wrong shape', json({ team_info: { [KEY]: EMAIL } })],
  ];

  it.each(texts)('and emails never appear in an error about %s', async (_, answer) => {
    answers = [answer];
    const proxy = createClient();
    const user = { user_email: EMAIL, user_role: 'internal_user' as const, models: [] };
    const calls = [proxy.findTeam('t1'), proxy.createUser('u1', user), proxy.checkRights()];
    const failures = (await Promise.allSettled(calls)).filter((result) => result.status === 'rejected');
    expect(failures.length).toBeGreaterThan(0);
    const shown = inspect(failures, { depth: 10, showHidden: true });
    for (const secret of secrets) expect(shown).not.toContain(secret);
  });

  it('never appears in an error if no header can carry it', async () => {
    const proxy = createClient({ apiKey: new Secret(`${KEY}\nx`), fetch });
    const error = await catchError(proxy.findTeam('t1'));
    expect(error).toMatchObject({ code: 'litellm_unreachable' });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(KEY);
  });
});

describe('over a real connection', () => {
  let stop: (() => Promise<void>) | undefined;
  afterEach(async () => stop?.());

  async function serve(
    handle: (request: IncomingMessage, response: ServerResponse) => void,
  ): Promise<string> {
    const server = createServer(handle);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    stop = async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    };
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    return `http://127.0.0.1:${address.port}`;
  }

  it('a redirect does not pass on the key', async () => {
    const paths: string[] = [];
    const baseUrl = await serve((request, response) => {
      paths.push(request.url ?? '');
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    const proxy = createClient({ baseUrl, fetch });
    expect(await catchError(proxy.findTeam('t1'))).toMatchObject({ code: 'litellm_answer_invalid' });
    expect(paths).toEqual(['/team/info?team_id=t1']);
  });

  it('an answer that never ends is cut off by the time-out, and the request is not repeated', async () => {
    let requests = 0;
    const baseUrl = await serve((_, response) => {
      requests += 1;
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"team_info":');
    });
    expect(await catchError(createClient({ baseUrl, fetch, timeoutMs: 500 }).findTeam('t1'))).toMatchObject({
      code: 'litellm_unreachable',
      details: { status: 0, fault: 'timeout' },
    });
    expect(requests).toBe(1);
  });

  it('an answer that is cut off does not count as a shorter list', async () => {
    const baseUrl = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('[]', () => response.destroy());
    });
    expect(await catchError(createClient({ baseUrl, fetch }).readOrganizations())).toMatchObject({
      code: 'litellm_unreachable',
    });
  });

  it('a refused connection means that nothing was written', async () => {
    const baseUrl = await serve(() => undefined);
    await stop?.();
    const error = await catchError(createClient({ baseUrl, fetch }).updateTeam('t1', { models: [] }));
    expect(error).toMatchObject({ code: 'litellm_unreachable', details: { fault: 'ECONNREFUSED' } });
    expect(error).not.toHaveProperty('details.mayHaveWritten');
  });
});
