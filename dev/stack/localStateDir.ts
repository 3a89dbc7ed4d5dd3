import { join, resolve } from 'node:path';

/** The folder in which `npm start` keeps its stack, unless `--state-dir` names another one. */
export const defaultStateDir = resolve(import.meta.dirname, '../../.local');

/** Returns the file with the addresses of a running stack. */
export function stackFile(stateDir: string): string {
  return join(stateDir, 'stack.json');
}
