/**
 * Runs Azurite's queue and table servers in one process, without its telemetry:
 * `node dev/stack/azuriteServer.ts [--location <folder>] [--queue-port N] [--table-port N] [--blob-port N]`. The blob server runs
 * only with a port, because only the real Functions host needs it. Without a location everything is in memory. Azurite writes its
 * data when it stops.
 */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import blobConfigurationModule from 'azurite/dist/src/blob/BlobConfiguration.js';
import blobServerModule from 'azurite/dist/src/blob/BlobServer.js';
import queueConfigurationModule from 'azurite/dist/src/queue/QueueConfiguration.js';
import queueServerModule from 'azurite/dist/src/queue/QueueServer.js';
import tableConfigurationModule from 'azurite/dist/src/table/TableConfiguration.js';
import tableServerModule from 'azurite/dist/src/table/TableServer.js';
import { type RunningService, runService } from '../emulator/runService.ts';

const keepAliveSeconds = 5;

const { values } = parseArgs({
  options: {
    location: { type: 'string' },
    'queue-port': { type: 'string', default: '0' },
    'table-port': { type: 'string', default: '0' },
    'blob-port': { type: 'string' },
  },
});

async function start(): Promise<RunningService> {
  const { location } = values;
  if (location !== undefined) {
    await mkdir(location, { recursive: true, mode: 0o700 });
    await requireReadable(location);
  }
  const blobPort = values['blob-port'];
  const blob =
    blobPort === undefined
      ? undefined
      : new blobServerModule.default(
          createConfiguration(blobConfigurationModule.default, {
            name: 'blob',
            port: Number(blobPort),
            location,
          }),
        );
  const queue = new queueServerModule.default(
    createConfiguration(queueConfigurationModule.default, {
      name: 'queue',
      port: Number(values['queue-port']),
      location,
    }),
  );
  const table = new tableServerModule.default(
    createTableConfiguration(Number(values['table-port']), location),
  );
  await Promise.all([blob?.start(), queue.start(), table.start()]);
  if (location === undefined) {
    // In memory, Azurite's garbage collection frees nothing, but it blocks the process for seconds every minute.
    await Promise.all([blob?.gcManager.close(), queue.gcManager.close()]);
  }
  return {
    ready: {
      ready: true,
      blobUrl: blob?.getHttpServerAddress(),
      queueUrl: queue.getHttpServerAddress(),
      tableUrl: table.getHttpServerAddress(),
    },
    stop: async () => {
      await Promise.all([blob?.close(), queue.close(), table.close()]);
    },
  };
}

/** Throws an error that names a damaged file, because Azurite would end with an error that does not. */
async function requireReadable(location: string): Promise<void> {
  for (const name of await readdir(location)) {
    if (!/^__azurite_db_.*\.json$/.test(name)) continue;
    const file = join(location, name);
    try {
      JSON.parse(await readFile(file, 'utf8'));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`The file ${file} cannot be read: ${reason}`, { cause: error });
    }
  }
}

/**
 * Creates the configuration of the blob or the queue server. Azurite's parameters after the paths: access log, its stream, debug log, its file, loose,
 * skipApiVersionCheck.
 */
function createConfiguration(
  Configuration: new (...values: readonly unknown[]) => object,
  server: { readonly name: 'blob' | 'queue'; readonly port: number; readonly location: string | undefined },
): object {
  const { name, port, location } = server;
  const inMemory = location === undefined;
  const dir = location ?? '.';
  return new Configuration(
    '127.0.0.1',
    port,
    keepAliveSeconds,
    join(dir, `__azurite_db_${name}__.json`),
    join(dir, `__azurite_db_${name}_extent__.json`),
    [{ locationId: 'Default', locationPath: join(dir, `__${name}storage__`), maxConcurrency: 10 }],
    false,
    undefined,
    false,
    undefined,
    false,
    true,
    '',
    '',
    '',
    undefined,
    true,
    inMemory,
  );
}

function createTableConfiguration(port: number, location: string | undefined): object {
  const inMemory = location === undefined;
  return new tableConfigurationModule.default(
    '127.0.0.1',
    port,
    keepAliveSeconds,
    join(location ?? '.', '__azurite_db_table__.json'),
    false,
    false,
    undefined,
    undefined,
    false,
    true,
    '',
    '',
    '',
    undefined,
    true,
    inMemory,
  );
}

await runService({ name: 'storage emulator', start });
