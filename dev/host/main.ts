/**
 * The local Functions host as a process: `node dev/host/main.ts --app <folder> [--port N] [--state-dir <folder>]`.
 * Its environment holds the app settings. Prints one JSON line on stdout when ready, and everything else on stderr.
 * SIGTERM and SIGINT stop it in order: it starts no more work, waits up to ten seconds for calls that are running, and
 * then runs the terminate hooks.
 */
import { Console } from 'node:console';
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { format, parseArgs } from 'node:util';
import { z } from 'zod';
import { createCoreModule, installCoreModule, type CoreModule } from './coreModule.ts';
import { readFunctionKey } from './functionKey.ts';
import { createFunctionsHost } from './functionsHost.ts';
import { parseHostJson } from './hostJson.ts';
import { createHostLog, type HostLog } from './hostLog.ts';
import { listenOnLoopback } from '../emulator/loopbackServer.ts';
import { describeFailure } from '../../terminal/runCommand.ts';
import type { LogLevel, ProgrammingModel } from './programmingModel.ts';

const drainTimeoutMs = 10_000;

const argumentsSchema = z.object({
  app: z.string(),
  port: z.coerce.number().int().min(0).max(65_535).default(0),
  'state-dir': z.string().optional(),
});

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { app: { type: 'string' }, port: { type: 'string' }, 'state-dir': { type: 'string' } },
  });
  const options = argumentsSchema.parse(values);
  const stateDir = options['state-dir'];
  const appDir = resolve(options.app);
  const hostJson = parseHostJson(await readFile(join(appDir, 'host.json'), 'utf8'), process.env);
  const log = createHostLog({
    logLevels: hostJson.logLevels,
    write: (line) => void process.stderr.write(line),
    now: () => new Date(),
  });
  endOnFatalErrors(log);

  // The server starts before the app, because the app may read its own address while it loads.
  const server = await listenOnLoopback(options.port);
  const url = `http://localhost:${server.port}`;
  process.env['WEBSITE_HOSTNAME'] ??= `localhost:${server.port}`;
  process.env['AZURE_FUNCTIONS_ENVIRONMENT'] ??= 'Development';

  const core = createCoreModule(log);
  const model = await loadApp(core, appDir, log);
  const functionKey = await readFunctionKey(process.env['LOCAL_FUNCTION_KEY'], stateDir);
  const host = createFunctionsHost({
    core,
    model,
    hostJson,
    settings: process.env,
    functionKey,
    url,
    stateDir,
    log,
  });
  server.serve((request, response) => void host.httpListener(request, response));
  await host.start();

  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) {
      return;
    }
    stopping = true;
    server.refuseNew();
    await host.stop(drainTimeoutMs);
    await runAppHooks(core, 'appTerminate');
    await server.close();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => void stop());
  }
  process.stdout.write(
    `${JSON.stringify({ ready: true, url, pid: process.pid, functionKey, functions: host.functions })}\n`,
  );
}

/** Loads the app's entry file with the built-in module. Returns the model that the library chose. */
async function loadApp(core: CoreModule, appDir: string, log: HostLog): Promise<ProgrammingModel> {
  installCoreModule(core.exports);
  sendConsoleToLog(log);
  const require = createRequire(join(appDir, 'package.json'));
  const manifest = z
    .object({ main: z.string() })
    .parse(JSON.parse(await readFile(join(appDir, 'package.json'), 'utf8')));
  require(join(appDir, manifest.main));
  const model = core.finishStartup();
  const capabilities: Record<string, string> = {};
  await model.getCapabilities?.(capabilities);
  if (capabilities['HttpUri'] !== undefined) {
    throw new Error('The app turned enableHttpStream on, which the local host does not run.');
  }
  await runAppHooks(core, 'appStart');
  return model;
}

async function runAppHooks(core: CoreModule, name: 'appStart' | 'appTerminate'): Promise<void> {
  for (const hook of core.hooks(name)) {
    await hook({ hookData: core.appHookData });
  }
}

/** Turns the app's console output into log lines, because stdout is reserved for the ready line. */
function sendConsoleToLog(log: HostLog): void {
  const replacement = new Console(process.stderr);
  const levels: Readonly<Record<'debug' | 'log' | 'info' | 'warn' | 'error', LogLevel>> = {
    debug: 'debug',
    log: 'information',
    info: 'information',
    warn: 'warning',
    error: 'error',
  };
  for (const name of ['debug', 'log', 'info', 'warn', 'error'] as const) {
    replacement[name] = (...values: unknown[]) => log(levels[name], 'console', format(...values));
  }
  globalThis.console = replacement;
}

/** Ends the process at an unhandled error, because its state is then unknown. The worker in Azure does the same. */
function endOnFatalErrors(log: HostLog): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      log('critical', 'host', `${event}: ${format(error)}`);
      process.exit(1);
    });
  }
}

await main().catch((error: unknown) => {
  process.stderr.write(
    `${new Date().toISOString()} critical host ${describeFailure(error).replaceAll('\n', String.raw`\n`)}\n`,
  );
  process.exit(1);
});
