/** A real Azurite for the tests of one file. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';

/** Azurite's one well-known development account; the key is public. */
const ACCOUNT_NAME = 'devstoreaccount1';
const ACCOUNT_KEY =
  'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

const START_TIMEOUT_MS = 30_000;

/** A running Azurite with queues and tables, empty and in memory. */
export interface Azurite {
  readonly connectionString: string;
  /** With the account, without a slash at the end: `http://127.0.0.1:PORT/devstoreaccount1`. */
  readonly queueUrl: string;
  readonly tableUrl: string;
  /** Ends the process and waits until it is gone. Idempotent. */
  stop(): Promise<void>;
}

/** Returns the connection string of Azurite's development account at the given service addresses. */
export function azuriteConnectionString(urls: {
  readonly queueUrl: string;
  readonly tableUrl: string;
}): string {
  return [
    'DefaultEndpointsProtocol=http',
    `AccountName=${ACCOUNT_NAME}`,
    `AccountKey=${ACCOUNT_KEY}`,
    `QueueEndpoint=${urls.queueUrl}`,
    `TableEndpoint=${urls.tableUrl}`,
    '',
  ].join(';');
}

/**
 * Starts an Azurite as a child process on ports that the system chooses: about a second, so start one in a
 * file's `beforeAll` and use table names of your own a test.
 *
 * A child, although in process would be faster for a second instance: Azurite's queue collection blocks its event loop,
 * and a test's timers and time-outs must not feel that. It ends with its parent, even when that is killed.
 * Throws when it is not listening within 30 s.
 */
export async function startAzurite(): Promise<Azurite> {
  const child = fork(
    createRequire(import.meta.url).resolve('azurite/dist/src/azurite.js'),
    azuriteArguments(),
    {
      // Without it an Azurite would outlive a test run that was killed.
      execArgv: ['--import', 'data:text/javascript,process.on("disconnect",()=>process.exit())'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
  try {
    const ports = await readPorts(child);
    const queueUrl = `http://127.0.0.1:${ports.queue}/${ACCOUNT_NAME}`;
    const tableUrl = `http://127.0.0.1:${ports.table}/${ACCOUNT_NAME}`;
    return {
      connectionString: azuriteConnectionString({ queueUrl, tableUrl }),
      queueUrl,
      tableUrl,
      stop: () => stopChild(child),
    };
  } catch (error) {
    await stopChild(child);
    throw error;
  }
}

function azuriteArguments(): string[] {
  return [
    '--silent',
    '--disableTelemetry',
    '--skipApiVersionCheck',
    '--inMemoryPersistence',
    ...['blob', 'queue', 'table'].flatMap((service) => [
      `--${service}Host`,
      '127.0.0.1',
      `--${service}Port`,
      '0',
    ]),
  ];
}

/** Reads the ports out of the start messages, and keeps both pipes flowing so that Azurite never blocks on them. */
function readPorts(child: ChildProcess): Promise<{ readonly queue: string; readonly table: string }> {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => reject(new Error(`Azurite did not start:\n${output}`)), START_TIMEOUT_MS);
    const onOutput = (chunk: unknown): void => {
      output += String(chunk);
      const queue = /Queue service is successfully listening at http:\/\/[^:]+:(\d+)/.exec(output)?.[1];
      const table = /Table service is successfully listening at http:\/\/[^:]+:(\d+)/.exec(output)?.[1];
      if (queue === undefined || table === undefined) return;
      clearTimeout(timer);
      output = '';
      resolve({ queue, table });
    };
    child.stdout?.on('data', onOutput);
    child.stderr?.on('data', onOutput);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`Azurite ended with ${code ?? 'a signal'}:\n${output}`));
    });
  });
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  // Nothing is on disk, so there is nothing to close in order.
  child.kill('SIGKILL');
  await exited;
}
