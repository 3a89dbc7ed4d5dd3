import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStorage } from '../../dev/stack/createStorage.ts';
import { startIdentityProcess } from '../../dev/identity/identityProcess.ts';
import { startAzurite } from '../../dev/stack/azurite.ts';
import type { BenchContext, Measurement, Section } from './report.ts';

/** What the caller decides. */
export type ContextOptions = Pick<BenchContext, 'quick' | 'budgetSeconds' | 'log' | 'cpuProfileDir'>;

/** A context and how to end and remove what was started with it. */
export interface OpenContext {
  readonly context: BenchContext;
  close(this: void): Promise<void>;
}

/** Runs one measurement in a folder of its own and clears up after it, however it went. Throws what the measurement throws. */
export async function runMeasurement(
  measurement: Measurement,
  options: ContextOptions,
): Promise<readonly Section[]> {
  const { context, close } = await openContext(options);
  try {
    return await measurement.run(context);
  } finally {
    await close();
  }
}

/** Gives a context. The caller closes it. */
export async function openContext(options: ContextOptions): Promise<OpenContext> {
  const tempDir = await mkdtemp(join(tmpdir(), 'bench-'));
  const started: { readonly stop: () => Promise<void> }[] = [];
  const context: BenchContext = {
    ...options,
    tempDir,
    async startAzurite() {
      const azurite = await startAzurite();
      started.push(azurite);
      await createStorage(azurite.connectionString);
      return azurite;
    },
    async startIdentity(directory) {
      const stateDir = await mkdtemp(join(tempDir, 'identity-'));
      const directoryFile = join(stateDir, 'tenant.json');
      await writeFile(directoryFile, JSON.stringify(directory));
      const emulator = await startIdentityProcess({ stateDir, directoryFile });
      started.push(emulator);
      return emulator.ready;
    },
  };
  return {
    context,
    async close() {
      await Promise.allSettled(started.map((each) => each.stop()));
      await rm(tempDir, { recursive: true, force: true });
    },
  };
}
