import { describe, expect, it } from 'vitest';

import { openFilledProxy, shapeOf } from './litellmFixture.ts';
import type { EmulatedProxy } from './litellmFixture.ts';

const addAnn = { team_id: 'team', member: { user_id: 'ann', role: 'user' } };
const outcomeOf = (promise: Promise<{ readonly status: number }>): Promise<number | string> =>
  promise.then(
    ({ status }) => status,
    () => 'broken',
  );

describe('a fault', () => {
  it('answers calls of a path with a status and a Retry-After, as often as it says', async () => {
    const proxy = await openFilledProxy();
    proxy.faults.add({ path: '/team/*', status: 429, retryAfter: '7', times: 2 });
    const first = await proxy.get('/team/info?team_id=team');
    expect([first.status, first.headers.get('retry-after'), shapeOf(first)]).toEqual([429, '7', 'error']);
    expect((await proxy.get('/organization/info?organization_id=org')).status).toBe(200);
    expect((await proxy.post('/team/member_add', addAnn)).status).toBe(429);
    expect(proxy.membersOf('team')).toEqual([]);
    expect((await proxy.post('/team/member_add', addAnn)).status).toBe(200);
    expect(proxy.requests.all.map((request) => request.status)).toEqual([429, 200, 429, 200]);
  });

  it('acts on one method only, after it has let some calls pass', async () => {
    const proxy = await openFilledProxy();
    proxy.faults.add({ path: '*', method: 'GET', skip: 1, status: 503, body: '<html>' });
    expect((await proxy.post('/user/new', { user_id: 'u' })).status).toBe(200);
    expect((await proxy.get('/user/list')).status).toBe(200);
    const answer = await proxy.get('/user/list');
    expect([answer.status, answer.body]).toEqual([503, '<html>']);
  });

  it('breaks the connection before the call is applied, or after', async () => {
    const proxy = await openFilledProxy();
    proxy.faults.replace({ calls: [{ path: '/team/member_add', reset: true, times: 1 }] });
    expect(await outcomeOf(proxy.post('/team/member_add', addAnn))).toBe('broken');
    expect(proxy.membersOf('team')).toEqual([]);
    proxy.faults.replace({ calls: [{ path: '/team/member_add', reset: true, afterApplying: true }] });
    expect(await outcomeOf(proxy.post('/team/member_add', addAnn))).toBe('broken');
    expect(proxy.membersOf('team')).toEqual(['ann']);
    expect(proxy.requests.all.map((request) => request.status)).toEqual([0, 0]);
  });

  it('can apply a call and then answer 500', async () => {
    const proxy = await openFilledProxy();
    proxy.faults.add({ path: '/user/new', status: 500, afterApplying: true });
    expect((await proxy.post('/user/new', { user_id: 'bob' })).status).toBe(500);
    expect(proxy.state.findUser('bob')).toBeDefined();
  });

  it('writes half of a membership: the user’s side alone', async () => {
    const proxy = await openFilledProxy();
    proxy.faults.add({ path: '/team/member_add', halfWrite: true, times: 1 });
    expect((await proxy.post('/team/member_add', addAnn)).status).toBe(500);
    expect([proxy.membersOf('team'), proxy.state.findUser('ann')?.teams]).toEqual([[], ['team']]);
    expect((await proxy.post('/team/member_add', addAnn)).status).toBe(200);
    expect([proxy.membersOf('team'), proxy.state.findUser('ann')?.teams]).toEqual([['ann'], ['team']]);
  });

  it('can slow a call down', async () => {
    const proxy = await openFilledProxy();
    proxy.faults.add({ path: '/team/info', delayMs: 60 });
    const startedMs = performance.now();
    expect((await proxy.get('/team/info?team_id=team')).status).toBe(200);
    expect(performance.now() - startedMs).toBeGreaterThan(50);
  });

  it('can stay silent until the switches change or the emulator stops', async () => {
    const proxy = await openFilledProxy();
    proxy.faults.add({ path: '/team/info', silent: true });
    const ask = (): Promise<number | string> => outcomeOf(proxy.get('/team/info?team_id=team'));
    const first = ask();
    const early = await Promise.race([first, new Promise((resolve) => setTimeout(resolve, 60, 'silent'))]);
    expect(early).toBe('silent');
    proxy.faults.replace({ calls: [{ path: '/team/info', silent: true }] });
    expect(await first).toBe('broken');
    const second = ask();
    while (proxy.requests.all.length < 2) await new Promise(setImmediate);
    await proxy.stop();
    expect(await second).toBe('broken');
  });

  it('lets the next one act after its own last time', async () => {
    const proxy = await openFilledProxy();
    proxy.faults.replace({
      calls: [
        { path: '/team/info', status: 500, times: 1 },
        { path: '/team/info', status: 502, times: 1 },
      ],
    });
    const statuses: number[] = [];
    for (const _ of [1, 2, 3]) statuses.push((await proxy.get('/team/info?team_id=team')).status);
    expect(statuses).toEqual([500, 502, 200]);
    proxy.faults.clear();
    expect(proxy.faults.current).toEqual({});
  });
});

