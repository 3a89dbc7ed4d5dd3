/** Measures the time of a cold start. Compares the deployed package with the same app unbundled, in turns. */
import { spawn } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { z } from 'zod';
import { buildApp } from '../../dev/build/build.ts';
import { createSampleDirectory } from '../../dev/identity/sampleDirectory.ts';
import { findFreePort } from '../../dev/stack/freePort.ts';
import { createStackSettings } from '../../dev/stack/stackSettings.ts';
import { QUEUES_OFF, TIMERS_OFF } from '../support/e2eStack.ts';
import { startEmulators } from '../support/emulators.ts';
import { type Benchmark, renderMs, renderRatio } from './report.ts';
import { buildUnbundledApp } from './unbundledApp.ts';

const ROUNDS = 10;
const host = resolve(import.meta.dirname, '../../dev/host/main.ts');

/** The milliseconds of each round, by measurement. */
interface Samples {
  readonly load: number[];
  readonly page: number[];
  readonly redirect: number[];
}

interface Variant {
  readonly appDir: string;
  readonly samples: Samples;
}

interface Stand {
  /** The local host, bundled into one file too, so that its own start takes little time compared with the app's. */
  readonly hostFile: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly port: number;
}

export const coldStart: Benchmark = async ({ log }) => {
  const folder = await mkdtemp(join(tmpdir(), 'cold-start-'));
  const emulators = await startEmulators(createSampleDirectory());
  try {
    const bundled = createVariant(join(folder, 'bundled'));
    const unbundled = createVariant(join(folder, 'unbundled'));
    const { bundleBytes } = await buildApp({ outdir: bundled.appDir });
    const sourceFiles = await buildUnbundledApp(unbundled.appDir);
    await cp(join(bundled.appDir, 'host.json'), join(unbundled.appDir, 'host.json'));
    const port = await findFreePort([]);
    const settings = createStackSettings({
      url: `http://localhost:${port}`,
      identity: emulators.identity,
      storageConnectionString: emulators.connectionString,
      // Starts only HTTP triggers, because queues and timers could slow the start down at random.
      given: { ...QUEUES_OFF, ...TIMERS_OFF },
    });
    const stand = { hostFile: await bundleHost(folder), settings, port };
    for (let round = 0; round < ROUNDS; round += 1) {
      log(`round ${round + 1} of ${ROUNDS}`);
      const order = round % 2 === 0 ? [bundled, unbundled] : [unbundled, bundled];
      for (const variant of order) await measureOnce(variant, stand);
    }
    return [
      {
        title: 'Cold start',
        columns: ['', 'the package', 'unbundled', 'ratio'],
        rows: renderRows(bundled.samples, unbundled.samples),
        note: `The package is one file of ${bundleBytes} bytes; unbundled, the app has ${sourceFiles} files of ours and node_modules. Files come from the memory of the operating system, so a really cold instance takes longer.`,
      },
    ];
  } finally {
    await emulators.stop();
    await rm(folder, { recursive: true, force: true });
  }
};

function createVariant(appDir: string): Variant {
  return { appDir, samples: { load: [], page: [], redirect: [] } };
}

async function bundleHost(folder: string): Promise<string> {
  const outfile = join(folder, 'host.mjs');
  const js =
    "import{createRequire as benchRequire}from'node:module';const require=benchRequire(import.meta.url);";
  await build({
    entryPoints: [host],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minify: true,
    logLevel: 'error',
    banner: { js },
  });
  return outfile;
}

async function measureOnce({ samples, appDir }: Variant, stand: Stand): Promise<void> {
  samples.load.push(await timeLoad(appDir));
  samples.page.push(await timeFirstAnswer(stand, appDir, { path: '/', status: 200 }));
  samples.redirect.push(await timeFirstAnswer(stand, appDir, { path: '/sso/login', status: 302 }));
}

/** Returns the milliseconds for loading the code, in a separate process. */
async function timeLoad(appDir: string): Promise<number> {
  const script = join(import.meta.dirname, 'coldStartLoad.ts');
  const child = spawn(process.execPath, [script, appDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = new Promise((resolveClosed) => void child.once('close', resolveClosed));
  let output = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) output += String(chunk);
  await closed;
  return z.object({ loadMs: z.number() }).parse(JSON.parse(output)).loadMs;
}

/** Returns the milliseconds from the start of the process to the end of its first answer. Throws if that is an error page. */
async function timeFirstAnswer(
  { hostFile, settings, port }: Stand,
  appDir: string,
  { path, status }: { readonly path: string; readonly status: number },
): Promise<number> {
  const startMs = performance.now();
  const child = spawn(process.execPath, [hostFile, '--app', appDir, '--port', String(port)], {
    env: { PATH: process.env['PATH'], ...settings },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const closed = new Promise((resolveClosed) => void child.once('close', resolveClosed));
  try {
    // The host prints one line as soon as it listens.
    for await (const line of createInterface({ input: child.stdout })) {
      const { url } = z.object({ url: z.url() }).parse(JSON.parse(line));
      const answer = await fetch(new URL(path, url), { redirect: 'manual' });
      await answer.arrayBuffer();
      const tookMs = performance.now() - startMs;
      if (answer.status !== status) throw new Error(`${path} answered ${answer.status}, not ${status}`);
      return tookMs;
    }
    throw new Error('The host ended before it was ready.');
  } finally {
    child.kill('SIGKILL');
    await closed;
  }
}

function renderRows(bundled: Samples, unbundled: Samples): string[][] {
  const measures = [
    ['load of the code alone', 'load'],
    ['process start to the first page (/)', 'page'],
    ['process start to the first redirect (/sso/login)', 'redirect'],
  ] as const;
  return measures.map(([name, key]) => [
    name,
    renderMs(bundled[key]),
    renderMs(unbundled[key]),
    renderRatio(bundled[key], unbundled[key]),
  ]);
}
