import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type HostProcess, startHostProcess } from '../host/hostProcess.ts';
import { type ControlClient, createControlClient } from '../identity/controlClient.ts';
import type { ReadyLine } from '../identity/readyLine.ts';
import type { ControlClient as LitellmControlClient } from '../litellm/controlClient.ts';
import type { Profile } from '../litellm/profile.ts';
import type { Child } from '../emulator/childProcess.ts';
import { type Foundation, startFoundation } from './foundation.ts';
import { findFreePort } from './freePort.ts';
import { type HostLogFile, openHostLogFile } from './hostLogFile.ts';
import { stackFile } from './localStateDir.ts';
import { lockStateDir } from './stackLock.ts';

type Settings = Readonly<Record<string, string>>;
/** A process whose end would end the stack. */
type Watched = Pick<Child<unknown>, 'name' | 'exited' | 'logs'>;

const failureLines = 15;
const timerRunTimeoutMs = 5_000;

export interface StackOptions {
  /** Where everything of this stack is kept; one stack at a time uses it. */
  readonly stateDir: string;
  /** Storage in memory instead of in the state folder. */
  readonly inMemory?: boolean;
  /** Of the app; 0, the default, takes a free one. */
  readonly port?: number;
  readonly queuePort?: number;
  readonly tablePort?: number;
  /** Where the built app goes. Default: `app` in the state folder. */
  readonly appDir?: string;
  /** The app in `appDir` is built already, as an unpacked package is; default false. */
  readonly isBuilt?: boolean;
  readonly directoryFile?: string;
  /** Starts the LiteLLM emulator too, as this kind of version; default: none, and no proxy is connected. */
  readonly litellmProfile?: Profile;
  /** App settings that win over the stack's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Runs every timer function once before the stack is ready, so that nothing waits for a schedule. Default true. */
  readonly runTimers?: boolean;
  readonly onLogLine?: (line: string) => void;
}

/** A process of the stack that ended although nobody told it to. */
export interface StackFailure {
  readonly name: string;
  /** `exit code 1` or `signal SIGKILL`. */
  readonly how: string;
  /** Its last log lines. */
  readonly lines: readonly string[];
}

export interface Stack {
  /** Of the app, without a slash at the end. */
  readonly url: string;
  /** Of the identity emulator: Entra's endpoints and, under `/graph/v1.0`, Graph's. */
  readonly identityUrl: string;
  /** Of the identity emulator's pages in a browser. */
  readonly browserUrl: string;
  readonly storageConnectionString: string;
  readonly clientId: string;
  readonly tenantId: string;
  readonly servicePrincipalId: string;
  readonly identity: ReadyLine;
  /** The identity emulator's switches and records. */
  readonly control: ControlClient;
  /** The LiteLLM emulator, where it was asked for. */
  readonly litellm?: {
    readonly url: string;
    readonly masterKey: string;
    /** Its rows, switches and records. */
    readonly control: LitellmControlClient;
  };
  readonly functionKey: string;
  /** Every setting that the app got. */
  readonly settings: Readonly<Record<string, string>>;
  readonly host: {
    /** Every log line since the stack started, restarts of the host included. */
    logs(this: void): readonly string[];
    /** Of the host's process now. */
    pid(this: void): number;
  };
  /** Ends the host and starts it again under other settings, on the same port; the emulators go on. */
  restartHost(this: void, env?: Readonly<Record<string, string>>): Promise<void>;
  /** Resolves when a process of the stack ends by itself; never, otherwise. */
  readonly failed: Promise<StackFailure>;
  /** Ends the host, then the emulators; idempotent. */
  stop(this: void): Promise<void>;
}

