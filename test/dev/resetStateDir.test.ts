import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { emptyStateDir, requireResettable } from '../../dev/stack/resetStateDir.ts';

let parent: string;
let dir: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'reset-'));
  dir = join(parent, 'state');
});

afterEach(async () => {
  await rm(parent, { recursive: true, force: true });
});

async function fill(names: readonly string[]): Promise<void> {
  await mkdir(dir);
  for (const name of names) {
    if (name.endsWith('/')) await mkdir(join(dir, name));
    else await writeFile(join(dir, name), 'x');
  }
}

/** What a start with --reset does, around taking the lock. */
async function resetStateDir(stateDir: string): Promise<void> {
  await requireResettable(stateDir);
  await emptyStateDir(stateDir);
}

describe('--reset', () => {
  test('accepts a missing or empty folder', async () => {
    await expect(resetStateDir(dir)).resolves.toBeUndefined();
    await fill([]);
    await expect(resetStateDir(dir)).resolves.toBeUndefined();
  });

  test('deletes the files of a stack, but not the lock that it has', async () => {
    await fill([
      'azurite/',
      'identity/',
      'litellm/',
      'host/',
      'app/',
      'host.log',
      'lock',
      'lock.12',
      'stack.json',
    ]);
    await resetStateDir(dir);
    expect(await readdir(dir)).toEqual(['lock', 'lock.12']);
  });

  test.each([
    { what: 'anything else', names: ['azurite/', 'host.log', 'thesis.txt'], message: 'thesis.txt' },
    { what: 'only folders with common names', names: ['app/', 'host/'], message: 'no stack has used it' },
    { what: 'a repository', names: ['.git/'], message: '.git' },
  ])('deletes nothing if it finds $what', async ({ names, message }) => {
    await fill(names);
    await expect(resetStateDir(dir)).rejects.toThrow(message);
    expect(await readdir(dir)).toHaveLength(names.length);
  });

  test('deletes no file', async () => {
    await writeFile(dir, 'x');
    await expect(resetStateDir(dir)).rejects.toThrow('is not a folder');
  });
});
