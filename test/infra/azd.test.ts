import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildApp } from '../../dev/build/build.ts';

const repositoryDir = resolve(import.meta.dirname, '../..');
const azureYaml = readFileSync(join(repositoryDir, 'azure.yaml'), 'utf8');
const funcIgnore = readFileSync(join(repositoryDir, '.funcignore'), 'utf8').split('\n');

describe('azure.yaml', () => {
  it('packs what the build makes and lets nothing be installed in Azure', () => {
    expect(azureYaml).toMatch(/^ {4}project: \.$/m);
    expect(azureYaml).toMatch(/^ {4}host: function$/m);
    expect(azureYaml).toMatch(/^ {4}language: ts$/m);
    expect(azureYaml).toMatch(/^ {4}dist: dist$/m);
    expect(azureYaml).toMatch(/^ {4}remoteBuild: false$/m);
  });

  it('asks for the azd that docs/deploy.md asks for, so that an older one says so before it deploys anything', () => {
    const deploy = readFileSync(join(repositoryDir, 'docs/deploy.md'), 'utf8');
    const least = /\(`azd`\) (\d+\.\d+) or newer/.exec(deploy)?.[1] ?? 'none';
    expect(least).toBe('1.23');
    expect(azureYaml).toContain(`\nrequiredVersions:\n  azd: '>= ${least}.0'\n`);
  });

  it('names the service by which the template tags the app', () => {
    const template = readFileSync(join(repositoryDir, 'infra/app/functionApp.bicep'), 'utf8');
    const tagged = /'azd-service-name': '(\w+)'/.exec(template)?.[1] ?? 'none';
    expect(azureYaml).toMatch(new RegExp(`^services:\\n  ${tagged}:$`, 'm'));
  });

  it('has no hook: the template does everything', () => {
    expect(azureYaml).not.toContain('hooks:');
  });
});

describe('.funcignore', () => {
  it('does not exclude node_modules as a whole, which azd refuses beside `remoteBuild: false`', () => {
    const excludesFolder = funcIgnore.some((line) => /^\/?node_modules\/?$|^\*$/.test(line.trim()));
    expect(excludesFolder).toBe(false);
    expect(funcIgnore).toContain('node_modules/*');
  });
});

describe('what azd packs', () => {
  it('is all that the app needs: the bundle, host.json and package.json, and no node_modules', async () => {
    const outdir = await mkdtemp(join(tmpdir(), 'azd-package-'));
    try {
      await buildApp({ outdir });
      const files = await readdir(outdir);
      expect(files).toEqual(expect.arrayContaining(['host.json', 'main.cjs', 'package.json']));
      expect(files).not.toContain('node_modules');
      // azd reads an ignore file in the folder that it packs; there, ours would say something else.
      expect(existsSync(join(outdir, '.funcignore'))).toBe(false);
    } finally {
      await rm(outdir, { recursive: true, force: true });
    }
  });
});
