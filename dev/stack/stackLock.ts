import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { stackFile } from './localStateDir.ts';
import { CommandError } from '../../terminal/commandError.ts';

const ownerSchema = z.object({ pid: z.number().int().positive(), startedAt: z.string() });

/** How often a start tries to take over the lock of a process that has ended. Only another start can make a try fail. */
const tries = 5;
/** Longer than another start takes between reading an old lock and moving it away. */
const takeoverMs = 150;

/**
 * Makes this process the only one that uses a state folder until `release`, because two storage emulators on one folder
 * would damage its data. A lock whose process has ended does not count. Of two starts at the same moment, one gets the lock.
 * Throws a CommandError if another process has the lock.
 */
export async function lockStateDir(stateDir: string): Promise<{ release(this: void): Promise<void> }> {
  const file = join(stateDir, 'lock');
  // People's data and keys: for the owner only.
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const owner = { pid: process.pid, startedAt: await readStartedAt(process.pid) };
  const own = `${file}.${process.pid}`;
  await writeFile(own, JSON.stringify(owner), { mode: 0o600 });
  try {
    for (let count = 0; count < tries; count += 1) {
      await requireUnlocked(stateDir);
      // A link appears with its content, and fails if the lock exists.
      if (!(await succeeds(link(own, file)))) await removeStaleLock(file, own);
      else if (await isKept(file)) return { release: async () => rm(file, { force: true }) };
    }
  } finally {
    await rm(own, { force: true });
  }
  throw new CommandError(`Another stack starts at the same moment (${file}). Start again.`);
}

/**
 * Returns whether this process still has the lock after a moment. Another start may have read the lock of an ended process before
 * this one took it over, and then moves this one's away.
 */
async function isKept(file: string): Promise<boolean> {
  await sleep(takeoverMs);
  const owner = ownerSchema.safeParse(await readJson(file));
  return owner.success && owner.data.pid === process.pid;
}

/** Moves the lock away. If another start has just taken it over, puts it back. */
async function removeStaleLock(file: string, own: string): Promise<void> {
  const moved = `${own}.old`;
  if (!(await succeeds(rename(file, moved)))) return;
  const owner = ownerSchema.safeParse(await readJson(moved));
  if (owner.success && (await isAlive(owner.data))) await succeeds(link(moved, file));
  await rm(moved, { force: true });
}

async function succeeds(step: Promise<void>): Promise<boolean> {
  try {
    await step;
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST' || code === 'ENOENT') return false;
    throw error;
  }
}

/** Throws a CommandError with the address of the running stack if a live process has the lock. */
export async function requireUnlocked(stateDir: string): Promise<void> {
  const file = join(stateDir, 'lock');
  const owner = ownerSchema.safeParse(await readJson(file));
  if (owner.success && (await isAlive(owner.data))) {
    const stack = z.object({ url: z.string() }).safeParse(await readJson(stackFile(stateDir)));
    const where = stack.success ? `at ${stack.data.url}` : 'or is starting';
    throw new CommandError(
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
