import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import type { z } from 'zod';
import { CommandError } from '../../terminal/commandError.ts';
import { loopbackDirect } from '../../terminal/loopbackDirect.ts';

const keptLogLines = 5_000;
/** What a program needs from the environment. Anything else could change what the app does. */
const inheritedNames = [
  'PATH',
  'HOME',
  'USERPROFILE',
  'TMPDIR',
  'TEMP',
  'TMP',
  'SystemRoot',
  'LANG',
  'NO_COLOR',
  'NODE_COMPILE_CACHE',
];

export interface ChildOptions<Ready> {
  /** The name in texts for people. */
  readonly name: string;
  readonly modulePath: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Parses the one JSON line that it prints on standard output when it is ready. */
  readonly readySchema: z.ZodType<Ready>;
  /** Default 30 s. */
  readonly readyTimeoutMs?: number;
  /** Time between SIGTERM and SIGKILL. Default 5 s. */
  readonly stopTimeoutMs?: number;
  readonly onLogLine?: (line: string) => void;
}

export interface Child<Ready> {
  readonly name: string;
  readonly pid: number;
  readonly ready: Ready;
  /** The newest lines of stderr and stdout, oldest first. */
  logs(this: void): readonly string[];
  /** Resolves when the process has ended, for whatever reason, with text like `exit code 1` or `signal SIGKILL`. */
  readonly exited: Promise<string>;
  /** Sends SIGTERM, then SIGKILL after the time-out. Calling it again changes nothing. */
  stop(this: void): Promise<void>;
}

/**
 * Starts one of our programs under this Node and resolves when it prints its ready line. The child has its own process
 * group, so Ctrl-C reaches only the parent, which then ends its children in order. The child ends with the parent.
 * Rejects with a CommandError with the child's last lines if it ends, or if the time is up, before it is ready.
 */
export async function startChild<Ready>(options: ChildOptions<Ready>): Promise<Child<Ready>> {
  const preload = pathToFileURL(join(import.meta.dirname, 'endWithParent.ts')).href;
  const env = { ...inheritedEnvironment(), ...options.env };
  const child = spawn(process.execPath, ['--import', preload, options.modulePath, ...options.args], {
    env: { ...env, ...loopbackDirect(env) },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  // A child that has ended breaks the pipe. Its exit is reported elsewhere.
  child.stdin.on('error', () => undefined);
  const lines: string[] = [];
  const keep = (line: string): void => {
    lines.push(line);
    if (lines.length > keptLogLines) {
      lines.shift();
    }
    options.onLogLine?.(line);
  };
  createInterface({ input: child.stderr }).on('line', keep);
  const exited = new Promise<string>((resolve) => {
    child.once('close', (code, signal) =>
      resolve(signal === null ? `exit code ${code}` : `signal ${signal}`),
    );
    child.once('error', (error) => resolve(error.message));
  });
  const stop = createStop(child, exited, options.stopTimeoutMs ?? 5_000);
  try {
    const ready = await waitUntilReady(child, { options, keep, exited });
    return { name: options.name, pid: child.pid ?? 0, ready, logs: () => [...lines], exited, stop };
  } catch (error) {
    await stop();
    const last = lines.slice(-20).join('\n');
    const how = error instanceof Error ? error.message : String(error);
    throw new CommandError(`The ${options.name} did not start (${how}).${last === '' ? '' : `\n${last}`}`, {
      cause: error,
    });
  }
}

async function waitUntilReady<Ready>(
  child: ChildProcessWithoutNullStreams,
  {
    options,
    keep,
    exited,
  }: {
    readonly options: ChildOptions<Ready>;
    readonly keep: (line: string) => void;
    readonly exited: Promise<string>;
  },
): Promise<Ready> {
  return new Promise<Ready>((resolve, reject) => {
    const timeoutMs = options.readyTimeoutMs ?? 30_000;
    const timer = setTimeout(() => reject(new Error(`not ready after ${timeoutMs} ms`)), timeoutMs);
    void rejectWhenEnded();
    async function rejectWhenEnded(): Promise<void> {
      const how = await exited;
      clearTimeout(timer);
      reject(new Error(how));
    }
    createInterface({ input: child.stdout }).on('line', (line) => {
      const ready = options.readySchema.safeParse(parseJson(line));
      if (ready.success) {
        clearTimeout(timer);
        resolve(ready.data);
      } else {
        keep(line);
      }
    });
  });
}

function createStop(
  child: ChildProcessWithoutNullStreams,
  exited: Promise<string>,
  timeoutMs: number,
): () => Promise<void> {
  return async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
      await exited;
      clearTimeout(timer);
    }
  };
}

function inheritedEnvironment(): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of inheritedNames) {
    const value = process.env[name];
    if (value !== undefined) {
      environment[name] = value;
    }
  }
  return environment;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
