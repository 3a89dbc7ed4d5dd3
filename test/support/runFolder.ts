/** Vitest's global setup: a folder for what the processes of one test run share. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** `builtApp.ts` builds the app into its folder `app`. */
    readonly runFolder: string;
  }
}

/** Creates the folder, and returns the function that removes it. Builds nothing. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = await mkdtemp(join(tmpdir(), 'test-run-'));
  project.provide('runFolder', dir);
  // The tests start the same programs again and again. With Node's compile cache, the next start takes less time.
  process.env['NODE_COMPILE_CACHE'] = join(dir, 'compiled');
  // A rerun in watch mode may follow a change to the code.
  project.onTestsRerun(async () => rm(join(dir, 'app'), { recursive: true, force: true }));
  // A process that is ending may still write to the cache.
  return async () => rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}
