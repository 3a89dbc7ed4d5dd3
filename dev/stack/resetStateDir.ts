import { readdir, rm } from 'node:fs/promises';
import { StartError } from './startError.ts';

/** What a stack writes into its state folder. */
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
/** Of these one is in every folder that a stack has used; the others are names that anybody may give. */
const marks = new Set(['azurite', 'host.log', 'lock', 'stack.json']);

/**
 * Deletes a state folder with all that is in it. A folder that is not there or is empty is fine too.
 * Throws a StartError, and deletes nothing, where it holds anything that is no stack's: a mistyped path must not cost a
 * person their files.
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
      throw new StartError(`${dir} is no folder.`, { cause: error });
    }
    throw error;
  }
}
