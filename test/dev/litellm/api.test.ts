import { describe, expect, it } from 'vitest';

import { versions } from '../../../dev/litellm/versions.ts';
import { openFilledProxy, openProxy, shapeOf, typeOf } from './litellmFixture.ts';

describe.each(versions)('every call to LiteLLM, version %s', (version) => {
  it('needs the key of a proxy_admin', async () => {
    const proxy = await openFilledProxy({ version });
    proxy.state.edit(
      { edit: 'createUser', userId: 'boss', role: 'proxy_admin' },
      { edit: 'createKey', key: 'sk-boss', userId: 'boss' },
      { edit: 'createKey', key: 'sk-ann', userId: 'ann' },
    );
    const none = await fetch(`${proxy.url}/team/info?team_id=team`);
    expect(none.status).toBe(401);
    const unknown = await proxy.get('/team/info?team_id=team', 'sk-unknown');
    expect([unknown.status, typeOf(unknown)]).toEqual([401, 'token_not_found_in_db']);
    expect((await proxy.get('/team/info?team_id=team', 'sk-ann')).status).toBe(401);
    expect((await proxy.get('/team/info?team_id=team', 'sk-boss')).status).toBe(200);
    expect((await proxy.get('/team/info?team_id=team')).status).toBe(200);
  });

  it('keeps neither keys nor tokens in the record', async () => {
    const proxy = await openProxy({ version });
    await proxy.get('/team/info?team_id=x');
    expect(JSON.stringify(proxy.requests.all)).not.toContain(proxy.masterKey);
  });

  it('is refused with 422 for a bad body: no JSON, a missing field, a wrong type', async () => {
    const proxy = await openProxy({ version });
    const garbage = await fetch(`${proxy.url}/team/new`, {
      method: 'POST',
      headers: { authorization: `Bearer ${proxy.masterKey}` },
      body: '{',
    });
    expect(garbage.status).toBe(422);
    const bodies: [string, object][] = [
      ['/organization/new', { organization_id: 'no alias' }],
      ['/organization/new', { organization_alias: 'a', models: 'gpt' }],
      ['/organization/member_add', { organization_id: 'o', member: { user_id: 'u', role: 'boss' } }],
      ['/organization/member_add', { organization_id: 'o', member: { role: 'internal_user' } }],
      ['/team/new', { max_budget: 'much' }],
      ['/team/member_add', { team_id: 't', member: { user_id: 'u', role: 'owner' } }],
      ['/team/member_add', { team_id: 't' }],
      ['/user/new', { user_id: 7 }],
      ['/user/new', { auto_create_key: 'no' }],
    ];
    const answers = await Promise.all(bodies.map(([path, body]) => proxy.post(path, body)));
    expect(answers.map((answer) => answer.status)).toEqual(bodies.map(() => 422));
    expect(answers[0]?.body).toMatchObject({ detail: [{ loc: ['body', 'organization_alias'] }] });
    expect(proxy.state.organizations).toEqual([]);
  });

  it('is recorded with a warning about each field and parameter that is ignored', async () => {
    const proxy = await openFilledProxy({ version });
    const body = {
      team_id: 'team',
      member: { user_id: 'ann', role: 'user' },
      max_budget: 3,
    };
    expect((await proxy.post('/team/member_add', body)).status).toBe(200);
    await proxy.get('/team/info?team_id=team&page=2');
    expect(proxy.requests.warnings).toEqual([
      'POST /team/member_add: the field max_budget is ignored',
      'GET /team/info: the query parameter page is ignored',
    ]);
    expect(proxy.requests.all[0]).toMatchObject({
      method: 'POST',
      path: '/team/member_add',
      body,
      status: 200,
    });
    expect(proxy.requests.all[1]).toMatchObject({ query: { team_id: 'team', page: '2' }, isWrite: false });
  });

  it('is recorded with a warning about an ignored field of a member in a list', async () => {
    const proxy = await openFilledProxy({ version });
    const member = [{ user_id: 'ann', role: 'user', name: 'Ann' }];
    await proxy.post('/team/member_add', { team_id: 'team', member });
    expect(proxy.requests.warnings).toEqual(['POST /team/member_add: the field member[0].name is ignored']);
  });

  it('is 404 at an unknown path, and 405 with another method', async () => {
    const proxy = await openProxy({ version });
    expect((await proxy.post('/team/rename', {})).status).toBe(404);
    expect((await proxy.post('/organization/update', {})).status).toBe(405);
    expect((await proxy.post('/organization/member_delete', {})).status).toBe(405);
  });

  it('reads litellm-changed-by only at the two endpoints that LiteLLM says read it', async () => {
    const proxy = await openFilledProxy({ version });
    const headers = { authorization: `Bearer ${proxy.masterKey}`, 'litellm-changed-by': 'us' };
    const calls: [string, object][] = [
      ['/team/new', { team_id: 'new' }],
      ['/team/update', { team_id: 'new' }],
      ['/team/member_add', { team_id: 'new', member: { user_id: 'ann', role: 'user' } }],
      ['/user/new', { user_id: 'bob' }],
    ];
    for (const [path, body] of calls) {
      await fetch(`${proxy.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    }
    const noted = proxy.requests.all.filter((request) => request.changedBy === 'us');
    expect(noted.map((request) => request.path)).toEqual(['/team/new', '/team/update']);
  });

  it('is recorded as destructive if it destroys something, or would', async () => {
    const proxy = await openFilledProxy({ version });
    await proxy.post('/team/member_delete', { team_id: 'team', user_id: 'nobody' });
    await proxy.delete('/organization/member_delete', { organization_id: 'org', user_id: 'nobody' });
    expect(proxy.requests.destructive).toEqual([]);
    const answers = [
      await proxy.post('/user/delete', { user_ids: ['ann', 'none'] }),
      await proxy.post('/team/delete', { team_ids: ['team'] }),
      await proxy.post('/key/delete', { keys: ['sk-1'] }),
      await proxy.delete('/organization/delete', { organization_ids: ['org'] }),
    ];
    expect(answers.map((answer) => answer.status)).toEqual([404, 200, 404, 200]);
    expect([proxy.state.users.length, proxy.state.teams, proxy.state.organizations]).toEqual([1, [], []]);
    expect(proxy.requests.destructive.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /user/delete',
      'POST /team/delete',
      'POST /key/delete',
      'DELETE /organization/delete',
    ]);
    proxy.requests.clear();
    expect(proxy.requests.all).toEqual([]);
    expect(proxy.requests.destructive).toEqual([]);
  });

  it('fails in one of two shapes, or in plain text in older versions', async () => {
    const proxy = await openFilledProxy({ version });
    expect(shapeOf(await proxy.get('/organization/info?organization_id=none'))).toBe('detail');
    expect(shapeOf(await proxy.get('/team/info?team_id=none'))).toBe('error');
    expect(
      shapeOf(await proxy.post('/organization/new', { organization_id: 'org', organization_alias: 'O' })),
    ).toBe(['1.80.0', '1.84.10'].includes(version) ? 'text' : 'error');
  });
});

describe('the health check', () => {
  it.each(versions)('needs no key, and contains the version only in older versions (%s)', async (version) => {
    const proxy = await openProxy({ version });
    const response = await fetch(`${proxy.url}/health/readiness`);
    const body: unknown = await response.json();
    expect(body).toMatchObject({
      status: version === '1.80.0' ? 'connected' : 'healthy',
      db: 'connected',
    });
    expect(JSON.stringify(body).includes('litellm_version')).toBe(version === '1.80.0');
  });

  it.each(versions)('is 503 while the database is down (%s)', async (version) => {
    const proxy = await openProxy({ version });
    proxy.faults.set({ databaseDown: true });
    expect((await fetch(`${proxy.url}/health/readiness`)).status).toBe(503);
    expect((await proxy.get('/user/list')).status).toBe(503);
  });
});
