import { describe, expect, it } from 'vitest';

import { versions } from '../../../dev/litellm/versions.ts';
import { openFilledProxy, shapeOf, textOf, typeOf } from './litellmFixture.ts';
import type { Answer, EmulatedProxy } from './litellmFixture.ts';

const addOf = (userId: string): object => ({ team_id: 'team', member: { user_id: userId, role: 'user' } });

describe.each(versions)('a member of a team in LiteLLM, version %s', (version) => {
  const open = (): Promise<EmulatedProxy> => openFilledProxy({ version });

  it('is added, one or several; unknown users are created; they need not be in the organization', async () => {
    const proxy = await open();
    const answer = await proxy.post('/team/member_add', addOf('ann'));
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      team_id: 'team',
      members_with_roles: [{ user_id: 'ann', role: 'user' }],
      updated_users: [{ user_id: 'ann' }],
    });
    const member = [
      { user_id: 'bob', role: 'user' },
      { user_id: 'eve', role: 'user' },
    ];
    expect((await proxy.post('/team/member_add', { team_id: 'team', member })).status).toBe(200);
    expect(proxy.membersOf('team')).toEqual(['ann', 'bob', 'eve']);
    expect(proxy.state.findUser('bob')?.teams).toEqual(['team']);
    expect(proxy.state.addedBy['team/team/bob']).toBe('call');
  });

  it('is added with a budget', async () => {
    const proxy = await open();
    await proxy.post('/team/member_add', { ...addOf('ann'), max_budget_in_team: 6 });
    const budgetId = proxy.state.teamMemberships[0]?.budget_id;
    expect(proxy.state.budgets.find((row) => row.budget_id === budgetId)?.max_budget).toBe(6);
  });

  it('is 404 in an unknown team (500 in 1.80), and then no user is created', async () => {
    const proxy = await open();
    const answer = await proxy.post('/team/member_add', {
      team_id: 'none',
      member: { user_id: 'new', role: 'user' },
    });
    expect([answer.status, shapeOf(answer)]).toEqual(version === '1.80.0' ? [500, 'text'] : [404, 'detail']);
    expect(proxy.state.findUser('new')).toBeUndefined();
  });

  it('is 400 with a type of its own if it is already a member', async () => {
    const proxy = await open();
    await proxy.post('/team/member_add', addOf('ann'));
    const answer = await proxy.post('/team/member_add', addOf('ann'));
    expect([answer.status, typeOf(answer)]).toEqual([400, 'team_member_already_in_team']);
    expect(proxy.membersOf('team')).toEqual(['ann']);
  });

  it('of a list is 400 only if all of them are already members', async () => {
    const proxy = await open();
    await proxy.post('/team/member_add', addOf('ann'));
    const listOf = (...ids: string[]): object => ({
      team_id: 'team',
      member: ids.map((id) => ({ user_id: id, role: 'user' })),
    });
    expect((await proxy.post('/team/member_add', listOf('ann', 'bob'))).status).toBe(200);
    expect((await proxy.post('/team/member_add', listOf('ann', 'bob'))).status).toBe(400);
    expect(proxy.membersOf('team')).toEqual(['ann', 'bob']);
  });

  it('of a mixed list with budgets is a 500 in older versions', async () => {
    const proxy = await open();
    await proxy.post('/team/member_add', { ...addOf('ann'), max_budget_in_team: 1 });
    const member = ['ann', 'bob'].map((id) => ({ user_id: id, role: 'user' }));
    const answer = await proxy.post('/team/member_add', { team_id: 'team', member, max_budget_in_team: 1 });
    expect(answer.status).toBe(version === '1.80.0' ? 500 : 200);
  });

  it('is 400 if id and email belong to two users', async () => {
    const proxy = await open();
    proxy.state.createUser({ userId: 'bob' });
    const member = { user_id: 'bob', user_email: 'ann@example.com', role: 'user' };
    expect((await proxy.post('/team/member_add', { team_id: 'team', member })).status).toBe(400);
  });

  it('becomes an admin only with a licence, and is 400 without one', async () => {
    const proxy = await open();
    proxy.settings.change({ licence: false });
    const admin = { team_id: 'team', member: { user_id: 'ann', role: 'admin' } };
    const refused = await proxy.post('/team/member_add', admin);
    expect([refused.status, textOf(refused)]).toEqual([400, expect.stringContaining('premium')]);
    await proxy.post('/team/member_add', addOf('ann'));
    const change = { team_id: 'team', user_id: 'ann', role: 'admin' };
    expect((await proxy.post('/team/member_update', change)).status).toBe(400);
    expect(proxy.state.findTeam('team')?.members_with_roles).toMatchObject([
      { user_id: 'ann', role: 'user' },
    ]);
    proxy.settings.change({ licence: true });
    expect((await proxy.post('/team/member_update', change)).status).toBe(200);
    expect(proxy.state.findTeam('team')?.members_with_roles).toMatchObject([
      { user_id: 'ann', role: 'admin' },
    ]);
  });

  it('is updated in a known team only (else 400), and before 1.108 even if the user is not a member', async () => {
    const proxy = await open();
    const change = { user_id: 'ann', max_budget_in_team: 3 };
    expect((await proxy.post('/team/member_update', { ...change, team_id: 'none' })).status).toBe(400);
    const answer = await proxy.post('/team/member_update', { ...change, team_id: 'team' });
    const isTaken = version !== '1.108.0';
    expect(answer.status).toBe(isTaken ? 200 : 404);
    expect(proxy.membersOf('team')).toEqual([]);
    expect(proxy.state.teamMemberships).toMatchObject(isTaken ? [{ user_id: 'ann' }] : []);
  });

  it('loses its budget in an update with only a role in older versions', async () => {
    const proxy = await open();
    await proxy.post('/team/member_add', { ...addOf('ann'), max_budget_in_team: 6 });
    await proxy.post('/team/member_update', { team_id: 'team', user_id: 'ann', role: 'user' });
    expect(proxy.state.teamMemberships.length).toBe(version === '1.80.0' ? 0 : 1);
  });

  it('is removed from the team and from the user’s row; a user who is not a member is 400', async () => {
    const proxy = await open();
    await proxy.post('/team/member_add', { ...addOf('ann'), max_budget_in_team: 6 });
    const who = { team_id: 'team', user_id: 'ann' };
    expect((await proxy.post('/team/member_delete', who)).status).toBe(200);
    expect(proxy.membersOf('team')).toEqual([]);
    expect(proxy.state.findUser('ann')?.teams).toEqual([]);
    expect(proxy.state.teamMemberships).toEqual([]);
    const again = await proxy.post('/team/member_delete', who);
    expect([again.status, textOf(again)]).toEqual([400, 'User not found in team']);
    const absent = await proxy.post('/team/member_delete', { ...who, team_id: 'none' });
    expect([absent.status, shapeOf(absent)]).toEqual([400, 'detail']);
  });
});

