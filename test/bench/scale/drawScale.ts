/** The chart of the simulation: a Monday morning over time, and what grows with the number of people. Pure. */
import type { Growth } from './scaleReport.ts';
import type { Minute, SimulationResult } from './simulation.ts';

const WIDTH = 860;
const PANEL_HEIGHT = 230;
const MARGIN = { left: 76, right: 190, top: 44, bottom: 40 };
const COLORS = ['#2f6fde', '#c2410c', '#15803d', '#7e22ce', '#a16207', '#be123c'];

interface Line {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

interface Panel {
  readonly title: string;
  readonly xTitle: string;
  readonly logarithmic: boolean;
  readonly lines: readonly Line[];
  readonly ticks: readonly number[];
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

/** The next number above that begins with 1 to 9 and ends in zeros. */
function roundUp(value: number): number {
  const step = 10 ** Math.floor(Math.log10(value));
  return Math.ceil(value / step) * step;
}

function drawPanel(panel: Panel, top: number): string {
  const points = panel.lines.flatMap((line) => line.points);
  const scale = panel.logarithmic ? Math.log10 : (value: number): number => value;
  const xs = points.map(({ x }) => scale(x));
  const ys = points.map(({ y }) => scale(y));
  const [minX, maxX] = [Math.min(...xs), Math.max(...xs)];
  const [minY, maxY] = panel.logarithmic
    ? [Math.floor(Math.min(...ys)), Math.ceil(Math.max(...ys))]
    : [0, roundUp(Math.max(...ys))];
  const innerWidth = WIDTH - MARGIN.left - MARGIN.right;
  const innerHeight = PANEL_HEIGHT - MARGIN.top - MARGIN.bottom;
  const placeX = (x: number): number => MARGIN.left + ((scale(x) - minX) / (maxX - minX || 1)) * innerWidth;
  const placeY = (y: number): number =>
    top + MARGIN.top + innerHeight - ((scale(y) - minY) / (maxY - minY || 1)) * innerHeight;
  const bottom = top + PANEL_HEIGHT - MARGIN.bottom;
  const marks = panel.logarithmic
    ? Array.from({ length: maxY - minY + 1 }, (_, index) => 10 ** (minY + index))
    : [0, maxY / 2, maxY];
  return [
    `<text x="${MARGIN.left}" y="${top + 24}" class="title">${escapeText(panel.title)}</text>`,
    ...marks.map(
      (mark) =>
        `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${placeY(mark).toFixed(1)}" y2="${placeY(mark).toFixed(1)}" class="grid"/>` +
        `<text x="${MARGIN.left - 6}" y="${(placeY(mark) + 4).toFixed(1)}" text-anchor="end">${Math.round(mark).toLocaleString('en')}</text>`,
    ),
    ...panel.ticks.map(
      (tick) =>
        `<text x="${placeX(tick).toFixed(1)}" y="${bottom + 16}" text-anchor="middle">${tick.toLocaleString('en')}</text>`,
    ),
    `<text x="${MARGIN.left + innerWidth / 2}" y="${bottom + 32}" text-anchor="middle">${escapeText(panel.xTitle)}</text>`,
    ...panel.lines.map((line, index) => {
      const color = COLORS[index % COLORS.length] ?? '#000000';
      const path = line.points.map(({ x, y }) => `${placeX(x).toFixed(1)},${placeY(y).toFixed(1)}`).join(' ');
      const y = top + MARGIN.top + 14 + index * 17;
      return (
        `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>` +
        `<text x="${WIDTH - MARGIN.right + 10}" y="${y}" fill="${color}">${escapeText(line.name)}</text>`
      );
    }),
  ].join('\n');
}

function minuteLine(name: string, minutes: readonly Minute[], measure: (minute: Minute) => number): Line {
  return { name, points: minutes.map((minute) => ({ x: minute.minute, y: measure(minute) / 60 })) };
}

function morningPanel(result: SimulationResult, phase: Minute['phase'], title: string): Panel {
  const minutes = result.minutes.filter((minute) => minute.phase === phase);
  return {
    title,
    xTitle: 'minute',
    logarithmic: false,
    ticks: [5, 10, 15, 20, 25, 30],
    lines: [
      minuteLine('sign-ins a second', minutes, (minute) => minute.signIns),
      minuteLine('table requests: runs', minutes, (minute) => minute.requests.provision),
      minuteLine('table requests: pages', minutes, (minute) => minute.requests.page),
    ],
  };
}

function growthPanel(growth: readonly Growth[]): Panel {
  return {
    title: 'What grows with the number of people (log-log)',
    xTitle: 'people',
    logarithmic: true,
    ticks: growth[0]?.values.map(({ people }) => people) ?? [],
    lines: growth.map(({ what, values, slope }) => ({
      name: `${what} (${slope.slope.toFixed(2)})`,
      points: values.map(({ people, value }) => ({ x: people, y: value })),
    })),
  };
}

const SHOWN: ReadonlyMap<string, string> = new Map([
  ['table requests per first provisioning', 'requests a first run'],
  ['table requests per page view', 'requests a page'],
  ['bytes per person who signed in', 'bytes a person'],
  ['rows in all', 'rows in all'],
  ['largest partition: members of a team', 'largest member index'],
  ['accepted list, bytes of its row', 'accepted list, bytes'],
]);

/** Gives the chart as SVG: the mornings of the largest company, then the growth over all. */
export function drawScale(results: readonly SimulationResult[], growth: readonly Growth[]): string {
  const largest = results.at(-1);
  if (largest === undefined) throw new Error('Nothing was simulated');
  const people = largest.people.toLocaleString('en');
  const panels: readonly Panel[] = [
    morningPanel(largest, 'monday', `Monday morning, ${people} people, 30 % sign in for the first time`),
    morningPanel(largest, 'reorganized', 'The same people after 10 % of the memberships moved'),
    growthPanel(
      growth.flatMap((one) => {
        const name = SHOWN.get(one.what);
        return name === undefined ? [] : [{ ...one, what: name }];
      }),
    ),
  ];
  const height = PANEL_HEIGHT * panels.length;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Sign-ins and requests over time, and growth with people">`,
    '<style>text{font:12px system-ui,sans-serif;fill:#333}text[fill]{fill:revert-layer}.title{font-weight:600;font-size:14px}.grid{stroke:#ddd}</style>',
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    ...panels.map((panel, index) => drawPanel(panel, index * PANEL_HEIGHT)),
    '</svg>',
    '',
  ].join('\n');
}
