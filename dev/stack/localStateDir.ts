import { join, resolve } from 'node:path';

/** Where `npm start` keeps its stack, unless `--state-dir` names another folder. */
export const defaultStateDir = resolve(import.meta.dirname, '../../.local');

/** Returns the file in which a running stack says where it is. */
export function stackFile(stateDir: string): string {
  return join(stateDir, 'stack.json');
}
