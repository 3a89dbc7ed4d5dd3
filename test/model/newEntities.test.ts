import { describe, expect, it } from 'vitest';
import type { Team } from '../../shared/model/entities.ts';
import {
  findDegradation,
  METADATA_KEY,
  newDegradedTeam,
  newOrganization,
  newOrgScopedTeam,
  newStandaloneTeam,
  planRelink,
} from '../../shared/model/newEntities.ts';
import type { DefaultTeamParams } from '../../shared/model/rules.ts';
import { PRODUCTION_TEAM, sampleRules } from '../support/world.ts';

const NOW = new Date('2026-11-23T09:00:00.000Z');
const LATER = new Date('2026-11-24T09:00:00.000Z');
const LIMITS = { max_budget: 1000, budget_duration: '30d', tpm_limit: 5000, rpm_limit: 50 };
const ALL_PARAMS: DefaultTeamParams = {
  models: ['gpt-4', 'gpt-3.5-turbo'],
  ...LIMITS,
  team_member_permissions: ['/key/generate'],
};
const NO_PARAMS: DefaultTeamParams = { models: [], team_member_permissions: [] };
const rules = sampleRules({ defaultTeamParams: ALL_PARAMS });
const copyRules = sampleRules({ defaultTeamParams: ALL_PARAMS, orgTeamBudget: 'copy' });
const bare = sampleRules({ defaultTeamParams: NO_PARAMS });
const LIMIT_FIELDS = ['max_budget', 'budget_duration', 'tpm_limit', 'rpm_limit'];

function limitsIn(entity: object): readonly string[] {
  return LIMIT_FIELDS.filter((field) => field in entity);
}

describe('a new organization', () => {
  it('has the group’s id and name, and models, budget and limits of DEFAULT_TEAM_PARAMS', () => {
    expect(newOrganization(PRODUCTION_TEAM, rules, NOW)).toStrictEqual({
      organization_id: 'entra-group-123',
      organization_alias: 'Production Team',
      models: ['gpt-4', 'gpt-3.5-turbo'],
      ...LIMITS,
      spend: 0,
      metadata: {
        litellm_entity: 'LiteLLM_OrganizationTable',
        [METADATA_KEY]: { source: 'entra', group_id: 'entra-group-123' },
      },
      created_at: NOW.toISOString(),
      updated_at: NOW.toISOString(),
    });
  });

  it('has no limits and empty models if DEFAULT_TEAM_PARAMS is not set', () => {
    const organization = newOrganization(PRODUCTION_TEAM, bare, NOW);
    expect(organization.models).toStrictEqual([]);
    expect(limitsIn(organization)).toStrictEqual([]);
  });
});

describe('a new team with the flag off', () => {
  it('is standalone and has all of DEFAULT_TEAM_PARAMS', () => {
    expect(newStandaloneTeam(PRODUCTION_TEAM, rules, NOW)).toStrictEqual({
      team_id: 'entra-group-123',
      team_alias: 'Production Team',
      models: ['gpt-4', 'gpt-3.5-turbo'],
      team_member_permissions: ['/key/generate'],
      ...LIMITS,
      spend: 0,
      metadata: {
        litellm_entity: 'LiteLLM_TeamTable',
        [METADATA_KEY]: { source: 'entra', group_id: 'entra-group-123' },
      },
      created_at: NOW.toISOString(),
      updated_at: NOW.toISOString(),
    });
  });

  it('has no limits and empty models if DEFAULT_TEAM_PARAMS is not set', () => {
    const team = newStandaloneTeam(PRODUCTION_TEAM, bare, NOW);
    expect(team.models).toStrictEqual([]);
    expect(limitsIn(team)).toStrictEqual([]);
  });

  it('is not degraded', () => {
    expect(findDegradation(newStandaloneTeam(PRODUCTION_TEAM, rules, NOW))).toBeUndefined();
  });
});

