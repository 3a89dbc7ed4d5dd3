import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { spawn } from 'node:child_process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockStateDir } from '../../dev/stack/stackLock.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lock-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

/** Takes the lock in another process at a given moment and holds it for a while. Prints `got it`, or why not. */
async function lockElsewhere(atMs: number): Promise<string> {
  const module = resolve(import.meta.dirname, '../../dev/stack/stackLock.ts');
  const script = `const { lockStateDir } = await import(${JSON.stringify(module)});
    while (Date.now() < ${atMs});
    try { await lockStateDir(${JSON.stringify(dir)}); console.log('got it'); } catch (error) { console.log(error.message); }
    await new Promise((wait) => setTimeout(wait, 1500));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: unknown) => {
    output += String(chunk);
  });
  await new Promise((ended) => void child.once('close', ended));
  return output.trim();
}

test.each([undefined, '{"pid":1073741824,"startedAt":"long ago"}', '', '{"pi'])(
  'gets one of several starts at the same moment, over the old lock %j',
  { timeout: 30_000 },
  async (old) => {
    if (old !== undefined) await writeFile(join(dir, 'lock'), old);
    const atMs = Date.now() + 1000;
    const results = await Promise.all(Array.from({ length: 4 }, async () => lockElsewhere(atMs)));
    expect(results.filter((result) => result === 'got it')).toHaveLength(1);
    for (const result of results.filter((each) => each !== 'got it')) {
      expect(result).toMatch(/already runs or is starting|starts at the same moment/);
    }
    expect(await readdir(dir)).toEqual(['lock']);
  },
);

test('is released, and readable by its owner only', async () => {
  const lock = await lockStateDir(join(dir, 'state'));
  expect(((await stat(join(dir, 'state'))).mode & 0o777).toString(8)).toBe('700');
  expect(((await stat(join(dir, 'state', 'lock'))).mode & 0o777).toString(8)).toBe('600');
  await expect(lockStateDir(join(dir, 'state'))).rejects.toThrow('already runs');
  await lock.release();
  expect(await readdir(join(dir, 'state'))).toEqual([]);
});
