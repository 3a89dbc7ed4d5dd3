/**
 * `npm run bench [-- NAME ...] [--people 100000]`: runs the named benchmarks, or all. Prints tables to standard output and
 * progress to standard error, and writes `bench-results/bench.md` and `bench-results/scale.svg`. All benchmarks together take
 * less than five minutes on two cores. `--people` simulates a larger company, which takes longer. The command fails if a
 * benchmark throws, but never because of a figure.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { coldStart } from './coldStart.ts';
import { provisioning } from './provisioning.ts';
import { type Benchmark, renderTable } from './report.ts';
import { scale } from './scale/scale.ts';
import { signIn } from './signIn.ts';

const RESULTS_DIR = resolve(import.meta.dirname, '../../bench-results');

const benchmarks: ReadonlyMap<string, Benchmark> = new Map([
  ['cold-start', coldStart],
  ['sign-in', signIn],
  ['provisioning', provisioning],
  ['scale', scale],
]);

const peopleSchema = z.coerce.number().int().min(1_000);

async function main(): Promise<void> {
  const startMs = performance.now();
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { people: { type: 'string', default: '5000' } },
  });
  const unknown = positionals.filter((name) => !benchmarks.has(name));
  if (unknown.length > 0) {
    throw new Error(
      `Unknown benchmark: ${unknown.join(', ')}. The benchmarks are ${[...benchmarks.keys()].join(', ')}.`,
    );
  }
  const people = peopleSchema.parse(values.people);
  const seconds = (): string => `${Math.round((performance.now() - startMs) / 1000)} s`;
  const parts = [`${new Date().toISOString().slice(0, 10)}, ${describeMachine()}\n`];
  for (const [name, run] of benchmarks) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const log = (text: string): void => console.error(`${seconds()}  ${name}: ${text}`);
    log('starts');
    parts.push(...(await run({ people, log })).map(renderTable));
  }
  const report = parts.join('\n');
  console.log(report);
  await mkdir(RESULTS_DIR, { recursive: true });
  await writeFile(resolve(RESULTS_DIR, 'bench.md'), report);
  console.log(`${seconds()}, written to bench-results/`);
}

/** Describes the machine. Includes the load of the last minute, because figures from a busy machine are less reliable. */
function describeMachine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const load = (loadavg()[0] ?? 0).toFixed(1);
  return `${availableParallelism()} cores (${model}, load ${load} before), Node ${process.versions.node}`;
}

await main();
