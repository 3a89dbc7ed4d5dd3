/** What the commands read of the local stack that `npm start` runs, and of `local.settings.json`. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';

const root = join(import.meta.dirname, '..');

const stackSchema = z.object({
  storageConnectionString: z.string(),
  litellm: z.object({ baseUrl: z.string(), apiKey: z.string() }).optional(),
});

export type LocalStack = z.output<typeof stackSchema>;

/** Returns the file in which a running stack says where it is: in the folder `LOCAL_STATE_DIR`, default `.local`. */
export function localStackFile(environment: NodeJS.ProcessEnv = process.env): string {
  return resolve(environment['LOCAL_STATE_DIR'] ?? join(root, '.local'), 'stack.json');
}

/** Returns what the running stack says of itself. `undefined`: no stack runs. */
export async function findLocalStack(): Promise<LocalStack | undefined> {
  try {
    return stackSchema.parse(JSON.parse(await readFile(localStackFile(), 'utf8')));
  } catch {
    return undefined;
  }
}

/**
 * Returns the connection string of the storage that a command works on: `AzureWebJobsStorage`, else that of the running local stack.
 * Throws an Error that says what to do if there is neither.
 */
export async function requireConnectionString(): Promise<string> {
  const given = process.env['AzureWebJobsStorage'] ?? '';
  if (given !== '') return given;
  const stack = await findLocalStack();
  if (stack !== undefined) return stack.storageConnectionString;
  throw new Error(
    'Which storage? Start the local stack (npm start), set AzureWebJobsStorage, or give --account NAME.',
  );
}

const settingsSchema = z.object({
  // Only the Core Tools can read an encrypted file: func settings decrypt.
  IsEncrypted: z.literal(false).default(false),
  Values: z.record(z.string(), z.string()).default({}),
});

/** Returns the `Values` of `local.settings.json`, or nothing if there is no such file. Throws an Error if it is not valid. */
export async function readSettingsFile(): Promise<Readonly<Record<string, string>>> {
  const file = join(root, 'local.settings.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return {};
  }
  try {
    // Visual Studio writes a byte order mark.
    const settings: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    return settingsSchema.parse(settings).Values;
  } catch (error) {
    throw new Error(`${file} is not valid: ${String(error)}`, { cause: error });
  }
}
