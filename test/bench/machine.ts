import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, platform, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';

/** Where a run took place; figures of two machines are not compared. */
export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGiB: number;
  readonly platform: string;
  readonly node: string;
  readonly azurite: string;
  /** Others' work included, over the minute before the run. */
  readonly loadAverage: number;
}

/** Reads what this machine is and which Azurite is installed. */
export async function describeMachine(): Promise<Machine> {
  const manifest = resolve(import.meta.dirname, '../../node_modules/azurite/package.json');
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(await readFile(manifest, 'utf8')));
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    platform: platform(),
    node: process.versions.node,
    azurite: version,
    loadAverage: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  };
}
