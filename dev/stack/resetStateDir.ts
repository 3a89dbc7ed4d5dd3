import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError } from '../../terminal/commandError.ts';

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

/** The lock, and what a start that was killed while it took the lock leaves behind. */
const isLock = (name: string): boolean => name === 'lock' || name.startsWith('lock.');

/**
 * Throws a CommandError unless a state folder is empty, missing, or has nothing but the files of a stack. A mistyped path must not
 * delete a person's files. Ask before the folder is locked, because the lock would make it look like one of a stack.
 */
export async function requireResettable(stateDir: string): Promise<void> {
  const entries = await readEntries(stateDir);
  const foreign = entries.filter((name) => !ownEntries.has(name) && !isLock(name));
  const isMarked = entries.some((name) => marks.has(name));
  if (foreign.length > 0 || (entries.length > 0 && !isMarked)) {
    const what =
      foreign.length > 0 ? `it also holds ${foreign.slice(0, 3).join(', ')}` : 'no stack has used it';
    throw new CommandError(
      `--reset does not delete ${stateDir}: ${what}. Delete it yourself, or name another folder.`,
    );
  }
}

/** Deletes everything that a stack keeps in the folder, except for the lock, which the caller has. */
export async function emptyStateDir(stateDir: string): Promise<void> {
  for (const name of await readEntries(stateDir)) {
    if (ownEntries.has(name) && !isLock(name))
      await rm(join(stateDir, name), { recursive: true, force: true });
  }
}

async function readEntries(dir: string): Promise<readonly string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') {
      throw new CommandError(`${dir} is not a folder.`, { cause: error });
    }
    throw error;
  }
}