describe('an edit by hand', () => {
  const editable = async (): Promise<EmulatedProxy> => {
    const proxy = await openFilledProxy();
    proxy.state.edit(
      { edit: 'addOrganizationMember', organizationId: 'org', userId: 'ann' },
      { edit: 'addTeamMember', teamId: 'team', userId: 'ann', maxBudget: 2 },
    );
    return proxy;
  };

  it('adds, changes and removes members, and is marked as made by hand', async () => {
    const proxy = await editable();
    const { state } = proxy;
    expect(state.addedBy).toMatchObject({
      'team/team': 'hand',
      'team/team/ann': 'hand',
      'organization/org/ann': 'hand',
    });
    state.changeTeamRole({ teamId: 'team', userId: 'ann', role: 'admin' });
    expect(state.findTeam('team')?.members_with_roles).toMatchObject([{ user_id: 'ann', role: 'admin' }]);
    state.changeOrganizationRole({ organizationId: 'org', userId: 'ann', role: 'org_admin' });
    expect(state.readOrganizationMembers('org')).toMatchObject([{ user_role: 'org_admin' }]);
    state.removeTeamMember({ teamId: 'team', userId: 'ann' });
    state.removeOrganizationMember({ organizationId: 'org', userId: 'ann' });
    expect([proxy.membersOf('team'), state.organizationMemberships, state.teamMemberships]).toEqual([
      [],
      [],
      [],
    ]);
    expect(state.findUser('ann')?.teams).toEqual([]);
  });

  it('changes names, models and budgets of organizations and teams', async () => {
    const { state } = await editable();
    for (const where of [{ organizationId: 'org' }, { teamId: 'team' }]) {
      state.changeAlias({ ...where, alias: 'Renamed' });
      state.changeModels({ ...where, models: ['gemini'] });
      state.changeBudget({ ...where, maxBudget: null });
    }
    expect(state.findTeam('team')).toMatchObject({
      team_alias: 'Renamed',
      models: ['gemini'],
      max_budget: null,
    });
    expect(state.findOrganization('org')).toMatchObject({
      organization_alias: 'Renamed',
      models: ['gemini'],
    });
    expect(state.budgets[0]?.max_budget).toBeNull();
  });

  it('changes a user’s email and role, as LiteLLM’s own sign-in does', async () => {
    const { state } = await editable();
    state.changeUser({ userId: 'ann', email: 'other@example.com' });
    expect(state.findUser('ann')).toMatchObject({
      user_email: 'other@example.com',
      user_role: 'internal_user',
    });
    state.changeUser({ userId: 'ann', role: 'proxy_admin' });
    expect(state.findUser('ann')).toMatchObject({
      user_email: 'other@example.com',
      user_role: 'proxy_admin',
    });
  });

  it('moves a team, and deletes teams, organizations and users', async () => {
    const { state } = await editable();
    state.moveTeam({ teamId: 'team', organizationId: null });
    expect(state.findTeam('team')?.organization_id).toBeNull();
    state.deleteTeam({ teamId: 'team' });
    expect([state.teams, state.findUser('ann')?.teams]).toEqual([[], []]);
    state.deleteOrganization({ organizationId: 'org' });
    expect([state.organizations, state.organizationMemberships]).toEqual([[], []]);
    state.deleteUser({ userId: 'ann' });
    expect(state.findUser('ann')).toBeUndefined();
  });

  it('is refused if its row does not exist, and then none of several is kept', async () => {
    const { state } = await editable();
    const before = state.read();
    expect(() =>
      state.edit({ edit: 'deleteTeam', teamId: 'team' }, { edit: 'deleteTeam', teamId: 'none' }),
    ).toThrow('the team none does not exist');
    expect(() => state.addTeamMember({ teamId: 'team', userId: 'ann' })).toThrow('already');
    expect(() => state.createOrganization({ organizationId: 'org' })).toThrow('already');
    expect(state.read().teams.map((team) => team.members_with_roles)).toEqual(
      before.teams.map((team) => team.members_with_roles),
    );
  });

  it('is needed to change rows, because tests get only copies', async () => {
    const { state } = await editable();
    state.findTeam('team')?.members_with_roles.splice(0);
    expect(state.findTeam('team')?.members_with_roles.length).toBe(1);
  });
});
