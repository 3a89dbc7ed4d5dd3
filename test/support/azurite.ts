/** Starts a real Azurite for the tests of one file. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';

/** Azurite's only development account. Its key is public. */
const ACCOUNT_NAME = 'devstoreaccount1';
const ACCOUNT_KEY =
  'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

const START_TIMEOUT_MS = 30_000;

/** A running Azurite with queues and tables, empty and in memory. */
export interface Azurite {
  readonly connectionString: string;
  /** The address with the account, without a slash at the end: `http://127.0.0.1:PORT/devstoreaccount1`. */
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
 * Starts an Azurite as a child process on ports that the system chooses. This takes about a second, so start one in a file's
 * `beforeAll`, and use different table names in each test.
 *
 * It is a child process because Azurite's collection of queues blocks its event loop, which would delay a test's timers and
 * time-outs. It ends with its parent, even if the parent is killed. Throws if it does not listen within 30 s.
 */
export async function startAzurite(): Promise<Azurite> {
  const child = fork(
    createRequire(import.meta.url).resolve('azurite/dist/src/azurite.js'),
    azuriteArguments(),
    {
      // Without this, an Azurite would keep running after a test run was killed.
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

/** Reads the ports from the start messages. Keeps reading both pipes, because a full pipe would block Azurite. */
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
  // The data is only in memory, so an orderly shutdown is not needed.
  child.kill('SIGKILL');
  await exited;
}
