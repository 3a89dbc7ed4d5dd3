/** `npm run start:func`: runs the same app and settings with the Azure Functions Core Tools, which must be installed (`func`). */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { access, rm, writeFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { startFoundation } from './foundation.ts';
import { findFreePort, isPortFree } from './freePort.ts';
import { defaultStateDir, stackFile, writeStackFile } from './localStateDir.ts';
import { emptyStateDir, requireResettable } from './resetStateDir.ts';
import { requireValidSettings, withSecretsOf } from './stackSettings.ts';
import { readLocalSettings } from '../../terminal/localSettings.ts';
import { findDirectoryFile, parseStartArguments, type StartArguments } from './startArguments.ts';
import { CommandError } from '../../terminal/commandError.ts';
import { loopbackDirect } from '../../terminal/loopbackDirect.ts';
import { runCommand } from '../../terminal/runCommand.ts';
import { lockStateDir } from './stackLock.ts';

const repositoryDir = resolve(import.meta.dirname, '../..');
const defaultPort = 7071;

const help = `npm run start:func -- [options]

  --port N           the app's port (default ${defaultPort})
  --reset            begin afresh: deletes what is in .local/ (or the state folder) first
  --flag=false       short for --ENTRA_GROUPS_ALSO_CREATE_ORGS=false
  --NAME=value       any app setting; wins over local.settings.json
  --directory FILE   another sample directory for the identity emulator
  --state-dir DIR    keep everything there instead of in .local/

Needs the Azure Functions Core Tools (func). No LiteLLM proxy is emulated: --LITELLM_BASE_URL=... names one.
`;

async function run(args: readonly string[]): Promise<void> {
  const options = parseStartArguments(args);
  const func = await findProgram('func');
  if (func === undefined) {
    throw new CommandError(
      'The Azure Functions Core Tools (func) are not on the PATH. "npm start" runs the same app without them.',
    );
  }
  const local = await readLocalSettings(join(repositoryDir, 'local.settings.json'));
  const port = options.port ?? local.httpPort ?? defaultPort;
  if (!(await isPortFree(port))) {
    throw new CommandError(`Port ${port} is in use. Give another one with --port.`);
  }
  const given = withSecretsOf(process.env, { ...local.values, ...options.settings });
  const url = `http://localhost:${port}`;
  requireValidSettings(url, given, false);
  const stateDir = resolve(options.stateDir ?? defaultStateDir);
  if (options.reset) await requireResettable(stateDir);
  const lock = await lockStateDir(stateDir);
  try {
    if (options.reset) await emptyStateDir(stateDir);
    await runFunc({ func, port, url, given, stateDir, options });
  } finally {
    await lock.release();
  }
}

interface FuncRun {
  readonly func: string;
  readonly port: number;
  readonly url: string;
  readonly given: Readonly<Record<string, string>>;
  readonly stateDir: string;
  readonly options: StartArguments;
}

/** Starts what the app needs, then func, and stops everything when func ends. */
async function runFunc({ func, port, url, given, stateDir, options }: FuncRun): Promise<void> {
  const directoryFile = findDirectoryFile(options);
  const appDir = options.stateDir === undefined ? join(repositoryDir, 'dist') : join(stateDir, 'app');
  const foundation = await startFoundation({
    stateDir,
    appDir,
    url,
    queuePort: await findFreePort([10_001]),
    tablePort: await findFreePort([10_002]),
    // The host keeps its locks of timers and its function keys there.
    blobPort: await findFreePort([10_000]),
    settings: given,
    ...(directoryFile === undefined ? {} : { directoryFile }),
  });
  try {
    const { settings, storageConnectionString, identity } = foundation;
    writeStackFile(stateDir, { url, identityUrl: identity.url, storageConnectionString, settings });
    // func asks for the language unless this file names it. The settings themselves are environment variables.
    const marker = { IsEncrypted: false, Values: { FUNCTIONS_WORKER_RUNTIME: 'node' } };
    await writeFile(join(appDir, 'local.settings.json'), JSON.stringify(marker));
    const env = { ...process.env, ...settings };
    process.exitCode = await spawnFunc(func, ['start', '--port', String(port)], {
      cwd: appDir,
      env: { ...env, ...loopbackDirect(env) },
    });
  } finally {
    await rm(stackFile(stateDir), { force: true });
    await foundation.stop();
  }
}

async function findProgram(name: string): Promise<string | undefined> {
  const names = process.platform === 'win32' ? [`${name}.cmd`, `${name}.exe`] : [name];
  for (const dir of (process.env['PATH'] ?? '').split(delimiter).filter((part) => part !== '')) {
    for (const candidate of names.map((file) => join(dir, file))) {
      try {
        await access(candidate);
        return candidate;
      } catch {
        // Not in this folder.
      }
    }
  }
  return undefined;
}

async function spawnFunc(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<number> {
  const child = spawn(program, args, { ...options, stdio: 'inherit', shell: process.platform === 'win32' });
  // The terminal sends Ctrl-C to func too. This process waits until func has ended, then stops the emulators.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolveCode, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      resolveCode(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

await runCommand({ help, run });
