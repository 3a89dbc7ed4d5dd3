import { describe, expect, it } from 'vitest';
import { correlatedSlope } from './correlatedSlope.ts';
import { linearSlope } from './stats.ts';

function pointsOf(count: number, y: (x: number) => number): readonly { x: number; y: number }[] {
  return Array.from({ length: count }, (_, index) => ({ x: index + 1, y: y(index + 1) }));
}

describe('the slope of looks that follow one another', () => {
  it('is that of the line, without an error where the points are on it', () => {
    const { slope, standardError } = correlatedSlope(pointsOf(10, (x) => 2 * x));
    expect(slope).toBeCloseTo(2);
    expect(standardError).toBeCloseTo(0);
  });

  it('errs as the line does where neighbours are not alike', () => {
    const points = pointsOf(24, (x) => (x % 2 === 0 ? 1 : -1));
    expect(correlatedSlope(points)).toEqual(linearSlope(points));
  });

  it('errs twice as much where they mostly are', () => {
    const points = pointsOf(48, (x) => (x % 12 < 6 ? 1 : -1));
    const { standardError } = linearSlope(points);
    expect(correlatedSlope(points).standardError / standardError).toBeGreaterThan(2);
  });
});
