import { setTimeout as sleep } from 'node:timers/promises';

const intervalMs = 50;

/**
 * Reads repeatedly until `read` finds something, and returns it. Throws after `timeoutMs` (default 15 s) with the text of
 * `describe`.
 */
export async function waitUntil<T>(
  find: () => Promise<T | undefined> | T | undefined,
  describe: () => string,
  timeoutMs = 15_000,
): Promise<T> {
  const giveUpMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await find();
    if (found !== undefined) return found;
    if (performance.now() > giveUpMs) throw new Error(`Not within ${timeoutMs} ms: ${describe()}`);
    await sleep(intervalMs);
  }
}
