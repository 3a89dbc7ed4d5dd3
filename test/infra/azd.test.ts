import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findBuiltApp } from '../support/builtApp.ts';

const repositoryDir = resolve(import.meta.dirname, '../..');

describe('azure.yaml', () => {
  it('requires the same version of azd as docs/deploy.md', () => {
    const deploy = readFileSync(join(repositoryDir, 'docs/deploy.md'), 'utf8');
    const least = /\(`azd`\) (\d+\.\d+\.\d+) or newer/.exec(deploy)?.[1] ?? 'none';
    expect(readFileSync(join(repositoryDir, 'azure.yaml'), 'utf8')).toContain(`  azd: '>= ${least}'\n`);
  });

  it('requires a version of azd that reads `remoteBuild: false`', () => {
    const config = readFileSync(join(repositoryDir, 'azure.yaml'), 'utf8');
    const [major = 0, minor = 0, patch = 0] =
      /azd: '>= (\d+)\.(\d+)\.(\d+)'/.exec(config)?.slice(1).map(Number) ?? [];
    expect(config).toContain('remoteBuild: false');
    expect(major * 1e6 + minor * 1e3 + patch).toBeGreaterThanOrEqual(1_023_005);
  });
});

describe('the package that azd creates', () => {
  it('contains everything that the app needs (bundle, host.json and package.json) and no node_modules', async () => {
    const files = await readdir(await findBuiltApp());
    expect(files).toEqual(expect.arrayContaining(['host.json', 'main.cjs', 'package.json']));
    expect(files).not.toContain('node_modules');
    // azd also reads an ignore file in the folder that it packs. The repository's own would be wrong there.
    expect(files).not.toContain('.funcignore');
  });
});
