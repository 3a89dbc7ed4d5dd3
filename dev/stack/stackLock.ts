import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { stackFile } from './localStateDir.ts';
import { StartError } from './startError.ts';

const ownerSchema = z.object({ pid: z.number().int().positive(), startedAt: z.string() });

/**
 * Makes this process the only one that uses a state folder until `release`, because two storage emulators on one folder
 * would damage its data. A lock whose process has ended does not count.
 * Throws a StartError if another process has the lock.
 */
export async function lockStateDir(stateDir: string): Promise<{ release(this: void): Promise<void> }> {
  const file = join(stateDir, 'lock');
  await requireUnlocked(stateDir);
  await mkdir(stateDir, { recursive: true });
  await rm(file, { force: true });
  const owner = { pid: process.pid, startedAt: await readStartedAt(process.pid) };
  try {
    await writeFile(file, JSON.stringify(owner), { flag: 'wx' });
  } catch (error) {
    throw new StartError(`Another stack started at the same moment (${file}).`, { cause: error });
  }
  return {
    release: async () => rm(file, { force: true }),
  };
}

/** Throws a StartError with the address of the running stack if a live process has the lock. */
export async function requireUnlocked(stateDir: string): Promise<void> {
  const file = join(stateDir, 'lock');
  const owner = ownerSchema.safeParse(await readJson(file));
  if (owner.success && (await isAlive(owner.data))) {
    const stack = z.object({ url: z.string() }).safeParse(await readJson(stackFile(stateDir)));
    const where = stack.success ? `at ${stack.data.url}` : 'or is starting';
    throw new StartError(
      `The stack already runs ${where} (process ${owner.data.pid}). Stop it with Ctrl-C in its terminal. If that process does not exist, delete ${file}.`,
    );
  }
}

async function isAlive(owner: { readonly pid: number; readonly startedAt: string }): Promise<boolean> {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  // After the machine restarts, another program may have the same process id.
  return (await readStartedAt(owner.pid)) === owner.startedAt;
}

/** Reads the start time of a process, in the kernel's ticks. Returns an empty text if the system does not show it. */
async function readStartedAt(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may contain anything. The start time is the 20th field after it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return undefined;
  }
}
