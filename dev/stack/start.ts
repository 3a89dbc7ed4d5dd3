/** `npm start`: runs the whole product on this machine until Ctrl-C. */
import { join, relative, resolve } from 'node:path';
import { defaultVersion } from '../litellm/versions.ts';
import { findFreePort, isPortFree } from './freePort.ts';
import { readLocalSettings } from './localSettings.ts';
import { defaultStateDir } from './localStateDir.ts';
import { parseStartArguments, type StartArguments } from './startArguments.ts';
import { StartError } from './startError.ts';
import { resetStateDir } from './resetStateDir.ts';
import { type Stack, startStack } from './startStack.ts';
import { requireUnlocked } from './stackLock.ts';
import { usesEmulator } from './stackSettings.ts';

const repositoryDir = resolve(import.meta.dirname, '../..');
const defaultPort = 7071;
const queuePort = 10_001;
const tablePort = 10_002;
/** npm and the terminal may both send the first Ctrl-C. Only a second one after this time ends the process at once. */
const secondCtrlCAfterMs = 1_000;

const help = `npm start -- [options]

  --port N           the app's port (default ${defaultPort}, or another free one)
  --reset            begin afresh: deletes .local/ (or the state folder) first
  --flag=false       short for --ENTRA_GROUPS_ALSO_CREATE_ORGS=false
  --NAME=value       any app setting; wins over local.settings.json
  --no-litellm       no LiteLLM proxy; by default one is emulated, unless --LITELLM_BASE_URL=... names a real one
  --directory FILE   another sample directory for the identity emulator
  --state-dir DIR    keep everything there instead of in .local/
`;

async function main(): Promise<void> {
  const startMs = performance.now();
  const options = parseStartArguments(process.argv.slice(2));
  if (options.help) {
    console.log(help);
    return;
  }
  const stateDir = resolve(options.stateDir ?? defaultStateDir);
  await requireUnlocked(stateDir);
  if (options.reset) {
    await resetStateDir(stateDir);
  }
  const local = await readLocalSettings(join(repositoryDir, 'local.settings.json'));
  const given = { ...local.values, ...options.settings };
  const signals = listenForSignals();
  const port = await choosePort(options, local.httpPort);
  console.log('Starting ...');
  const stack = await startStack({
    stateDir,
    appDir: options.stateDir === undefined ? join(repositoryDir, 'dist') : join(stateDir, 'app'),
    port,
    queuePort: await findFreePort([queuePort]),
    tablePort: await findFreePort([tablePort]),
    env: given,
    onLogLine: printShort,
    ...(options.litellm && !namesProxy(given) ? { litellmVersion: defaultVersion } : {}),
    ...(options.directoryFile === undefined ? {} : { directoryFile: resolve(options.directoryFile) }),
  });
  console.log(renderSummary(stack, { stateDir, given, seconds: (performance.now() - startMs) / 1000 }));

  const failure = await Promise.race([signals.stopped, stack.failed]);
  if (failure !== undefined) {
    console.error(`\nThe ${failure.name} ended by itself (${failure.how}). Its last lines:\n`);
    console.error(failure.lines.map((line) => `  ${line}`).join('\n'));
    process.exitCode = 1;
  }
  console.log('Stopping ...');
  await stack.stop();
  console.log('Stopped.');
  process.exit();
}

/** Returns whether the settings name a LiteLLM proxy. One of the two is enough, because the app then reports the missing one. */
function namesProxy(given: Readonly<Record<string, string>>): boolean {
  return given['LITELLM_BASE_URL'] !== undefined || given['LITELLM_API_KEY'] !== undefined;
}

/** Chooses the app's port. Throws a StartError if the given port is in use. If the default port is in use, takes another one. */
async function choosePort(options: StartArguments, localPort: number | undefined): Promise<number> {
  const wanted = options.port ?? localPort ?? defaultPort;
  if (await isPortFree(wanted)) {
    return wanted;
  }
  if (options.port !== undefined) {
    throw new StartError(
      `Port ${wanted} is in use. Choose another one with --port, or leave --port out to get a free one.`,
    );
  }
  const port = await findFreePort(Array.from({ length: 20 }, (_value, index) => wanted + 1 + index));
  console.log(`Port ${wanted} is in use; taking ${port}.`);
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
        console.error('Ending at once.');
        // The children notice that their parent is gone and end too.
        process.exit(130);
      }
    });
  }
  return { stopped: promise };
}

/** Prints one line of the host's log without the date, cut to the width of the terminal. */
function printShort(line: string): void {
  const [, time = '', rest = line] = /^\S+T([\d:]{8})\S* (.*)$/s.exec(line) ?? [];
  const text = `${time} ${rest}`.trim();
  const width = process.stdout.columns ?? 160;
  console.log(text.length > width ? `${text.slice(0, width - 3)}...` : text);
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
  const place = relative(process.cwd(), details.stateDir);
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
    `  Log         ${join(place, 'host.log')}`,
    `  Microsoft   emulated at ${stack.browserUrl}`,
    `  LiteLLM     ${describeLitellm(stack)}`,
    `  Key         ${stack.functionKey}  (functions that ask for one: ?code=)`,
    '  Stop        Ctrl-C',
    '',
  ].join('\n');
}

function describeLitellm({ litellm, settings }: Stack): string {
  if (litellm !== undefined) return `emulated at ${litellm.url} (open it to see who is in what)`;
  return settings['LITELLM_BASE_URL'] ?? 'none connected';
}

await main().catch((error: unknown) => {
  if (error instanceof StartError) {
    console.error(error.message);
  } else {
    console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  process.exit(1);
});
