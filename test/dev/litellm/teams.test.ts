import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { profiles } from '../../../dev/litellm/profile.ts';
import { openFilledProxy, openProxy, shapeOf, textOf } from './litellmFixture.ts';
import type { EmulatedProxy } from './litellmFixture.ts';

describe.each(profiles)('a team in LiteLLM, %s versions', (profile) => {
  it('is created with our id, and with the master key’s user as its admin', async () => {
    const proxy = await openFilledProxy({ profile });
    const answer = await proxy.post('/team/new', {
      team_id: 'mine',
      team_alias: 'Mine',
      organization_id: 'org',
      models: ['claude'],
      max_budget: 3,
      tpm_limit: 4,
      metadata: { from: 'us' },
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
    const proxy = await openProxy({ profile });
    await proxy.post('/team/new', { team_alias: 'Same' });
    expect((await proxy.post('/team/new', { team_alias: 'Same' })).status).toBe(200);
    expect(new Set(proxy.state.teams.map((team) => team.team_id)).size).toBe(2);
  });

  it('can be created by a proxy_admin, or by an org_admin of its organization; else 401', async () => {
    const proxy = await openFilledProxy({ profile });
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
    const proxy = await openFilledProxy({ profile });
    const answer = await proxy.post('/team/new', { team_id: 'team', team_alias: 'Again' });
    expect([answer.status, shapeOf(answer)]).toEqual([400, 'error']);
    expect(textOf(answer)).toContain('already exists');
    expect(proxy.state.findTeam('team')?.team_alias).toBe('team');
  });

  it('is 500 in an unknown organization, 403 beyond the licence, 400 with a negative budget', async () => {
    const proxy = await openFilledProxy({ profile });
    expect((await proxy.post('/team/new', { team_id: 'a', organization_id: 'none' })).status).toBe(500);
    expect((await proxy.post('/team/new', { team_id: 'a', max_budget: -1 })).status).toBe(400);
    proxy.faults.set({ teamCap: 1 });
    expect((await proxy.post('/team/new', { team_id: 'a' })).status).toBe(403);
    expect(proxy.state.teams.map((team) => team.team_id)).toEqual(['team']);
  });

  it('takes missing fields from default_team_params', async () => {
    const proxy = await openProxy({ profile });
    proxy.faults.set({ defaultTeamParams: { max_budget: 9, models: ['gpt'] } });
    await proxy.post('/team/new', { team_id: 'a' });
    await proxy.post('/team/new', { team_id: 'b', max_budget: 1, models: [] });
    expect(proxy.state.findTeam('a')).toMatchObject({ max_budget: 9, models: ['gpt'] });
    expect(proxy.state.findTeam('b')).toMatchObject({ max_budget: 1, models: [] });
  });

  it('can have models of its organization only, and no special names', async () => {
    const proxy = await openFilledProxy({ profile });
    const make = async (models: string[]): Promise<number> =>
      (await proxy.post('/team/new', { team_id: models.join(), organization_id: 'org', models })).status;
    expect(await make(['gpt', 'claude'])).toBe(200);
    for (const name of [
      'gemini',
      'all-proxy-models',
      'no-default-models',
      'all-team-models',
      'all-org-models',
    ]) {
      expect([name, await make(['gpt', name])]).toEqual([name, 400]);
    }
    expect(proxy.state.teams.length).toBe(2);
  });

  it.each([[[]], [['all-proxy-models']]])(
    'can have any models if its organization has %j',
    async (models) => {
      const proxy = await openProxy({ profile });
      proxy.state.createOrganization({ organizationId: 'open', models });
      const made = { organization_id: 'open', models: ['anything'] };
      expect((await proxy.post('/team/new', { ...made, team_id: 'a' })).status).toBe(200);
      await proxy.post('/team/new', { ...made, team_id: 'b', models: [] });
      expect(proxy.state.findTeam('b')?.models).toEqual([]);
    },
  );

  it('without models has all of them in older versions; newer ones copy the organization’s, once', async () => {
    const proxy = await openFilledProxy({ profile });
    await proxy.post('/team/new', { team_id: 'empty', organization_id: 'org', models: [] });
    await proxy.post('/team/new', { team_id: 'unsaid', organization_id: 'org' });
    const expected = profile === 'older' ? [] : ['gpt', 'claude'];
    expect(proxy.state.findTeam('empty')?.models).toEqual(expected);
    expect(proxy.state.findTeam('unsaid')?.models).toEqual(expected);
    proxy.state.changeModels({ organizationId: 'org', models: ['gpt', 'claude', 'gemini'] });
    expect(proxy.state.findTeam('empty')?.models).toEqual(expected);
  });

  it('may have a higher budget and higher limits than its organization', async () => {
    const proxy = await openFilledProxy({ profile });
    const limits = { max_budget: 999, tpm_limit: 999, rpm_limit: 999 };
    expect(
      (await proxy.post('/team/new', { team_id: 'a', organization_id: 'org', models: ['gpt'], ...limits }))
        .status,
    ).toBe(200);
    expect(proxy.state.findTeam('a')).toMatchObject(limits);
  });

  it('is updated in part; an unknown one is 404', async () => {
    const proxy = await openFilledProxy({ profile });
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

  it('gets the organization’s models if an update has no models, in newer versions', async () => {
    const proxy = await openFilledProxy({ profile });
    await proxy.post('/team/update', { team_id: 'team', team_alias: 'Renamed' });
    expect(proxy.state.findTeam('team')?.models).toEqual(profile === 'older' ? ['gpt'] : ['gpt', 'claude']);
  });

  it('cannot get models outside of its organization: 400', async () => {
    const proxy = await openFilledProxy({ profile });
    expect((await proxy.post('/team/update', { team_id: 'team', models: ['gemini'] })).status).toBe(400);
    expect(proxy.state.findTeam('team')?.models).toEqual(['gpt']);
  });

  it.each([
    ['has models that the organization does not have', { models: ['gemini'] }],
    ['has all models and the organization does not', { models: [] }],
    ['has a greater budget', { models: ['gpt'], maxBudget: 11 }],
    ['has a member who is not in the organization', { models: ['gpt'], member: 'stranger' }],
  ])(
    'does not move to an organization if it %s: 403',
    async (
      _name,
      { models, maxBudget, member }: { models: string[]; maxBudget?: number; member?: string },
    ) => {
      const proxy = await openFilledProxy({ profile });
      proxy.state.createTeam({ teamId: 'loose', models, ...(maxBudget === undefined ? {} : { maxBudget }) });
      if (member !== undefined) proxy.state.addTeamMember({ teamId: 'loose', userId: member });
      const answer = await proxy.post('/team/update', { team_id: 'loose', organization_id: 'org', models });
      expect(answer.status).toBe(403);
      expect(proxy.state.findTeam('loose')?.organization_id).toBeNull();
    },
  );

  it('moves if all of its members are in the organization; the master key’s user need not be', async () => {
    const proxy = await openFilledProxy({ profile });
    await proxy.post('/team/new', {
      team_id: 'loose',
      models: ['gpt'],
    });
    proxy.state.addTeamMember({ teamId: 'loose', userId: 'ann' });
    proxy.state.addOrganizationMember({ organizationId: 'org', userId: 'ann' });
    expect(
      (await proxy.post('/team/update', { team_id: 'loose', organization_id: 'org', models: ['gpt'] }))
        .status,
    ).toBe(200);
    expect(proxy.state.findTeam('loose')?.organization_id).toBe('org');
  });

  it('is shown with all members in its row, and a membership for each member with a budget', async () => {
    const proxy = await openFilledProxy({ profile });
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

describe.each(profiles)('the list of teams in LiteLLM, %s versions', (profile) => {
  const pageSchema = z.object({
    teams: z.array(z.object({ team_id: z.string() })),
    total: z.number(),
    page: z.number(),
    page_size: z.number(),
    total_pages: z.number(),
  });

  async function openManyTeams(): Promise<EmulatedProxy> {
    const proxy = await openFilledProxy({ profile });
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
