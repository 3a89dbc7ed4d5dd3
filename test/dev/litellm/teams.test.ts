import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { versions } from '../../../dev/litellm/versions.ts';
import { openFilledProxy, openProxy, shapeOf, textOf } from './litellmFixture.ts';
import type { EmulatedProxy } from './litellmFixture.ts';

describe.each(versions)('a team in LiteLLM, version %s', (version) => {
  it('is created with our id, and with the master key’s user as its admin', async () => {
    const proxy = await openFilledProxy({ version });
    const answer = await proxy.post('/team/new', {
      team_id: 'mine',
      team_alias: 'Mine',
      organization_id: 'org',
      models: ['claude'],
      max_budget: 3,
      tpm_limit: 4,
      metadata: { from: 'us' },
      members_with_roles: [],
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      team_id: 'mine',
      organization_id: 'org',
      models: ['claude'],
      max_budget: 3,
      members_with_roles: [{ user_id: 'default_user_id', role: 'admin' }],
    });
    expect(proxy.state.addedBy['team/mine/default_user_id']).toBe('proxy');
    expect(proxy.state.findUser('default_user_id')?.teams).toEqual(['mine']);
  });

  it('may have the name of another one, and an id that LiteLLM chooses', async () => {
    const proxy = await openProxy({ version });
    await proxy.post('/team/new', { team_alias: 'Same' });
    expect((await proxy.post('/team/new', { team_alias: 'Same' })).status).toBe(200);
    expect(new Set(proxy.state.teams.map((team) => team.team_id)).size).toBe(2);
  });

  it('is created with members, who are created if unknown, and with admins without a licence', async () => {
    const proxy = await openFilledProxy({ version });
    const members = [
      { user_id: 'ann', role: 'admin' },
      { user_id: 'new', role: 'user' },
    ];
    expect((await proxy.post('/team/new', { team_id: 'mine', members_with_roles: members })).status).toBe(
      200,
    );
    expect(proxy.state.findTeam('mine')?.members_with_roles).toMatchObject([
      ...members,
      { user_id: 'default_user_id' },
    ]);
    expect(proxy.state.findUser('new')?.teams).toEqual(['mine']);
  });

  it('can be created by a proxy_admin, or by an org_admin of its organization; else 401', async () => {
    const proxy = await openFilledProxy({ version });
    proxy.state.edit(
      { edit: 'createOrganization', organizationId: 'other' },
      { edit: 'addOrganizationMember', organizationId: 'org', userId: 'ann', role: 'org_admin' },
      { edit: 'addOrganizationMember', organizationId: 'other', userId: 'ann', role: 'internal_user' },
      { edit: 'createKey', key: 'sk-ann', userId: 'ann' },
    );
    const make = async (body: object): Promise<number> =>
      (await proxy.post('/team/new', body, 'sk-ann')).status;
    expect(await make({ team_id: 'a', organization_id: 'org' })).toBe(200);
    expect(proxy.state.findTeam('a')?.members_with_roles).toMatchObject([{ user_id: 'ann', role: 'admin' }]);
    expect(await make({ team_id: 'b', organization_id: 'other' })).toBe(401);
    expect(await make({ team_id: 'c' })).toBe(401);
  });

  it('is 400 "already exists" if the id exists', async () => {
    const proxy = await openFilledProxy({ version });
    const answer = await proxy.post('/team/new', { team_id: 'team', team_alias: 'Again' });
    expect([answer.status, shapeOf(answer)]).toEqual([400, 'error']);
    expect(textOf(answer)).toContain('already exists');
    expect(proxy.state.findTeam('team')?.team_alias).toBe('team');
  });

  it('is 400 or 500 in an unknown organization, 403 beyond the licence, 400 with a negative budget', async () => {
    const proxy = await openFilledProxy({ version });
    const answer = await proxy.post('/team/new', { team_id: 'a', organization_id: 'none' });
    expect(answer.status).toBe(['1.80.0', '1.84.10'].includes(version) ? 500 : 400);
    expect((await proxy.post('/team/new', { team_id: 'a', max_budget: -1 })).status).toBe(400);
    proxy.faults.set({ teamCap: 1 });
    expect((await proxy.post('/team/new', { team_id: 'a' })).status).toBe(403);
    expect(proxy.state.teams.map((team) => team.team_id)).toEqual(['team']);
  });

  it('takes missing fields from default_team_params, from 1.82.3 on; null is missing, an empty list is not', async () => {
    const proxy = await openProxy({
      version,
      defaultTeamParams: { max_budget: 9, budget_duration: '7d', models: ['gpt'] },
    });
    await proxy.post('/team/new', { team_id: 'a' });
    await proxy.post('/team/new', { team_id: 'b', max_budget: 1, models: [] });
    await proxy.post('/team/new', { team_id: 'c', max_budget: null, budget_duration: null });
    const has = version !== '1.80.0';
    expect(proxy.state.findTeam('a')).toMatchObject({
      max_budget: has ? 9 : null,
      models: has ? ['gpt'] : [],
    });
    expect(proxy.state.findTeam('b')).toMatchObject({ max_budget: 1, models: [] });
    expect(proxy.state.findTeam('c')).toMatchObject({ max_budget: has ? 9 : null, budget_duration: null });
    await proxy.post('/team/update', { team_id: 'c', max_budget: null });
    expect(proxy.state.findTeam('c')?.max_budget).toBeNull();
  });

  it('can have models of its organization only and no special names, but in 1.80 any', async () => {
    const proxy = await openFilledProxy({ version });
    const make = async (models: string[]): Promise<number> =>
      (await proxy.post('/team/new', { team_id: models.join(), organization_id: 'org', models })).status;
    expect(await make(['gpt', 'claude'])).toBe(200);
    for (const name of ['gemini', 'all-proxy-models', 'no-default-models', 'all-team-models']) {
      expect([name, await make(['gpt', name])]).toEqual([name, version === '1.80.0' ? 200 : 400]);
    }
  });

  it.each([[[]], [['all-proxy-models']]])(
    'can have any models if its organization has %j',
    async (models) => {
      const proxy = await openProxy({ version });
      proxy.state.createOrganization({ organizationId: 'open', models });
      const made = { organization_id: 'open', models: ['anything'] };
      expect((await proxy.post('/team/new', { ...made, team_id: 'a' })).status).toBe(200);
      await proxy.post('/team/new', { ...made, team_id: 'b', models: [] });
      expect(proxy.state.findTeam('b')?.models).toEqual([]);
    },
  );

  it('without models stays without, whatever its organization has', async () => {
    const proxy = await openFilledProxy({ version });
    await proxy.post('/team/new', { team_id: 'empty', organization_id: 'org', models: [] });
    await proxy.post('/team/new', { team_id: 'unsaid', organization_id: 'org' });
    expect(proxy.state.findTeam('empty')?.models).toEqual([]);
    expect(proxy.state.findTeam('unsaid')?.models).toEqual([]);
  });

  it('may have higher limits than its organization, and in older versions a higher budget', async () => {
    const proxy = await openFilledProxy({ version });
    const base = { organization_id: 'org', models: ['gpt'], tpm_limit: 999, rpm_limit: 999 };
    expect((await proxy.post('/team/new', { ...base, team_id: 'a' })).status).toBe(200);
    const answer = await proxy.post('/team/new', { ...base, team_id: 'b', max_budget: 999 });
    expect(answer.status).toBe(['1.80.0', '1.84.10'].includes(version) ? 200 : 400);
  });

  it('is updated in part; an unknown one is 404', async () => {
    const proxy = await openFilledProxy({ version });
    const answer = await proxy.post('/team/update', {
      team_id: 'team',
      team_alias: 'Renamed',
      models: ['claude'],
    });
    expect(answer.body).toMatchObject({
      team_id: 'team',
      data: { team_alias: 'Renamed', models: ['claude'] },
    });
    await proxy.post('/team/update', { team_id: 'team', max_budget: 2, models: ['claude'] });
    await proxy.post('/team/update', { team_id: 'team', tpm_limit: 2, models: ['claude'] });
    expect(proxy.state.findTeam('team')).toMatchObject({
      team_alias: 'Renamed',
      max_budget: 2,
      tpm_limit: 2,
    });
    const absent = await proxy.post('/team/update', { team_id: 'none' });
    expect([absent.status, shapeOf(absent)]).toEqual([404, 'detail']);
  });

  it('keeps its models if an update has none', async () => {
    const proxy = await openFilledProxy({ version });
    await proxy.post('/team/update', { team_id: 'team', team_alias: 'Renamed' });
    expect(proxy.state.findTeam('team')?.models).toEqual(['gpt']);
  });

  it('cannot get models outside of its organization: 400, but in 1.80', async () => {
    const proxy = await openFilledProxy({ version });
    const answer = await proxy.post('/team/update', { team_id: 'team', models: ['gemini'] });
    expect(answer.status).toBe(version === '1.80.0' ? 200 : 400);
  });

  it.each([
    ['has models that the organization does not have', { models: ['gemini'] }],
    ['has all models and the organization does not', { models: [] }],
    ['has a greater budget', { models: ['gpt'], maxBudget: 11 }],
  ])(
    'does not move to an organization if it %s: 403',
    async (_name, { models, maxBudget }: { models: string[]; maxBudget?: number }) => {
      const proxy = await openFilledProxy({ version });
      proxy.state.createTeam({ teamId: 'loose', models, ...(maxBudget === undefined ? {} : { maxBudget }) });
      const answer = await proxy.post('/team/update', {
        team_id: 'loose',
        organization_id: 'org',
        models: ['gpt'],
      });
      expect(answer.status).toBe(403);
      expect(proxy.state.findTeam('loose')?.organization_id).toBeNull();
    },
  );

  it('takes its members along into the organization; in 1.80 it moves without members only', async () => {
    const proxy = await openFilledProxy({ version });
    await proxy.post('/team/new', { team_id: 'empty', models: ['gpt'] });
    await proxy.post('/team/new', {
      team_id: 'loose',
      models: ['gpt'],
      members_with_roles: [{ user_id: 'ann', role: 'user' }],
    });
    const move = async (teamId: string, organizationId: string | null): Promise<number> =>
      (
        await proxy.post('/team/update', {
          team_id: teamId,
          organization_id: organizationId,
          models: ['gpt'],
        })
      ).status;
    expect(await move('empty', 'org')).toBe(200);
    expect(await move('loose', 'org')).toBe(version === '1.80.0' ? 403 : 200);
    const members = proxy.state.readOrganizationMembers('org').map((member) => member.user_id);
    expect(members).toEqual(version === '1.80.0' ? [] : ['ann']);
    expect(await move('empty', null)).toBe(200);
    expect(proxy.state.findTeam('empty')?.organization_id).toBeNull();
  });

  it('is shown with all members in its row, and a membership for each member with a budget', async () => {
    const proxy = await openFilledProxy({ version });
    proxy.state.edit(
      { edit: 'addTeamMember', teamId: 'team', userId: 'ann' },
      { edit: 'addTeamMember', teamId: 'team', userId: 'bob', maxBudget: 4 },
      { edit: 'createKey', key: 'sk-team', teamId: 'team' },
    );
    const { body } = await proxy.get('/team/info?team_id=team');
    expect(body).toMatchObject({
      team_id: 'team',
      team_info: { team_id: 'team', members_with_roles: [{ user_id: 'ann' }, { user_id: 'bob' }] },
      keys: [{ team_id: 'team' }],
      team_memberships: [{ user_id: 'bob', litellm_budget_table: { max_budget: 4 } }],
    });
    const absent = await proxy.get('/team/info?team_id=none');
    expect([absent.status, shapeOf(absent)]).toEqual([404, 'error']);
  });
});

