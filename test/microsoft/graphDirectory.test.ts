import { beforeEach, describe, expect, it } from 'vitest';
import { createGraphDirectory, type GraphDirectoryOptions } from '../../shared/microsoft/graphDirectory.ts';
import type { Directory } from '../../shared/model/ports.ts';
import { createTestClock, type TestClock } from '../support/signInDoubles.ts';

const GRAPH = 'https://graph.microsoft.com/v1.0';
const DATE = 'Wed, 01 Jul 2026 10:00:00 GMT';
const MY_GROUPS = `${GRAPH}/me/memberOf?$select=id&$top=999`;

interface Asked {
  readonly url: string;
  readonly authorization: string | undefined;
}
type Answer = Response | Error | 'silence';

let clock: TestClock;
let asked: Asked[];
let slept: number[];
let answers: Answer[];

/** Answers in order; the last one again and again. */
async function fetchDouble(url: string, init: RequestInit): Promise<Response> {
  const authorization = new Headers(init.headers).get('authorization') ?? undefined;
  asked.push({ url, authorization });
  const answer = answers.length > 1 ? answers.shift() : answers[0];
  if (answer === 'silence') {
    return new Promise((_, reject) => {
      init.signal?.addEventListener('abort', () => reject(new Error('timed out')));
    });
  }
  if (answer instanceof Error) throw answer;
  if (answer === undefined) throw new Error('the test gives no answer');
  return answer.clone();
}

function createDirectory(parts: Partial<GraphDirectoryOptions> = {}): Directory {
  return createGraphDirectory({
    graphBaseUrl: GRAPH,
    servicePrincipalId: 'principal-1',
    appToken: async ({ fresh }) => (fresh ? 'app-token-fresh' : 'app-token'),
    fetch: fetchDouble,
    clock,
    sleep: async (durationMs) => {
      slept.push(durationMs);
      clock.advance(durationMs);
    },
    timeoutMs: 30,
    ...parts,
  });
}

const group = (id: string): object => ({ '@odata.type': '#microsoft.graph.group', id });
const assignment = (principalId: string, principalType = 'Group'): object => ({
  principalId,
  principalType,
  principalDisplayName: `Name of ${principalId}`,
});

function page(value: readonly unknown[], nextLink?: string, date: string | null = DATE): Response {
  const body = { value, ...(nextLink === undefined ? {} : { '@odata.nextLink': nextLink }) };
  return Response.json(body, { headers: date === null ? {} : { date } });
}

const status = (code: number, headers: Record<string, string> = {}): Response =>
  Response.json({ error: { code: 'x', message: 'alice@company.com' } }, { status: code, headers });

beforeEach(() => {
  clock = createTestClock(Date.parse(DATE));
  asked = [];
  slept = [];
  answers = [];
});

