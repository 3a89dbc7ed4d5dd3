/** A line through what is looked at again and again, with an error that holds where neighbours are alike. Pure. */
import { linearSlope, type Slope } from './stats.ts';

/**
 * Gives the line through the points, which are in order. Where a point resembles its neighbour there are fewer independent ones
 * than points, so the error is that of the line times √((1 + r) ÷ (1 − r)), r being how much the distances of neighbours from
 * the line correlate (at least 0). Throws as {@link linearSlope}.
 */
export function correlatedSlope(points: readonly { readonly x: number; readonly y: number }[]): Slope {
  const line = linearSlope(points);
  const distances = points.map(({ x, y }) => y - line.intercept - line.slope * x);
  const square = distances.reduce((total, each) => total + each * each, 0);
  const alike = distances.reduce((total, each, index) => total + each * (distances[index - 1] ?? 0), 0);
  const correlation = square === 0 ? 0 : Math.max(0, alike / square);
  return { ...line, standardError: line.standardError * Math.sqrt((1 + correlation) / (1 - correlation)) };
}
