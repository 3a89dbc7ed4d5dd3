/** The pure parts of the benchmarks: statistics, plan, tables, chart. */
import { describe, expect, it } from 'vitest';
import { pickMeasurements, planBudgets } from './benchPlan.ts';
import { formatNumber } from './formatNumber.ts';
import { renderChart } from './renderChart.ts';
import { renderSection } from './renderSection.ts';
import type { Section } from './report.ts';
import { findRatio, pairsOf, type Round } from './signInRounds.ts';
import { createTenant, groupCountOf, groupIdOf, loginOf } from './signInTenant.ts';
import {
  atLeast,
  atMost,
  boundedBy,
  figureOf,
  isOutOfReach,
  linearSlope,
  logLogSlope,
  median,
  pairedRatio,
  percentile,
} from './stats.ts';

describe('percentile', () => {
  it.each([
    [[5], 0.9, 5],
    [[1, 2, 3, 4, 5], 0.5, 3],
    [[4, 1, 3, 2], 0.5, 2.5],
    [[0, 10], 0.1, 1],
    [[3, 1, 2], 1, 3],
    [[3, 1, 2], 0, 1],
  ])('of %j at %f is %f', (samples, share, expected) => {
    expect(percentile(samples, share)).toBe(expected);
  });

  it('is the median at a half, leaves its samples in order, and throws for none', () => {
    const samples = [3, 1, 2];
    expect(median(samples)).toBe(2);
    expect(samples).toEqual([3, 1, 2]);
    expect(() => median([])).toThrow('No samples');
  });
});

describe('a paired ratio', () => {
  it('is the median of the rounds’ ratios, so that drift which hits both leaves no trace', () => {
    const drift = [1, 1, 5, 1, 30];
    const ratio = pairedRatio(
      'a ÷ b',
      drift.map((factor) => 3 * factor),
      drift.map((factor) => 2 * factor),
    );
    expect(ratio).toEqual({ name: 'a ÷ b', unit: 'ratio', median: 1.5, low: 1.5, high: 1.5, samples: 5 });
  });

  it('throws where rounds are missing', () => {
    expect(() => pairedRatio('a ÷ b', [1, 2], [1])).toThrow('2 rounds against 1');
  });

  it('pairs what was measured in the same round, and none where there is none', () => {
    const round = (number: number, timeMs: number): Round => ({
      round: number,
      timeMs,
      cpuMs: 1,
      tokenMs: 0,
    });
    const ours = [round(0, 10), round(1, 20), round(2, 30)];
    const pairs = pairsOf(ours, [round(2, 3), round(0, 5)], 'timeMs');
    expect(pairs).toEqual([
      [10, 5],
      [30, 3],
    ]);
    expect(findRatio('ratio', pairs)).toMatchObject({ median: 6, samples: 2 });
    expect(findRatio('ratio', [])).toBeUndefined();
  });
});

describe('a slope', () => {
  it('is exact on a line, with no error', () => {
    const points = [0, 1, 2, 3].map((x) => ({ x, y: 5 - 2 * x }));
    expect(linearSlope(points)).toEqual({ slope: -2, intercept: 5, standardError: 0 });
  });

  it('has the textbook’s standard error beside a line', () => {
    const points = [
      { x: 1, y: 1 },
      { x: 2, y: 3 },
      { x: 3, y: 2 },
      { x: 4, y: 4 },
    ];
    const { slope, standardError } = linearSlope(points);
    expect(slope).toBeCloseTo(0.8);
    // Residues −0.3, 0.9, −0.9, 0.3: √(1.8 / 2 / 5).
    expect(standardError).toBeCloseTo(Math.sqrt(0.18));
  });

  it('is the exponent between logarithms', () => {
    const points = [1, 10, 100].map((x) => ({ x, y: 7 * x ** 1.5 }));
    expect(logLogSlope(points).slope).toBeCloseTo(1.5);
    expect(() => logLogSlope([{ x: 0, y: 1 }])).toThrow('above 0');
  });

  it('throws for points of which no line is known', () => {
    expect(() => linearSlope([{ x: 1, y: 1 }])).toThrow('two points');
    expect(() =>
      linearSlope([
        { x: 1, y: 1 },
        { x: 1, y: 2 },
      ]),
    ).toThrow('two points');
  });
});

