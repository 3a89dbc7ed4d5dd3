/**
 * Builds the app exactly as Azure deploys it. The main bundle is one self-contained CommonJS file. It loads a second bundle, for
 * telemetry, only if telemetry is exported. `node dev/build/build.ts` writes `dist/`.
 */
import { mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type BuildOptions as BuildSettings, type Metafile } from 'esbuild';
import { z } from 'zod';
import { browserText } from './browserText.ts';
import { readThirdPartyNotices } from './thirdPartyNotices.ts';
import { treeShaking } from './treeShaking.ts';
import { withoutRemoteSettings } from './withoutRemoteSettings.ts';
import { parseArguments } from '../../terminal/arguments.ts';
import { runCommand } from '../../terminal/runCommand.ts';
import { CommandError } from '../../terminal/commandError.ts';

/** The limit of the main bundle. A cold start reads and compiles all of it, so `npm run build` fails at this size. */
export const maxBundleBytes = 1_200_000;

/** The limit of the telemetry bundle. If telemetry is exported, an instance's first invocation waits until it is loaded. */
export const maxTelemetryBytes = 400_000;

const repositoryDir = resolve(import.meta.dirname, '../..');

const packageSchema = z.object({ name: z.string(), version: z.string() });

export interface BuildOptions {
  /** The folder for `main.cjs`, `telemetry.cjs` and the files that belong to them. It is emptied first. */
  readonly outdir: string;
  /** Default: `functions/` of this repository. */
  readonly functionsDir?: string;
  /** Default: `host.json` of this repository. */
  readonly hostJsonFile?: string;
}

export interface BuiltApp {
  readonly outdir: string;
  readonly bundleBytes: number;
  readonly telemetryBytes: number;
  /** The entry files in the bundle, in order. */
  readonly entryFiles: readonly string[];
}

/**
 * Bundles every `*.ts` of the functions folder (one trigger a file) into `<outdir>/main.cjs`. It also writes `telemetry.cjs`,
 * `host.json`, a minimal `package.json` and the licences of the bundled packages into the folder. Idempotent.
 * Throws an Error if the functions folder has no entry file or the code cannot be bundled.
 */
export async function buildApp(options: BuildOptions): Promise<BuiltApp> {
  const functionsDir = options.functionsDir ?? join(repositoryDir, 'functions');
  const names = await readdir(functionsDir);
  const entryFiles = names.filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts')).sort();
  if (entryFiles.length === 0) {
    throw new CommandError(`The app cannot be built: ${functionsDir} contains no function.`);
  }
  await rm(options.outdir, { recursive: true, force: true });
  await mkdir(options.outdir, { recursive: true });
  const metafiles = await Promise.all([
    bundleFunctions(functionsDir, entryFiles, join(options.outdir, 'main.cjs')),
    bundleTelemetry(join(options.outdir, 'telemetry.cjs')),
  ]);
  await Promise.all([
    writeFile(join(options.outdir, 'THIRD-PARTY-NOTICES.txt'), await readThirdPartyNotices(metafiles)),
    copyHostJson(options.hostJsonFile ?? join(repositoryDir, 'host.json'), options.outdir),
    writePackageJson(options.outdir),
  ]);
  const sizeOf = async (name: string): Promise<number> => (await stat(join(options.outdir, name))).size;
  return {
    outdir: options.outdir,
    bundleBytes: await sizeOf('main.cjs'),
    telemetryBytes: await sizeOf('telemetry.cjs'),
    entryFiles,
  };
}

/** Throws an Error if a bundle has reached its limit. */
export function requireSmall(built: BuiltApp): void {
  if (built.bundleBytes >= maxBundleBytes || built.telemetryBytes >= maxTelemetryBytes) {
    throw new CommandError('A bundle is too large, which makes cold starts slow.');
  }
}

/** The esbuild options of both bundles. */
const bundling = {
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node24',
  minify: true,
  legalComments: 'none',
  charset: 'utf8',
  // Prefers the ESM build of a package, because tree shaking works only on ESM.
  mainFields: ['module', 'main'],
  logLevel: 'error',
  // Lists the bundled packages, for their licences.
  metafile: true,
  absWorkingDir: repositoryDir,
  // ESM builds of the storage packages call createRequire(import.meta.url), which CommonJS does not have.
  define: { 'import.meta.url': 'importMetaUrl' },
  banner: { js: "const importMetaUrl=require('node:url').pathToFileURL(__filename).href;" },
} satisfies BuildSettings;

async function bundleFunctions(
  functionsDir: string,
  entryFiles: readonly string[],
  outfile: string,
): Promise<Metafile> {
  const { metafile } = await build({
    ...bundling,
    stdin: {
      contents: entryFiles.map((file) => `import './${file}';`).join('\n'),
      resolveDir: functionsDir,
      sourcefile: 'functions.ts',
      loader: 'ts',
    },
    outfile,
    plugins: [treeShaking(), browserText()],
    // The worker supplies this module when it runs; no package of that name exists.
    external: ['@azure/functions-core'],
  });
  return metafile;
}

async function bundleTelemetry(outfile: string): Promise<Metafile> {
  const { metafile } = await build({
    ...bundling,
    entryPoints: [join(repositoryDir, 'shared/telemetry/export/createTelemetry.ts')],
    outfile,
    plugins: [treeShaking(), withoutRemoteSettings()],
  });
  return metafile;
}

async function copyHostJson(from: string, outdir: string): Promise<void> {
  await writeFile(join(outdir, 'host.json'), await readFile(from));
}

async function writePackageJson(outdir: string): Promise<void> {
  const source = packageSchema.parse(JSON.parse(await readFile(join(repositoryDir, 'package.json'), 'utf8')));
  const deployed = { name: source.name, version: source.version, type: 'commonjs', main: 'main.cjs' };
  await writeFile(join(outdir, 'package.json'), `${JSON.stringify(deployed, null, 2)}\n`);
}

async function main(): Promise<void> {
  const built = await buildApp({ outdir: join(repositoryDir, 'dist') });
  console.log(
    `dist/main.cjs: ${built.bundleBytes} bytes (limit ${maxBundleBytes}), ${built.entryFiles.length} entry files`,
  );
  console.log(`dist/telemetry.cjs: ${built.telemetryBytes} bytes (limit ${maxTelemetryBytes})`);
  requireSmall(built);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runCommand({
    help: 'npm run build     builds the bundle for Azure into dist/',
    run: async (args) => {
      parseArguments(args, {});
      await main();
    },
  });
}
