/** Starts the emulator in a process of its own, so that its work isn't counted as the product's. */
import { join } from 'node:path';

import { startChild } from '../emulator/childProcess.ts';
import type { Child } from '../emulator/childProcess.ts';
import type { ControlClient } from './controlClient.ts';
import { createControlClient } from './controlClient.ts';
import type { ReadyLine } from './readyLine.ts';
import { readyLineSchema } from './readyLine.ts';

export interface IdentityProcessOptions {
  /** Where certificate, keys, secrets and the tenant are kept between starts. */
  readonly stateDir: string;
  /** A tenant in JSON that replaces the kept one. */
  readonly directoryFile?: string;
  /** 0, the default, takes any free port. */
  readonly port?: number;
  readonly browserPort?: number;
  /** Redirect URIs beside `http://localhost:<any port>/sso/callback`. */
  readonly redirectUris?: readonly string[];
}

/** The process, with the fields of its ready line. */
export type IdentityProcess = Child<ReadyLine> &
  Omit<ReadyLine, 'ready'> & { readonly control: ControlClient };

/** Starts the emulator and resolves once it is ready. Rejects with its last lines if it ends before. */
export async function startIdentityProcess(options: IdentityProcessOptions): Promise<IdentityProcess> {
  const { stateDir, directoryFile, port = 0, browserPort = 0, redirectUris = [] } = options;
  const child = await startChild({
    name: 'identity emulator',
    modulePath: join(import.meta.dirname, 'main.ts'),
    args: [
      `--state-dir=${stateDir}`,
      `--port=${port}`,
      `--browser-port=${browserPort}`,
      ...(directoryFile === undefined ? [] : [`--directory=${directoryFile}`]),
      ...redirectUris.map((uri) => `--redirect-uri=${uri}`),
    ],
    readySchema: readyLineSchema,
  });
  return { ...child.ready, ...child, control: createControlClient(child.ready.browserUrl) };
}