describe('readMyGroupIds', () => {
  it('returns the groups of every page, by the clock of the first, with the person’s own token', async () => {
    answers = [
      page([group('g1'), group('g2')], `${MY_GROUPS}&$skiptoken=AbC%3d%3d`),
      page([group('g3')], undefined, 'Wed, 01 Jul 2026 10:00:09 GMT'),
    ];
    expect(await createDirectory().readMyGroupIds('person-token')).toEqual({
      groupIds: ['g1', 'g2', 'g3'],
      observedAt: '2026-07-01T10:00:00.000Z',
    });
    expect(asked[0]).toEqual({ url: MY_GROUPS, authorization: 'Bearer person-token' });
    expect(asked[1]?.url).toContain('$skiptoken=AbC%3d%3d');
    expect(asked).toHaveLength(2);
  });

  it('leaves out what is not a group, and counts one on two pages once', async () => {
    answers = [
      page(
        [
          group('g1'),
          { '@odata.type': '#microsoft.graph.directoryRole', id: 'role/1' },
          { '@odata.type': '#microsoft.graph.administrativeUnit', id: 'unit-1' },
        ],
        `${MY_GROUPS}&$skiptoken=2`,
      ),
      page([group('g1'), group('g2')]),
    ];
    expect((await createDirectory().readMyGroupIds('t')).groupIds).toEqual(['g1', 'g2']);
  });

  it('returns a complete empty list as an empty list', async () => {
    answers = [page([])];
    expect((await createDirectory().readMyGroupIds('t')).groupIds).toEqual([]);
  });

  it('works with an emulator’s base URL', async () => {
    const base = 'https://localhost:8443/graph/v1.0';
    answers = [page([group('g1')], `${base}/me/memberOf?$skiptoken=2`), page([group('g2')])];
    const directory = createDirectory({ graphBaseUrl: base });
    expect((await directory.readMyGroupIds('t')).groupIds).toEqual(['g1', 'g2']);
    expect(asked).toEqual([
      { url: `${base}/me/memberOf?$select=id&$top=999`, authorization: 'Bearer t' },
      { url: `${base}/me/memberOf?$skiptoken=2`, authorization: 'Bearer t' },
    ]);
  });

  it('sends no token over http', async () => {
    answers = [page([])];
    await createDirectory({ graphBaseUrl: 'http://localhost:8080/v1.0' }).readMyGroupIds('t');
    expect(asked[0]?.authorization).toBeUndefined();
  });

  it.each([
    ['another host', 'https://evil.example/v1.0/me/memberOf'],
    ['a host that starts as ours', 'https://graph.microsoft.com.evil.example/v1.0/x'],
    ['our host as a user name', 'https://graph.microsoft.com:x@evil.example/v1.0/x'],
    ['another port', 'https://graph.microsoft.com:8443/v1.0/x'],
    ['http', 'http://graph.microsoft.com/v1.0/x'],
    ['a path alone', '/v1.0/me/memberOf?$skiptoken=2'],
  ])('refuses a next link to %s, and sends nothing to it', async (_, nextLink) => {
    answers = [page([group('g1')], nextLink)];
    await expect(createDirectory().readMyGroupIds('t')).rejects.toMatchObject({
      code: 'directory_answer_invalid',
      details: { fault: 'foreign_next_link' },
    });
    expect(asked).toHaveLength(1);
  });

  it('refuses a list that leads back to itself', async () => {
    answers = [page([group('g1')], MY_GROUPS)];
    await expect(createDirectory().readMyGroupIds('t')).rejects.toMatchObject({
      code: 'directory_answer_invalid',
      details: { fault: 'endless_list' },
    });
  });

  it.each([
    ['no JSON', new Response('<html>', { headers: { date: DATE } }), 'page_'],
    ['no list', Response.json({ error: 'x' }, { headers: { date: DATE } }), 'page_value'],
    ['an item without a type', page([{ id: 'g1' }]), 'page_value[0]["@odata.type"]'],
    [
      'an item without an id',
      page([group('g1'), { '@odata.type': '#microsoft.graph.group' }]),
      'page_value[1].id',
    ],
    ['a group id that is not a table key', page([group('../x')]), 'page_value[0]'],
    [
      'a next link that is not text',
      Response.json({ value: [], '@odata.nextLink': 1 }),
      'page_["@odata.nextLink"]',
    ],
    ['no date', page([], undefined, null), 'date'],
    ['a date that is invalid', page([], undefined, 'soon'), 'date'],
  ])('throws on %s, rather than giving fewer groups', async (_, answer, fault) => {
    answers = [answer];
    await expect(createDirectory().readMyGroupIds('t')).rejects.toMatchObject({
      code: 'directory_answer_invalid',
      retryable: false,
      details: { fault },
    });
  });

  it('throws when a later page fails, rather than giving the earlier ones', async () => {
    answers = [page([group('g1')], `${MY_GROUPS}&$skiptoken=2`), status(500)];
    await expect(createDirectory().readMyGroupIds('t')).rejects.toMatchObject({
      code: 'directory_unreachable',
    });
  });
});

