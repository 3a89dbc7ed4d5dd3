import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { defaultStateDir, findStateDir, stackFile } from '../../dev/stack/localStateDir.ts';

test('commands look for the local stack where npm start keeps it, in .local of the repository', () => {
  expect(defaultStateDir).toBe(resolve(import.meta.dirname, '../../.local'));
  expect(findStateDir({})).toBe(defaultStateDir);
  expect(stackFile(findStateDir({}))).toBe(resolve(import.meta.dirname, '../../.local/stack.json'));
});

test('commands look for the local stack in LOCAL_STATE_DIR', () => {
  expect(findStateDir({ LOCAL_STATE_DIR: 'elsewhere' })).toBe(resolve('elsewhere'));
});
