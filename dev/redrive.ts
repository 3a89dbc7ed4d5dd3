/**
 * `npm run redrive`: lists the messages that the queue gave up on, or puts one or all of them back with their own
 * observation time. Without an account it works on the local stack or on `AzureWebJobsStorage`.
 */
import { execFile } from 'node:child_process';
import { parseArgs, promisify } from 'node:util';
import { z } from 'zod';
import { createFailureStore } from '../shared/adapters/failureStore.ts';
import { createStorageQueue } from '../shared/adapters/storageQueue.ts';
import { createAzureTables } from '../shared/adapters/tables/azureTables.ts';
import type { Tables } from '../shared/adapters/tables/tables.ts';
import { createUserStore } from '../shared/adapters/userStore.ts';
import { Secret } from '../shared/config.ts';
import { errorCodeOf } from '../shared/errors.ts';
import type { RedriveDeps } from '../shared/flows/redrive.ts';
import { redrive } from '../shared/flows/redrive.ts';
import { PROVISION_QUEUE } from '../shared/messages.ts';
import { readConnectionString } from './stack/readConnectionString.ts';

const HELP = `npm run redrive                       lists what the queue gave up on
npm run redrive -- --all              puts back all that were not put back yet
npm run redrive -- ID                 puts back one

  --account NAME   a storage account in Azure, as whom "az login" signed in (roles: Storage Table Data
                   Contributor and Storage Queue Data Contributor). Without it: AzureWebJobsStorage, else the
                   local stack that npm start runs.
`;

const tokenSchema = z.object({ accessToken: z.string(), expires_on: z.number() });

/** As whom `az login` signed in; the token is asked for at each use, which a script can afford. */
const azureCliCredential = {
  async getToken() {
    const { stdout } = await promisify(execFile)('az', [
      'account',
      'get-access-token',
      '--resource',
      'https://storage.azure.com',
      '--output',
      'json',
    ]);
    const token = tokenSchema.parse(JSON.parse(stdout));
    return { token: token.accessToken, expiresOnTimestamp: token.expires_on * 1000 };
  },
};

function depsOn(tables: Tables, queue: RedriveDeps['queue']): RedriveDeps {
  return {
    store: { users: createUserStore(tables), failures: createFailureStore(tables) },
    queue,
    clock: { now: () => new Date() },
  };
}

async function createDeps(account: string | undefined): Promise<RedriveDeps> {
  if (account === undefined) {
    const connectionString = await readConnectionString();
    const storage = { kind: 'connectionString' as const, connectionString: new Secret(connectionString) };
    return depsOn(
      createAzureTables({ connection: { kind: 'connectionString', connectionString } }),
      createStorageQueue({ storage, queueName: PROVISION_QUEUE }),
    );
  }
  const uri = (service: string): string => `https://${account}.${service}.core.windows.net`;
  const storage = {
    kind: 'managedIdentity' as const,
    queueServiceUri: uri('queue'),
    tableServiceUri: uri('table'),
  };
  const credential = azureCliCredential;
  return depsOn(
    createAzureTables({ connection: { ...storage, credential } }),
    createStorageQueue({ storage, queueName: PROVISION_QUEUE, credential }),
  );
}

async function list(deps: RedriveDeps): Promise<void> {
  const { failures, unreadable } = await deps.store.failures.read();
  if (failures.length === 0 && unreadable.length === 0) {
    console.log('No message has failed.');
    return;
  }
  for (const { id, table, columns } of unreadable) {
    console.log(`${id}  cannot be read (${table}: ${columns.join(', ')}); mend or delete the row.`);
  }
  if (failures.length === 0) return;
  console.table(
    failures.map((failure) => ({
      id: failure.id,
      failed: failure.failedAt,
      reason: failure.reason,
      user: failure.userId ?? '(unreadable)',
      observed: failure.observation?.observed_at ?? '',
      'put back': failure.redrivenAt ?? '',
    })),
  );
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      all: { type: 'boolean', default: false },
      account: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const [id] = positionals;
  if (values.help || positionals.length > 1 || (values.all && id !== undefined)) {
    console.log(HELP);
    if (!values.help) process.exitCode = 2;
    return;
  }
  const deps = await createDeps(values.account);
  if (!values.all && id === undefined) {
    await list(deps);
    return;
  }
  const results = await redrive(deps, id === undefined ? 'all' : { id });
  for (const result of results) console.log(`${result.id}  ${result.result}  (failed with ${result.reason})`);
  console.log(`${results.filter((result) => result.result === 'redriven').length} put back.`);
}

try {
  await main();
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)} (${errorCodeOf(error)})`);
  process.exitCode = 1;
}
