import { readdir, rm } from 'node:fs/promises';
import { StartError } from './startError.ts';

/** The names of everything that a stack writes into its state folder. */
const ownEntries = new Set([
  'app',
  'azurite',
  'host',
  'host.log',
  'identity',
  'litellm',
  'lock',
  'stack.json',
]);
/** Every folder that a stack has used contains one of these. The other names are too common to prove it. */
const marks = new Set(['azurite', 'host.log', 'lock', 'stack.json']);

/**
 * Deletes a state folder with everything in it. The folder may be empty or missing.
 * Throws a StartError, and deletes nothing, if the folder contains anything else. A mistyped path must not delete a person's
 * files.
 */
export async function resetStateDir(stateDir: string): Promise<void> {
  const entries = await readEntries(stateDir);
  const foreign = entries.filter((name) => !ownEntries.has(name));
  const isMarked = entries.some((name) => marks.has(name));
  if (foreign.length > 0 || (entries.length > 0 && !isMarked)) {
    const what =
      foreign.length > 0 ? `it also holds ${foreign.slice(0, 3).join(', ')}` : 'no stack has used it';
    throw new StartError(
      `--reset does not delete ${stateDir}: ${what}. Delete it yourself, or name another folder.`,
    );
  }
  await rm(stateDir, { recursive: true, force: true });
}

async function readEntries(dir: string): Promise<readonly string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') {
      throw new StartError(`${dir} is not a folder.`, { cause: error });
    }
    throw error;
  }
}
