import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { profiles } from '../../../dev/litellm/profile.ts';
import { openFilledProxy, openProxy, shapeOf, textOf } from './litellmFixture.ts';

describe.each(profiles)('an organization in LiteLLM, %s versions', (profile) => {
  it('is created with our id, and with its limits in a budget of its own', async () => {
    const proxy = await openProxy({ profile });
    const answer = await proxy.post('/organization/new', {
      organization_id: 'mine',
      organization_alias: 'Mine',
      models: ['gpt'],
      max_budget: 5,
      budget_duration: '30d',
      tpm_limit: 7,
      metadata: { from: 'us' },
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      organization_id: 'mine',
      organization_alias: 'Mine',
      models: ['gpt'],
      metadata: { from: 'us' },
      created_by: 'default_user_id',
    });
    expect(proxy.state.budgets).toMatchObject([
      {
        budget_id: proxy.state.findOrganization('mine')?.budget_id,
        max_budget: 5,
        budget_duration: '30d',
        tpm_limit: 7,
      },
    ]);
  });

  it('may have the name of another one, and an id that LiteLLM chooses', async () => {
    const proxy = await openProxy({ profile });
    await proxy.post('/organization/new', { organization_alias: 'Same' });
    expect((await proxy.post('/organization/new', { organization_alias: 'Same' })).status).toBe(200);
    expect(new Set(proxy.state.organizations.map((row) => row.organization_id)).size).toBe(2);
  });

  it('can be created by a proxy_admin only: 401', async () => {
    const proxy = await openFilledProxy({ profile });
    proxy.state.createKey({ key: 'sk-ann', userId: 'ann' });
    const answer = await proxy.post('/organization/new', { organization_alias: 'A' }, 'sk-ann');
    expect([answer.status, shapeOf(answer)]).toEqual([401, 'detail']);
  });

  it('is a 500 in plain text if the id exists, and each try leaves a budget behind', async () => {
    const proxy = await openFilledProxy({ profile });
    const before = proxy.state.budgets.length;
    for (const tries of [1, 2]) {
      const answer = await proxy.post('/organization/new', {
        organization_id: 'org',
        organization_alias: 'Again',
      });
      expect([answer.status, shapeOf(answer)]).toEqual([500, 'text']);
      expect(proxy.state.budgets.length).toBe(before + tries);
    }
    expect(proxy.state.findOrganization('org')?.organization_alias).toBe('org');
  });

  it('is a 500 without a model router', async () => {
    const proxy = await openProxy({ profile });
    proxy.faults.set({ noModelRouter: true });
    expect((await proxy.post('/organization/new', { organization_alias: 'A' })).status).toBe(500);
  });

  it('is updated in part: nulls are dropped, limits go to its budget, metadata merges', async () => {
    const proxy = await openFilledProxy({ profile });
    await proxy.patch('/organization/update', { organization_id: 'org', metadata: { a: 1 } });
    const answer = await proxy.patch('/organization/update', {
      organization_id: 'org',
      organization_alias: 'Renamed',
      models: null,
      max_budget: null,
      rpm_limit: 4,
      metadata: { b: 2 },
    });
    expect(answer.status).toBe(200);
    expect(proxy.state.findOrganization('org')).toMatchObject({
      organization_alias: 'Renamed',
      models: ['gpt', 'claude'],
      metadata: { a: 1, b: 2 },
    });
    expect(proxy.state.budgets).toMatchObject([{ max_budget: 10, rpm_limit: 4 }]);
    await proxy.patch('/organization/update', { organization_id: 'org', max_budget: 20 });
    expect(proxy.state.budgets).toMatchObject([{ max_budget: 20, rpm_limit: 4 }]);
  });

  it('is not updated if it does not exist (500), or with a key without a user (400)', async () => {
    const proxy = await openFilledProxy({ profile });
    expect((await proxy.patch('/organization/update', { organization_id: 'none' })).status).toBe(500);
    proxy.state.createKey({ key: 'sk-nobody', allowedRoutes: ['/organization/update'] });
    expect((await proxy.patch('/organization/update', { organization_id: 'org' }, 'sk-nobody')).status).toBe(
      400,
    );
  });

  it('is shown with its members, teams and budget; an unknown one is 404', async () => {
    const proxy = await openFilledProxy({ profile });
    proxy.state.addOrganizationMember({ organizationId: 'org', userId: 'ann', role: 'org_admin' });
    expect((await proxy.get('/organization/info?organization_id=org')).body).toMatchObject({
      organization_id: 'org',
      members: [{ user_id: 'ann', organization_id: 'org', user_role: 'org_admin' }],
      teams: [{ team_id: 'team' }],
      litellm_budget_table: { max_budget: 10 },
    });
    const absent = await proxy.get('/organization/info?organization_id=none');
    expect([absent.status, shapeOf(absent)]).toEqual([404, 'detail']);
  });

  it('is listed with all others in one answer', async () => {
    const proxy = await openFilledProxy({ profile });
    for (let index = 0; index < 150; index += 1) {
      proxy.state.createOrganization({ organizationId: `o${index}` });
    }
    const rows = z.array(z.unknown()).parse((await proxy.get('/organization/list')).body);
    expect(rows).toHaveLength(151);
  });

  it('is listed with its members, teams and budget', async () => {
    const proxy = await openFilledProxy({ profile });
    proxy.state.addOrganizationMember({ organizationId: 'org', userId: 'ann' });
    expect((await proxy.get('/organization/list')).body).toMatchObject([
      {
        organization_id: 'org',
        members: [{ user_id: 'ann' }],
        teams: [{ team_id: 'team' }],
        litellm_budget_table: { max_budget: 10 },
      },
    ]);
  });
});

