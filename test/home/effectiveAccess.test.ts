import { describe, expect, it } from 'vitest';
import type { EffectiveBudget, EffectiveModels, EffectiveNumber } from '../../shared/model/access.ts';
import { organizationAccess, ownModels, teamAccess, teamModels } from '../../shared/home/effectiveAccess.ts';
import type { BudgetAndLimits, Organization, Team } from '../../shared/model/entities.ts';
import { newDegradedTeam } from '../../shared/model/newEntities.ts';
import { PRODUCTION_TEAM, sampleRules } from '../support/world.ts';

const AT = '2026-11-23T09:00:00.000Z';

function organization(changes: Partial<Organization> = {}): Organization {
  return {
    organization_id: 'o',
    organization_alias: 'Organization',
    models: [],
    spend: 0,
    metadata: {},
    created_at: AT,
    updated_at: AT,
    ...changes,
  };
}

function team(changes: Partial<Team> = {}): Team {
  return {
    team_id: 't',
    team_alias: 'Team',
    models: [],
    team_member_permissions: [],
    spend: 0,
    metadata: {},
    created_at: AT,
    updated_at: AT,
    ...changes,
  };
}

function all(reason: EffectiveModels['reason']): EffectiveModels {
  return { all_models: true, models: [], reason };
}

function only(reason: EffectiveModels['reason'], ...models: readonly string[]): EffectiveModels {
  return { all_models: false, models, reason };
}

describe('the models of an organization, or of a standalone team', () => {
  it.each<{ rule: string; models: readonly string[]; effective: EffectiveModels }>([
    { rule: 'an empty list allows all', models: [], effective: all('unlimited') },
    { rule: 'all-proxy-models allows all', models: ['all-proxy-models'], effective: all('own') },
    {
      rule: 'all-proxy-models beside others allows all',
      models: ['gpt-4', 'all-proxy-models'],
      effective: all('own'),
    },
    { rule: 'named ones are the ones', models: ['gpt-4', 'o1'], effective: only('own', 'gpt-4', 'o1') },
    { rule: 'no-default-models allows none', models: ['no-default-models'], effective: only('own') },
    {
      rule: 'no-default-models beside one allows that one',
      models: ['no-default-models', 'gpt-4'],
      effective: only('own', 'gpt-4'),
    },
    {
      rule: 'all-org-models without an organization allows none',
      models: ['all-org-models'],
      effective: only('own'),
    },
    {
      rule: 'all-team-models says nothing about a team itself',
      models: ['all-team-models', 'gpt-4'],
      effective: only('own', 'gpt-4'),
    },
  ])('$rule', ({ models, effective }) => {
    expect(ownModels(models)).toStrictEqual(effective);
    expect(teamModels({ models }, undefined)).toStrictEqual(effective);
  });
});

