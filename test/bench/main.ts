/**
 * `npm run bench -- [words] [--quick] [--cpu-prof FOLDER]`: measures, prints the tables (standard output) and the progress (standard error), and
 * writes `bench-results/bench.json` and `bench-results/bench.svg`. Words pick measurements by id; none: all of them.
 * With `--cpu-prof` the processes that answer sign-ins leave their profiles in that folder, and the figures mean less.
 * Fails where a measurement breaks; never because a figure is bad.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { pickMeasurements, planBudgets } from './benchPlan.ts';
import { describeMachine, type Machine } from './machine.ts';
import { measurements } from './measurements.ts';
import { renderChart } from './renderChart.ts';
import { renderSection } from './renderSection.ts';
import type { Section } from './report.ts';
import { runMeasurement } from './runMeasurement.ts';

const resultsDir = resolve(import.meta.dirname, '../../bench-results');
/** What all measurements together may plan for; most need less. The rest of the ten minutes is for starting and stopping. */
const totalSeconds = 570;

async function main(): Promise<boolean> {
  const startMs = performance.now();
  const date = new Date().toISOString();
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: 'boolean', default: false }, 'cpu-prof': { type: 'string' } },
  });
  const profileDir = values['cpu-prof'];
  const profiling = profileDir === undefined ? {} : { cpuProfileDir: resolve(profileDir) };
  const picked = pickMeasurements(measurements, positionals);
  const budgets = planBudgets(picked, totalSeconds);
  const machine = await describeMachine();
  const command = [
    'npm run bench',
    ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : []),
  ].join(' ');
  console.log(`${command}, ${date}\n${describe(machine)}\n`);
  const sections: Section[] = [];
  let isWhole = true;
  for (const [index, measurement] of picked.entries()) {
    const log = (text: string): void =>
      console.error(
        `${String(Math.round((performance.now() - startMs) / 1000)).padStart(4)} s  ${index + 1}/${picked.length} ${measurement.id}: ${text}`,
      );
    log('starts');
    try {
      const budgetSeconds = budgets.get(measurement.id) ?? totalSeconds;
      const measured = await runMeasurement(measurement, {
        quick: values.quick,
        budgetSeconds,
        log,
        ...profiling,
      });
      sections.push(...measured);
      for (const section of measured) console.log(renderSection(section));
    } catch (error) {
      isWhole = false;
      console.error(`${measurement.id} broke:`, error);
    }
  }
  const durationSeconds = Math.round((performance.now() - startMs) / 1000);
  await mkdir(resultsDir, { recursive: true });
  const report = { date, command, quick: values.quick, durationSeconds, machine, sections };
  await writeFile(join(resultsDir, 'bench.json'), `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(
    join(resultsDir, 'bench.svg'),
    renderChart(sections, `${date.slice(0, 10)}, ${describe(machine)}, ${command}`),
  );
  console.log(`${durationSeconds} s. Written: bench-results/bench.json, bench-results/bench.svg`);
  return isWhole;
}

function describe(machine: Machine): string {
  const { cores, memoryGiB, node, azurite } = machine;
  return `${cores} cores, ${memoryGiB} GiB, Node ${node}, Azurite ${azurite}`;
}

process.exitCode = (await main()) ? 0 : 1;
