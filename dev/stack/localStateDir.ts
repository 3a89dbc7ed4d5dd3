import { join, resolve } from 'node:path';

/** Where `npm start` keeps its stack, unless it is told another place with `--state-dir`. */
export const defaultStateDir = resolve(import.meta.dirname, '../../.local');

/** Gives the state folder of the local stack that a command works on: `LOCAL_STATE_DIR`, else the default. */
export function findStateDir(environment: NodeJS.ProcessEnv = process.env): string {
  return resolve(environment['LOCAL_STATE_DIR'] ?? defaultStateDir);
}

/** Gives the file in which a running stack says where it is. */
export function stackFile(stateDir: string): string {
  return join(stateDir, 'stack.json');
}
