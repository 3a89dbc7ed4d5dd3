import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Budget,
  capBudget,
  compareBudgets,
  daysOf,
  shareOf,
  standaloneTeam,
  teamFrozen,
  teamInside,
  teamOutside,
} from '../../shared/litellm/teamLimits.ts';
import type { Team } from '../../shared/model/entities.ts';

const at = '2026-11-23T09:00:00.000Z';
const team: Team = {
  team_id: 't1',
  team_alias: 'T1',
  organization_id: 'o1',
  models: ['a'],
  team_member_permissions: [],
  spend: 0,
  metadata: {},
  created_at: at,
  updated_at: at,
};
const organization = { organization_id: 'o1', models: ['a', 'b'], max_budget: 100, budget_duration: '30d' };

const duration = fc.constantFrom('1d', '24h', '7d', '2w', '30d', '1mo', '90m', 'soon');
const budget: fc.Arbitrary<Budget> = fc.record(
  { max_budget: fc.double({ min: 0, max: 5_000, noNaN: true }), budget_duration: duration },
  { requiredKeys: [] },
);

describe('a duration', () => {
  it.each([
    ['1d', 1],
    ['24h', 1],
    ['1440m', 1],
    ['86400s', 1],
    ['2w', 14],
    ['30d', 30],
    ['1mo', 30],
  ])('%s lasts %s days', (text, days) => {
    expect(daysOf(text)).toBeCloseTo(days, 9);
  });

  it.each(['0d', 'monthly', '1.5d', ''])('%j is none', (text) => {
    expect(daysOf(text)).toBeUndefined();
  });
});

