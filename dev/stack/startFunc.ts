/** `npm run start:func`: runs the same app and settings with the Azure Functions Core Tools, which must be installed (`func`). */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { access, writeFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { startFoundation } from './foundation.ts';
import { findFreePort, isPortFree } from './freePort.ts';
import { defaultStateDir } from './localStateDir.ts';
import { readLocalSettings } from './localSettings.ts';
import { parseStartArguments, type StartArguments } from './startArguments.ts';
import { StartError } from './startError.ts';
import { lockStateDir } from './stackLock.ts';

const repositoryDir = resolve(import.meta.dirname, '../..');
const defaultPort = 7071;

async function main(): Promise<void> {
  const options = parseStartArguments(process.argv.slice(2));
  requireSupported(options);
  const func = await findProgram('func');
  if (func === undefined) {
    throw new StartError(
      'The Azure Functions Core Tools (func) are not on the PATH. "npm start" runs the same app without them.',
    );
  }
  const local = await readLocalSettings(join(repositoryDir, 'local.settings.json'));
  const port = options.port ?? local.httpPort ?? defaultPort;
  if (!(await isPortFree(port))) {
    throw new StartError(`Port ${port} is in use. Give another one with --port.`);
  }
  const stateDir = defaultStateDir;
  const lock = await lockStateDir(stateDir);
  const appDir = join(repositoryDir, 'dist');
  const foundation = await startFoundation({
    stateDir,
    appDir,
    url: `http://localhost:${port}`,
    queuePort: await findFreePort([10_001]),
    tablePort: await findFreePort([10_002]),
    settings: { ...local.values, ...options.settings },
  });
  // func asks for the language unless this file names it. The settings themselves are environment variables.
  const marker = { IsEncrypted: false, Values: { FUNCTIONS_WORKER_RUNTIME: 'node' } };
  await writeFile(join(appDir, 'local.settings.json'), JSON.stringify(marker));
  process.exitCode = await run(func, ['start', '--port', String(port)], {
    cwd: appDir,
    env: { ...process.env, ...foundation.settings },
  });
  await foundation.stop();
  await lock.release();
}

/**
 * Throws a StartError for options that only `npm start` supports. Ignoring them would be wrong: after --reset, data must be
 * empty.
 */
function requireSupported(options: StartArguments): void {
  const given = [
    ...(options.reset ? ['--reset'] : []),
    ...(options.stateDir === undefined ? [] : ['--state-dir']),
    ...(options.directoryFile === undefined ? [] : ['--directory']),
  ];
  if (given.length > 0) {
    throw new StartError(`start:func does not support ${given.join(', ')}. Use "npm start" instead.`);
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

async function run(
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

await main().catch((error: unknown) => {
  console.error(error instanceof StartError ? error.message : error);
  process.exit(1);
});
