import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { versions } from '../../../dev/litellm/versions.ts';
import { openFilledProxy, openProxy, shapeOf, textOf } from './litellmFixture.ts';

describe.each(versions)('an organization in LiteLLM, version %s', (version) => {
  it('is created with our id, and with its limits in a budget of its own', async () => {
    const proxy = await openProxy({ version });
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

  it('may have the name of another one, an id that LiteLLM chooses, and an existing budget', async () => {
    const proxy = await openProxy({ version });
    await proxy.post('/organization/new', { organization_alias: 'Same' });
    const budgetId = proxy.state.budgets[0]?.budget_id;
    const second = await proxy.post('/organization/new', {
      organization_alias: 'Same',
      budget_id: budgetId,
      max_budget: 9,
    });
    expect(second.status).toBe(200);
    expect(proxy.state.organizations.map((row) => row.budget_id)).toEqual([budgetId, budgetId]);
    expect(proxy.state.budgets).toMatchObject([{ max_budget: null }]);
  });

  it('can be created by a proxy_admin only: 401', async () => {
    const proxy = await openFilledProxy({ version });
    proxy.state.createKey({ key: 'sk-ann', userId: 'ann' });
    const answer = await proxy.post('/organization/new', { organization_alias: 'A' }, 'sk-ann');
    expect([answer.status, shapeOf(answer)]).toEqual([401, 'detail']);
  });

  it('is a 500 if the id exists, and each try leaves a budget behind', async () => {
    const proxy = await openFilledProxy({ version });
    const before = proxy.state.budgets.length;
    for (const tries of [1, 2]) {
      const answer = await proxy.post('/organization/new', {
        organization_id: 'org',
        organization_alias: 'Again',
      });
      expect([answer.status, shapeOf(answer)]).toEqual([
        500,
        ['1.80.0', '1.84.10'].includes(version) ? 'text' : 'error',
      ]);
      expect(proxy.state.budgets.length).toBe(before + tries);
    }
    expect(proxy.state.findOrganization('org')?.organization_alias).toBe('org');
  });

  it('is a 500 without a model router', async () => {
    const proxy = await openProxy({ version });
    proxy.faults.set({ noModelRouter: true });
    expect((await proxy.post('/organization/new', { organization_alias: 'A' })).status).toBe(500);
  });

  it('is updated in part: null clears limits in newer versions, limits go to its budget, metadata merges', async () => {
    const proxy = await openFilledProxy({ version });
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
    expect(proxy.state.budgets).toMatchObject([
      { max_budget: ['1.80.0', '1.84.10'].includes(version) ? 10 : null, rpm_limit: 4 },
    ]);
    await proxy.patch('/organization/update', { organization_id: 'org', max_budget: 20 });
    expect(proxy.state.budgets).toMatchObject([{ max_budget: 20, rpm_limit: 4 }]);
  });

  it('is not updated if it does not exist (500), or with a key without a user (400)', async () => {
    const proxy = await openFilledProxy({ version });
    expect((await proxy.patch('/organization/update', { organization_id: 'none' })).status).toBe(500);
    proxy.state.createKey({ key: 'sk-nobody', allowedRoutes: ['/organization/update'] });
    expect((await proxy.patch('/organization/update', { organization_id: 'org' }, 'sk-nobody')).status).toBe(
      400,
    );
  });

  it('is shown with its members, teams and budget; an unknown one is 404', async () => {
    const proxy = await openFilledProxy({ version });
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
    const proxy = await openFilledProxy({ version });
    for (let index = 0; index < 150; index += 1) {
      proxy.state.createOrganization({ organizationId: `o${index}` });
    }
    const rows = z.array(z.unknown()).parse((await proxy.get('/organization/list')).body);
    expect(rows).toHaveLength(151);
  });

  it('is listed with its members, teams and budget', async () => {
    const proxy = await openFilledProxy({ version });
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

describe.each(versions)('a member of an organization in LiteLLM, version %s', (version) => {
  const add = { organization_id: 'org', member: { user_id: 'ann', role: 'internal_user' } };

  it('is added by id, one or several, and unknown users are created', async () => {
    const proxy = await openFilledProxy({ version });
    const answer = await proxy.post('/organization/member_add', { ...add, max_budget_in_organization: 3 });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      organization_id: 'org',
      updated_users: [{ user_id: 'ann' }],
      updated_organization_memberships: [{ user_id: 'ann', user_role: 'internal_user', budget_id: null }],
    });
    // The budget is taken and then not looked at; LiteLLM knows the field, so that nothing warns.
    expect(proxy.requests.warnings).toEqual([]);
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
    const proxy = await openProxy({ version });
    const answer = await proxy.post('/organization/member_add', add);
    expect([answer.status, shapeOf(answer)]).toEqual([404, 'error']);
    expect(proxy.state.findUser('ann')).toBeUndefined();
  });

  it('is a 500 around the database’s refusal if it is already a member', async () => {
    const proxy = await openFilledProxy({ version });
    await proxy.post('/organization/member_add', add);
    const answer = await proxy.post('/organization/member_add', add);
    expect([answer.status, shapeOf(answer)]).toEqual([500, 'error']);
    expect(textOf(answer)).toContain('Unique constraint failed');
  });

  it('stays if a later one of the list fails', async () => {
    const proxy = await openFilledProxy({ version });
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

  it('cannot be added by email: 500', async () => {
    const proxy = await openFilledProxy({ version });
    const member = { user_email: 'ann@example.com', role: 'internal_user' };
    expect((await proxy.post('/organization/member_add', { organization_id: 'org', member })).status).toBe(
      500,
    );
    expect(proxy.state.readOrganizationMembers('org')).toEqual([]);
  });

  it('gets a role and a budget, any number of times', async () => {
    const proxy = await openFilledProxy({ version });
    await proxy.post('/organization/member_add', add);
    const change = {
      organization_id: 'org',
      user_id: 'ann',
      role: 'org_admin',
      max_budget_in_organization: 4,
    };
    for (const _ of [1, 2]) {
      const answer = await proxy.patch('/organization/member_update', change);
      expect(answer.status).toBe(200);
      expect(answer.body).toMatchObject({ user_role: 'org_admin', litellm_budget_table: { max_budget: 4 } });
    }
    expect(proxy.state.budgets.length).toBe(2);
  });

  it('is not updated in an unknown organization (400), or if it is not a member (404)', async () => {
    const proxy = await openFilledProxy({ version });
    const change = { user_id: 'ann', role: 'org_admin' };
    expect(
      (await proxy.patch('/organization/member_update', { ...change, organization_id: 'none' })).status,
    ).toBe(400);
    expect(
      (await proxy.patch('/organization/member_update', { ...change, organization_id: 'org' })).status,
    ).toBe(404);
  });

  it('is removed once, and after that the answer is null with 200', async () => {
    const proxy = await openFilledProxy({ version });
    await proxy.post('/organization/member_add', add);
    const who = { organization_id: 'org', user_id: 'ann' };
    const first = await proxy.delete('/organization/member_delete', who);
    expect([first.status, first.body]).toEqual([200, expect.objectContaining({ user_id: 'ann' })]);
    const second = await proxy.delete('/organization/member_delete', who);
    expect([second.status, second.body]).toEqual([200, null]);
    expect(proxy.state.findUser('ann')).toBeDefined();
  });
});
