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
  /** Without one, the host asks for none, as the Core Tools do. */
  readonly functionKey?: string;
  /** All settings of the app. */
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * Writes the addresses of a running stack for the commands, readable by its owner only: the file has the app's function key, and
 * LiteLLM's key, which may be that of a real one.
 */
export function writeStackFile(stateDir: string, stack: StackAddresses): void {
  const { url, identityUrl, storageConnectionString, functionKey, settings } = stack;
  const { LITELLM_BASE_URL: baseUrl, LITELLM_API_KEY: apiKey } = settings;
  const litellm = baseUrl === undefined || apiKey === undefined ? {} : { litellm: { baseUrl, apiKey } };
  const content = { url, identityUrl, storageConnectionString, functionKey, ...litellm, pid: process.pid };
  writeJsonState(stackFile(stateDir), content);
}