describe('goals', () => {
  it('are reached at their limit, from either side', () => {
    expect([
      atMost('', 1.3, 1.3),
      atMost('', 1.31, 1.3),
      atLeast('', 0.6, 0.6),
      atLeast('', 0.59, 0.6),
    ]).toMatchObject([{ reached: true }, { reached: false }, { reached: true }, { reached: false }]);
  });

  it('are out of reach where the best possible misses them too, and not where they are reached', () => {
    expect(isOutOfReach(boundedBy(atLeast('', 0.4, 0.6), 0.5))).toBe(true);
    expect(isOutOfReach(boundedBy(atLeast('', 0.4, 0.6), 0.6))).toBe(false);
    expect(isOutOfReach(boundedBy(atMost('', 0.25, 0.2), 0.24))).toBe(true);
    expect(isOutOfReach(boundedBy(atMost('', 0.25, 0.2), 0.1))).toBe(false);
    expect(isOutOfReach(boundedBy(atLeast('', 0.7, 0.6), 0.5))).toBe(false);
    expect(isOutOfReach(boundedBy(atLeast('', 0.4, 0.6), undefined))).toBe(false);
  });

  it('are missed by what is no number', () => {
    expect(atMost('', Number.NaN, 1).reached).toBe(false);
    expect(atLeast('', Number.NaN, 1).reached).toBe(false);
  });
});

describe('the plan', () => {
  const all = [{ id: 'a', budgetSeconds: 90 }, { id: 'b' }, { id: 'c', budgetSeconds: 150 }];

  it('runs all where none is picked, else the picked ones in their own order', () => {
    expect(pickMeasurements(all, [])).toEqual(all);
    expect(pickMeasurements(all, ['c', 'a']).map(({ id }) => id)).toEqual(['a', 'c']);
    expect(() => pickMeasurements(all, ['d'])).toThrow('No measurement is called d; there are a, b, c');
  });

  it('shrinks all budgets alike where they are too much together', () => {
    expect([...planBudgets(all, 1000).values()]).toEqual([90, 60, 150]);
    expect([...planBudgets(all, 100).values()]).toEqual([30, 20, 50]);
  });
});

describe('formatNumber', () => {
  it.each([
    [0, '0'],
    [1.3, '1.3'],
    [0.16666, '0.167'],
    [0.00012345, '0.000123'],
    [12.345, '12.3'],
    [999.9, '1,000'],
    [1234.5, '1,235'],
    [881_872, '881,872'],
    [-1234567, '-1,234,567'],
    [100, '100'],
  ])('writes %f as %s', (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });
});

const section: Section = {
  id: 'one',
  title: 'Sign-in <fast> & flat',
  against: 'the bare exchange',
  columns: ['groups', 'ours ÷ bare'],
  rows: [
    ['1', '1.2'],
    ['200 (claim)', '1.25'],
  ],
  notes: ['Two rounds.'],
  goals: [atMost('ours ÷ bare', 1.25, 1.3), atLeast('of raw', 0.5, 0.6), atMost('rows that differ', 0, 0)],
  figures: [figureOf('ours ÷ bare', 'ratio', [1.1, 1.25, 1.4])],
};

describe('a section', () => {
  it('is an aligned Markdown table with its goals and notes', () => {
    expect(renderSection(section).split('\n')).toEqual([
      '### Sign-in <fast> & flat',
      '',
      'Against: the bare exchange',
      '',
      '| groups      | ours ÷ bare |',
      '| ----------- | ----------: |',
      '| 1           |         1.2 |',
      '| 200 (claim) |        1.25 |',
      '',
      '- reached: ours ÷ bare: 1.25 (goal 1.3)',
      '- **missed**: of raw: 0.5 (goal 0.6)',
      '- reached: rows that differ: 0 (goal 0)',
      '- Two rounds.',
      '',
    ]);
  });

  it('says of a goal that nobody can reach what the best possible is', () => {
    const goals = [boundedBy(atLeast('of raw', 0.4, 0.6), 0.45), boundedBy(atLeast('of raw', 0.4, 0.6), 0.7)];
    const text = renderSection({ ...section, goals });
    expect(text).toContain(
      '- **out of reach**: of raw: 0.4 (goal 0.6, the best possible here 0.45)\n' +
        '- **missed**: of raw: 0.4 (goal 0.6, the best possible here 0.7)\n',
    );
  });
});

