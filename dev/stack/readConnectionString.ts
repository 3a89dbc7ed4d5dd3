import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { findStateDir, stackFile } from './localStateDir.ts';

/**
 * Gives the connection string that a tool works on: `AzureWebJobsStorage`, else that of the local stack that runs now
 * (`LOCAL_STATE_DIR`, default `.local`). Throws an Error that says what to do where there is neither.
 */
export async function readConnectionString(): Promise<string> {
  const fromEnvironment = process.env['AzureWebJobsStorage'];
  if (fromEnvironment !== undefined && fromEnvironment !== '') return fromEnvironment;
  try {
    const stack: unknown = JSON.parse(await readFile(stackFile(findStateDir()), 'utf8'));
    return z.object({ storageConnectionString: z.string() }).parse(stack).storageConnectionString;
  } catch {
    throw new Error(
      'Which storage? Start the local stack (npm start), set AzureWebJobsStorage, or give --account NAME.',
    );
  }
}
