/**
 * `npm run package`: writes the deployed files as one zip into `package/`, for pipelines that build once and deploy many times.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { zipSync } from 'fflate';
import { z } from 'zod';
import { buildApp, requireSmall } from './build.ts';
import { parseArguments } from '../../terminal/arguments.ts';
import { runCommand } from '../../terminal/runCommand.ts';

const repositoryDir = resolve(import.meta.dirname, '../..');
/**
 * The time of every file in the zip, so that equal builds have equal bytes. It is the earliest that a zip can store, in local
 * time.
 */
const packedAt = new Date(1980, 0, 1);

export interface Package {
  readonly file: string;
  readonly bytes: number;
  /** SHA-256 of the zip in hex. It is the same for the same sources and the same locked packages. */
  readonly sha256: string;
  /** The files in the zip, ordered by name. */
  readonly entries: readonly { readonly name: string; readonly bytes: number }[];
}

/**
 * Builds the app and writes it as a zip with its files at the top level. `az functionapp deployment source config-zip` and
 * `azd deploy --from-package` accept this form. The unpacked app needs no `node_modules`. Deterministic.
 * Throws an Error, and writes no file, if a bundle has reached its limit.
 */
export async function createPackage(file: string): Promise<Package> {
  const buildDir = await mkdtemp(join(tmpdir(), 'package-'));
  try {
    requireSmall(await buildApp({ outdir: buildDir }));
    const names = (await readdir(buildDir)).sort();
    const files = await Promise.all(
      names.map(async (name) => ({ name, content: await readFile(join(buildDir, name)) })),
    );
    const contents = Object.fromEntries(files.map(({ name, content }) => [name, content]));
    const zip = zipSync(contents, { level: 9, mtime: packedAt });
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, zip);
    return {
      file,
      bytes: zip.length,
      sha256: createHash('sha256').update(zip).digest('hex'),
      entries: files.map(({ name, content }) => ({ name, bytes: content.length })),
    };
  } finally {
    await rm(buildDir, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const manifest = z
    .object({ name: z.string(), version: z.string() })
    .parse(JSON.parse(await readFile(join(repositoryDir, 'package.json'), 'utf8')));
  const name = `${manifest.name}-${manifest.version}.zip`;
  const made = await createPackage(join(repositoryDir, 'package', name));
  console.log(`${relative(process.cwd(), made.file)}: ${made.bytes} bytes, sha256 ${made.sha256}`);
  for (const entry of made.entries) console.log(`  ${entry.name}: ${entry.bytes} bytes`);
  console.log(`Deploy it with: azd deploy app --from-package ${relative(process.cwd(), made.file)}`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runCommand({
    help: 'npm run package     writes the deployed files as one zip into package/',
    run: async (args) => {
      parseArguments(args, {});
      await main();
    },
  });
}
