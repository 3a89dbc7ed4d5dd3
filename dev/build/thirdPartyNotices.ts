/** Collects the licence texts of the packages in a bundle. The licences require that the texts accompany the bundle. */
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Metafile } from 'esbuild';
import { z } from 'zod';
import { CommandError } from '../../terminal/commandError.ts';

const repositoryDir = resolve(import.meta.dirname, '../..');
const manifestSchema = z.object({ name: z.string(), version: z.string(), license: z.string() });
const licenceFile = /^(?:licen[cs]e|copying|notice|thirdpartynotices?)(?:[.-].*)?$/i;

const separator = `\n\n${'-'.repeat(80)}\n\n`;

/**
 * Returns the notices of every package with a file in a bundle: name, version, licence, and the texts that the package ships.
 * Packages with the same texts are listed together. The order is by name. Paths in the metafiles are relative to the repository.
 * Throws an Error if a package names no licence.
 */
export async function readThirdPartyNotices(metafiles: readonly Metafile[]): Promise<string> {
  const folders = new Set(metafiles.flatMap(({ inputs }) => Object.keys(inputs).flatMap(findPackageFolder)));
  const notices = await Promise.all([...folders].map(readNotice));
  const titlesByText = new Map<string, Set<string>>();
  for (const { title, text } of notices.sort((a, b) => (a.title < b.title ? -1 : 1))) {
    titlesByText.set(text, (titlesByText.get(text) ?? new Set()).add(title));
  }
  const blocks = [...titlesByText].map(([text, titles]) => `${[...titles].join('\n')}\n\n${text}`.trim());
  return `${blocks.join(separator)}\n`;
}

/** Finds a file's package by the last `node_modules` in its path, because a package may bring its own copy of another. */
function findPackageFolder(input: string): string[] {
  const [folder] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input.replaceAll('\\', '/')) ?? [];
  return folder === undefined ? [] : [folder];
}

async function readNotice(folder: string): Promise<{ readonly title: string; readonly text: string }> {
  const dir = resolve(repositoryDir, folder);
  const manifest: unknown = JSON.parse(await readFile(join(dir, 'package.json'), 'utf8'));
  const parsed = manifestSchema.safeParse(manifest);
  if (!parsed.success) throw new CommandError(`${folder} names no licence, so it cannot be bundled.`);
  const { name, version, license } = parsed.data;
  const files = (await readdir(dir)).filter((file) => licenceFile.test(file)).sort();
  const texts = await Promise.all(
    files.map(async (file) => (await readFile(join(dir, file), 'utf8')).trim()),
  );
  return { title: `${name} ${version}, ${license}`, text: texts.join('\n\n') };
}
