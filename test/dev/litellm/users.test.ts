import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { profiles } from '../../../dev/litellm/profile.ts';
import { openFilledProxy, openProxy, shapeOf } from './litellmFixture.ts';

describe.each(profiles)('a user in a proxy of the %s versions', (profile) => {
  it('is made under our id, with a key unless we say no', async () => {
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

  it('is 409 where the id is taken; in the older versions 200, another key and the row as it was', async () => {
    const proxy = await openFilledProxy({ profile });
    proxy.state.createKey({ key: 'sk-first', userId: 'ann' });
    const answer = await proxy.post('/user/new', { user_id: 'ann', user_alias: 'Other' });
    expect(answer.status).toBe(profile === 'older' ? 200 : 409);
    expect(proxy.state.keys.length).toBe(profile === 'older' ? 2 : 1);
    expect(proxy.state.findUser('ann')?.user_alias).toBeNull();
    await proxy.post('/user/new', { user_id: 'ann', auto_create_key: false });
    expect(proxy.state.keys.length).toBe(profile === 'older' ? 2 : 1);
  });

  it('is 409, or 400 in the older versions, where the email is taken, in any case', async () => {
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

  it('joins the teams and organizations that it is made with; who is absent there is never told', async () => {
    const proxy = await openFilledProxy({ profile });
    const answer = await proxy.post('/user/new', {
      user_id: 'bob',
      teams: ['none', 'team'],
      organizations: ['none', 'org'],
    });
    expect(answer.status).toBe(200);
    expect(proxy.membersOf('team')).toEqual(['bob']);
    expect(proxy.state.readOrganizationMembers('org')).toMatchObject([{ user_id: 'bob' }]);
  });

  it('joins the default teams where teams is null or left out, and none where it is empty', async () => {
    const proxy = await openFilledProxy({ profile });
    proxy.faults.set({ defaultUserTeams: ['team'] });
    await proxy.post('/user/new', { user_id: 'left-out' });
    await proxy.post('/user/new', { user_id: 'null', teams: null });
    await proxy.post('/user/new', { user_id: 'empty', teams: [] });
    expect(proxy.membersOf('team')).toEqual(['left-out', 'null']);
  });

  it('is silently made by an update of an unknown id', async () => {
    const proxy = await openProxy({ profile });
    expect((await proxy.post('/user/update', { user_id: 'typo', user_alias: 'T' })).status).toBe(200);
    expect(proxy.state.findUser('typo')?.user_alias).toBe('T');
  });

  it('is changed in part: empty lists and nulls are dropped, and teams do not follow', async () => {
    const proxy = await openFilledProxy({ profile });
    await proxy.post('/user/update', { user_id: 'ann', models: ['gpt'], max_budget: 3 });
    await proxy.post('/user/update', { user_id: 'ann', models: [], max_budget: null, teams: ['team'] });
    expect(proxy.state.findUser('ann')).toMatchObject({ models: ['gpt'], max_budget: 3, teams: ['team'] });
    expect(proxy.membersOf('team')).toEqual([]);
    await proxy.post('/user/update', { user_id: 'ann', teams: [] });
    expect(proxy.state.findUser('ann')?.teams).toEqual(['team']);
  });
});

describe.each(profiles)('the list of users in a proxy of the %s versions', (profile) => {
  const pageSchema = z.object({ users: z.array(z.object({ user_id: z.string() })), total: z.number() });

  it('comes in pages of 25, of 100 at most, and more is 422', async () => {
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

  it('finds one id anywhere in the ids, several exactly, and sso ids exactly', async () => {
    const proxy = await openProxy({ profile });
    for (const userId of ['ann', 'joanna', 'bob']) {
      await proxy.post('/user/new', {
        user_id: userId,
        sso_user_id: `sso-${userId}`,
        auto_create_key: false,
      });
    }
    const idsOf = async (query: string): Promise<string[]> =>
      pageSchema
        .parse((await proxy.get(`/user/list?${query}`)).body)
        .users.map((user) => user.user_id)
        .toSorted();
    expect(await idsOf('user_ids=ann')).toEqual(['ann', 'joanna']);
    expect(await idsOf('user_ids=ann,bob')).toEqual(['ann', 'bob']);
    expect(await idsOf('sso_user_ids=sso-ann')).toEqual(['ann']);
    expect(await idsOf('sso_user_ids=ann')).toEqual([]);
  });
});
