import { describe, expect, it } from 'vitest';
import { planEntity } from '../../shared/litellm/planEntity.ts';
import { organizationValues, teamValues, type OrganizationValues } from '../../shared/model/litellmValues.ts';
import type { Organization, Team } from '../../shared/model/entities.ts';

const since = '2026-11-23T09:00:00.000Z';
const base: OrganizationValues = {
  organization_alias: 'Production Team',
  models: ['gpt-4'],
  max_budget: 1000,
};
const fields = ['organization_alias', 'models', 'max_budget', 'budget_duration'] as const;

function plan(
  desired: OrganizationValues,
  actual: Partial<OrganizationValues> | undefined,
  written: OrganizationValues | undefined,
): ReturnType<typeof planEntity<OrganizationValues>> {
  return planEntity({
    desired,
    actual,
    recorded: written === undefined ? undefined : { written, since },
    fields,
    neverCleared: ['max_budget', 'budget_duration'],
  });
}

const settled = {
  kind: 'update',
  changes: {},
  hasChanges: false,
  written: undefined,
  differs: [],
  uncleared: [],
};

describe('planEntity', () => {
  it('creates what LiteLLM does not have, also if it had it before', () => {
    expect(plan(base, undefined, undefined)).toEqual({ kind: 'create' });
    expect(plan(base, undefined, base)).toEqual({ kind: 'create' });
  });

  it('adopts what was created in LiteLLM, with any values', () => {
    const differs = ['max_budget'];
    expect(plan(base, { ...base, max_budget: 1 }, undefined)).toEqual({ kind: 'adopt', differs });
  });

  it('changes nothing that is as desired', () => {
    expect(plan(base, base, base)).toEqual(settled);
  });

  it('compares lists in any order, and an absent list as an empty one', () => {
    const models = ['b', 'a'];
    expect(plan({ ...base, models }, { ...base, models: ['a', 'b'] }, { ...base, models })).toEqual(settled);
    const { models: _models, ...without } = base;
    expect(plan({ ...base, models: [] }, without, { ...base, models: [] })).toEqual(settled);
  });

  it('changes a value that LiteLLM still has as written', () => {
    const desired = { ...base, max_budget: 2000 };
    expect(plan(desired, base, base)).toEqual({
      ...settled,
      changes: { max_budget: 2000 },
      hasChanges: true,
      written: desired,
    });
  });

  it('leaves and names a value that was changed in LiteLLM, while it changes the others', () => {
    const desired = { ...base, max_budget: 2000, organization_alias: 'New name' };
    const actual = { ...base, max_budget: 50 };
    expect(plan(desired, actual, base)).toEqual({
      ...settled,
      changes: { organization_alias: 'New name' },
      hasChanges: true,
      written: { ...base, organization_alias: 'New name' },
      differs: ['max_budget'],
    });
  });

  it('leaves a value that was changed in LiteLLM also if nothing changed in the store', () => {
    expect(plan(base, { ...base, models: ['gpt-5'] }, base)).toEqual({ ...settled, differs: ['models'] });
  });

  it('records the same change on both sides as written', () => {
    const desired = { ...base, max_budget: 2000 };
    expect(plan(desired, desired, base)).toEqual({ ...settled, written: desired });
  });

  it('names what LiteLLM cannot clear', () => {
    const { max_budget: _budget, ...desired } = base;
    expect(plan(desired, base, base)).toEqual({ ...settled, uncleared: ['max_budget'] });
  });
});

const organization: Organization = {
  organization_id: 'g1',
  organization_alias: 'G1',
  models: ['gpt-4'],
  max_budget: 1000,
  spend: 12,
  metadata: {},
  created_at: since,
  updated_at: since,
};
const team: Team = {
  team_id: 'g1',
  team_alias: 'G1',
  organization_id: 'g1',
  models: ['all-org-models'],
  team_member_permissions: [],
  spend: 0,
  metadata: {},
  created_at: since,
  updated_at: since,
};

describe('values for LiteLLM', () => {
  it('leave out the spend and the dates of an organization', () => {
    expect(organizationValues(organization)).toEqual({
      organization_alias: 'G1',
      models: ['gpt-4'],
      max_budget: 1000,
    });
  });

  it("replace all-org-models, and all beside it, with the organization's list", () => {
    expect(teamValues(team, organization)).toEqual({
      team_alias: 'G1',
      organization_id: 'g1',
      models: ['gpt-4'],
    });
    const models = ['all-org-models', 'gpt-5'];
    expect(teamValues({ ...team, models }, organization)?.models).toEqual(['gpt-4']);
  });

  it('replace all-org-models with an empty list if the organization allows every model', () => {
    expect(teamValues(team, { models: [] })?.models).toEqual([]);
  });

  it("keep a team's own list", () => {
    expect(teamValues({ ...team, models: ['gpt-4'] }, organization)?.models).toEqual(['gpt-4']);
  });

  it('are undefined for a team of an unknown organization: unknown is not unlimited', () => {
    expect(teamValues(team, undefined)).toBeUndefined();
  });
});
