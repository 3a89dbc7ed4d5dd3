import { join, resolve } from 'node:path';
import { writeJsonState } from '../emulator/stateFile.ts';

/** The folder in which `npm start` keeps its stack, unless `--state-dir` names another one. */
export const defaultStateDir = resolve(import.meta.dirname, '../../.local');

/** Returns the file with the addresses of a running stack. */
export function stackFile(stateDir: string): string {
  return join(stateDir, 'stack.json');
}

export interface StackAddresses {
  readonly url: string;
  readonly identityUrl: string;
  readonly storageConnectionString: string;
  /** All settings of the app. */
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * Writes the addresses of a running stack for the commands, readable by its owner only: LiteLLM may be a real one, and the file has
 * its key.
 */
export function writeStackFile(stateDir: string, stack: StackAddresses): void {
  const { url, identityUrl, storageConnectionString, settings } = stack;
  const { LITELLM_BASE_URL: baseUrl, LITELLM_API_KEY: apiKey } = settings;
  const litellm = baseUrl === undefined || apiKey === undefined ? {} : { litellm: { baseUrl, apiKey } };
  const content = { url, identityUrl, storageConnectionString, ...litellm, pid: process.pid };
  writeJsonState(stackFile(stateDir), content);
}
