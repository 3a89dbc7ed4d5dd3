/** The statistics of the benchmarks. Pure. */
import type { Figure, Goal } from './report.ts';

/** Gives the value below which `share` (0 to 1) of the samples lie, interpolated. Throws where there are none. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  if (below === undefined || above === undefined) throw new Error('No samples');
  return below + (above - below) * (position - Math.floor(position));
}

/** Gives the middle sample. Throws where there are none. */
export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}

/** Gives the figure of samples: their median, 10th and 90th percentile. Throws where there are none. */
export function figureOf(name: string, unit: Figure['unit'], samples: readonly number[]): Figure {
  return {
    name,
    unit,
    median: median(samples),
    low: percentile(samples, 0.1),
    high: percentile(samples, 0.9),
    samples: samples.length,
  };
}

/**
 * Gives a ÷ b, round by round: `a[i]` and `b[i]` were measured one right after the other, so that the machine's drift hits
 * both. Throws where the numbers of rounds differ, or there are none.
 */
export function pairedRatio(name: string, a: readonly number[], b: readonly number[]): Figure {
  if (a.length !== b.length) throw new Error(`${a.length} rounds against ${b.length}`);
  const ratios = a.map((value, round) => value / (b[round] ?? Number.NaN));
  return figureOf(name, 'ratio', ratios);
}

/** A straight line through points, by least squares. */
export interface Slope {
  readonly slope: number;
  readonly intercept: number;
  /** Of the slope; 0 for two points. A slope within twice its error of 0 is none. */
  readonly standardError: number;
}

/** Gives the line through the points. Throws where they are fewer than two, or all above one another. */
export function linearSlope(points: readonly { readonly x: number; readonly y: number }[]): Slope {
  const count = points.length;
  const meanX = sum(points.map(({ x }) => x)) / count;
  const meanY = sum(points.map(({ y }) => y)) / count;
  const spreadX = sum(points.map(({ x }) => (x - meanX) ** 2));
  if (count < 2 || spreadX === 0) throw new Error('A slope needs two points beside each other');
  const slope = sum(points.map(({ x, y }) => (x - meanX) * (y - meanY))) / spreadX;
  const intercept = meanY - slope * meanX;
  const residue = sum(points.map(({ x, y }) => (y - intercept - slope * x) ** 2));
  const standardError = count === 2 ? 0 : Math.sqrt(residue / (count - 2) / spreadX);
  return { slope, intercept, standardError };
}

/**
 * Gives the exponent with which y grows with x: 0 not at all, 1 in proportion, 2 with the square. Throws as
 * {@link linearSlope}, and where a value is not above 0.
 */
export function logLogSlope(points: readonly { readonly x: number; readonly y: number }[]): Slope {
  if (points.some(({ x, y }) => x <= 0 || y <= 0)) throw new Error('Only values above 0 have a logarithm');
  return linearSlope(points.map(({ x, y }) => ({ x: Math.log(x), y: Math.log(y) })));
}

/** Gives a goal that is reached at `limit` or below. */
export function atMost(text: string, value: number, limit: number): Goal {
  return { text, value, limit, reached: value <= limit };
}

/** Gives a goal that is reached at `limit` or above. */
export function atLeast(text: string, value: number, limit: number): Goal {
  return { text, value, limit, reached: value >= limit };
}

/** Gives the goal with the best that anybody could reach; unchanged where that is not known. */
export function boundedBy(goal: Goal, bestPossible: number | undefined): Goal {
  return bestPossible === undefined ? goal : { ...goal, bestPossible };
}

/** Whether less is better. A goal does not say so, but whether it is reached does. */
export function isUpperLimit({ value, limit, reached }: Goal): boolean {
  return value <= limit === reached;
}

/** Whether a goal is missed which the best possible misses as well. */
export function isOutOfReach(goal: Goal): boolean {
  const { bestPossible, limit, reached } = goal;
  if (reached || bestPossible === undefined) return false;
  return isUpperLimit(goal) ? bestPossible > limit : bestPossible < limit;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
