/**
 * Runs Azurite's queue and table servers in one process, without its blob server and its telemetry:
 * `node dev/stack/azuriteServer.ts [--location <folder>] [--queue-port N] [--table-port N]`. Without a location it keeps
 * everything in memory. It writes its data when it stops.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
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
  },
});

async function start(): Promise<RunningService> {
  const { location } = values;
  if (location !== undefined) {
    await mkdir(location, { recursive: true });
  }
  const queue = new queueServerModule.default(
    createQueueConfiguration(Number(values['queue-port']), location),
  );
  const table = new tableServerModule.default(
    createTableConfiguration(Number(values['table-port']), location),
  );
  await Promise.all([queue.start(), table.start()]);
  if (location === undefined) {
    // In memory, Azurite's garbage collection frees nothing, but it blocks the process for seconds every minute.
    await queue.gcManager.close();
  }
  return {
    ready: { ready: true, queueUrl: queue.getHttpServerAddress(), tableUrl: table.getHttpServerAddress() },
    stop: async () => {
      await Promise.all([queue.close(), table.close()]);
    },
  };
}

/**
 * Creates a configuration. Azurite's parameters after the paths: access log, its stream, debug log, its file, loose,
 * skipApiVersionCheck.
 */
function createQueueConfiguration(port: number, location: string | undefined): object {
  const inMemory = location === undefined;
  const dir = location ?? '.';
  return new queueConfigurationModule.default(
    '127.0.0.1',
    port,
    keepAliveSeconds,
    join(dir, '__azurite_db_queue__.json'),
    join(dir, '__azurite_db_queue_extent__.json'),
    [{ locationId: 'Default', locationPath: join(dir, '__queuestorage__'), maxConcurrency: 10 }],
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