describe('trying again', () => {
  it.each([
    ['429', status(429)],
    ['500', status(500)],
    ['502', status(502)],
    ['503', status(503)],
    ['504', status(504)],
    ['a broken connection', new TypeError('fetch failed')],
    ['no answer in time', 'silence' as const],
  ])('happens three times after %s, each wait longer', async (_, answer) => {
    answers = [answer];
    await expect(createDirectory().readMyGroupIds('t')).rejects.toMatchObject({
      code: 'directory_unreachable',
      retryable: true,
    });
    expect(asked).toHaveLength(4);
    expect(slept).toEqual([500, 1000, 2000]);
  });

  it('returns the list once Graph answers', async () => {
    answers = [status(500), new TypeError('fetch failed'), page([group('g1')])];
    expect((await createDirectory().readMyGroupIds('t')).groupIds).toEqual(['g1']);
  });

  it.each([
    ['seconds', '7', 7000],
    ['a date', 'Wed, 01 Jul 2026 10:00:07 GMT', 7000],
    ['less than the usual wait', '0', 500],
    ['a date in the past', 'Wed, 01 Jul 2026 09:00:00 GMT', 500],
    ['nonsense', 'soon', 500],
  ])('waits as Retry-After says (%s)', async (_, retryAfter, durationMs) => {
    answers = [status(429, { 'retry-after': retryAfter }), page([])];
    await createDirectory().readMyGroupIds('t');
    expect(slept).toEqual([durationMs]);
  });

  it('does not happen when Retry-After is too long', async () => {
    answers = [status(429, { 'retry-after': '11' })];
    await expect(createDirectory().readMyGroupIds('t')).rejects.toMatchObject({
      code: 'directory_unreachable',
      retryable: true,
      details: { status: 429 },
    });
    expect(slept).toEqual([]);
  });

  it('ends when a person has waited 25 seconds', async () => {
    answers = [status(429, { 'retry-after': '10' })];
    await expect(createDirectory().readMyGroupIds('t')).rejects.toMatchObject({
      code: 'directory_unreachable',
    });
    expect(slept).toEqual([10_000, 10_000]);
  });

  it.each([
    [400, 'directory_answer_invalid'],
    [403, 'directory_permission_missing'],
    [404, 'directory_answer_invalid'],
    [302, 'directory_answer_invalid'],
  ])('does not happen after %d', async (code, errorCode) => {
    answers = [status(code)];
    await expect(createDirectory().readMyGroupIds('t')).rejects.toMatchObject({
      code: errorCode,
      retryable: false,
      details: { status: code },
    });
    expect(asked).toHaveLength(1);
  });

  it('happens once after 401 with a fresh token, and not for a person, who has no other', async () => {
    answers = [status(401), page([assignment('g1')])];
    await createDirectory().readAssignedGroups();
    expect(asked.map((request) => request.authorization)).toEqual([
      'Bearer app-token',
      'Bearer app-token-fresh',
    ]);

    answers = [status(401)];
    await expect(createDirectory().readAssignedGroups()).rejects.toMatchObject({
      code: 'directory_unreachable',
    });
    asked = [];
    await expect(createDirectory().readMyGroupIds('t')).rejects.toMatchObject({
      code: 'directory_unreachable',
    });
    expect(asked).toHaveLength(1);
  });
});

describe('readAssignedGroups', () => {
  it('returns the groups of every page, once each, by id', async () => {
    answers = [
      page([assignment('g2'), assignment('user-1', 'User'), assignment('g1')], `${GRAPH}/x?$skiptoken=2`),
      page([assignment('g2'), assignment('spn/1', 'ServicePrincipal'), assignment('g3')]),
    ];
    expect(await createDirectory().readAssignedGroups()).toEqual([
      { id: 'g1', displayName: 'Name of g1' },
      { id: 'g2', displayName: 'Name of g2' },
      { id: 'g3', displayName: 'Name of g3' },
    ]);
    expect(asked[0]).toEqual({
      url: `${GRAPH}/servicePrincipals/principal-1/appRoleAssignedTo?$select=principalId,principalType,principalDisplayName&$top=999`,
      authorization: 'Bearer app-token',
    });
  });

  it('returns an empty list as an empty list, and a group without a name under its id', async () => {
    answers = [page([])];
    expect(await createDirectory().readAssignedGroups()).toEqual([]);
    answers = [page([{ principalId: 'g1', principalType: 'Group', principalDisplayName: null }])];
    expect(await createDirectory().readAssignedGroups()).toEqual([{ id: 'g1', displayName: 'g1' }]);
  });

  it.each([
    [' Research\u0000 \u202ETeam\u202C ', 'Research Team'],
    ['تیم\u200Cها', 'تیم\u200Cها'],
    ['\u202E \u001B', 'g1'],
    ['', 'g1'],
  ])('returns the name %j as %j', async (principalDisplayName, displayName) => {
    answers = [page([{ principalId: 'g1', principalType: 'Group', principalDisplayName }])];
    expect(await createDirectory().readAssignedGroups()).toEqual([{ id: 'g1', displayName }]);
  });

  it.each([
    ['an assignment without a type', { principalId: 'g1' }],
    ['a group id that is not a table key', assignment('a/b')],
  ])('throws on %s', async (_, item) => {
    answers = [page([item])];
    await expect(createDirectory().readAssignedGroups()).rejects.toMatchObject({
      code: 'directory_answer_invalid',
    });
  });

  it('throws what the token’s source throws', async () => {
    const directory = createDirectory({ appToken: async () => Promise.reject(new Error('no token')) });
    await expect(directory.readAssignedGroups()).rejects.toThrow('no token');
    expect(asked).toEqual([]);
  });

  it('throws where no Enterprise Application is configured', async () => {
    const { servicePrincipalId: _, ...options } = {
      graphBaseUrl: GRAPH,
      servicePrincipalId: '',
      appToken: async () => 't',
      fetch: fetchDouble,
      clock,
      sleep: async () => {},
    };
    await expect(createGraphDirectory(options).readAssignedGroups()).rejects.toMatchObject({
      code: 'configuration_invalid',
    });
  });
});
