/** `npm start`: runs the whole product on this machine until Ctrl-C. */
import { join, relative, resolve, sep } from 'node:path';
import { settings } from '../../shared/config/settings.ts';
import { defaultVersion } from '../litellm/versions.ts';
import { findFreePort, isPortFree } from './freePort.ts';
import { readLocalSettings } from '../../terminal/localSettings.ts';
import { defaultStateDir } from './localStateDir.ts';
import { findDirectoryFile, parseStartArguments, type StartArguments } from './startArguments.ts';
import { CommandError } from '../../terminal/commandError.ts';
import { print, printError } from '../../terminal/print.ts';
import { runCommand } from '../../terminal/runCommand.ts';
import { type Stack, startStack } from './startStack.ts';
import { requireUnlocked } from './stackLock.ts';
import { isQuiet, shortenLine } from './shortenLine.ts';
import { requireValidSettings, usesEmulator, withSecretsOf } from './stackSettings.ts';

const repositoryDir = resolve(import.meta.dirname, '../..');
const defaultPort = 7071;
const queuePort = 10_001;
const tablePort = 10_002;
/** npm and the terminal may both send the first Ctrl-C. Only a second one after this time ends the process at once. */
const secondCtrlCAfterMs = 1_000;

/** Another program may take a port between the moment it was found free and the start. */
const startTries = 3;

const help = `npm start -- [options]

  --port N           the app's port (default ${defaultPort}, or another free one)
  --reset            begin afresh: deletes what is in .local/ (or the state folder) first
  --flag=false       short for --ENTRA_GROUPS_ALSO_CREATE_ORGS=false
  --NAME=value       any app setting; wins over local.settings.json
  --no-litellm       no LiteLLM proxy; by default one is emulated, unless --LITELLM_BASE_URL=... names a real one
  --directory FILE   another sample directory for the identity emulator
  --state-dir DIR    keep everything there instead of in .local/
  --verbose          print every line of the log; by default only warnings and errors

The keys of real services come from the environment or from local.settings.json, because a command line is visible to every user
of the machine: LITELLM_API_KEY=... npm start -- --LITELLM_BASE_URL=https://...
`;

async function run(args: readonly string[]): Promise<void> {
  const startMs = performance.now();
  const options = parseStartArguments(args);
  const stateDir = resolve(options.stateDir ?? defaultStateDir);
  const directoryFile = findDirectoryFile(options);
  await requireUnlocked(stateDir);
  const local = await readLocalSettings(join(repositoryDir, 'local.settings.json'));
  const given = withSecretsOf(process.env, { ...local.values, ...options.settings });
  const hasEmulatedLitellm = options.litellm && !namesProxy(given);
  requireValidSettings(`http://localhost:${defaultPort}`, given, hasEmulatedLitellm);
  for (const name of findSecrets(options.settings)) {
    print(`${name} is visible on the command line. Put it into the environment or local.settings.json.`);
  }
  const signals = listenForSignals();
  print('Starting ...');
  const start = async (): Promise<Stack> =>
    startStack({
      stateDir,
      reset: options.reset,
      appDir: options.stateDir === undefined ? join(repositoryDir, 'dist') : join(stateDir, 'app'),
      port: await choosePort(options, local.httpPort),
      queuePort: await findFreePort([queuePort]),
      tablePort: await findFreePort([tablePort]),
      env: given,
      onLogLine: (line) => {
        if (options.verbose || !isQuiet(line)) print(shortenLine(line, process.stdout.columns));
      },
      ...(hasEmulatedLitellm ? { litellmVersion: defaultVersion } : {}),
      ...(directoryFile === undefined ? {} : { directoryFile }),
    });
  const stack = await offerReset(stateDir, async () => retryTakenPorts(start));
  print(renderSummary(stack, { stateDir, given, seconds: (performance.now() - startMs) / 1000 }));

  const failure = await Promise.race([signals.stopped, stack.failed]);
  if (failure !== undefined) {
    printError(`\nThe ${failure.name} ended by itself (${failure.how}). Its last lines:\n`);
    printError(failure.lines.map((line) => `  ${line}`).join('\n'));
    process.exitCode = 1;
  }
  print('Stopping ...');
  await stack.stop();
  print('Stopped.');
  process.exit();
}

