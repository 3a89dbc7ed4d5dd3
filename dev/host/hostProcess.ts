import { join } from 'node:path';
import { z } from 'zod';
import { type Child, startChild } from '../emulator/childProcess.ts';

const readySchema = z.object({
  ready: z.literal(true),
  url: z.url(),
  pid: z.number(),
  functionKey: z.string(),
  functions: z.array(z.object({ name: z.string(), trigger: z.string(), detail: z.string() })),
});

export interface HostProcessOptions {
  /** A folder with `host.json`, `package.json` and the entry file that it names. */
  readonly appDir: string;
  /** The app settings. From this process's environment the app gets only PATH, HOME and the like. */
  readonly env: Readonly<Record<string, string>>;
  /** 0, the default, takes any free port. */
  readonly port?: number;
  /** Where the function key and the timers' records are kept. Absent: for this run only. */
  readonly stateDir?: string;
  readonly onLogLine?: (line: string) => void;
}

export interface HostProcess {
  readonly url: string;
  readonly pid: number;
  /** The key for functions of the levels `function` and `admin`, in `x-functions-key` or `?code=`. */
  readonly functionKey: string;
  readonly functions: readonly { readonly name: string; readonly trigger: string; readonly detail: string }[];
  /** The newest log lines, oldest first: `<ISO time> <level> <function or "host"> <message>`. */
  logs(this: void): readonly string[];
  /** Resolves with the exit code (or the signal) when the process has ended. */
  readonly exited: Child<unknown>['exited'];
  /** Stops it in order. Calling it again changes nothing. */
  stop(this: void): Promise<void>;
}

/** Starts the local host in its own process. Rejects with its last log lines if it ends before it is ready. */
export async function startHostProcess(options: HostProcessOptions): Promise<HostProcess> {
  const child = await startChild({
    name: 'Functions host',
    modulePath: join(import.meta.dirname, 'main.ts'),
    args: [
      '--app',
      options.appDir,
      '--port',
      String(options.port ?? 0),
      ...(options.stateDir === undefined ? [] : ['--state-dir', options.stateDir]),
    ],
    env: options.env,
    readySchema,
    stopTimeoutMs: 15_000,
    ...(options.onLogLine === undefined ? {} : { onLogLine: options.onLogLine }),
  });
  const { url, functionKey, functions } = child.ready;
  return {
    url,
    pid: child.pid,
    functionKey,
    functions,
    logs: child.logs,
    exited: child.exited,
    stop: child.stop,
  };
}
