import { join } from 'node:path';
import { type ReadyLine, readyLineSchema } from '../identity/readyLine.ts';
import { type Child, startChild } from './childProcess.ts';

export interface IdentityOptions {
  readonly stateDir: string;
  /** Another sample directory. */
  readonly directoryFile?: string;
  /** 0, the default, takes a free one. */
  readonly port?: number;
}

/** Starts the emulator of Entra and Graph in its own process, so that its work is never counted as the app's. */
export async function startIdentityEmulator(options: IdentityOptions): Promise<Child<ReadyLine>> {
  return startChild({
    name: 'identity emulator',
    modulePath: join(import.meta.dirname, '../identity/main.ts'),
    args: [
      '--state-dir',
      options.stateDir,
      '--port',
      String(options.port ?? 0),
      ...(options.directoryFile === undefined ? [] : ['--directory', options.directoryFile]),
    ],
    readySchema: readyLineSchema,
  });
}
