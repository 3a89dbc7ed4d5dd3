/**
 * A copy of `infra/` that compiles without a network: the only thing that changes is where the Microsoft Graph extension
 * comes from. What is deployed keeps the official reference.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';

const run = promisify(execFile);
const repositoryDir = resolve(import.meta.dirname, '../..');
const copiesDir = join(repositoryDir, '.cache/infra');
/** No check takes this long, so an older copy is of one that was killed. */
const LEFTOVER_MS = 60 * 60_000;

export const infraDir = join(repositoryDir, 'infra');

const bicepConfigSchema = z.looseObject({
  extensions: z.object({ microsoftGraphV1: z.string() }),
  analyzers: z.object({ core: z.looseObject({ enabled: z.boolean() }) }),
});

export interface InfraCopy {
  readonly dir: string;
  /** The absolute path of a file in the copy, from its path in `infra/`. */
  path(file: string): string;
  remove(): Promise<void>;
}

/**
 * Copies `infra/` and makes the Graph extension of `infra/check/microsoftgraph-v1.0`. `linter: false` is for code that is
 * wrong on purpose: it still must compile, but need not be beautiful.
 */
export async function copyInfra(
  bicepPath: string,
  options: { readonly linter: boolean },
): Promise<InfraCopy> {
  await mkdir(copiesDir, { recursive: true });
  await removeLeftovers();
  const dir = await mkdtemp(join(copiesDir, 'check-'));
  await cp(infraDir, dir, { recursive: true });
  await run(bicepPath, [
    'publish-extension',
    join(dir, 'check/microsoftgraph-v1.0/index.json'),
    '--target',
    join(dir, 'graph.tgz'),
  ]);
  const configFile = join(dir, 'bicepconfig.json');
  const config = bicepConfigSchema.parse(JSON.parse(await readFile(configFile, 'utf8')));
  const offline = {
    ...config,
    // Not the home folder's, which other checks and people use at the same time.
    cacheRootDirectory: join(dir, '.modules'),
    extensions: { microsoftGraphV1: './graph.tgz' },
    analyzers: { core: { ...config.analyzers.core, enabled: options.linter } },
  };
  await writeFile(configFile, JSON.stringify(offline));
  return {
    dir,
    path: (file) => join(dir, file),
    remove: async () => rm(dir, { recursive: true, force: true }),
  };
}

async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(copiesDir)) {
    const path = join(copiesDir, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > LEFTOVER_MS) {
      await rm(path, { recursive: true, force: true });
    }
  }
}
