/** Simulates three companies, measures what grows with the number of people, and reports the cost of the largest. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Benchmark, growthExponent, type Table } from '../report.ts';
import { drawScale } from './drawScale.ts';
import { PURPOSES, sumRequests } from './requestLedger.ts';
import { type Phase, runSimulation, type SimulationResult } from './simulation.ts';

const RESULTS_DIR = resolve(import.meta.dirname, '../../../bench-results');
/** The sizes of the companies as shares of the largest. Each is about three times the one before. */
const SIZES = [0.1, 0.3, 1];
const SEED = 1;
const PAGE_EVERY = 10;

export const scale: Benchmark = async ({ people: most, log }) => {
  const results: SimulationResult[] = [];
  for (const share of SIZES) {
    const people = Math.round(most * share);
    log(`${people} people`);
    results.push(await runSimulation({ people, seed: SEED, pageEvery: PAGE_EVERY, reconcile: false, log }));
  }
  const largest = results.at(-1);
  if (largest === undefined) throw new Error('No company was simulated.');
  await mkdir(RESULTS_DIR, { recursive: true });
  await writeFile(join(RESULTS_DIR, 'scale.svg'), drawScale(largest));
  return [requestsTable(largest), growthTable(results), busiestTable(largest)];
};

const MEASURES: Readonly<Record<string, (result: SimulationResult) => number>> = {
  'table requests per first provisioning': ({ monday }) =>
    sumRequests(monday.counts, 'provision') / monday.signIns,
  'table requests per person after the reorganisation': ({ reorganized }) =>
    sumRequests(reorganized.counts, 'provision') / reorganized.signIns,
  'table requests per page view, a third of them asks': ({ monday }) =>
    sumRequests(monday.counts, 'page') / monday.pagesViewed,
  'timer: table requests per tick': ({ monday }) => sumRequests(monday.counts, 'timer') / 3,
  'bytes per person who signed in': ({ sizes, monday }) =>
    sizes.reduce((total, { bytes }) => total + bytes, 0) / monday.signIns,
  'rows in all': ({ sizes }) => sizes.reduce((total, { rows }) => total + rows, 0),
  'largest partition of the index of team members, rows': (result) =>
    sizeOf(result, 'LiteLLMTeamMembers').largest.rows,
  'largest partition of teams, rows': (result) => sizeOf(result, 'LiteLLMTeamTable').largest.rows,
  'accepted list, bytes of its row': (result) => sizeOf(result, 'EntraAssignedGroups').bytes,
};

function sizeOf({ sizes }: SimulationResult, table: string): SimulationResult['sizes'][number] {
  const size = sizes.find((one) => one.table === table);
  if (size === undefined) throw new Error(`The table ${table} was not measured.`);
  return size;
}

function requestsTable(result: SimulationResult): Table {
  const rowsOf = (name: string, phase: Phase): string[][] => {
    const each = (requests: number): string => (requests / phase.signIns).toFixed(2);
    const { puts, receives, deletes } = phase.queue;
    return [
      ...PURPOSES.map((purpose) => ({ purpose, requests: sumRequests(phase.counts, purpose) }))
        .filter(({ requests }) => requests > 0)
        .map(({ purpose, requests }) => [`${name}: ${purpose}`, each(requests)]),
      [`${name}: queue`, each(puts + receives + deletes)],
      [`${name}: Entra token`, each(phase.tokens)],
    ];
  };
  return {
    title: `Requests per sign-in, ${result.people} people in ${result.groups} groups`,
    columns: ['', 'requests'],
    rows: [...rowsOf('Monday', result.monday), ...rowsOf('Reorganised', result.reorganized)],
    note: `“page” is a page, the question of its script and the page again, read for one sign-in in ${PAGE_EVERY}. ${result.monday.signIns} people signed in, with ${(result.monday.memberships / result.monday.signIns).toFixed(1)} groups each.`,
  };
}

function growthTable(results: readonly SimulationResult[]): Table {
  return {
    title: 'What grows with the number of people',
    columns: ['', ...results.map(({ people }) => String(people)), 'exponent'],
    rows: Object.entries(MEASURES).map(([what, measure]) => {
      const points = results.map((result) => ({ x: result.people, y: measure(result) }));
      return [what, ...points.map(({ y }) => renderValue(y)), growthExponent(points).toFixed(2)];
    }),
    note: 'An exponent of 0 does not grow with the number of people, and 1 grows in proportion.',
  };
}

function renderValue(value: number): string {
  return value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en');
}

function busiestTable(result: SimulationResult): Table {
  const loads = [result.monday, result.reorganized].flatMap(({ busiest }) => busiest);
  const rows = [...Map.groupBy(loads, ({ table }) => table).values()]
    .flatMap((ofTable) => ofTable.toSorted((a, b) => b.rows - a.rows).slice(0, 1))
    .toSorted((a, b) => b.rows - a.rows);
  return {
    title: `Busiest partition of each table in its busiest minute, ${result.people} people`,
    columns: ['table', 'partition', 'requests/s', 'rows/s'],
    rows: rows.map(({ table, partitionKey, requests, rows: count }) => [
      table,
      partitionKey,
      (requests / 60).toFixed(2),
      (count / 60).toFixed(2),
    ]),
    note: 'Azure’s target is 2,000 rows a second for one partition. Pages are a sample, so their tables are rather too high.',
  };
}
