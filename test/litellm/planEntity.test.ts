import { describe, expect, it } from 'vitest';
import {
  type EntityPlan,
  planEntity,
  type SyncedFields,
  TEAM_FIELDS,
} from '../../shared/litellm/planEntity.ts';
import type { SyncedEntity } from '../../shared/model/synced.ts';
import {
  organizationValues,
  type OrganizationValues,
  type TeamValues,
} from '../../shared/model/litellmValues.ts';
import type { Organization } from '../../shared/model/entities.ts';

const since = '2026-11-23T09:00:00.000Z';
const base: OrganizationValues = {
  organization_alias: 'Production Team',
  models: ['gpt-4'],
  max_budget: 1000,
};
const fields: SyncedFields<OrganizationValues> = {
  fields: ['organization_alias', 'models', 'max_budget', 'budget_duration'],
  statesEmpty: ['models'],
  clearsFrom: { max_budget: '1.101.0' },
};

interface Sides {
  readonly desired?: OrganizationValues;
  readonly actual?: Partial<OrganizationValues> | undefined;
  readonly recorded?: SyncedEntity<OrganizationValues> | undefined;
  readonly version?: string | undefined;
}

function plan(
  desired: OrganizationValues,
  actual: Partial<OrganizationValues> | undefined,
  written: OrganizationValues | undefined,
): EntityPlan<OrganizationValues> {
  return planSides({ desired, actual, recorded: written && { written, since } });
}

function planSides(sides: Sides): EntityPlan<OrganizationValues> {
  const given = {
    desired: base,
    actual: base,
    recorded: { written: base, since },
    version: '1.84.10',
    ...sides,
  };
  return planEntity({ ...fields, ...given });
}

const settled = {
  kind: 'update',
  set: [],
  clear: [],
  record: undefined,
  differs: [],
  uncleared: [],
  defaulted: [],
};
const recordOf = (written: OrganizationValues, rest: object = {}): object => ({ written, since, ...rest });

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
      set: ['max_budget'],
      record: recordOf(desired),
    });
  });

  it('leaves and names a value that was changed in LiteLLM, while it changes the others', () => {
    const desired = { ...base, max_budget: 2000, organization_alias: 'New name' };
    const actual = { ...base, max_budget: 50 };
    expect(plan(desired, actual, base)).toEqual({
      ...settled,
      set: ['organization_alias'],
      record: recordOf({ ...base, organization_alias: 'New name' }),
      differs: ['max_budget'],
    });
  });

  it('leaves a value that was changed in LiteLLM also if nothing changed in the store', () => {
    expect(plan(base, { ...base, models: ['gpt-5'] }, base)).toEqual({ ...settled, differs: ['models'] });
  });

  it('records the same change on both sides as written', () => {
    const desired = { ...base, max_budget: 2000 };
    expect(plan(desired, desired, base)).toEqual({ ...settled, record: recordOf(desired) });
  });

  it('names what LiteLLM cannot clear', () => {
    const { max_budget: _budget, ...desired } = base;
    expect(plan(desired, base, base)).toEqual({ ...settled, uncleared: ['max_budget'] });
  });
});

describe('a value that became empty', () => {
  const { max_budget: _budget, ...desired } = base;
  const cleared = { max_budget: { value: 1000, version: '1.101.6' } };

  it('is cleared in a version that can, and recorded with the version', () => {
    expect(planSides({ desired, version: '1.101.6' })).toEqual({
      ...settled,
      clear: ['max_budget'],
      record: recordOf(desired, { cleared }),
    });
  });

  it('is tried once if the version is not known', () => {
    const tried = { max_budget: { value: 1000, version: '' } };
    expect(planSides({ desired, version: undefined })).toMatchObject({ clear: ['max_budget'] });
    const recorded = { written: desired, since, cleared: tried };
    expect(planSides({ desired, recorded, version: undefined })).toEqual({
      ...settled,
      uncleared: ['max_budget'],
    });
  });

  it('that LiteLLM still has is not sent again to the same version, but to another', () => {
    const recorded = { written: desired, since, cleared };
    expect(planSides({ desired, recorded, version: '1.101.6' })).toEqual({
      ...settled,
      uncleared: ['max_budget'],
    });
    expect(planSides({ desired, recorded, version: '1.108.0' })).toMatchObject({ clear: ['max_budget'] });
  });

  it('that an administrator set anew differs', () => {
    const recorded = { written: desired, since, cleared };
    const actual = { ...base, max_budget: 7 };
    expect(planSides({ desired, recorded, actual, version: '1.101.6' })).toMatchObject({
      clear: [],
      differs: ['max_budget'],
    });
  });

  it('that is gone is forgotten', () => {
    const recorded = { written: desired, since, cleared };
    expect(planSides({ desired, actual: desired, recorded })).toEqual({
      ...settled,
      record: recordOf(desired),
    });
  });
});

