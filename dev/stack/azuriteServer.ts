/**
 * Azurite's queue and table servers in one process, without its blob server and its telemetry:
 * `node dev/stack/azuriteServer.ts [--location <folder>] [--queue-port N] [--table-port N]`; without a location it keeps
 * everything in memory. Prints one JSON line when ready; SIGTERM and SIGINT write the data and end it.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import queueConfigurationModule from 'azurite/dist/src/queue/QueueConfiguration.js';
import queueServerModule from 'azurite/dist/src/queue/QueueServer.js';
import tableConfigurationModule from 'azurite/dist/src/table/TableConfiguration.js';
import tableServerModule from 'azurite/dist/src/table/TableServer.js';

const keepAliveSeconds = 5;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      location: { type: 'string' },
      'queue-port': { type: 'string', default: '0' },
      'table-port': { type: 'string', default: '0' },
    },
  });
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
    // In memory its garbage collection blocks for seconds once a minute, and there is nothing to gain.
    await queue.gcManager.close();
  }
  let stopping = false;
  const stop = async (): Promise<void> => {
    if (!stopping) {
      stopping = true;
      await Promise.all([queue.close(), table.close()]);
      process.exit(0);
    }
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => void stop());
  }
  const ready = {
    ready: true,
    queueUrl: queue.getHttpServerAddress(),
    tableUrl: table.getHttpServerAddress(),
  };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
}

/** The parameters after the paths: access log, its stream, debug log, its file, loose, skipApiVersionCheck. */
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

await main();
