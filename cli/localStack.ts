/** What the commands read of the local stack that `npm start` runs, and of `local.settings.json`. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { CommandError } from '../terminal/commandError.ts';
import { readLocalSettings } from '../terminal/localSettings.ts';

const root = join(import.meta.dirname, '..');

const stackSchema = z.object({
  url: z.string().optional(),
  functionKey: z.string().optional(),
  storageConnectionString: z.string(),
  litellm: z.object({ baseUrl: z.string(), apiKey: z.string() }).optional(),
  pid: z.number().int().positive().optional(),
});

export type LocalStack = z.output<typeof stackSchema>;

/** Returns the file in which a running stack says where it is: in the folder `LOCAL_STATE_DIR`, default `.local`. */
export function localStackFile(environment: NodeJS.ProcessEnv = process.env): string {
  return resolve(environment['LOCAL_STATE_DIR'] ?? join(root, '.local'), 'stack.json');
}

/**
 * Returns what the running stack says of itself; undefined if no stack runs. `stateDir`: the folder of `--state-dir`, which wins
 * over the environment. Throws a CommandError that names the file if it cannot be read.
 */
export async function findLocalStack(stateDir?: string): Promise<LocalStack | undefined> {
  const file = stateDir === undefined ? localStackFile() : resolve(stateDir, 'stack.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
  const stack = stackSchema.safeParse(parseJson(text));
  if (!stack.success) {
    throw new CommandError(`The file ${file} cannot be read. Stop the local stack and start it again.`);
  }
  return isRunning(stack.data.pid) ? stack.data : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A stack that was killed leaves its file behind. */
function isRunning(pid: number | undefined): boolean {
  if (pid === undefined) return true;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * Returns the connection string of the storage that a command works on: that of the stack in `stateDir`; without one
 * `AzureWebJobsStorage`, else that of the running local stack. Throws a CommandError that says what to do if there is none.
 */
export async function requireConnectionString(stateDir?: string): Promise<string> {
  const given = process.env['AzureWebJobsStorage'] ?? '';
  if (stateDir === undefined && given !== '') return given;
  const stack = await findLocalStack(stateDir);
  if (stack !== undefined) return stack.storageConnectionString;
  throw new CommandError(
    stateDir === undefined
      ? 'Which storage? Start the local stack (npm start), set AzureWebJobsStorage, or give --account NAME. A stack in another folder needs --state-dir DIR.'
      : `No local stack runs in ${resolve(stateDir)}. Start it: npm start -- --state-dir ${stateDir}`,
  );
}

/** Returns the `Values` of `local.settings.json`, or nothing if there is no such file. Throws a CommandError if it is not valid. */
export async function readSettingsFile(): Promise<Readonly<Record<string, string>>> {
  return (await readLocalSettings(join(root, 'local.settings.json'))).values;
}
