/** Prepares what both Functions hosts need (the local host and the Core Tools): the built app, storage, sign-in and settings. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { buildApp } from '../build/build.ts';
import { createStorage } from './createStorage.ts';
import { type IdentityProcess, startIdentityProcess } from '../identity/identityProcess.ts';
import type { ReadyLine } from '../identity/readyLine.ts';
import { type LitellmProcess, startLitellmProcess } from '../litellm/litellmProcess.ts';
import type { Version } from '../litellm/versions.ts';
import { type Azurite, startAzurite } from './azurite.ts';
import type { Child } from '../emulator/childProcess.ts';
import { createStackSettings } from './stackSettings.ts';

export interface FoundationOptions {
  /** The folder for everything that this stack keeps. */
  readonly stateDir: string;
  /** The app's address. */
  readonly url: string;
  /** The folder for the built app. */
  readonly appDir: string;
  /** The app in `appDir` is already built, for example an unpacked package. Default false. */
  readonly isBuilt?: boolean;
  /** Keeps storage in memory instead of in the state folder. */
  readonly inMemory?: boolean;
  /** 0, the default, takes any free port. */
  readonly queuePort?: number;
  readonly tablePort?: number;
  /** Starts the blob server too. 0 takes any free port. */
  readonly blobPort?: number;
  readonly directoryFile?: string;
  /** Starts the LiteLLM emulator too, with the behaviour of this version. Default: no LiteLLM is connected. */
  readonly litellmVersion?: Version;
  /** App settings that replace the stack's own. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface Foundation {
  readonly settings: Readonly<Record<string, string>>;
  readonly identity: ReadyLine;
  /** `undefined` unless the options ask for it. */
  readonly litellm: LitellmProcess | undefined;
  readonly storageConnectionString: string;
  /** The processes, so that the caller can watch them. */
  readonly children: readonly Pick<Child<unknown>, 'name' | 'exited' | 'logs'>[];
  stop(): Promise<void>;
}

/**
 * Builds the app unless it is already built, and starts the emulators at the same time. Then creates the tables and queues.
 * Rejects with the first fault, after it has stopped everything that had started.
 */
export async function startFoundation(options: FoundationOptions): Promise<Foundation> {
  const { stateDir } = options;
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const { litellmVersion: version, inMemory = false } = options;
  const [azurite, identity, litellm, built] = await Promise.allSettled([
    startAzurite({
      ...(inMemory ? {} : { location: join(stateDir, 'azurite') }),
      queuePort: options.queuePort ?? 0,
      tablePort: options.tablePort ?? 0,
      ...(options.blobPort === undefined ? {} : { blobPort: options.blobPort }),
    }),
    startIdentityProcess({
      stateDir: join(stateDir, 'identity'),
      ...(options.directoryFile === undefined ? {} : { directoryFile: options.directoryFile }),
    }),
    version === undefined
      ? undefined
      : startLitellmProcess({
          version,
          ...(inMemory ? {} : { stateFile: join(stateDir, 'litellm', 'state.json') }),
        }),
    options.isBuilt === true ? undefined : buildApp({ outdir: options.appDir }),
  ]);
  if (
    azurite.status === 'fulfilled' &&
    identity.status === 'fulfilled' &&
    litellm.status === 'fulfilled' &&
    built.status === 'fulfilled'
  ) {
    return finish(options, {
      azurite: azurite.value,
      identity: identity.value,
      litellm: litellm.value,
    });
  }
  const faults = [azurite, identity, litellm, built].flatMap((part): unknown[] =>
    part.status === 'rejected' ? [part.reason] : [],
  );
  await Promise.all(
    [azurite, identity, litellm].map(async (part) =>
      part.status === 'fulfilled' ? part.value?.stop() : undefined,
    ),
  );
  throw faults[0];
}

interface Processes {
  readonly azurite: Azurite;
  readonly identity: IdentityProcess;
  readonly litellm: LitellmProcess | undefined;
}

async function finish(options: FoundationOptions, processes: Processes): Promise<Foundation> {
  const { azurite, identity, litellm } = processes;
  const children = [azurite, identity, ...(litellm === undefined ? [] : [litellm])];
  const stop = async (): Promise<void> => {
    await Promise.all(children.map(async (child) => child.stop()));
  };
  try {
    await createStorage(azurite.connectionString);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    settings: createStackSettings({
      url: options.url,
      identity: identity.ready,
      litellm: litellm?.ready,
      storageConnectionString: azurite.connectionString,
      given: options.settings ?? {},
    }),
    identity: identity.ready,
    litellm,
    storageConnectionString: azurite.connectionString,
    children,
    stop,
  };
}
