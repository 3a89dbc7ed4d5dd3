/** The app that the stacks of one test run share. It is built at most once, by the first test file that needs it. */
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inject } from 'vitest';
import { buildApp } from '../../dev/build/build.ts';
import './runFolder.ts';

/**
 * Returns the folder of the built app, which no test may change. The first caller of the run builds it, and the others wait. If the
 * build fails, the next caller tries again.
 */
export async function findBuiltApp(): Promise<string> {
  const dir = inject('runFolder');
  const app = join(dir, 'app');
  while (!existsSync(app)) {
    if (await isFirst(join(dir, 'lock'))) {
      try {
        if (!existsSync(app)) {
          await buildApp({ outdir: join(dir, 'building') });
          await rename(join(dir, 'building'), app);
        }
      } finally {
        await rm(join(dir, 'lock'), { recursive: true });
      }
    } else {
      await sleep(50);
    }
  }
  return app;
}

/** Creates the lock, or returns false if another process has it. */
async function isFirst(lock: string): Promise<boolean> {
  try {
    await mkdir(lock);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}