describe("a value that the proxy's own defaults filled in", () => {
  const defaults = { budget_duration: '7d' };
  const actual = { ...base, budget_duration: '7d' };

  it('right after the creation is recorded, and stays', () => {
    const recorded = { written: base, since, isNew: true };
    expect(planSides({ actual, recorded })).toEqual({
      ...settled,
      record: recordOf(base, { defaults }),
      defaulted: ['budget_duration'],
    });
  });

  it('is no difference later', () => {
    const recorded = { written: base, since, defaults };
    expect(planSides({ actual, recorded })).toEqual({ ...settled, defaulted: ['budget_duration'] });
  });

  it('differs if an administrator changes it', () => {
    const recorded = { written: base, since, defaults };
    const changed = { ...base, budget_duration: '1d' };
    expect(planSides({ actual: changed, recorded })).toMatchObject({ differs: ['budget_duration'] });
  });

  it('is replaced once the store states another', () => {
    const recorded = { written: base, since, defaults };
    const desired = { ...base, budget_duration: '30d' };
    expect(planSides({ desired, actual, recorded })).toEqual({
      ...settled,
      set: ['budget_duration'],
      record: recordOf(desired),
    });
  });

  it('of a list that states something when empty is replaced', () => {
    const desired: OrganizationValues = { ...base, models: [] };
    const answered: OrganizationValues = { ...base, models: ['default'] };
    const input = {
      ...fields,
      desired,
      actual: answered,
      recorded: { written: desired, since, isNew: true },
    };
    const planned = planEntity({ ...input, version: '1.84.10', alsoWritten: [answered] });
    expect(planned).toMatchObject({ set: ['models'], defaulted: [] });
  });
});

describe('the place of a team', () => {
  const team: TeamValues = { team_alias: 'G1', organization_id: 'g1', models: ['a'], max_budget: 1 };
  const planTeam = (desired: TeamValues, actual: TeamValues, written: TeamValues): unknown =>
    planEntity({ ...TEAM_FIELDS, desired, actual, recorded: { written, since }, version: '1.101.6' });
  const changed = { ...team, models: ['b'] };

  it('that an administrator changed stops every change of the team', () => {
    const elsewhere = { ...team, organization_id: 'theirs' };
    expect(planTeam(changed, elsewhere, team)).toEqual({ kind: 'elsewhere', differs: ['organization_id'] });
    const { organization_id: _organization, ...taken } = team;
    expect(planTeam(changed, taken, team)).toEqual({ kind: 'elsewhere', differs: ['organization_id'] });
  });

  it('that changed in the store is a move', () => {
    expect(planTeam({ ...changed, organization_id: 'g2' }, team, team)).toMatchObject({ kind: 'move' });
    const { organization_id: _organization, ...standalone } = team;
    expect(planTeam(standalone, team, team)).toMatchObject({ kind: 'move' });
    expect(planTeam(team, standalone, standalone)).toMatchObject({ kind: 'move' });
  });

  it('that an administrator made right is recorded', () => {
    const { organization_id: _organization, ...standalone } = team;
    expect(planTeam(team, team, standalone)).toMatchObject({ set: [], record: { written: team } });
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
describe('values for LiteLLM', () => {
  it('leave out the spend and the dates of an organization', () => {
    expect(organizationValues(organization)).toEqual({
      organization_alias: 'G1',
      models: ['gpt-4'],
      max_budget: 1000,
    });
  });
});
