import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildApp, maxBundleBytes } from '../../../dev/build/build.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'build-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

test('builds the functions into what Azure deploys, below the limit, and nothing else', async () => {
  await writeFile(join(dir, 'left over'), '');
  const built = await buildApp({ outdir: dir });
  const names = await readdir(dir);
  expect(names.sort()).toEqual([
    'THIRD-PARTY-NOTICES.txt',
    'host.json',
    'main.cjs',
    'package.json',
    'telemetry.cjs',
  ]);
  expect(JSON.parse(await readFile(join(dir, 'package.json'), 'utf8'))).toMatchObject({
    type: 'commonjs',
    main: 'main.cjs',
  });
  expect(built.entryFiles).toContain('home.ts');
  expect(built.bundleBytes).toBeLessThan(maxBundleBytes);
});

test('needs no package at run time but the built-in one of the worker', async () => {
  await buildApp({ outdir: dir });
  const { builtinModules } = await import('node:module');
  const readForeign = async (name: string): Promise<readonly string[]> => {
    const bundle = await readFile(join(dir, name), 'utf8');
    const required = [...bundle.matchAll(/\brequire\("([^"]+)"\)/g)].map((match) => match[1] ?? '');
    return [
      ...new Set(required.filter((each) => !each.startsWith('node:') && !builtinModules.includes(each))),
    ];
  };
  expect(await readForeign('main.cjs')).toEqual(['@azure/functions-core']);
  expect(await readForeign('telemetry.cjs')).toEqual([]);
});

test('refuses a folder without functions', async () => {
  await expect(buildApp({ outdir: join(dir, 'out'), functionsDir: dir })).rejects.toThrow('no function');
});
