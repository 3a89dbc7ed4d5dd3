/**
 * `npm run bench:scale [-- --people 100000] [--seed 1] [--instances 2] [--out bench-results]`: simulates companies of growing
 * size up to that many people, prints tables, writes `scale.json` and `scale.svg`. Asserts no time.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { drawScale } from './drawScale.ts';
import {
  findGrowth,
  growthTable,
  memoryTable,
  peaksTable,
  phasesTable,
  renderTable,
  requestsTable,
  sizesTable,
  throughputTable,
} from './scaleReport.ts';
import { runSimulation, type SimulationResult } from './simulation.ts';

/** Each about three times the one before, so that a slope has five points. */
const SIZES = [0.01, 0.03, 0.1, 0.3, 1];
const FEWEST_PEOPLE = 100;

/** Beyond, the repair of the indexes is one request a row and says nothing new. */
const MOST_PEOPLE_TO_RECONCILE = 3_000;

const SIGN_IN_SHARE = 0.3;
const MOVED_SHARE = 0.1;

const count = z.coerce.number().int().positive();
const argumentsSchema = z.object({
  people: count.min(FEWEST_PEOPLE).default(100_000),
  seed: count.default(1),
  instances: count.default(2),
  pages: count.default(10),
  out: z.string().default('bench-results'),
});

const LINE_EVERY_MS = 20_000;

/** On a terminal one line that is written over; else a line now and then. */
function createProgress(): (text: string) => void {
  let lastMs = 0;
  return (text) => {
    if (process.stdout.isTTY) {
      process.stdout.write(`\r\u{1b}[2K${text}`);
      return;
    }
    if (Date.now() - lastMs < LINE_EVERY_MS) return;
    lastMs = Date.now();
    process.stdout.write(`${text}\n`);
  };
}

function report(results: readonly SimulationResult[]): string {
  const largest = results.at(-1);
  if (largest === undefined) throw new Error('Nothing was simulated');
  return [
    ...[phasesTable(results), requestsTable(largest), throughputTable(largest)].map(renderTable),
    ...[sizesTable(largest), peaksTable(largest), growthTable(findGrowth(results))].map(renderTable),
    renderTable(memoryTable(largest)),
    ...results.flatMap(({ people, reconcile }) =>
      reconcile === undefined
        ? []
        : [
            `Reconcile, ${people} people: ${reconcile.checked} index rows, ${reconcile.requests} requests, ${reconcile.removed} removed`,
          ],
    ),
  ].join('\n');
}

async function writeResults(
  out: string,
  run: {
    readonly startedAt: string;
    readonly options: object;
    readonly results: readonly SimulationResult[];
  },
): Promise<void> {
  const growth = run.results.length > 1 ? findGrowth(run.results) : [];
  const cores = cpus();
  const machine = { cores: cores.length, model: cores[0]?.model ?? '', node: process.version };
  const file = {
    startedAt: run.startedAt,
    endedAt: new Date().toISOString(),
    machine,
    options: run.options,
    growth,
    results: run.results,
  };
  await mkdir(out, { recursive: true });
  await writeFile(join(out, 'scale.json'), `${JSON.stringify(file, undefined, 1)}\n`);
  await writeFile(join(out, 'scale.svg'), drawScale(run.results, growth));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      people: { type: 'string' },
      seed: { type: 'string' },
      instances: { type: 'string' },
      pages: { type: 'string' },
      out: { type: 'string' },
    },
  });
  const { people: most, seed, instances, pages, out } = argumentsSchema.parse(values);
  const sizes = [...new Set(SIZES.map((share) => Math.max(FEWEST_PEOPLE, Math.round(most * share))))];
  const options = {
    people: most,
    seed,
    instances,
    pageEvery: pages,
    signInShare: SIGN_IN_SHARE,
    movedShare: MOVED_SHARE,
  };
  const onProgress = createProgress();
  const results: SimulationResult[] = [];
  const startedAt = new Date().toISOString();
  for (const people of sizes) {
    const reconcile = people <= MOST_PEOPLE_TO_RECONCILE;
    const result = await runSimulation({ ...options, people, reconcile, onProgress });
    results.push(result);
    process.stdout.write(`\n${people} people: ${result.realSeconds.toFixed(0)} s\n`);
    // After each size, so that what was measured stays should somebody end a long run.
    await writeResults(out, { startedAt, options, results });
  }
  process.stdout.write(`\n${report(results)}\n\nWrote ${join(out, 'scale.json')} and scale.svg\n`);
}

await main();