/**
 * Starts a complete stack: storage and identity emulators, the app built as for Azure, and the local host, each in its
 * own process. Writes `stack.json` (address, storage, pid) and `host.log` into the state folder. Rejects with the fault, after
 * ending what did start; StartError where another stack uses the folder.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { stateDir } = options;
  const lock = await lockStateDir(stateDir);
  const appDir = options.appDir ?? join(stateDir, 'app');
  const log = openHostLogFile(join(stateDir, 'host.log'), options.onLogLine);
  let foundation: Foundation | undefined;
  try {
    const port = options.port === undefined || options.port === 0 ? await findFreePort([]) : options.port;
    foundation = await startFoundation({
      ...options,
      appDir,
      url: `http://localhost:${port}`,
      settings: options.env ?? {},
    });
    const startHost = async (env: Settings): Promise<HostProcess> =>
      startHostProcess({ appDir, port, env, stateDir: join(stateDir, 'host'), onLogLine: log.keep });
    const host = await startHost(foundation.settings);
    const stack = createStack({ foundation, host, startHost, log, release: lock.release, stateDir });
    if (options.runTimers !== false) {
      await runTimersOnce(host);
    }
    await writeStackFile(stateDir, stack);
    return stack;
  } catch (error) {
    await foundation?.stop();
    log.close();
    await lock.release();
    throw error;
  }
}

interface StackParts {
  readonly foundation: Foundation;
  readonly host: HostProcess;
  readonly startHost: (settings: Settings) => Promise<HostProcess>;
  readonly log: HostLogFile;
  readonly release: () => Promise<void>;
  readonly stateDir: string;
}

function createStack({ foundation, host, startHost, log, release, stateDir }: StackParts): Stack {
  const { identity, litellm, storageConnectionString, settings } = foundation;
  const failure = Promise.withResolvers<StackFailure>();
  let current = host;
  let stopping: Promise<void> | undefined;
  /** The host that is being ended on purpose. */
  let ending: HostProcess | undefined;

  async function watch(child: Watched, isExpected: () => boolean): Promise<void> {
    const how = await child.exited;
    if (stopping === undefined && !isExpected()) {
      failure.resolve({ name: child.name, how, lines: child.logs().slice(-failureLines) });
    }
  }
  function watchHost(watched: HostProcess): void {
    void watch({ ...watched, name: 'Functions host' }, () => ending === watched);
  }

  for (const child of foundation.children) {
    void watch(child, () => false);
  }
  watchHost(host);

  return {
    url: host.url,
    identityUrl: identity.url,
    browserUrl: identity.browserUrl,
    storageConnectionString,
    clientId: identity.clientId,
    tenantId: identity.tenantId,
    servicePrincipalId: identity.servicePrincipalId,
    identity,
    control: createControlClient(identity.browserUrl),
    ...(litellm === undefined ? {} : { litellm: { ...litellm.ready, control: litellm.control } }),
    functionKey: host.functionKey,
    settings,
    host: { logs: log.lines, pid: () => current.pid },
    restartHost: async (env = {}) => {
      ending = current;
      await current.stop();
      current = await startHost({ ...settings, ...env });
      watchHost(current);
    },
    failed: failure.promise,
    stop: async () => {
      stopping ??= stopAll();
      await stopping;
    },
  };

  async function stopAll(): Promise<void> {
    await rm(stackFile(stateDir), { force: true });
    await current.stop();
    await foundation.stop();
    log.close();
    await release();
  }
}

/** Waits for each run's end, but not for long: a slow one goes on by itself. */
async function runTimersOnce(host: HostProcess): Promise<void> {
  const timers = host.functions.filter(({ trigger }) => trigger === 'timer');
  await Promise.all(
    timers.map(async ({ name }) => {
      await fetch(`${host.url}/admin/functions/${name}`, { method: 'POST' });
      const giveUpMs = performance.now() + timerRunTimeoutMs;
      while (
        !host.logs().some((line) => line.includes(` ${name} Executed (`)) &&
        performance.now() < giveUpMs
      ) {
        await sleep(20);
      }
    }),
  );
}

async function writeStackFile(stateDir: string, stack: Stack): Promise<void> {
  const { url, identityUrl, storageConnectionString, settings } = stack;
  await mkdir(stateDir, { recursive: true });
  // Of whatever proxy is connected, the emulator or a real one: `npm run sync` reads it.
  const { LITELLM_BASE_URL: baseUrl, LITELLM_API_KEY: apiKey } = settings;
  const litellm = baseUrl === undefined || apiKey === undefined ? {} : { litellm: { baseUrl, apiKey } };
  const content = { url, identityUrl, storageConnectionString, ...litellm, pid: process.pid };
  await writeFile(stackFile(stateDir), `${JSON.stringify(content, null, 2)}\n`);
}
