/** Starts a whole stack for the tests of one file. Each part has its own process, and everything is in memory and on loopback. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from '../../dev/stack/freePort.ts';
import { type Stack, type StackOptions, startStack } from '../../dev/stack/startStack.ts';
import { findBuiltApp } from './builtApp.ts';
import { startStorageProxy, type StorageProxy } from './e2eStorageProxy.ts';
import { waitUntil } from './e2eWait.ts';

export interface E2eStack extends Stack {
  /** The app and its host reach storage through it. {@link Stack.storageConnectionString} does not use it. */
  readonly storage: StorageProxy;
  /** The folder for the state of the emulators and the host. */
  readonly stateDir: string;
  /** Runs the timer `assignedGroups` and returns the event that it wrote. */
  runAssignedGroups(this: void): Promise<string>;
  /** Stops everything and removes its folder. */
  close(this: void): Promise<void>;
}

/** Turns the queue triggers off, so that messages stay in the queue. */
export const QUEUES_OFF = {
  'AzureWebJobs.provision.Disabled': 'true',
  'AzureWebJobs.provisionPoison.Disabled': 'true',
} as const;

/** Turns the timers off, so that none runs while requests are counted. */
export const TIMERS_OFF = {
  'AzureWebJobs.assignedGroups.Disabled': 'true',
  'AzureWebJobs.repairMemberIndexes.Disabled': 'true',
  'AzureWebJobs.heartbeat.Disabled': 'true',
} as const;

/** Starts a stack (about 3 s) of the app that the whole run shares. Its queues are polled ten times a second. The caller closes it. */
export async function startE2eStack(options: Partial<StackOptions> = {}): Promise<E2eStack> {
  const appDir = options.appDir ?? (await findBuiltApp());
  const stateDir = await mkdtemp(join(tmpdir(), 'e2e-'));
  const queuePort = await findFreePort([]);
  const tablePort = await findFreePort([]);
  const storage = await startStorageProxy({ queuePort, tablePort });
  const remove = async (): Promise<void> => {
    await storage.stop();
    await rm(stateDir, { recursive: true, force: true });
  };
  try {
    const stack = await startStack({
      stateDir,
      inMemory: true,
      queuePort,
      tablePort,
      appDir,
      isBuilt: true,
      ...options,
      env: {
        AzureFunctionsJobHost__extensions__queues__maxPollingInterval: '00:00:00.1',
        AzureWebJobsStorage: storage.connectionString,
        ...options.env,
      },
    });
    return {
      ...stack,
      storage,
      stateDir,
      runAssignedGroups: async () => runAssignedGroups(stack),
      close: async () => {
        await stack.stop();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function runAssignedGroups(stack: Stack): Promise<string> {
  const before = stack.host.logs().length;
  const { status } = await fetch(`${stack.url}/admin/functions/assignedGroups`, { method: 'POST' });
  if (status !== 202) throw new Error(`The timer did not start: the host answered ${status}.`);
  return waitForLog(stack, (line) => line.includes('"event":"groups.refresh"'), before);
}

/** Waits for the first matching log line from number `from` on, and returns it. Throws after 15 s. */
export async function waitForLog(
  stack: Pick<Stack, 'host'>,
  matches: (line: string) => boolean,
  from = 0,
): Promise<string> {
  return waitUntil(
    () => stack.host.logs().slice(from).find(matches),
    () => `the log says only\n${stack.host.logs().slice(-20).join('\n')}`,
  );
}
