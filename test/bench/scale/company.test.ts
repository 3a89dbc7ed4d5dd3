import { describe, expect, it } from 'vitest';
import {
  countMemberships,
  createChance,
  createCompany,
  drawMorning,
  MORNING_SECONDS,
  reorganize,
} from './company.ts';

const company = createCompany(5_000, createChance(1));

function sizesOf(of: typeof company): readonly number[] {
  const sizes = new Map(of.groups.map((group) => [group.id, 0]));
  for (const { groupIds } of of.employees) {
    for (const id of groupIds) sizes.set(id, (sizes.get(id) ?? 0) + 1);
  }
  return [...sizes.values()];
}

describe('the company', () => {
  it('is the same for the same seed and another for another', () => {
    expect(createCompany(200, createChance(3))).toEqual(createCompany(200, createChance(3)));
    expect(createCompany(200, createChance(3))).not.toEqual(createCompany(200, createChance(4)));
  });

  it('has a group for every fifty people, sized like a Zipf law', () => {
    const sizes = sizesOf(company);
    expect(sizes).toHaveLength(100);
    const [first = 0, second = 0] = sizes;
    expect(first).toBeGreaterThan(0.5 * company.employees.length);
    expect(first).toBeGreaterThan(second);
    expect(second).toBeGreaterThan(5 * (sizes[40] ?? 0));
  });

  it('puts everybody into one group at least and into none twice', () => {
    for (const { groupIds } of company.employees) {
      expect(groupIds.length).toBeGreaterThan(0);
      expect(new Set(groupIds).size).toBe(groupIds.length);
    }
  });
});

describe('a reorganisation', () => {
  const changed = reorganize(company, 0.1, createChance(2));

  it('moves a tenth of the memberships', () => {
    let moved = 0;
    for (const [index, { groupIds }] of company.employees.entries()) {
      const now = new Set(changed.employees[index]?.groupIds);
      moved += groupIds.filter((id) => !now.has(id)).length;
    }
    const share = moved / countMemberships(company.employees);
    expect(share).toBeGreaterThan(0.09);
    expect(share).toBeLessThan(0.11);
  });

  it('leaves everybody as many groups as before', () => {
    expect(changed.employees.map(({ groupIds }) => groupIds.length)).toEqual(
      company.employees.map(({ groupIds }) => groupIds.length),
    );
  });
});

describe('a morning', () => {
  it('brings the share of the people that it is told, in order, within half an hour', () => {
    const arrivals = drawMorning(company, 0.3, createChance(5));
    const seconds = arrivals.map(({ second }) => second);
    expect(new Set(arrivals.map(({ employee }) => employee.id)).size).toBe(1_500);
    expect(seconds).toEqual([...seconds].sort((a, b) => a - b));
    expect(seconds.every((second) => second >= 0 && second < MORNING_SECONDS)).toBe(true);
  });

  it('has a rush in its middle', () => {
    const arrivals = drawMorning(company, 0.3, createChance(5));
    const within = (from: number, below: number): number =>
      arrivals.filter(({ second }) => second >= from * 60 && second < below * 60).length;
    expect(within(11, 15)).toBeGreaterThan(4 * within(26, 30));
  });
});
