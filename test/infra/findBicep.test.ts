import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findBicep } from '../../dev/infra/findBicep.ts';
import { findTheCompiler } from './theCompiler.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'find-bicep-'));
});
afterEach(async () => rm(dir, { recursive: true, force: true }));

/** A program that says a version, where a compiler would be. */
async function putCompiler(folder: string, version: string): Promise<string> {
  const path = join(dir, folder, 'bicep');
  await mkdir(join(dir, folder), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho "Bicep CLI version ${version} (abcdef)"\n`);
  await chmod(path, 0o755);
  return path;
}

describe.skipIf(process.platform === 'win32')('finding the compiler', () => {
  it('takes the one on the PATH before the one of the Azure CLI', async () => {
    const path = await putCompiler('path', '0.49.2');
    await putCompiler('azure/bin', '0.50.0');
    const { cli } = await findBicep({
      PATH: `/bin:${join(dir, 'path')}`,
      AZURE_CONFIG_DIR: join(dir, 'azure'),
    });
    expect(cli).toEqual({ path, version: '0.49.2', source: 'bicep on the PATH' });
  });

  it('takes the one of the Azure CLI where the one on the PATH is too old to make snapshots', async () => {
    await putCompiler('path', '0.35.1');
    const path = await putCompiler('azure/bin', '0.36.1');
    const search = await findBicep({
      PATH: `/bin:${join(dir, 'path')}`,
      AZURE_CONFIG_DIR: join(dir, 'azure'),
    });
    expect(search.cli).toEqual({ path, version: '0.36.1', source: 'az bicep' });
    expect(search.tried).toEqual(['bicep on the PATH: version 0.35.1 is older than 0.36.1']);
  });

  it('says what it tried where there is none', async () => {
    const search = await findBicep({ PATH: join(dir, 'empty'), AZURE_CONFIG_DIR: join(dir, 'azure') });
    expect(search).toEqual({
      tried: [
        'bicep on the PATH: not there',
        'az bicep: not there',
        'NuGet (0.49.2) through dotnet: not there',
      ],
    });
  });
});

describe.skipIf(process.platform === 'win32')(
  'the checks of the template on a machine without a compiler',
  () => {
    it('fail with CI=true: what did not run must not look like what passed', async () => {
      const environment = { PATH: join(dir, 'empty'), AZURE_CONFIG_DIR: join(dir, 'azure'), CI: 'true' };
      await expect(findTheCompiler(environment)).rejects.toThrow(
        /^There is no Bicep compiler, so the template was not checked:\n {2}bicep on the PATH: not there\n/,
      );
    });

    it('are skipped elsewhere, and say so', async () => {
      const warn = vi.spyOn(console, 'warn').mockReturnValue();
      try {
        const environment = { PATH: join(dir, 'empty'), AZURE_CONFIG_DIR: join(dir, 'azure') };
        expect(await findTheCompiler(environment)).toBeUndefined();
        expect(warn.mock.calls.flat().join(' ')).toContain('the template was not checked');
      } finally {
        warn.mockRestore();
      }
    });

    it('take the compiler that is there, with CI=true too', async () => {
      const path = await putCompiler('path', '0.49.2');
      expect(await findTheCompiler({ PATH: `/bin:${join(dir, 'path')}`, CI: 'true' })).toMatchObject({
        path,
      });
    });
  },
);