describe('the models of a team in an organization', () => {
  it.each<{
    rule: string;
    team: readonly string[];
    organization: readonly string[];
    effective: EffectiveModels;
  }>([
    {
      rule: 'all-org-models is the organization’s current list',
      team: ['all-org-models'],
      organization: ['gpt-4'],
      effective: only('inherited', 'gpt-4'),
    },
    {
      rule: 'empty inherits',
      team: [],
      organization: ['gpt-4', 'o1'],
      effective: only('inherited', 'gpt-4', 'o1'),
    },
    {
      rule: 'all-org-models of an organization that allows all',
      team: ['all-org-models'],
      organization: [],
      effective: all('inherited'),
    },
    {
      rule: 'all-org-models of an organization with all-proxy-models',
      team: ['all-org-models'],
      organization: ['all-proxy-models'],
      effective: all('inherited'),
    },
    {
      rule: 'all-org-models of an organization that allows none',
      team: ['all-org-models'],
      organization: ['no-default-models'],
      effective: only('inherited'),
    },
    {
      rule: 'a subset is the team’s own',
      team: ['o1'],
      organization: ['gpt-4', 'o1'],
      effective: only('own', 'o1'),
    },
    {
      rule: 'what the organization does not have is left out',
      team: ['o1', 'claude'],
      organization: ['gpt-4', 'o1'],
      effective: only('limited', 'o1'),
    },
    {
      rule: 'nothing in common leaves none, never all',
      team: ['claude'],
      organization: ['gpt-4'],
      effective: only('limited'),
    },
    {
      rule: 'any list is a subset of all models',
      team: ['claude'],
      organization: [],
      effective: only('own', 'claude'),
    },
    {
      rule: 'any list is a subset of all-proxy-models',
      team: ['claude'],
      organization: ['all-proxy-models'],
      effective: only('own', 'claude'),
    },
    {
      rule: 'all-proxy-models is limited to the organization’s',
      team: ['all-proxy-models'],
      organization: ['gpt-4'],
      effective: only('limited', 'gpt-4'),
    },
    {
      rule: 'all-proxy-models of an organization that allows all',
      team: ['all-proxy-models'],
      organization: [],
      effective: all('own'),
    },
    {
      rule: 'a wildcard of the organization covers a model of the team',
      team: ['openai/gpt-4o', 'azure/x'],
      organization: ['openai/*'],
      effective: only('limited', 'openai/gpt-4o'),
    },
    {
      rule: 'a wildcard of the team becomes what its organization has of it',
      team: ['openai/*'],
      organization: ['openai/gpt-4o', 'azure/x'],
      effective: only('limited', 'openai/gpt-4o'),
    },
    {
      rule: 'no-default-models allows none',
      team: ['no-default-models'],
      organization: ['gpt-4'],
      effective: only('own'),
    },
    {
      rule: 'all-team-models is not a model',
      team: ['all-team-models'],
      organization: ['gpt-4'],
      effective: only('own'),
    },
    {
      rule: 'an organization’s special names are no models of it',
      team: ['all-org-models'],
      organization: ['gpt-4', 'all-team-models'],
      effective: only('inherited', 'gpt-4'),
    },
  ])('$rule', ({ team: models, organization: current, effective }) => {
    expect(teamModels({ models }, { models: current })).toStrictEqual(effective);
  });
});

interface BudgetCase {
  readonly rule: string;
  readonly team: BudgetAndLimits;
  readonly organization: BudgetAndLimits | undefined;
  readonly effective: EffectiveBudget;
}

describe('the budget of a team', () => {
  it.each<BudgetCase>([
    {
      rule: 'inherits the organization’s, which all its teams share',
      team: {},
      organization: { max_budget: 1000, budget_duration: '30d' },
      effective: { value: 1000, budget_duration: '30d', reason: 'inherited', shared_by: 'organization' },
    },
    {
      rule: 'inherits the duration together with the budget',
      team: { budget_duration: '1d' },
      organization: { max_budget: 1000, budget_duration: '30d' },
      effective: { value: 1000, budget_duration: '30d', reason: 'inherited', shared_by: 'organization' },
    },
    {
      rule: 'is its own where that is smaller, with its own duration',
      team: { max_budget: 100, budget_duration: '7d' },
      organization: { max_budget: 1000, budget_duration: '30d' },
      effective: { value: 100, budget_duration: '7d', reason: 'own', shared_by: 'team' },
    },
    {
      rule: 'is its own where both are equal',
      team: { max_budget: 1000 },
      organization: { max_budget: 1000 },
      effective: { value: 1000, reason: 'own', shared_by: 'team' },
    },
    {
      rule: 'is limited to the organization’s, with that one’s duration',
      team: { max_budget: 5000, budget_duration: '7d' },
      organization: { max_budget: 1000, budget_duration: '30d' },
      effective: { value: 1000, budget_duration: '30d', reason: 'limited', shared_by: 'organization' },
    },
    {
      rule: 'is its own where the organization has none',
      team: { max_budget: 100 },
      organization: {},
      effective: { value: 100, reason: 'own', shared_by: 'team' },
    },
    {
      rule: 'is unlimited, without a duration, where neither has one',
      team: { budget_duration: '7d' },
      organization: { budget_duration: '30d' },
      effective: { reason: 'unlimited', shared_by: 'team' },
    },
    {
      rule: 'of a standalone team is its own',
      team: { max_budget: 100, budget_duration: '7d' },
      organization: undefined,
      effective: { value: 100, budget_duration: '7d', reason: 'own', shared_by: 'team' },
    },
    {
      rule: 'of a standalone team without one is unlimited',
      team: {},
      organization: undefined,
      effective: { reason: 'unlimited', shared_by: 'team' },
    },
    {
      rule: 'of 0 is a budget',
      team: { max_budget: 0 },
      organization: { max_budget: 1000 },
      effective: { value: 0, reason: 'own', shared_by: 'team' },
    },
    {
      rule: 'is limited by an organization’s 0',
      team: { max_budget: 1 },
      organization: { max_budget: 0 },
      effective: { value: 0, reason: 'limited', shared_by: 'organization' },
    },
  ])('$rule', ({ team: own, organization: bound, effective }) => {
    const scope = bound === undefined ? undefined : organization(bound);
    expect(teamAccess(team(own), 'user', scope).effective_max_budget).toStrictEqual(effective);
  });
});

