/** Each file that a stack keeps between starts, cut off: the start names the file instead of showing a stack trace. */
import { readFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readFunctionKey } from '../../dev/host/functionKey.ts';
import { openIdentityState } from '../../dev/identity/identityState.ts';
import { startLitellmEmulator } from '../../dev/litellm/emulator.ts';
import { startAzurite } from '../../dev/stack/azurite.ts';
import { CommandError } from '../../terminal/commandError.ts';

let dir: string;
const openIdentity = async (): Promise<unknown> => openIdentityState({ stateDir: dir, now: new Date() });
const openLitellm = async (): Promise<void> => {
  const emulator = await startLitellmEmulator({ stateFile: join(dir, 'state.json') });
  await emulator.stop();
};
const openAzurite = async (): Promise<void> => {
  const azurite = await startAzurite({ location: dir, blobPort: 0 });
  await azurite.stop();
};
const openKey = async (): Promise<unknown> => readFunctionKey(undefined, dir);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'damaged-'));
  await openIdentity();
  await openLitellm();
  await openAzurite();
  await openKey();
}, 60_000);

afterAll(async () => {
  await rm(dir, { recursive: true });
});

/** Opens with part of a file, then puts the whole file back. */
async function openWith(file: string, part: number, open: () => Promise<unknown>): Promise<unknown> {
  const whole = await readFile(file);
  await writeFile(file, whole.subarray(0, Math.floor(whole.length * part)));
  try {
    await open();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await writeFile(file, whole);
  }
}

describe.each([0, 0.5])('a file of which %d is left', (part) => {
  test.each([
    ['directory.json', openIdentity],
    ['certificate.pem', openIdentity],
    ['certificate-key.pem', openIdentity],
    ['signing-key.pem', openIdentity],
    ['client-secret', openIdentity],
    ['cookie-key', openIdentity],
    ['state.json', openLitellm],
    ['__azurite_db_table__.json', openAzurite],
    ['__azurite_db_queue__.json', openAzurite],
    ['__azurite_db_queue_extent__.json', openAzurite],
    ['__azurite_db_blob__.json', openAzurite],
  ])('is named: %s', async (name, open) => {
    const file = join(dir, name);
    const error = await openWith(file, part, open);
    expect(error).toBeInstanceOf(CommandError);
    expect(String(error)).toContain(`The file ${file} cannot be read`);
    expect(String(error)).not.toContain('    at ');
    await expect(open()).resolves.not.toThrow();
  });
});

test('names an empty function key, which would be the key of every request with an empty one', async () => {
  const error = await openWith(join(dir, 'functionKey'), 0, openKey);
  expect(String(error)).toContain(`The file ${join(dir, 'functionKey')} cannot be read`);
});
