import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { localStackFile } from '../../cli/localStack.ts';
import { defaultStateDir, stackFile } from '../../dev/stack/localStateDir.ts';

test('commands look for the local stack where npm start keeps it', () => {
  expect(localStackFile({})).toBe(stackFile(defaultStateDir));
});

test('commands look for the local stack in LOCAL_STATE_DIR', () => {
  expect(localStackFile({ LOCAL_STATE_DIR: 'elsewhere' })).toBe(resolve('elsewhere/stack.json'));
});
