import { join, resolve } from 'node:path';

/** The folder in which `npm start` keeps its stack, unless `--state-dir` names another one. */
export const defaultStateDir = resolve(import.meta.dirname, '../../.local');

/** Returns the state folder of the stack on which a command works: `LOCAL_STATE_DIR`, or else the default. */
export function findStateDir(environment: NodeJS.ProcessEnv = process.env): string {
  return resolve(environment['LOCAL_STATE_DIR'] ?? defaultStateDir);
}

/** Returns the file with the addresses of a running stack. */
export function stackFile(stateDir: string): string {
  return join(stateDir, 'stack.json');
}
