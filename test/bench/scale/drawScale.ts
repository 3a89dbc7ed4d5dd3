/** Draws the chart of the simulation: both mornings of one company over time. Pure. */
import type { Purpose } from './requestLedger.ts';
import type { Phase, SimulationResult } from './simulation.ts';

const WIDTH = 860;
const PANEL_HEIGHT = 230;
const MARGIN = { left: 76, right: 190, top: 44, bottom: 40 };
const INNER = {
  width: WIDTH - MARGIN.left - MARGIN.right,
  height: PANEL_HEIGHT - MARGIN.top - MARGIN.bottom,
};

interface Line {
  readonly name: string;
  readonly color: string;
  /** The rate per second, for each minute. */
  readonly values: readonly number[];
}

/** Returns the chart as SVG. */
export function drawScale({ people, monday, reorganized }: SimulationResult): string {
  const height = 2 * PANEL_HEIGHT;
  const title = `Monday morning, ${people.toLocaleString('en')} people, 30 % sign in for the first time`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Sign-ins and table requests over a morning">`,
    '<style>text{font:12px system-ui,sans-serif;fill:#333}text[fill]{fill:revert-layer}.title{font-weight:600;font-size:14px}.grid{stroke:#ddd}</style>',
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    drawPanel(title, linesOf(monday), 0),
    drawPanel('The same people after 10 % of the memberships moved', linesOf(reorganized), PANEL_HEIGHT),
    '</svg>',
    '',
  ].join('\n');
}

function linesOf({ minutes }: Phase): readonly Line[] {
  const requests = (purpose: Purpose): readonly number[] =>
    minutes.map((minute) => (minute.requests.get(purpose) ?? 0) / 60);
  return [
    { name: 'sign-ins a second', color: '#2f6fde', values: minutes.map(({ signIns }) => signIns / 60) },
    { name: 'table requests: runs', color: '#c2410c', values: requests('provision') },
    { name: 'table requests: pages', color: '#15803d', values: requests('page') },
  ];
}

function drawPanel(title: string, lines: readonly Line[], top: number): string {
  const most = roundUp(Math.max(...lines.flatMap(({ values }) => values)));
  const bottom = top + PANEL_HEIGHT - MARGIN.bottom;
  const right = WIDTH - MARGIN.right;
  const placeX = (minute: number): string => (MARGIN.left + ((minute - 1) / 29) * INNER.width).toFixed(1);
  const placeY = (value: number): string => (bottom - (value / most) * INNER.height).toFixed(1);
  return [
    `<text x="${MARGIN.left}" y="${top + 24}" class="title">${title}</text>`,
    ...[0, most / 2, most].flatMap((mark) => [
      `<line x1="${MARGIN.left}" x2="${right}" y1="${placeY(mark)}" y2="${placeY(mark)}" class="grid"/>`,
      `<text x="${MARGIN.left - 6}" y="${placeY(mark)}" dy="4" text-anchor="end">${mark.toLocaleString('en')}</text>`,
    ]),
    ...[5, 10, 15, 20, 25, 30].map(
      (minute) => `<text x="${placeX(minute)}" y="${bottom + 16}" text-anchor="middle">${minute}</text>`,
    ),
    `<text x="${MARGIN.left + INNER.width / 2}" y="${bottom + 32}" text-anchor="middle">minute</text>`,
    ...lines.flatMap(({ name, color, values }, index) => [
      `<polyline points="${values.map((value, at) => `${placeX(at + 1)},${placeY(value)}`).join(' ')}" fill="none" stroke="${color}" stroke-width="2"/>`,
      `<text x="${right + 10}" y="${top + MARGIN.top + 14 + index * 17}" fill="${color}">${name}</text>`,
    ]),
  ].join('\n');
}

/** Returns the next larger number that has one digit followed by zeros. */
function roundUp(value: number): number {
  const step = 10 ** Math.floor(Math.log10(value));
  return Math.ceil(value / step) * step;
}