describe.each(versions)('the list of teams in LiteLLM, version %s', (version) => {
  const pageSchema = z.object({
    teams: z.array(z.object({ team_id: z.string() })),
    total: z.number(),
    page: z.number(),
    page_size: z.number(),
    total_pages: z.number(),
  });

  async function openManyTeams(): Promise<EmulatedProxy> {
    const proxy = await openFilledProxy({ version });
    for (let index = 0; index < 149; index += 1) {
      proxy.state.createTeam({ teamId: `t${String(index).padStart(3, '0')}`, alias: `Number ${index}` });
    }
    return proxy;
  }

  it('has pages of ten by default, of 100 at most, and more is 422', async () => {
    const proxy = await openManyTeams();
    const read = async (query: string) => pageSchema.parse((await proxy.get(`/v2/team/list${query}`)).body);
    expect(await read('')).toMatchObject({ total: 150, page: 1, page_size: 10, total_pages: 15 });
    const pages = [
      await read('?page_size=100'),
      await read('?page_size=100&page=2'),
      await read('?page_size=100&page=3'),
    ];
    expect(pages.map((page) => page.teams.length)).toEqual([100, 50, 0]);
    expect(new Set(pages.flatMap((page) => page.teams.map((team) => team.team_id))).size).toBe(150);
    expect((await proxy.get('/v2/team/list?page_size=101')).status).toBe(422);
    expect((await proxy.get('/v2/team/list?page=0')).status).toBe(422);
  });

  it('is sorted as the request asks, and otherwise has the newest first', async () => {
    const proxy = await openManyTeams();
    const read = async (query: string): Promise<string[]> =>
      pageSchema.parse((await proxy.get(`/v2/team/list?${query}`)).body).teams.map((team) => team.team_id);
    expect(await read('sort_by=team_id&page_size=2')).toEqual(['t000', 't001']);
    expect(await read('sort_by=team_id&sort_order=desc&page_size=2')).toEqual(['team', 't148']);
    expect(await read('page_size=2')).toEqual(['t148', 't147']);
  });
});
