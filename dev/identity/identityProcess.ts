/** Starting and stopping the emulator's process. */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

import type { ControlClient } from './controlClient.ts';
import { createControlClient } from './controlClient.ts';
import type { ReadyLine } from './readyLine.ts';
import { readyLineSchema } from './readyLine.ts';

const mainFile = fileURLToPath(new URL('main.ts', import.meta.url));
const stopTimeoutMs = 5000;

export interface StartIdentityOptions {
  /** Where certificates, keys, secrets and the tenant are kept between starts. */
  readonly stateDir: string;
  /** A tenant in JSON that takes the place of the kept one. */
  readonly directoryFile?: string;
  /** Ports; left out or 0: any free one. */
  readonly port?: number;
  readonly browserPort?: number;
  /** Redirect URIs beside `http://localhost:<any port>/sso/callback`. */
  readonly redirectUris?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface IdentityProcess extends ReadyLine {
  readonly pid: number;
  readonly control: ControlClient;
  /** Resolves with the exit code when the process ends, for whatever reason. */
  readonly exited: Promise<number | null>;
  /** Ends the process and waits for it; calling it again changes nothing. */
  stop(): Promise<void>;
}

function createArguments(options: StartIdentityOptions): string[] {
  return [
    mainFile,
    '--state-dir',
    options.stateDir,
    '--port',
    String(options.port ?? 0),
    '--browser-port',
    String(options.browserPort ?? 0),
    // So that it does not outlive whoever started it, however that ended.
    '--stop-with-stdin',
    ...(options.directoryFile === undefined ? [] : ['--directory', options.directoryFile]),
    ...(options.redirectUris ?? []).flatMap((uri) => ['--redirect-uri', uri]),
  ];
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

async function readReadyLine(child: Child): Promise<ReadyLine> {
  const complaints: string[] = [];
  const complain = (text: string): void => {
    complaints.push(text);
  };
  child.stderr.setEncoding('utf8').on('data', complain);
  for await (const line of createInterface({ input: child.stdout })) {
    const value: unknown = JSON.parse(line);
    child.stderr.off('data', complain).pipe(process.stderr, { end: false });
    return readyLineSchema.parse(value);
  }
  throw new Error(`The identity emulator ended before it was ready. ${complaints.join('').trim()}`);
}

/** Starts the emulator and resolves once it is ready. Throws if it ends before, with its last words. */
export async function startIdentityProcess(options: StartIdentityOptions): Promise<IdentityProcess> {
  const child = spawn(process.execPath, createArguments(options), {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  const exited = once(child, 'exit').then(() => child.exitCode);
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    await exited;
    clearTimeout(timer);
  };
  try {
    const ready = await readReadyLine(child);
    return { ...ready, pid: child.pid ?? 0, control: createControlClient(ready.browserUrl), exited, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
