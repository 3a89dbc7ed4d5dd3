import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError } from '../../terminal/commandError.ts';
import type { AuthLevel } from './functionTrigger.ts';

/**
 * Returns the key for functions of the levels `function` and `admin`: the app setting `LOCAL_FUNCTION_KEY`, or the key in
 * the state folder, or without a state folder a new key for this run. The first start creates the key in the folder,
 * readable by its owner only. Throws a CommandError for an empty file.
 */
export async function readFunctionKey(
  setting: string | undefined,
  stateDir: string | undefined,
): Promise<string> {
  if (setting !== undefined && setting !== '') {
    return setting;
  }
  const fresh = randomBytes(32).toString('base64url');
  if (stateDir === undefined) {
    return fresh;
  }
  const file = join(stateDir, 'functionKey');
  await mkdir(stateDir, { recursive: true });
  try {
    await writeFile(file, fresh, { flag: 'wx', mode: 0o600 });
    return fresh;
  } catch {
    const kept = (await readFile(file, 'utf8')).trim();
    // An empty key would be the key of every request with an empty one.
    if (kept === '') throw new CommandError(`The file ${file} cannot be read: it is empty`);
    return kept;
  }
}

/** Returns whether a request may call a function of this level: whether `x-functions-key` or `?code=` is the key. */
export function isAuthorized(request: IncomingMessage, level: AuthLevel, key: string): boolean {
  if (level === 'anonymous') {
    return true;
  }
  const header = request.headers['x-functions-key'];
  const code = new URL(request.url ?? '/', 'http://localhost').searchParams.get('code');
  return [header, code].some((given) => typeof given === 'string' && isSame(given, key));
}

function isSame(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}
