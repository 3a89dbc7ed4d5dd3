/** The chart of the report: every goal on one line of "how many times better than the goal". Pure. */
import { formatNumber } from './formatNumber.ts';
import type { Figure, Goal, Section } from './report.ts';
import { isOutOfReach, isUpperLimit } from './stats.ts';

const width = 1000;
const rowHeight = 22;
const headingHeight = 30;
const top = 78;
const axisLeft = 470;
const axisRight = 830;
/** Powers of two: from a quarter of the goal to 64 times better. */
const leastPower = -2;
const mostPower = 6;

const style = `
  svg { --ink: #1b1f24; --soft: #59636e; --line: #d1d9e0; --good: #0a7f5a; --bad: #bc4c00; --paper: #ffffff; }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --good: #3fb68b; --bad: #f0883e; --paper: #0d1117; }
  }
  text { font: 12px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: var(--ink); }
  .title { font-size: 16px; font-weight: 600; }
  .heading { font-weight: 600; }
  .soft { fill: var(--soft); font-size: 11px; }
  .grid { stroke: var(--line); stroke-width: 1; }
  .goal { stroke: var(--ink); stroke-width: 2; }
  .reached { fill: var(--good); }
  .missed { fill: var(--bad); }
  .spread { stroke: var(--ink); stroke-width: 1.5; }
  .best { fill: var(--paper); stroke: var(--ink); stroke-width: 1.5; }
`;

/**
 * Gives the SVG, readable in light and dark. A bar begins at the goal: to the right it is reached, to the left missed, and the thin
 * line is the spread where the goal's value is a figure's median. A diamond is the best that anybody could reach there.
 */
export function renderChart(sections: readonly Section[], caption: string): string {
  const charted = sections.filter(({ goals }) => goals.length > 0);
  const rows: string[] = [];
  let y = top;
  for (const section of charted) {
    y += headingHeight;
    rows.push(`<text class="heading" x="16" y="${y - 8}">${escape(section.title)}</text>`);
    for (const goal of section.goals) {
      rows.push(renderGoal(goal, findFigure(section, goal), y));
      y += rowHeight;
    }
  }
  const height = y + 20;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Benchmarks against their goals">`,
    `<style>${style}</style>`,
    `<rect width="${width}" height="${height}" fill="var(--paper)"/>`,
    `<text class="title" x="16" y="28">Benchmarks against their goals</text>`,
    `<text class="soft" x="16" y="46">${escape(caption)}</text>`,
    ...renderAxis(height),
    ...rows,
    '</svg>',
    '',
  ].join('\n');
}

function renderAxis(height: number): readonly string[] {
  const powers = Array.from({ length: mostPower - leastPower + 1 }, (_, index) => leastPower + index);
  return powers.map((power) => {
    const x = positionOf(2 ** power);
    const label = power === 0 ? 'goal' : power < 0 ? `1/${2 ** -power}` : `${2 ** power}×`;
    return [
      `<line class="${power === 0 ? 'goal' : 'grid'}" x1="${x}" x2="${x}" y1="${top}" y2="${height - 16}"/>`,
      `<text class="soft" text-anchor="middle" x="${x}" y="${top - 6}">${label}</text>`,
    ].join('');
  });
}

function renderGoal(goal: Goal, figure: Figure | undefined, y: number): string {
  const x = positionOf(scoreOf(goal, goal.value));
  const goalX = positionOf(1);
  const middle = y + rowHeight / 2 - 2;
  const state = goal.reached ? 'reached' : 'missed';
  const spread =
    figure === undefined || figure.low === figure.high
      ? ''
      : `<line class="spread" x1="${positionOf(scoreOf(goal, figure.low))}" x2="${positionOf(scoreOf(goal, figure.high))}" y1="${middle}" y2="${middle}"/>`;
  const comparison = isUpperLimit(goal) ? '≤' : '≥';
  const verdict = goal.reached ? '' : isOutOfReach(goal) ? 'out of reach' : 'missed';
  return [
    `<text x="28" y="${middle + 4}">${escape(shorten(goal.text))}</text>`,
    `<rect class="${state}" x="${Math.min(x, goalX)}" y="${middle - 5}" width="${Math.max(2, Math.abs(x - goalX))}" height="10" rx="2"/>`,
    spread,
    renderBest(goal, middle),
    `<text x="${axisRight + 12}" y="${middle + 4}">${formatNumber(goal.value)} <tspan class="soft">${comparison} ${formatNumber(goal.limit)}</tspan>${verdict === '' ? '' : ` <tspan class="missed">${verdict}</tspan>`}</text>`,
  ].join('');
}

function renderBest(goal: Goal, middle: number): string {
  if (goal.bestPossible === undefined) return '';
  const x = positionOf(scoreOf(goal, goal.bestPossible));
  return `<path class="best" d="M${x} ${middle - 5}l5 5l-5 5l-5 -5z"/>`;
}

/** How many times better than the goal; no limit in the logarithm's reach counts as far away. */
function scoreOf(goal: Goal, value: number): number {
  if (value === goal.limit) return 1;
  const score = isUpperLimit(goal) ? goal.limit / value : value / goal.limit;
  if (Number.isFinite(score) && score > 0) return score;
  return goal.reached ? 2 ** mostPower : 2 ** leastPower;
}

function positionOf(score: number): number {
  const power = Math.min(mostPower, Math.max(leastPower, Math.log2(score)));
  const share = (power - leastPower) / (mostPower - leastPower);
  return Math.round((axisLeft + share * (axisRight - axisLeft)) * 10) / 10;
}

function findFigure(section: Section, goal: Goal): Figure | undefined {
  return section.figures.find(({ median }) => median === goal.value);
}

function shorten(text: string): string {
  return text.length > 72 ? `${text.slice(0, 71)}…` : text;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