/** Where the bars of a chart begin and end, by class. */
function barsOf(
  svg: string,
): readonly { readonly state: string; readonly from: number; readonly to: number }[] {
  return [...svg.matchAll(/<rect class="(\w+)" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/g)].map(
    ([, state = '', x, width]) => ({ state, from: Number(x), to: Number(x) + Number(width) }),
  );
}

describe('the chart', () => {
  const svg = renderChart([section, { ...section, goals: [] }], 'a machine');
  const goalX = Number(/class="goal" x1="([\d.]+)"/.exec(svg)?.[1]);

  it('draws what is reached to the right of the goal and what is missed to the left', () => {
    const [reached, missed, exact] = barsOf(svg);
    expect(reached).toMatchObject({ state: 'reached', from: goalX });
    expect(missed).toMatchObject({ state: 'missed', to: goalX });
    expect(exact).toMatchObject({ state: 'reached', from: goalX });
    expect(barsOf(svg)).toHaveLength(3);
  });

  it('says which way is better, and misses in words too', () => {
    expect(svg).toContain('≤ 1.3');
    expect(svg).toContain('≥ 0.6');
    expect(svg.match(/>missed</g)).toHaveLength(1);
  });

  it('draws the spread of the figure whose median the goal is', () => {
    expect(svg.match(/class="spread"/g)).toHaveLength(1);
  });

  it('marks the best possible where it is known', () => {
    const bounded = boundedBy(atLeast('of raw', 0.4, 0.6), 0.45);
    const marked = renderChart([{ ...section, goals: [...section.goals, bounded] }], '');
    expect(marked.match(/class="best"/g)).toHaveLength(1);
    expect(marked.match(/>out of reach</g)).toHaveLength(1);
    expect(svg).not.toContain('class="best"');
  });

  it('escapes its texts, follows the reader’s theme, and needs nothing from elsewhere', () => {
    expect(svg).toContain('Sign-in &lt;fast&gt; &amp; flat');
    expect(svg).toContain('prefers-color-scheme: dark');
    expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:/);
  });

  it('stays within itself whatever the values are', () => {
    const wild = [
      atMost('', 1e9, 1),
      atLeast('', 1e9, 1),
      atMost('', 0, 1),
      atLeast('', 0, 1),
      atMost('', Number.NaN, 1),
    ];
    for (const { from, to } of barsOf(renderChart([{ ...section, goals: wild }], ''))) {
      expect(from).toBeGreaterThanOrEqual(470);
      expect(to).toBeLessThanOrEqual(832);
    }
  });
});

describe('the tenant', () => {
  const tenant = createTenant({
    assignedGroups: 5,
    peopleByGroups: new Map([
      [1, 2],
      [5, 1],
    ]),
  });

  it('puts everybody into the first so many groups', () => {
    expect(tenant.people.map(({ userPrincipalName }) => userPrincipalName)).toEqual([
      loginOf(1, 0),
      loginOf(1, 1),
      loginOf(5, 0),
    ]);
    expect(tenant.groups.map(({ memberIds }) => memberIds?.length)).toEqual([3, 1, 1, 1, 1]);
    expect(tenant.groups[4]?.id).toBe(groupIdOf(4));
    expect(groupCountOf(loginOf(250, 7))).toBe(250);
  });

  it('refuses people in more groups than there are', () => {
    expect(() => createTenant({ assignedGroups: 1, peopleByGroups: new Map([[2, 1]]) })).toThrow(
      'not that many',
    );
    expect(() => groupCountOf('alice@company.com')).toThrow('Nobody');
  });
});
