import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { versions } from '../../../dev/litellm/versions.ts';
import { openFilledProxy, openProxy, shapeOf } from './litellmFixture.ts';

describe.each(versions)('a user in LiteLLM, version %s', (version) => {
  it('is created with our id, and with a key unless the request says no', async () => {
    const proxy = await openProxy({ version });
    const teams = ['1.80.0', '1.84.10'].includes(version) ? null : [];
    const fields = {
      user_alias: 'Ann',
      user_role: 'internal_user',
      sso_user_id: 's1',
      metadata: { a: 1 },
    };
    const answer = await proxy.post('/user/new', {
      ...fields,
      user_id: 'ann',
      user_email: 'ann@example.com',
      teams: [],
      auto_create_key: false,
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ user_id: 'ann', key: '', ...fields, teams });
    expect(proxy.state.keys).toEqual([]);
    const other = await proxy.post('/user/new', { user_id: 'bob', teams: [] });
    expect(z.object({ key: z.string() }).parse(other.body).key).toMatch(/^sk-/);
    expect(proxy.state.keys).toMatchObject([{ user_id: 'bob' }]);
  });

  it('is 409 if the id exists; older versions answer 200 with another key, and keep the row', async () => {
    const proxy = await openFilledProxy({ version });
    proxy.state.createKey({ key: 'sk-first', userId: 'ann' });
    const answer = await proxy.post('/user/new', { user_id: 'ann', user_alias: 'Other' });
    expect(answer.status).toBe(version === '1.80.0' ? 200 : 409);
    expect(proxy.state.keys.length).toBe(version === '1.80.0' ? 2 : 1);
    expect(proxy.state.findUser('ann')?.user_alias).toBeNull();
    await proxy.post('/user/new', { user_id: 'ann', auto_create_key: false });
    expect(proxy.state.keys.length).toBe(version === '1.80.0' ? 2 : 1);
  });

  it('is 409, or 400 in older versions, if the email exists in any case', async () => {
    const proxy = await openFilledProxy({ version });
    const answer = await proxy.post('/user/new', { user_id: 'bob', user_email: 'aNN@Example.com' });
    expect([answer.status, shapeOf(answer)]).toEqual([version === '1.80.0' ? 400 : 409, 'error']);
    expect(proxy.state.findUser('bob')).toBeUndefined();
  });

  it('is 403 beyond the licence', async () => {
    const proxy = await openProxy({ version });
    proxy.faults.set({ userCap: 0 });
    expect((await proxy.post('/user/new', { user_id: 'ann' })).status).toBe(403);
  });

  it('joins its teams and organizations, and unknown ones are ignored', async () => {
    const proxy = await openFilledProxy({ version });
    const answer = await proxy.post('/user/new', {
      user_id: 'bob',
      teams: ['none', 'team'],
      organizations: ['none', 'org'],
    });
    expect(answer.status).toBe(200);
    expect(proxy.membersOf('team')).toEqual(['bob']);
    expect(proxy.state.readOrganizationMembers('org')).toMatchObject([{ user_id: 'bob' }]);
  });

  it('joins the default teams if teams is null or missing, and none if it is empty', async () => {
    const proxy = await openFilledProxy({ version });
    proxy.settings.change({ defaultInternalUserParams: { teams: ['team'] } });
    await proxy.post('/user/new', { user_id: 'left-out' });
    await proxy.post('/user/new', { user_id: 'null', teams: null });
    await proxy.post('/user/new', { user_id: 'empty', teams: [] });
    expect(proxy.membersOf('team')).toEqual(['left-out', 'null']);
  });

  it('is silently created by an update of an unknown id', async () => {
    const proxy = await openProxy({ version });
    expect((await proxy.post('/user/update', { user_id: 'typo', user_alias: 'T' })).status).toBe(200);
    expect(proxy.state.findUser('typo')?.user_alias).toBe('T');
  });

  it('is updated in part: empty lists are dropped, and null clears what the version lets it', async () => {
    const proxy = await openFilledProxy({ version });
    const limits = { max_budget: 3, budget_duration: '7d', tpm_limit: 4 };
    await proxy.post('/user/update', { user_id: 'ann', models: ['gpt'], ...limits });
    await proxy.post('/user/update', {
      user_id: 'ann',
      models: [],
      max_budget: null,
      budget_duration: null,
      tpm_limit: null,
    });
    expect(proxy.state.findUser('ann')).toMatchObject({
      models: ['gpt'],
      max_budget: version === '1.80.0' ? 3 : null,
      budget_duration: version === '1.108.0' ? null : '7d',
      tpm_limit: version === '1.108.0' ? null : 4,
    });
  });

  it('takes missing fields from default_internal_user_params; an empty list of models is missing', async () => {
    const proxy = await openProxy({
      version,
      defaultInternalUserParams: { models: ['gpt'], max_budget: 2, user_role: 'internal_user_viewer' },
    });
    await proxy.post('/user/new', { user_id: 'a', teams: [], models: [] });
    await proxy.post('/user/new', { user_id: 'b', max_budget: 1, models: ['x'], user_role: 'internal_user' });
    expect(proxy.state.findUser('a')).toMatchObject({
      models: ['gpt'],
      max_budget: 2,
      user_role: 'internal_user_viewer',
    });
    expect(proxy.state.findUser('b')).toMatchObject({
      models: ['x'],
      max_budget: 1,
      user_role: 'internal_user',
    });
  });
});

describe.each(versions)('the list of users in LiteLLM, version %s', (version) => {
  const pageSchema = z.object({ users: z.array(z.object({ user_id: z.string() })), total: z.number() });

  it('has pages of 25 by default, of 100 at most, and more is 422', async () => {
    const proxy = await openProxy({ version });
    proxy.state.edit(
      ...Array.from({ length: 129 }, (_, index) => ({ edit: 'createUser' as const, userId: `u${index}` })),
    );
    const sizeOf = async (query: string): Promise<number> =>
      pageSchema.parse((await proxy.get(`/user/list${query}`)).body).users.length;
    expect(await sizeOf('')).toBe(25);
    expect(await sizeOf('?page_size=100&page=2')).toBe(29);
    expect((await proxy.get('/user/list?page_size=101')).status).toBe(422);
  });

  it('finds one id anywhere in the ids, and several exactly', async () => {
    const proxy = await openProxy({ version });
    for (const userId of ['ann', 'joanna', 'bob']) proxy.state.createUser({ userId });
    const idsOf = async (query: string): Promise<string[]> =>
      pageSchema
        .parse((await proxy.get(`/user/list?${query}`)).body)
        .users.map((user) => user.user_id)
        .toSorted();
    expect(await idsOf('user_ids=ann')).toEqual(['ann', 'joanna']);
    expect(await idsOf('user_ids=ann,bob')).toEqual(['ann', 'bob']);
  });
});
