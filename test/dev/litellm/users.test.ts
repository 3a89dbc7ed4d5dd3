import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { profiles } from '../../../dev/litellm/profile.ts';
import { openFilledProxy, openProxy, shapeOf } from './litellmFixture.ts';

describe.each(profiles)('a user in LiteLLM, %s versions', (profile) => {
  it('is created with our id, and with a key unless the request says no', async () => {
    const proxy = await openProxy({ profile });
    const fields = {
      user_alias: 'Ann',
      user_role: 'internal_user',
      sso_user_id: 's1',
      metadata: { a: 1 },
      teams: [],
    };
    const answer = await proxy.post('/user/new', {
      ...fields,
      user_id: 'ann',
      user_email: 'ann@example.com',
      auto_create_key: false,
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ user_id: 'ann', key: '', ...fields });
    expect(proxy.state.keys).toEqual([]);
    const other = await proxy.post('/user/new', { user_id: 'bob', teams: [] });
    expect(z.object({ key: z.string() }).parse(other.body).key).toMatch(/^sk-/);
    expect(proxy.state.keys).toMatchObject([{ user_id: 'bob' }]);
  });

  it('is 409 if the id exists; older versions answer 200 with another key, and keep the row', async () => {
    const proxy = await openFilledProxy({ profile });
    proxy.state.createKey({ key: 'sk-first', userId: 'ann' });
    const answer = await proxy.post('/user/new', { user_id: 'ann', user_alias: 'Other' });
    expect(answer.status).toBe(profile === 'older' ? 200 : 409);
    expect(proxy.state.keys.length).toBe(profile === 'older' ? 2 : 1);
    expect(proxy.state.findUser('ann')?.user_alias).toBeNull();
    await proxy.post('/user/new', { user_id: 'ann', auto_create_key: false });
    expect(proxy.state.keys.length).toBe(profile === 'older' ? 2 : 1);
  });

  it('is 409, or 400 in older versions, if the email exists in any case', async () => {
    const proxy = await openFilledProxy({ profile });
    const answer = await proxy.post('/user/new', { user_id: 'bob', user_email: 'aNN@Example.com' });
    expect([answer.status, shapeOf(answer)]).toEqual([profile === 'older' ? 400 : 409, 'error']);
    expect(proxy.state.findUser('bob')).toBeUndefined();
  });

  it('is 403 beyond the licence', async () => {
    const proxy = await openProxy({ profile });
    proxy.faults.set({ userCap: 1 });
    expect((await proxy.post('/user/new', { user_id: 'ann' })).status).toBe(403);
  });

  it('joins its teams, and unknown ones are ignored', async () => {
    const proxy = await openFilledProxy({ profile });
    const answer = await proxy.post('/user/new', { user_id: 'bob', teams: ['none', 'team'] });
    expect(answer.status).toBe(200);
    expect(proxy.membersOf('team')).toEqual(['bob']);
  });

  it('joins the default teams if teams is null or missing, and none if it is empty', async () => {
    const proxy = await openFilledProxy({ profile });
    proxy.faults.set({ defaultUserTeams: ['team'] });
    await proxy.post('/user/new', { user_id: 'left-out' });
    await proxy.post('/user/new', { user_id: 'null', teams: null });
    await proxy.post('/user/new', { user_id: 'empty', teams: [] });
    expect(proxy.membersOf('team')).toEqual(['left-out', 'null']);
  });

  it('is silently created by an update of an unknown id', async () => {
    const proxy = await openProxy({ profile });
    expect((await proxy.post('/user/update', { user_id: 'typo', user_alias: 'T' })).status).toBe(200);
    expect(proxy.state.findUser('typo')?.user_alias).toBe('T');
  });

  it('is updated in part: empty lists and nulls are dropped', async () => {
    const proxy = await openFilledProxy({ profile });
    await proxy.post('/user/update', { user_id: 'ann', models: ['gpt'], max_budget: 3 });
    await proxy.post('/user/update', { user_id: 'ann', models: [], max_budget: null });
    expect(proxy.state.findUser('ann')).toMatchObject({ models: ['gpt'], max_budget: 3 });
  });
});

describe.each(profiles)('the list of users in LiteLLM, %s versions', (profile) => {
  const pageSchema = z.object({ users: z.array(z.object({ user_id: z.string() })), total: z.number() });

  it('has pages of 25 by default, of 100 at most, and more is 422', async () => {
    const proxy = await openProxy({ profile });
    proxy.state.edit(
      ...Array.from({ length: 129 }, (_, index) => ({ edit: 'createUser' as const, userId: `u${index}` })),
    );
    const sizeOf = async (query: string): Promise<number> =>
      pageSchema.parse((await proxy.get(`/user/list${query}`)).body).users.length;
    expect(await sizeOf('')).toBe(25);
    expect(await sizeOf('?page_size=100&page=2')).toBe(30);
    expect((await proxy.get('/user/list?page_size=101')).status).toBe(422);
  });

  it('finds one id anywhere in the ids, and several exactly', async () => {
    const proxy = await openProxy({ profile });
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
