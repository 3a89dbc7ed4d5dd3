/** Starting the emulator in a process of its own. */
import { join } from 'node:path';

import { startChild } from '../stack/childProcess.ts';
import type { Child } from '../stack/childProcess.ts';
import { createControlClient } from './controlClient.ts';
import type { ControlClient } from './controlClient.ts';
import type { Profile } from './profile.ts';
import { readyLineSchema } from './readyLine.ts';
import type { ReadyLine } from './readyLine.ts';

export interface LitellmProcessOptions {
  /** Where rows and the master key are kept between starts; left out: in memory. */
  readonly stateFile?: string;
  /** Default `newer`. */
  readonly profile?: Profile;
  /** Default: the kept one, else a random one. */
  readonly masterKey?: string;
  /** 0, the default: any free one. */
  readonly port?: number;
}

export interface LitellmProcess extends Child<ReadyLine> {
  readonly control: ControlClient;
}

/** Starts the emulator and resolves once it is ready. Rejects with its last words where it ends before. */
export async function startLitellmProcess(options: LitellmProcessOptions = {}): Promise<LitellmProcess> {
  const { stateFile, profile, masterKey, port = 0 } = options;
  const child = await startChild({
    name: 'LiteLLM emulator',
    modulePath: join(import.meta.dirname, 'main.ts'),
    args: [
      '--port',
      String(port),
      ...(stateFile === undefined ? [] : ['--state-file', stateFile]),
      ...(profile === undefined ? [] : ['--profile', profile]),
      ...(masterKey === undefined ? [] : ['--master-key', masterKey]),
    ],
    readySchema: readyLineSchema,
  });
  return { ...child, control: createControlClient(child.ready.url) };
}