describe('of two budgets', () => {
  it.each<[string, Budget, Budget]>([
    [
      'the smaller amount',
      { max_budget: 5, budget_duration: '30d' },
      { max_budget: 6, budget_duration: '30d' },
    ],
    ['less a day', { max_budget: 100, budget_duration: '30d' }, { max_budget: 10, budget_duration: '1d' }],
    ['less a day', { max_budget: 6, budget_duration: '7d' }, { max_budget: 30, budget_duration: '1mo' }],
    ['any amount, not none', { max_budget: 1e6, budget_duration: '1d' }, {}],
    ['one that never starts again', { max_budget: 900 }, { max_budget: 1, budget_duration: '30d' }],
    ['the smaller of two that never start again', { max_budget: 1 }, { max_budget: 2 }],
    ['nothing at all', { max_budget: 0, budget_duration: '1d' }, { max_budget: 1 }],
    [
      'an unreadable duration',
      { max_budget: 900, budget_duration: 'soon' },
      { max_budget: 1, budget_duration: '1d' },
    ],
  ])('%s allows less', (_, less, more) => {
    expect(compareBudgets(less, more)).toBeLessThan(0);
    expect(compareBudgets(more, less)).toBeGreaterThan(0);
  });

  it('30 days and a month are equal', () => {
    const [a, b] = ['30d', '1mo'].map((each) => ({ max_budget: 9, budget_duration: each }));
    expect(compareBudgets(a ?? {}, b ?? {})).toBe(0);
  });

  it('the order is total', () => {
    fc.assert(
      fc.property(budget, budget, budget, (a, b, c) => {
        expect(Math.sign(compareBudgets(a, b))).toBe(-Math.sign(compareBudgets(b, a)) || 0);
        fc.pre(compareBudgets(a, b) <= 0 && compareBudgets(b, c) <= 0);
        expect(compareBudgets(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });
});

describe('a share', () => {
  it('is the amount divided by the teams, or all of it', () => {
    expect(shareOf(organization, 4, 'split')).toEqual({ max_budget: 25, budget_duration: '30d' });
    expect(shareOf(organization, 4, 'each')).toEqual({ max_budget: 100, budget_duration: '30d' });
    expect(shareOf(organization, 0, 'split')).toEqual({ max_budget: 100, budget_duration: '30d' });
    expect(shareOf({}, 3, 'split').max_budget).toBeUndefined();
  });

  it('never makes more than the amount', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.integer({ min: 1, max: 900 }),
        (amount, teams) => {
          const { max_budget: share = Infinity } = shareOf({ max_budget: amount }, teams, 'split');
          expect(share * teams).toBeLessThanOrEqual(amount + 1e-9);
        },
      ),
    );
  });
});

describe('a team in its organization', () => {
  it('has its own values', () => {
    const own = {
      ...team,
      max_budget: 10,
      budget_duration: '7d',
      tpm_limit: 5,
      team_member_permissions: ['/key/list'],
    };
    expect(teamInside(own, organization)).toEqual({
      values: {
        team_alias: 'T1',
        organization_id: 'o1',
        models: ['a'],
        max_budget: 10,
        budget_duration: '7d',
        tpm_limit: 5,
        team_member_permissions: ['/key/list'],
      },
      hasNoModels: false,
      capped: [],
    });
  });

  it.each<
    [
      string,
      {
        readonly own: readonly string[];
        readonly bound: readonly string[];
        readonly expected: readonly string[];
      },
    ]
  >([
    [
      'follows all-org-models, whatever is beside it',
      { own: ['all-org-models', 'z'], bound: ['a'], expected: ['a'] },
    ],
    [
      'with an empty list has the organization’s, since an empty one means everything',
      { own: [], bound: ['a'], expected: ['a'] },
    ],
    [
      'with every model of the proxy has the organization’s',
      { own: ['all-proxy-models'], bound: ['a'], expected: ['a'] },
    ],
    [
      'has an empty list only if the organization allows everything',
      { own: ['all-org-models'], bound: [], expected: [] },
    ],
    ['or every model by name', { own: [], bound: ['all-proxy-models'], expected: ['all-proxy-models'] }],
    ['loses what the organization lacks', { own: ['a', 'z'], bound: ['a', 'b'], expected: ['a'] }],
    [
      'keeps what a wildcard of the organization covers',
      { own: ['openai/a'], bound: ['openai/*'], expected: ['openai/a'] },
    ],
  ])('%s', (_, { own, bound, expected }) => {
    const carried = teamInside({ ...team, models: own }, { ...organization, models: bound });
    expect(carried.values.models).toEqual(expected);
    expect(carried.hasNoModels).toBe(false);
  });

  it('without a common model keeps a list that LiteLLM accepts, and says so', () => {
    const carried = teamInside({ ...team, models: ['z'] }, organization);
    expect(carried).toMatchObject({ hasNoModels: true, values: { models: ['a', 'b'] } });
    const nothing = teamInside(team, { ...organization, models: ['no-default-models'] });
    expect(nothing).toMatchObject({ hasNoModels: true, values: { models: ['no-default-models'] } });
  });

  it.each([
    [{ max_budget: 200, budget_duration: '30d' }, ['max_budget']],
    [{ max_budget: 10, budget_duration: '1d' }, ['max_budget', 'budget_duration']],
  ])('is capped to the organization: %j', (own, capped) => {
    const { max_budget, budget_duration } = organization;
    const carried = teamInside({ ...team, ...own }, organization);
    expect(carried).toMatchObject({ values: { max_budget, budget_duration }, capped });
  });

  it('with less a day but a larger amount has it in the duration of the organization', () => {
    const own = { ...team, max_budget: 150, budget_duration: '60d' };
    expect(teamInside(own, organization).values).toMatchObject({ max_budget: 75, budget_duration: '30d' });
  });

  it('never has an amount above its organization’s, nor more a day', () => {
    fc.assert(
      fc.property(budget, budget, (own, bound) => {
        const capped = capBudget(own, bound);
        if (own.max_budget === undefined || bound.max_budget === undefined) return;
        expect(capped.max_budget).toBeLessThanOrEqual(bound.max_budget);
        expect(compareBudgets(capped, bound)).toBeLessThanOrEqual(0);
        expect(compareBudgets(capped, own)).toBeLessThanOrEqual(1e-9);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a team outside its organization', () => {
  const bound = { ...organization, tpm_limit: 7 };

  it('carries the models of both, the tighter budget and the smaller limits', () => {
    const own = {
      ...team,
      models: ['a', 'z'],
      max_budget: 10,
      budget_duration: '1d',
      tpm_limit: 9,
      rpm_limit: 3,
    };
    expect(teamOutside(own, bound, { max_budget: 50, budget_duration: '30d' }).values).toEqual({
      team_alias: 'T1',
      models: ['a'],
      max_budget: 50,
      budget_duration: '30d',
      tpm_limit: 7,
      rpm_limit: 3,
    });
  });

  it('keeps its own budget if that allows less', () => {
    const own = { ...team, max_budget: 1, budget_duration: '30d' };
    expect(teamOutside(own, bound, { max_budget: 50, budget_duration: '30d' }).values.max_budget).toBe(1);
  });

  it('without a common model may call none', () => {
    const carried = teamOutside({ ...team, models: ['z'] }, bound, {});
    expect(carried).toMatchObject({ hasNoModels: true, values: { models: ['no-default-models'] } });
  });

  it('allows no model that its organization or itself does not', () => {
    const names = fc.subarray(['a', 'b', 'c']);
    fc.assert(
      fc.property(names, names, (own, allowed) => {
        const { models } = teamOutside({ ...team, models: own }, { ...bound, models: allowed }, {}).values;
        for (const list of [own, allowed].filter(({ length }) => length > 0)) {
          const outside = models.filter((model) => !list.includes(model) && model !== 'no-default-models');
          expect(outside).toEqual([]);
        }
        expect(models.length > 0 || (own.length === 0 && allowed.length === 0)).toBe(true);
      }),
    );
  });
});

describe('a team in a frozen organization', () => {
  const frozen = { organization_id: 'o1', models: ['a', 'b'], max_budget: 100, budget_duration: '30d' };

  it('gets what fits, and names what waits', () => {
    const stored = { ...organization, models: ['a', 'c'], max_budget: 500 };
    const own = { ...team, models: ['all-org-models'], max_budget: 300, budget_duration: '30d' };
    expect(teamFrozen(own, stored, frozen)).toMatchObject({
      values: { organization_id: 'o1', models: ['a'], max_budget: 100 },
      frozen: ['models', 'max_budget'],
    });
  });

  it('loses what its organization loses in the store', () => {
    const stored = { ...organization, models: ['b'] };
    expect(teamFrozen({ ...team, models: ['all-org-models'] }, stored, frozen)).toMatchObject({
      values: { models: ['b'] },
      frozen: [],
    });
  });

  it('stays in it even if the store has it elsewhere', () => {
    const stored = { ...organization, organization_id: 'o2' };
    expect(teamFrozen(team, stored, frozen)).toMatchObject({
      values: { organization_id: 'o1' },
      frozen: ['organization_id'],
    });
  });
});

it('a standalone team has what the store says', () => {
  const { organization_id: _organization, ...standalone } = team;
  expect(standaloneTeam({ ...standalone, max_budget: 4 }).values).toEqual({
    team_alias: 'T1',
    models: ['a'],
    max_budget: 4,
  });
});
