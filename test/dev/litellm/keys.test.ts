import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { versions } from '../../../dev/litellm/versions.ts';
import { openFilledProxy, textOf, typeOf } from './litellmFixture.ts';
import type { Answer, EmulatedProxy } from './litellmFixture.ts';

const madeSchema = z.object({ key: z.string(), token: z.string() });
const listSchema = z.object({
  keys: z.array(z.object({ key_alias: z.string() })),
  total_count: z.number(),
  total_pages: z.number(),
});

/** Makes a key as an administrator, and returns it with its hash. */
async function makeKey(proxy: EmulatedProxy, fields: object): Promise<z.output<typeof madeSchema>> {
  return madeSchema.parse((await proxy.post('/key/generate', fields)).body);
}

const chat = { model: 'gpt-4o', messages: [{ role: 'user', content: 'hi' }] };
const ask = (proxy: EmulatedProxy, key: string): Promise<Answer> =>
  proxy.post('/v1/chat/completions', chat, key);

describe.each(versions)('a key in LiteLLM, version %s', (version) => {
  /** With the team `team` of `gpt-4o`, in which `ann` is a member. */
  async function open(): Promise<EmulatedProxy> {
    const proxy = await openFilledProxy({ version });
    proxy.state.edit(
      { edit: 'changeModels', organizationId: 'org', models: ['gpt-4o'] },
      { edit: 'changeModels', teamId: 'team', models: ['gpt-4o'] },
      { edit: 'addTeamMember', teamId: 'team', userId: 'ann' },
    );
    return proxy;
  }

  it('is listed ten a page, 100 at most, the newest first, or as hashes', async () => {
    const proxy = await open();
    for (let index = 0; index < 12; index += 1)
      await makeKey(proxy, { key_alias: `k${index}`, user_id: 'ann' });
    const read = async (query: string): Promise<z.output<typeof listSchema>> =>
      listSchema.parse((await proxy.get(`/key/list?return_full_object=true&${query}`)).body);
    const first = await read('');
    expect([first.keys.length, first.total_count, first.total_pages]).toEqual([10, 12, 2]);
    expect(first.keys[0]).toEqual({ key_alias: 'k11' });
    expect((await read('size=100')).keys).toHaveLength(12);
    expect((await proxy.get('/key/list?size=101')).status).toBe(422);
    expect((await proxy.get('/key/list?size=1')).body).toMatchObject({ keys: [proxy.state.keys[11]?.token] });
  });

  it('is found by its owner and alias: equal ones, in 1.84 whatever contains them', async () => {
    const proxy = await open();
    await makeKey(proxy, { key_alias: 'one', user_id: 'ann' });
    await makeKey(proxy, { key_alias: 'ONE-ci', user_id: 'ann-ci' });
    const found = async (query: string): Promise<string[]> =>
      listSchema
        .parse((await proxy.get(`/key/list?return_full_object=true&${query}`)).body)
        .keys.map((key) => key.key_alias)
        .toSorted();
    const both = version === '1.84.10' ? ['ONE-ci', 'one'] : ['one'];
    expect(await found('user_id=ann')).toEqual(both);
    expect(await found('key_alias=one')).toEqual(both);
    expect(await found('team_id=tea')).toEqual([]);
  });

  it('answers for its team’s models, costs something, and shows the models that it may call', async () => {
    const proxy = await open();
    const { key, token } = await makeKey(proxy, { key_alias: 'a', user_id: 'ann', team_id: 'team' });
    expect((await ask(proxy, key)).status).toBe(200);
    const spent = 0.000_225;
    expect(proxy.state.keys.find((row) => row.token === token)?.spend).toBeCloseTo(spent, 9);
    expect(proxy.state.findTeam('team')?.spend).toBeCloseTo(spent, 9);
    expect(proxy.state.findUser('ann')?.spend).toBeCloseTo(spent, 9);
    expect(proxy.state.findOrganization('org')?.spend).toBeCloseTo(spent, 9);
    expect((await proxy.get('/v1/models', key)).body).toMatchObject({ data: [{ id: 'gpt-4o' }] });
    const denied = await proxy.post('/chat/completions', { ...chat, model: 'claude-sonnet' }, key);
    expect([denied.status, typeOf(denied)]).toEqual([
      ['1.80.0', '1.84.10'].includes(version) ? 401 : 403,
      'team_model_access_denied',
    ]);
  });

  it('of the type llm_api may call models only, and a viewer makes no key', async () => {
    const proxy = await open();
    const { key } = await makeKey(proxy, { key_alias: 'a', user_id: 'ann', key_type: 'llm_api' });
    expect((await ask(proxy, key)).status).toBe(200);
    expect((await proxy.get('/key/list', key)).status).toBe(403);
    proxy.state.edit(
      { edit: 'createUser', userId: 'eve', role: 'internal_user_viewer' },
      { edit: 'createKey', key: 'sk-eve', userId: 'eve' },
    );
    expect((await proxy.post('/key/generate', {}, 'sk-eve')).status).toBe(401);
  });

  it('is made by an internal_user without a team, and in a team whose permissions say so', async () => {
    const proxy = await open();
    proxy.state.createKey({ key: 'sk-ann', userId: 'ann' });
    const make = async (body: object): Promise<number> =>
      (await proxy.post('/key/generate', body, 'sk-ann')).status;
    expect(await make({ key_alias: 'own' })).toBe(200);
    expect(await make({ team_id: 'team' })).toBe(401);
    await proxy.post('/team/permissions_update', {
      team_id: 'team',
      team_member_permissions: ['/key/generate'],
    });
    expect(await make({ team_id: 'team' })).toBe(200);
  });

  it('that was parked is out of its former owner’s hands, but in 1.80', async () => {
    const proxy = await open();
    proxy.state.edit(
      { edit: 'createUser', userId: 'parked', role: 'internal_user_viewer' },
      { edit: 'createKey', key: 'sk-ann', userId: 'ann' },
    );
    const { key, token } = await makeKey(proxy, { key_alias: 'a', user_id: 'ann', team_id: 'team' });
    const park = { key: token, team_id: null, user_id: 'parked', blocked: true };
    expect((await proxy.post('/key/update', park)).status).toBe(200);
    await proxy.post('/team/member_delete', { team_id: 'team', user_id: 'ann' });
    expect(proxy.state.keys.find((row) => row.token === token)).toMatchObject({
      user_id: 'parked',
      blocked: true,
    });
    const tries = [
      await proxy.post('/key/update', { key: token, user_id: 'ann' }, 'sk-ann'),
      await proxy.post('/key/delete', { keys: [token] }, 'sk-ann'),
      await proxy.post('/key/unblock', { key: token }, 'sk-ann'),
    ];
    expect(tries.map((answer) => answer.status)).toEqual([403, 403, version === '1.80.0' ? 200 : 403]);
    expect((await ask(proxy, key)).status).toBe(version === '1.80.0' ? 200 : 401);
  });

  it('that was blocked is opened by its owner, where the version lets them', async () => {
    const proxy = await open();
    proxy.state.createKey({ key: 'sk-ann', userId: 'ann' });
    const given = await makeKey(proxy, { key_alias: 'given', user_id: 'ann' });
    const own = madeSchema.parse((await proxy.post('/key/generate', { key_alias: 'own' }, 'sk-ann')).body);
    await proxy.post('/key/update', { key: own.token, user_id: 'ann' });
    const open2 = async (token: string): Promise<number> => {
      await proxy.post('/key/block', { key: token });
      return (await proxy.post('/key/update', { key: token, blocked: false }, 'sk-ann')).status;
    };
    expect(await open2(given.token)).toBe(version === '1.80.0' ? 200 : 403);
    expect(await open2(own.token)).toBe(version === '1.108.0' ? 403 : 200);
  });

  it('goes with the membership from 1.80.6 on; keys of other teams and people stay', async () => {
    const proxy = await open();
    await makeKey(proxy, { key_alias: 'team', user_id: 'ann', team_id: 'team' });
    await makeKey(proxy, { key_alias: 'own', user_id: 'ann' });
    await makeKey(proxy, { key_alias: 'service', team_id: 'team' });
    await proxy.post('/team/member_delete', { team_id: 'team', user_id: 'ann' });
    const left = proxy.state.keys.map((key) => key.key_alias);
    expect(left).toEqual(version === '1.80.0' ? ['team', 'own', 'service'] : ['own', 'service']);
  });

  it('expires, and is refused when its team is blocked', async () => {
    const proxy = await open();
    const { key } = await makeKey(proxy, { key_alias: 'a', user_id: 'ann', team_id: 'team', duration: '1s' });
    await proxy.post('/team/block', { team_id: 'team' });
    expect((await ask(proxy, key)).status).toBe(401);
    await proxy.post('/team/unblock', { team_id: 'team' });
    expect((await ask(proxy, key)).status).toBe(200);
    await delay(1100);
    const late = await ask(proxy, key);
    expect([late.status, typeOf(late)]).toEqual([401, 'expired_key']);
  });

  it('is stopped by the budget of its organization, but in 1.80', async () => {
    const proxy = await open();
    proxy.state.changeBudget({ organizationId: 'org', maxBudget: 0.000_1 });
    const { key } = await makeKey(proxy, { key_alias: 'a', user_id: 'ann', team_id: 'team' });
    expect((await ask(proxy, key)).status).toBe(200);
    const expected = { '1.80.0': 200, '1.84.10': 400, '1.101.6': 429, '1.108.0': 429 };
    expect((await ask(proxy, key)).status).toBe(expected[version]);
  });

  it('goes on answering from the cache of another worker for as long as the setting says', async () => {
    const proxy = await open();
    const { key, token } = await makeKey(proxy, { key_alias: 'a', user_id: 'ann', team_id: 'team' });
    proxy.settings.change({ cacheSeconds: 60 });
    expect((await ask(proxy, key)).status).toBe(200);
    await proxy.post('/key/delete', { keys: [token] });
    expect((await ask(proxy, key)).status).toBe(200);
    proxy.settings.change({ cacheSeconds: 0 });
    expect((await ask(proxy, key)).status).toBe(401);
  });
});

describe('a key that an administrator changes by hand', () => {
  it('gets another owner and team, is blocked, and is deleted', async () => {
    const proxy = await openFilledProxy();
    proxy.state.createKey({ key: 'sk-a', alias: 'a', userId: 'ann' });
    proxy.state.changeKey({ alias: 'a', userId: 'bob', teamId: 'team', blocked: true, models: ['gpt'] });
    expect(proxy.state.keys).toMatchObject([
      { user_id: 'bob', team_id: 'team', blocked: true, models: ['gpt'] },
    ]);
    proxy.state.deleteKey({ alias: 'a' });
    expect(proxy.state.keys).toEqual([]);
    expect(() => proxy.state.deleteKey({ alias: 'a' })).toThrow('the key a does not exist');
  });
});

describe('organizations without a licence, in LiteLLM 1.108', () => {
  it('are refused, reads too, until there is a licence', async () => {
    const proxy = await openFilledProxy({ version: '1.108.0', licence: false });
    const refused = await proxy.get('/organization/list');
    expect([refused.status, textOf(refused)]).toEqual([
      403,
      expect.stringMatching(/^Organizations are only available/),
    ]);
    proxy.settings.change({ licence: true });
    expect((await proxy.get('/organization/list')).status).toBe(200);
  });
});
