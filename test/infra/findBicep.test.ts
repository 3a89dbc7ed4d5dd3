import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findBicep } from '../../dev/infra/findBicep.ts';
import { findTheCompiler } from './theCompiler.ts';

let dir = '';
let environment: Readonly<Record<string, string>> = {};
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'find-bicep-'));
  environment = { PATH: join(dir, 'path'), AZURE_CONFIG_DIR: join(dir, 'azure') };
});
afterEach(async () => rm(dir, { recursive: true, force: true }));

/** Creates a program that prints a version, as a compiler does. */
async function putCompiler(folder: string, version: string): Promise<string> {
  const path = join(dir, folder, 'bicep');
  await mkdir(join(dir, folder), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho "Bicep CLI version ${version} (abcdef)"\n`);
  await chmod(path, 0o755);
  return path;
}

describe.skipIf(process.platform === 'win32')('the compiler', () => {
  it('on the PATH is preferred to the one of the Azure CLI', async () => {
    const path = await putCompiler('path', '0.49.2');
    await putCompiler('azure/bin', '0.49.2');
    expect(await findBicep(environment)).toEqual({ path, tried: [] });
  });

  it('is not used if its version is newer or older', async () => {
    await putCompiler('path', '0.50.0');
    const path = await putCompiler('azure/bin', '0.49.2');
    const tried = ['bicep on the PATH: version 0.50.0'];
    expect(await findBicep(environment)).toEqual({ path, tried });
  });

  it('is required under CI=true, and the error says what to do', async () => {
    await putCompiler('path', '0.50.0');
    await expect(findTheCompiler({ ...environment, CI: 'true' })).rejects.toThrow(
      /^The template was not checked, because the check needs exactly the Bicep compiler 0\.49\.2\.\n {2}bicep on the PATH: version 0\.50\.0\n {2}az bicep: not found\n {2}NuGet \(0\.49\.2\) through dotnet: not found\nInstall the \.NET SDK/,
    );
  });

  it('is optional outside CI: without it, tests are skipped with a warning', async () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue();
    try {
      expect(await findTheCompiler(environment)).toBeUndefined();
      expect(warn.mock.calls.flat().join(' ')).toContain('SKIPPED: The template was not checked');
    } finally {
      warn.mockRestore();
    }
  });
});
