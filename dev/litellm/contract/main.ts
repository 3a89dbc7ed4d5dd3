/**
 * `npm run litellm:contract -- --base-url URL [--models A,B,C] [--yes]`: compares a real proxy with what this product
 * expects of its version. The key comes from `LITELLM_API_KEY`.
 */
import { parseArguments } from '../../../terminal/arguments.ts';
import { UsageError } from '../../../terminal/commandError.ts';
import { print } from '../../../terminal/print.ts';
import { runCommand } from '../../../terminal/runCommand.ts';
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

async function runChecks(args: readonly string[]): Promise<void> {
  const { texts, flags } = parseArguments(args, { texts: ['base-url', 'models'], flags: ['yes'] });
  const url = texts['base-url']?.replace(/\/+$/, '');
  const models = texts.models?.split(',');
  const { LITELLM_API_KEY: masterKey = '' } = process.env;
  if (url === undefined) throw new UsageError('--base-url is missing.');
  if (masterKey === '') throw new UsageError('LITELLM_API_KEY is not set.');
  if (models !== undefined && models.length !== 3) throw new UsageError('--models needs three models.');
  if (flags.has('yes')) {
    await check({ url, masterKey, models });
    return;
  }
  const version = await readVersion(url);
  const recording = chooseRecording(version);
  print(
    `${url} is LiteLLM ${version}. It would be compared with ${recording}, in ${readSteps(recording).length} steps.`,
  );
  print('Nothing was sent to it. Add --yes to run the steps.');
}

interface ProxyToCheck {
  readonly url: string;
  readonly masterKey: string;
  readonly models: readonly string[] | undefined;
}

async function check(proxy: ProxyToCheck): Promise<void> {
  const stop = new AbortController();
  process.once('SIGINT', () => {
    print('Stopping, and removing what was made …');
    stop.abort(new Error('stopped by Ctrl-C'));
  });
  const checked = await checkContract({ ...proxy, signal: stop.signal });
  printChecked(checked);
  const isGood = checked.failure === undefined && checked.left.length === 0;
  process.exitCode = isGood && checked.steps.every((step) => !step.matters) ? 0 : 1;
}

function printChecked({ version, comparedWith, steps, left, failure }: CheckedContract): void {
  print(`LiteLLM ${version}, compared with the recording of ${comparedWith}\n`);
  for (const step of steps) {
    print(`${String(step.number).padStart(4)}  ${resultOf(step).padEnd(9)}  ${step.step.step}`);
    for (const difference of step.differences) print(`                 ${difference}`);
    if (step.skipped !== undefined) print(`                 ${step.skipped}`);
  }
  const count = (result: string): number => steps.filter((step) => resultOf(step) === result).length;
  print(
    `\n${count('same')} same, ${count('harmless')} harmless, ${count('MATTERS')} that the product depends on, ${count('skipped')} skipped`,
  );
  for (const row of left) print(`Not removed: ${row}`);
  if (failure !== undefined) print(`The run ended early: ${failure}`);
}

function resultOf(step: CheckedStep): string {
  if (step.skipped !== undefined) return 'skipped';
  if (step.differences.length === 0) return 'same';
  return step.matters ? 'MATTERS' : 'harmless';
}

await runCommand({ help, run: runChecks });
