/**
 * `npm run litellm:contract -- --base-url URL [--models A,B,C] [--yes]`: compares a real proxy with what this product
 * expects of its version. The key comes from `LITELLM_API_KEY`.
 */
import { parseArgs } from 'node:util';

import { checkContract, chooseRecording, readVersion } from './checkContract.ts';
import type { CheckedContract, CheckedStep } from './checkContract.ts';
import { readSteps } from './recordings.ts';

const help = `npm run litellm:contract -- --base-url URL [--models A,B,C] [--yes]

  --base-url URL   the proxy, for example http://127.0.0.1:4000
  --models A,B,C   three models of the proxy. Default: gpt-4o,gpt-4o-mini,claude-sonnet
  --yes            runs it. Without it, nothing is sent but a question for the version

LITELLM_API_KEY holds the master key.
It makes users, teams, organizations and keys with a random prefix, calls the first model about ten times, takes two
minutes, and removes what it made. Use a proxy on which a mistake would do no harm.
Exit code 1: something differs on which the product depends, or something could not be removed.
`;

const { values } = parseArgs({
  options: {
    'base-url': { type: 'string' },
    models: { type: 'string' },
    yes: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const { LITELLM_API_KEY: masterKey = '' } = process.env;
const url = values['base-url']?.replace(/\/+$/, '');
const models = values.models?.split(',');

if (values.help || url === undefined || masterKey === '' || (models !== undefined && models.length !== 3)) {
  console.log(help);
  process.exitCode = values.help ? 0 : 2;
} else if (values.yes) {
  await run(url);
} else {
  const version = await readVersion(url);
  const recording = chooseRecording(version);
  console.log(
    `${url} is LiteLLM ${version}. It would be compared with ${recording}, in ${readSteps(recording).length} steps.`,
  );
  console.log('Nothing was sent to it. Add --yes to run the steps.');
}

async function run(proxyUrl: string): Promise<void> {
  const stop = new AbortController();
  process.once('SIGINT', () => {
    console.log('Stopping, and removing what was made …');
    stop.abort(new Error('stopped by Ctrl-C'));
  });
  const checked = await checkContract({ url: proxyUrl, masterKey, models, signal: stop.signal });
  print(checked);
  const isGood = checked.failure === undefined && checked.left.length === 0;
  process.exitCode = isGood && checked.steps.every((step) => !step.matters) ? 0 : 1;
}

function print({ version, comparedWith, steps, left, failure }: CheckedContract): void {
  console.log(`LiteLLM ${version}, compared with the recording of ${comparedWith}\n`);
  for (const step of steps) {
    console.log(`${String(step.number).padStart(4)}  ${resultOf(step).padEnd(9)}  ${step.step.step}`);
    for (const difference of step.differences) console.log(`                 ${difference}`);
    if (step.skipped !== undefined) console.log(`                 ${step.skipped}`);
  }
  const count = (result: string): number => steps.filter((step) => resultOf(step) === result).length;
  console.log(
    `\n${count('same')} same, ${count('harmless')} harmless, ${count('MATTERS')} that the product depends on, ${count('skipped')} skipped`,
  );
  for (const row of left) console.log(`Not removed: ${row}`);
  if (failure !== undefined) console.log(`The run ended early: ${failure}`);
}

function resultOf(step: CheckedStep): string {
  if (step.skipped !== undefined) return 'skipped';
  if (step.differences.length === 0) return 'same';
  return step.matters ? 'MATTERS' : 'harmless';
}
