import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { findStateDir, stackFile } from './localStateDir.ts';

/**
 * Reads the connection string with which a tool works: `AzureWebJobsStorage`, or else the one of the running local stack
 * (`LOCAL_STATE_DIR`, default `.local`). If both are missing, throws an Error that says what to do.
 */
export async function readConnectionString(): Promise<string> {
  const fromEnvironment = process.env['AzureWebJobsStorage'];
  if (fromEnvironment !== undefined && fromEnvironment !== '') return fromEnvironment;
  try {
    const stack: unknown = JSON.parse(await readFile(stackFile(findStateDir()), 'utf8'));
    return z.object({ storageConnectionString: z.string() }).parse(stack).storageConnectionString;
  } catch {
    throw new Error(
      'Which storage? Start the local stack (npm start), set AzureWebJobsStorage, or pass --account NAME.',
    );
  }
}