describe.each(profiles)('a member of an organization in LiteLLM, %s versions', (profile) => {
  const add = { organization_id: 'org', member: { user_id: 'ann', role: 'internal_user' } };

  it('is added by id, one or several, and unknown users are created', async () => {
    const proxy = await openFilledProxy({ profile });
    const answer = await proxy.post('/organization/member_add', add);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      organization_id: 'org',
      updated_users: [{ user_id: 'ann' }],
      updated_organization_memberships: [{ user_id: 'ann', user_role: 'internal_user', budget_id: null }],
    });
    const member = [
      { user_id: 'bob', role: 'org_admin' },
      { user_id: 'eve', role: 'internal_user_viewer' },
    ];
    expect((await proxy.post('/organization/member_add', { organization_id: 'org', member })).status).toBe(
      200,
    );
    expect(proxy.state.readOrganizationMembers('org').map((row) => row.user_role)).toEqual([
      'internal_user',
      'org_admin',
      'internal_user_viewer',
    ]);
    expect(proxy.state.findUser('bob')).toBeDefined();
    expect(proxy.state.addedBy['user/bob']).toBe('proxy');
  });

  it('is 404 in an unknown organization, and then no user is created', async () => {
    const proxy = await openProxy({ profile });
    const answer = await proxy.post('/organization/member_add', add);
    expect([answer.status, shapeOf(answer)]).toEqual([404, 'error']);
    expect(proxy.state.findUser('ann')).toBeUndefined();
  });

  it('is a 500 around the database’s refusal if it is already a member', async () => {
    const proxy = await openFilledProxy({ profile });
    await proxy.post('/organization/member_add', add);
    const answer = await proxy.post('/organization/member_add', add);
    expect([answer.status, shapeOf(answer)]).toEqual([500, 'error']);
    expect(textOf(answer)).toContain('Unique constraint failed');
  });

  it('stays if a later one of the list fails', async () => {
    const proxy = await openFilledProxy({ profile });
    const twice = { user_id: 'bob', role: 'internal_user' };
    const member = [
      { user_id: 'ann', role: 'internal_user' },
      twice,
      twice,
      { user_id: 'eve', role: 'org_admin' },
    ];
    expect((await proxy.post('/organization/member_add', { organization_id: 'org', member })).status).toBe(
      500,
    );
    expect(proxy.state.readOrganizationMembers('org').map((row) => row.user_id)).toEqual(['ann', 'bob']);
  });

  it('gets a role, any number of times', async () => {
    const proxy = await openFilledProxy({ profile });
    await proxy.post('/organization/member_add', add);
    const change = {
      organization_id: 'org',
      user_id: 'ann',
      role: 'org_admin',
    };
    for (const _ of [1, 2]) {
      const answer = await proxy.patch('/organization/member_update', change);
      expect(answer.status).toBe(200);
      expect(answer.body).toMatchObject({ user_role: 'org_admin' });
    }
  });

  it('is not updated in an unknown organization (400), or if it is not a member (404)', async () => {
    const proxy = await openFilledProxy({ profile });
    const change = { user_id: 'ann', role: 'org_admin' };
    expect(
      (await proxy.patch('/organization/member_update', { ...change, organization_id: 'none' })).status,
    ).toBe(400);
    expect(
      (await proxy.patch('/organization/member_update', { ...change, organization_id: 'org' })).status,
    ).toBe(404);
  });

  it('is removed once, and after that the answer is null with 200', async () => {
    const proxy = await openFilledProxy({ profile });
    await proxy.post('/organization/member_add', add);
    const who = { organization_id: 'org', user_id: 'ann' };
    const first = await proxy.delete('/organization/member_delete', who);
    expect([first.status, first.body]).toEqual([200, expect.objectContaining({ user_id: 'ann' })]);
    const second = await proxy.delete('/organization/member_delete', who);
    expect([second.status, second.body]).toEqual([200, null]);
    expect(proxy.state.findUser('ann')).toBeDefined();
  });
});
