/**
 * `npm run bench [-- NAME ...] [--people 100000]`: runs the named benchmarks, or all. Prints tables to standard output and
 * progress to standard error, and writes `bench-results/bench.md` and `bench-results/scale.svg`. All benchmarks together take
 * less than five minutes on two cores. `--people` simulates a larger company, which takes longer. The command fails if a
 * benchmark throws, but never because of a figure.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { resolve } from 'node:path';
import { coldStart } from './coldStart.ts';
import { provisioning } from './provisioning.ts';
import { type Benchmark, renderTable } from './report.ts';
import { scale } from './scale/scale.ts';
import { parseArguments } from '../../terminal/arguments.ts';
import { UsageError } from '../../terminal/commandError.ts';
import { runCommand } from '../../terminal/runCommand.ts';
import { signIn } from './signIn.ts';

const RESULTS_DIR = resolve(import.meta.dirname, '../../bench-results');

const benchmarks: ReadonlyMap<string, Benchmark> = new Map([
  ['cold-start', coldStart],
  ['sign-in', signIn],
  ['provisioning', provisioning],
  ['scale', scale],
]);

const leastPeople = 1_000;

const help = `npm run bench -- [NAME ...]     runs the named benchmarks, or all: ${[...benchmarks.keys()].join(', ')}

  --people N    simulates a company of this size (default 5000)
`;

async function run(args: readonly string[]): Promise<void> {
  const startMs = performance.now();
  const { texts, positionals } = parseArguments(args, { texts: ['people'], positionals: benchmarks.size });
  const unknown = positionals.filter((name) => !benchmarks.has(name));
  if (unknown.length > 0) {
    throw new UsageError(`Unknown benchmark: ${unknown.join(', ')}.`);
  }
  const people = Number(texts.people ?? '5000');
  if (!Number.isInteger(people) || people < leastPeople) {
    throw new UsageError(`--people needs a whole number, at least ${leastPeople}.`);
  }
  const seconds = (): string => `${Math.round((performance.now() - startMs) / 1000)} s`;
  const parts = [`${new Date().toISOString().slice(0, 10)}, ${describeMachine()}\n`];
  for (const [name, measure] of benchmarks) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const log = (text: string): void => console.error(`${seconds()}  ${name}: ${text}`);
    log('starts');
    parts.push(...(await measure({ people, log })).map(renderTable));
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

await runCommand({ help, run });
