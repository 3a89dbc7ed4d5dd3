/** What a cold start costs: the package as deployed against the same app unbundled, in turns. */
import { spawn } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { z } from 'zod';
import { buildApp } from '../../dev/build/build.ts';
import { createSampleDirectory } from '../../dev/identity/sampleDirectory.ts';
import { findFreePort } from '../../dev/stack/freePort.ts';
import { createStackSettings } from '../../dev/stack/stackSettings.ts';
import { QUEUES_OFF, TIMERS_OFF } from '../support/e2eStack.ts';
import type { BenchContext, Measurement, Section } from './report.ts';
import { atMost, figureOf, median, pairedRatio } from './stats.ts';
import { buildUnbundledApp } from './unbundledApp.ts';

type Settings = Readonly<Record<string, string>>;
const repositoryDir = resolve(import.meta.dirname, '../..');
const rounds = 12;

const loadedSchema = z.object({ loadMs: z.number(), modules: z.number(), functions: z.number() });
const readySchema = z.object({ url: z.url() });

/** `npm run bench:cold`. */
export const coldStart: Measurement = {
  id: 'cold-start',
  title: 'Cold start',
  budgetSeconds: 60,
  run: async (context) => [await measureColdStart(context)],
};

/** What is measured of one app, a sample a round, in milliseconds. */
interface Samples {
  readonly load: number[];
  readonly home: number[];
  readonly login: number[];
}

interface Variant {
  readonly name: string;
  readonly appDir: string;
  readonly samples: Samples;
  modules: number;
}

async function measureColdStart(context: BenchContext): Promise<Section> {
  const bundled = createVariant('the package', join(context.tempDir, 'app'));
  const unbundled = createVariant('unbundled', join(context.tempDir, 'unbundled'));
  context.log('building the app both ways');
  const [built, sourceFiles] = await Promise.all([
    buildApp({ outdir: bundled.appDir }),
    buildUnbundledApp(unbundled.appDir),
  ]);
  await cp(join(bundled.appDir, 'host.json'), join(unbundled.appDir, 'host.json'));
  const hostFile = await bundleHost(context.tempDir);
  const settings = await createSettings(context);
  const count = context.quick ? 2 : rounds;
  for (let round = 0; round < count; round += 1) {
    context.log(`round ${round + 1} of ${count}`);
    const order = round % 2 === 0 ? [bundled, unbundled] : [unbundled, bundled];
    for (const variant of order) await measureOnce(variant, hostFile, settings);
  }
  return renderSection(bundled, unbundled, { bytes: built.bundleBytes, sourceFiles });
}

function createVariant(name: string, appDir: string): Variant {
  return { name, appDir, samples: { load: [], home: [], login: [] }, modules: 0 };
}

/** The local host as one file too, so that its own start weighs little beside the app's. */
async function bundleHost(tempDir: string): Promise<string> {
  const outfile = join(tempDir, 'host.mjs');
  await build({
    entryPoints: [join(repositoryDir, 'dev/host/main.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minify: true,
    logLevel: 'error',
    banner: {
      js: "import{createRequire as benchRequire}from'node:module';const require=benchRequire(import.meta.url);",
    },
  });
  return outfile;
}

/** No triggers but HTTP: a start must not be slowed by what the queue or a timer happens to do. */
async function createSettings(context: BenchContext): Promise<Settings> {
  const [azurite, identity] = await Promise.all([
    context.startAzurite(),
    context.startIdentity(createSampleDirectory()),
  ]);
  return createStackSettings({
    url: `http://localhost:${await findFreePort([])}`,
    identity,
    storageConnectionString: azurite.connectionString,
    given: { ...QUEUES_OFF, ...TIMERS_OFF },
  });
}

async function measureOnce(variant: Variant, hostFile: string, settings: Settings): Promise<void> {
  const { samples, appDir } = variant;
  const loaded = loadedSchema.parse(
    JSON.parse(await runNode([join(import.meta.dirname, 'loadApp.ts'), appDir])),
  );
  samples.load.push(loaded.loadMs);
  variant.modules = loaded.modules;
  samples.home.push(await timeFirstAnswer({ hostFile, appDir, settings, path: '/', status: 200 }));
  samples.login.push(await timeFirstAnswer({ hostFile, appDir, settings, path: '/sso/login', status: 302 }));
}

async function runNode(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const { promise, resolve: end, reject } = Promise.withResolvers<undefined>();
  child.once('error', reject);
  child.once('close', (code) =>
    code === 0 ? end(undefined) : reject(new Error(`Exit code ${code}: ${output}`)),
  );
  await promise;
  return output;
}

interface FirstAnswer {
  readonly hostFile: string;
  readonly appDir: string;
  readonly settings: Settings;
  readonly path: string;
  /** What it must be, or the figure would be that of an error page. */
  readonly status: number;
}

/** Milliseconds from the start of the process to the end of the first answer. */
async function timeFirstAnswer({ hostFile, appDir, settings, path, status }: FirstAnswer): Promise<number> {
  const port = new URL(settings['PUBLIC_URL'] ?? '').port;
  const startMs = performance.now();
  const child = spawn(process.execPath, [hostFile, '--app', appDir, '--port', port], {
    env: { PATH: process.env['PATH'], ...settings },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = new Promise((resolveEnd) => void child.once('close', resolveEnd));
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const { url } = readySchema.parse(JSON.parse(line));
      const answer = await fetch(new URL(path, url), { redirect: 'manual' });
      await answer.arrayBuffer();
      const tookMs = performance.now() - startMs;
      if (answer.status !== status) throw new Error(`${path} answered ${answer.status}, not ${status}`);
      return tookMs;
    }
    throw new Error('The host ended before it was ready.');
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

const measures = {
  load: 'load of the code alone',
  home: 'process start to the first page (/)',
  login: 'process start to the first redirect (/sso/login)',
} as const;

function renderSection(
  bundled: Variant,
  unbundled: Variant,
  size: { readonly bytes: number; readonly sourceFiles: number },
): Section {
  const names = ['load', 'home', 'login'] as const;
  const ratios = names.map((name) => ({
    name,
    ratio: pairedRatio(`cold start: ${measures[name]}`, bundled.samples[name], unbundled.samples[name]),
  }));
  return {
    id: 'cold-start',
    title: 'Cold start',
    against: 'the same app unbundled: one file a source file, packages from node_modules',
    columns: ['', 'the package', 'unbundled', 'ratio (10th to 90th percentile)'],
    rows: ratios.map(({ name, ratio }) => [
      measures[name],
      `${median(bundled.samples[name]).toFixed(0)} ms`,
      `${median(unbundled.samples[name]).toFixed(0)} ms`,
      `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)})`,
    ]),
    notes: [
      `The package loads ${bundled.modules} file of ${size.bytes} bytes, the other ${unbundled.modules} files, ${size.sourceFiles} of them ours.`,
      'From the start of the process counts Node and the local host (as one file) too, the same in both. Files come from the memory of the operating system: a really cold instance reads them from a disk, which hurts many files more.',
    ],
    goals: ratios.map(({ name, ratio }) => atMost(`at most half: ${measures[name]}`, ratio.median, 0.5)),
    figures: [
      ...ratios.map(({ ratio }) => ratio),
      figureOf('cold start: load of the package', 'ms', bundled.samples.load),
    ],
  };
}
