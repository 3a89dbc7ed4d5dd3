/** What the emulator keeps between starts. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

import { proxyDataSchema } from './proxyData.ts';

const keptStateSchema = z.object({ masterKey: z.string(), data: proxyDataSchema });
export type KeptState = z.infer<typeof keptStateSchema>;

/** Gives what was kept, or `undefined` where there is no file. Throws for one that cannot be read: it is never replaced silently. */
export function readStateFile(file: string): KeptState | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return keptStateSchema.parse(value);
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown';
    throw new Error(`The state in ${file} cannot be read: ${reason}`, { cause: error });
  }
}

/** Writes the whole file or nothing, for nobody else to read. */
export function writeStateFile(file: string, state: KeptState): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, `${JSON.stringify(state, undefined, 1)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