describe.each(['tpm_limit', 'rpm_limit'] as const)('the %s of a team', (limit) => {
  it.each<{ rule: string; own?: number; bound?: number; effective: EffectiveNumber }>([
    { rule: 'inherits', bound: 10, effective: { value: 10, reason: 'inherited' } },
    { rule: 'is its own where that is smaller', own: 5, bound: 10, effective: { value: 5, reason: 'own' } },
    {
      rule: 'is limited to the smaller one',
      own: 50,
      bound: 10,
      effective: { value: 10, reason: 'limited' },
    },
    { rule: 'is its own where the organization has none', own: 50, effective: { value: 50, reason: 'own' } },
    { rule: 'is unlimited where neither has one', effective: { reason: 'unlimited' } },
  ])('$rule', ({ own, bound, effective }) => {
    const one = team(own === undefined ? {} : { [limit]: own });
    const access = teamAccess(one, 'user', organization(bound === undefined ? {} : { [limit]: bound }));
    expect(access[`effective_${limit}`]).toStrictEqual(effective);
    expect(access[`effective_${limit === 'tpm_limit' ? 'rpm_limit' : 'tpm_limit'}`]).toStrictEqual({
      reason: 'unlimited',
    });
  });
});

describe('what a member sees', () => {
  it('of an organization: its fields, their role and the effective models', () => {
    const limits = { max_budget: 1000, budget_duration: '30d', tpm_limit: 5, rpm_limit: 6 };
    expect(
      organizationAccess(organization({ ...limits, models: ['gpt-4'], spend: 12.5 }), 'org_admin'),
    ).toStrictEqual({
      organization_id: 'o',
      organization_alias: 'Organization',
      user_role: 'org_admin',
      models: ['gpt-4'],
      ...limits,
      effective_models: only('own', 'gpt-4'),
      spend: 12.5,
    });
  });

  it('of a team: its own fields unchanged, beside the effective ones', () => {
    const access = teamAccess(
      team({ organization_id: 'o', max_budget: 5000, models: ['gpt-4', 'o1'], spend: 3 }),
      'admin',
      organization({ max_budget: 1000, models: ['gpt-4'] }),
    );
    expect(access).toMatchObject({
      team_id: 't',
      organization_id: 'o',
      organization_alias: 'Organization',
      role: 'admin',
      max_budget: 5000,
      models: ['gpt-4', 'o1'],
      effective_models: only('limited', 'gpt-4'),
      spend: 3,
      degraded: false,
    });
  });

  it('of a standalone team: no organization, and whether that is only for now', () => {
    const alone = teamAccess(team(), 'user', undefined);
    expect('organization_id' in alone || 'organization_alias' in alone).toBe(false);
    const degraded = newDegradedTeam(PRODUCTION_TEAM, sampleRules(), new Date(AT));
    expect([alone.degraded, teamAccess(degraded, 'user', undefined).degraded]).toStrictEqual([false, true]);
  });
});