describe('a new team with the flag on', () => {
  const organization = newOrganization(PRODUCTION_TEAM, rules, NOW);

  it('is in the organization of the same id, follows its models and inherits budget and limits', () => {
    const team = newOrgScopedTeam(PRODUCTION_TEAM, organization, { rules, now: NOW });
    expect(team).toMatchObject({
      team_id: 'entra-group-123',
      team_alias: 'Production Team',
      organization_id: 'entra-group-123',
      models: ['all-org-models'],
      team_member_permissions: ['/key/generate'],
    });
    expect(limitsIn(team)).toStrictEqual([]);
  });

  it.each([
    { rule: 'the organization’s equal values', organization: LIMITS, limits: LIMITS },
    {
      rule: 'lower values of the organization clamp, and its budget is reset when the organization’s is',
      organization: { max_budget: 400, budget_duration: '7d', tpm_limit: 100, rpm_limit: 5 },
      limits: { max_budget: 400, budget_duration: '7d', tpm_limit: 100, rpm_limit: 5 },
    },
    {
      rule: 'higher values of the organization do not raise',
      organization: { max_budget: 5000, budget_duration: '7d', tpm_limit: 9999, rpm_limit: 999 },
      limits: LIMITS,
    },
    { rule: 'an organization without limits does not clamp', organization: {}, limits: LIMITS },
    {
      rule: 'an organization’s budget of 0 clamps, and without a duration is never reset',
      organization: { max_budget: 0 },
      limits: { max_budget: 0, tpm_limit: 5000, rpm_limit: 50 },
    },
  ])('copies budget and limits with ORG_TEAM_BUDGET=copy: $rule', ({ organization: current, limits }) => {
    const team = newOrgScopedTeam(
      PRODUCTION_TEAM,
      { organization_id: 'entra-group-123', ...current },
      { rules: copyRules, now: NOW },
    );
    expect(team).toMatchObject({ ...limits, models: ['all-org-models'] });
    expect(limitsIn(team)).toStrictEqual(Object.keys(limits));
  });

  it('copies nothing that DEFAULT_TEAM_PARAMS does not set', () => {
    const context = { rules: { ...copyRules, defaultTeamParams: NO_PARAMS }, now: NOW };
    expect(
      limitsIn(newOrgScopedTeam(PRODUCTION_TEAM, { organization_id: 'x', ...LIMITS }, context)),
    ).toStrictEqual([]);
  });
});

describe('a degraded team', () => {
  const degraded = newDegradedTeam(PRODUCTION_TEAM, rules, NOW);
  const mark = findDegradation(degraded);

  function relinked(team: Team): ReturnType<typeof planRelink> {
    const found = findDegradation(team);
    if (found === undefined) throw new Error('The team is not degraded.');
    return planRelink(team, found);
  }

  it('is standalone, has all of DEFAULT_TEAM_PARAMS, and keeps the written models in its metadata', () => {
    expect(degraded).toMatchObject({ ...LIMITS, models: ['gpt-4', 'gpt-3.5-turbo'] });
    expect(degraded).not.toHaveProperty('organization_id');
    expect(mark).toStrictEqual({
      degraded: true,
      organization_id: 'entra-group-123',
      at: NOW.toISOString(),
      models: ['gpt-4', 'gpt-3.5-turbo'],
    });
  });

  it('follows the organization’s models after the re-link if its models were not edited', () => {
    const relink = relinked(degraded);
    expect(relink).toMatchObject({ organization_id: 'entra-group-123', models: ['all-org-models'] });
    const after = { ...degraded, ...relink, updated_at: LATER.toISOString() };
    expect(findDegradation(after)).toBeUndefined();
    expect(after.metadata).toMatchObject({ litellm_entity: 'LiteLLM_TeamTable' });
  });

  it('loses its mark in the re-link itself, not only because it is in an organization', () => {
    const { organization_id: _left, ...alone } = { ...degraded, ...relinked(degraded) };
    expect(findDegradation(alone)).toBeUndefined();
  });

  it.each([[['gpt-4']], [[]], [['gpt-3.5-turbo', 'gpt-4']]])(
    'keeps models %j, which an administrator edited',
    (models) => {
      expect(relinked({ ...degraded, models })).not.toHaveProperty('models');
    },
  );

  it('keeps metadata that an administrator wrote', () => {
    const metadata = { ...degraded.metadata, cost_center: '4711' };
    expect(relinked({ ...degraded, metadata }).metadata).toMatchObject({ cost_center: '4711' });
  });

  it.each<{ rule: string; team: Pick<Team, 'metadata' | 'organization_id'> }>([
    { rule: 'an administrator put it into an organization', team: { ...degraded, organization_id: 'other' } },
    { rule: 'an administrator cleared the mark', team: { metadata: {} } },
    { rule: 'the mark is not an object', team: { metadata: { [METADATA_KEY]: 'degraded' } } },
    { rule: 'the mark is a list', team: { metadata: { [METADATA_KEY]: [true] } } },
    {
      rule: 'the mark contains degraded: "true"',
      team: { metadata: { [METADATA_KEY]: { ...mark, degraded: 'true' } } },
    },
    {
      rule: 'the mark has no written models',
      team: { metadata: { [METADATA_KEY]: { ...mark, models: undefined } } },
    },
    {
      rule: 'the mark names no organization',
      team: { metadata: { [METADATA_KEY]: { ...mark, organization_id: 1 } } },
    },
  ])('no longer counts as degraded, and is never re-linked, if $rule', ({ team }) => {
    expect(findDegradation(team)).toBeUndefined();
  });
});
