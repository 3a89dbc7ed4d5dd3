import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type HostProcess, startHostProcess } from '../host/hostProcess.ts';
import { type ControlClient, createControlClient } from '../identity/controlClient.ts';
import type { ReadyLine } from '../identity/readyLine.ts';
import type { ControlClient as LitellmControlClient } from '../litellm/controlClient.ts';
import type { Version } from '../litellm/versions.ts';
import type { Child } from '../emulator/childProcess.ts';
import { type Foundation, startFoundation } from './foundation.ts';
import { findFreePort } from './freePort.ts';
import { type HostLogFile, openHostLogFile } from './hostLogFile.ts';
import { stackFile, writeStackFile } from './localStateDir.ts';
import { emptyStateDir, requireResettable } from './resetStateDir.ts';
import { lockStateDir } from './stackLock.ts';

type Settings = Readonly<Record<string, string>>;
/** A process that the stack needs. */
type Watched = Pick<Child<unknown>, 'name' | 'exited' | 'logs'>;

const failureLines = 15;
const timerRunTimeoutMs = 5_000;

export interface StackOptions {
  /** The folder for everything that this stack keeps. Only one stack at a time uses it. */
  readonly stateDir: string;
  /** Begins afresh: deletes everything that earlier starts kept in the folder. */
  readonly reset?: boolean;
  /** Keeps storage in memory instead of in the state folder. */
  readonly inMemory?: boolean;
  /** The app's port. 0, the default, takes any free port. */
  readonly port?: number;
  readonly queuePort?: number;
  readonly tablePort?: number;
  /** The folder for the built app. Default: `app` in the state folder. */
  readonly appDir?: string;
  /** The app in `appDir` is already built, for example an unpacked package. Default false. */
  readonly isBuilt?: boolean;
  readonly directoryFile?: string;
  /** Starts the LiteLLM emulator too, with the behaviour of this version. Default: no LiteLLM is connected. */
  readonly litellmVersion?: Version;
  /** App settings that replace the stack's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Runs every timer function once before the stack is ready, so that tests need not wait for a schedule. Default true. */
  readonly runTimers?: boolean;
  readonly onLogLine?: (line: string) => void;
}

/** A process of the stack that ended unexpectedly. */
export interface StackFailure {
  readonly name: string;
  /** `exit code 1` or `signal SIGKILL`. */
  readonly how: string;
  /** Its last log lines. */
  readonly lines: readonly string[];
}

export interface Stack {
  /** The app's address, without a slash at the end. */
  readonly url: string;
  /** The identity emulator's address, with Entra's endpoints and, under `/graph/v1.0`, Graph's. */
  readonly identityUrl: string;
  /** The address of the identity emulator's pages for a browser. */
  readonly browserUrl: string;
  readonly storageConnectionString: string;
  readonly clientId: string;
  readonly tenantId: string;
  readonly servicePrincipalId: string;
  readonly identity: ReadyLine;
  /** The identity emulator's switches and records. */
  readonly control: ControlClient;
  /** The LiteLLM emulator, if the options asked for it. */
  readonly litellm?: {
    readonly url: string;
    readonly masterKey: string;
    /** Its rows, switches and records. */
    readonly control: LitellmControlClient;
  };
  readonly functionKey: string;
  /** All settings of the app. */
  readonly settings: Readonly<Record<string, string>>;
  readonly host: {
    /** Returns every log line since the stack started, also those from before a restart of the host. */
    logs(this: void): readonly string[];
    /** Returns the id of the host's current process. */
    pid(this: void): number;
  };
  /** Stops the host and starts it again with other settings, on the same port. The emulators keep running. */
  restartHost(this: void, env?: Readonly<Record<string, string>>): Promise<void>;
  /** Resolves when a process of the stack ends unexpectedly, and otherwise never. */
  readonly failed: Promise<StackFailure>;
  /** Stops the host, then the emulators. Calling it again changes nothing. */
  stop(this: void): Promise<void>;
}

/**
 * Starts a complete stack: storage and identity emulators, the app built as for Azure, and the local host, each in its
 * own process. Writes `stack.json` (address, storage, keys, pid) and `host.log` into the state folder. Rejects with the fault, after
 * it has stopped everything that had started. Rejects with a CommandError if another stack uses the folder.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { stateDir } = options;
  if (options.reset === true) await requireResettable(stateDir);
  const lock = await lockStateDir(stateDir);
  if (options.reset === true) await emptyStateDir(stateDir);
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
    writeStackFile(stateDir, stack);
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
  /** The host that is being stopped on purpose. */
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

/** Runs every timer function, and waits a few seconds for the runs to end. A slow run continues in the background. */
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
