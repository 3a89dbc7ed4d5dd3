/** Builds the same app without bundling: one CommonJS file for each source file, and packages from `node_modules`. */
import { readdir, symlink, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';

const repositoryDir = resolve(import.meta.dirname, '../..');

/** Keeps every import, but replaces the source file's name by the compiled file's. */
const importsStay: Plugin = {
  name: 'imports-stay',
  setup(builder) {
    builder.onResolve({ filter: /.*/ }, ({ kind, path }) =>
      kind === 'entry-point'
        ? undefined
        : { path: path.startsWith('.') ? path.replace(/\.ts$/, '.js') : path, external: true },
    );
  },
};

/**
 * Compiles `functions/` and `shared/` file by file into `outdir`. Adds a link to the installed packages, and the `host.json` and
 * `package.json` that the host needs. Leaves out the telemetry bundle, because it is only loaded if telemetry is exported.
 * Returns the number of compiled files.
 */
export async function buildUnbundledApp(outdir: string): Promise<number> {
  const sources = (await Promise.all(['functions', 'shared'].map(listSources))).flat();
  await build({
    entryPoints: sources,
    outdir,
    outbase: repositoryDir,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    logLevel: 'error',
    plugins: [importsStay],
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: { js: "const importMetaUrl=require('node:url').pathToFileURL(__filename).href;" },
  });
  const entries = sources.filter((source) => source.startsWith(join(repositoryDir, 'functions')));
  const requires = entries.map((source) => {
    const compiled = relative(repositoryDir, source).replace(/\.ts$/, '.js');
    return `require('./${compiled}');`;
  });
  await Promise.all([
    writeFile(join(outdir, 'main.cjs'), `${requires.join('\n')}\n`),
    writeFile(
      join(outdir, 'package.json'),
      '{ "name": "unbundled", "type": "commonjs", "main": "main.cjs" }\n',
    ),
    symlink(join(repositoryDir, 'node_modules'), join(outdir, 'node_modules'), 'dir'),
  ]);
  return sources.length;
}

async function listSources(folder: string): Promise<readonly string[]> {
  const found = await readdir(join(repositoryDir, folder), { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}