describe('writes of one team’s members at the same time', () => {
  const twenty = Array.from({ length: 20 }, (_, index) => `user-${index}`);
  const addAll = (proxy: EmulatedProxy): Promise<Answer[]> =>
    Promise.all(twenty.map((id) => proxy.post('/team/member_add', addOf(id))));

  it('all answer 200, and all but the last are lost if all read before one writes (older)', async () => {
    const proxy = await openFilledProxy({ version: '1.80.0' });
    proxy.faults.set({ memberWritesTogether: 20 });
    const answers = await addAll(proxy);
    expect(answers.map((answer) => answer.status)).toEqual(twenty.map(() => 200));
    expect(proxy.membersOf('team')).toHaveLength(1);
    // The users' side is written each for itself, and contradicts the team's.
    expect(twenty.filter((id) => proxy.state.findUser(id)?.teams.includes('team'))).toHaveLength(20);
  });

  it('are partly lost without a switch too (older)', async () => {
    const proxy = await openFilledProxy({ version: '1.80.0' });
    await addAll(proxy);
    expect(proxy.membersOf('team').length).toBeLessThan(20);
  });

  it('are kept one after the other (older)', async () => {
    const proxy = await openFilledProxy({ version: '1.80.0' });
    for (const id of twenty) await proxy.post('/team/member_add', addOf(id));
    expect(proxy.membersOf('team')).toEqual(twenty);
  });

  it('are kept if they are for different teams (older)', async () => {
    const proxy = await openFilledProxy({ version: '1.80.0' });
    proxy.state.createTeam({ teamId: 'other' });
    proxy.faults.set({ memberWriteGapMs: 30 });
    await Promise.all(
      ['team', 'other'].map((id) =>
        proxy.post('/team/member_add', { team_id: id, member: { user_id: 'ann', role: 'user' } }),
      ),
    );
    expect([proxy.membersOf('team'), proxy.membersOf('other')]).toEqual([['ann'], ['ann']]);
  });

  it('lose a removal against an addition (older)', async () => {
    const proxy = await openFilledProxy({ version: '1.80.0' });
    proxy.state.addTeamMember({ teamId: 'team', userId: 'gone' });
    proxy.faults.set({ memberWritesTogether: 2 });
    await Promise.all([
      proxy.post('/team/member_add', addOf('ann')),
      proxy.post('/team/member_delete', { team_id: 'team', user_id: 'gone' }),
    ]);
    // The first reader writes first, and the last writer wins: an addition that keeps the removed member, or a removal.
    expect([['gone', 'ann'], []]).toContainEqual(proxy.membersOf('team'));
  });

  it('are all kept (newer)', async () => {
    const proxy = await openFilledProxy({ version: '1.101.6' });
    proxy.faults.set({ memberWritesTogether: 20, memberWriteGapMs: 10 });
    await addAll(proxy);
    expect(proxy.membersOf('team').toSorted()).toEqual(twenty.toSorted());
  });
});