async function retryTakenPorts(start: () => Promise<Stack>): Promise<Stack> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await start();
    } catch (error) {
      const isTaken = error instanceof Error && error.message.includes('EADDRINUSE');
      if (!isTaken || tried === startTries) throw error;
    }
  }
}

/** Adds to a fault of a kept file that `--reset` helps. */
async function offerReset(stateDir: string, start: () => Promise<Stack>): Promise<Stack> {
  try {
    return await start();
  } catch (error) {
    if (!(error instanceof CommandError) || !error.message.includes(`${stateDir}${sep}`)) throw error;
    if (!error.message.includes('cannot be read')) throw error;
    throw new CommandError(
      `${error.message}\nRepair it, or begin afresh with --reset, which deletes what is in ${stateDir}.`,
      { cause: error },
    );
  }
}

/** Returns the names of the secret settings that have a value. */
function findSecrets(given: Readonly<Record<string, string>>): readonly string[] {
  const secrets = Object.values(settings).filter(({ secret }) => secret);
  return secrets.map(({ name }) => name).filter((name) => (given[name] ?? '').length > 0);
}

/** Returns whether the settings name a LiteLLM proxy. One of the two is enough, because the app then reports the missing one. */
function namesProxy(given: Readonly<Record<string, string>>): boolean {
  return given['LITELLM_BASE_URL'] !== undefined || given['LITELLM_API_KEY'] !== undefined;
}

/** Chooses the app's port. Throws a CommandError if the given port is in use. If the default port is in use, takes another one. */
async function choosePort(options: StartArguments, localPort: number | undefined): Promise<number> {
  const wanted = options.port ?? localPort ?? defaultPort;
  if (await isPortFree(wanted)) {
    return wanted;
  }
  if (options.port !== undefined) {
    throw new CommandError(
      `Port ${wanted} is in use. Choose another one with --port, or leave --port out to get a free one.`,
    );
  }
  const port = await findFreePort(Array.from({ length: 20 }, (_value, index) => wanted + 1 + index));
  print(`Port ${wanted} is in use; taking ${port}.`);
  return port;
}

function listenForSignals(): { readonly stopped: Promise<undefined> } {
  const { promise, resolve: stop } = Promise.withResolvers<undefined>();
  let firstMs: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      firstMs ??= performance.now();
      stop(undefined);
      if (performance.now() - firstMs > secondCtrlCAfterMs) {
        printError('Ending at once.');
        // The children notice that their parent is gone and end too.
        process.exit(130);
      }
    });
  }
  return { stopped: promise };
}

function renderSummary(
  stack: Stack,
  details: {
    readonly stateDir: string;
    readonly given: Readonly<Record<string, string>>;
    readonly seconds: number;
  },
): string {
  const { people } = stack.identity;
  const width = Math.max(...people.map(({ login }) => login.length), 0);
  const near = relative(process.cwd(), details.stateDir);
  const place = near.startsWith('..') ? details.stateDir : near;
  const who = usesEmulator(details.given)
    ? people.map(({ login, about }) => `    ${login.padEnd(width)}  ${about}`)
    : ['    everyone in the tenant of your settings'];
  return [
    '',
    `  ${stack.url}    ready in ${details.seconds.toFixed(1)} s`,
    '',
    '  Sign in as (no password):',
    ...who,
    '',
    `  Data        ${join(place, 'azurite')}; connection string in ${join(place, 'stack.json')}`,
    `  Log         ${join(place, 'host.log')}  (--verbose prints it here)`,
    `  Microsoft   emulated at ${stack.browserUrl}`,
    `  LiteLLM     ${describeLitellm(stack)}`,
    `  Key         ${stack.functionKey}  (functions that ask for one: ?code=)`,
    '  Stop        Ctrl-C',
    '',
  ].join('\n');
}

function describeLitellm({ litellm, settings: appSettings }: Stack): string {
  if (litellm !== undefined) return `emulated at ${litellm.url} (open it to see who is in what)`;
  return appSettings['LITELLM_BASE_URL'] ?? 'none connected';
}

await runCommand({ help, run });
// A child that did not start may leave something open.
if (process.exitCode !== undefined) process.exit();
