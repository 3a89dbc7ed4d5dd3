/**
 * `npm run redrive`: lists the failed messages of the queues `provision` and `litellm-sync`, or puts one or all of them back. A
 * sign-in keeps its own observation time. Without an account it works on `AzureWebJobsStorage`, else on the local stack.
 */
import { parseArgs } from 'node:util';
import { createFailureStore } from '../shared/storage/failureStore.ts';
import type { Tables } from '../shared/model/tables.ts';
import { createUserStore } from '../shared/storage/userStore.ts';
import { errorCodeOf } from '../shared/model/errors.ts';
import { redrive, type RedriveDeps, type Redriven } from '../shared/queue/redrive.ts';
import { type SyncRedriveDeps, redriveSyncs } from '../shared/queue/recordSyncFailure.ts';
import { PROVISION_QUEUE, SYNC_QUEUE } from '../shared/queue/provisionMessage.ts';
import type { MessageQueue } from '../shared/model/ports.ts';
import type { KeptFailures } from '../shared/storage/storePorts.ts';
import { openStorage } from './openStorage.ts';

const HELP = `npm run redrive                       lists the messages that failed
npm run redrive -- --all              puts back all that were not put back yet
npm run redrive -- ID                 puts back one

  --account NAME   a storage account in Azure, opened with the account that "az login" signed in (roles: Storage
                   Table Data Contributor and Storage Queue Data Contributor). Without it: AzureWebJobsStorage,
                   else the local stack that npm start runs.
`;

interface Deps {
  readonly provision: RedriveDeps;
  readonly sync: SyncRedriveDeps;
}

function depsOn(tables: Tables, createQueue: (queueName: string) => MessageQueue): Deps {
  const clock = { now: () => new Date() };
  const failures = createFailureStore(tables, 'provision');
  return {
    provision: {
      store: { users: createUserStore(tables), failures },
      queue: createQueue(PROVISION_QUEUE),
      clock,
    },
    sync: { failures: createFailureStore(tables, 'litellm-sync'), queue: createQueue(SYNC_QUEUE), clock },
  };
}

async function createDeps(account: string | undefined): Promise<Deps> {
  const { tables, createQueue } = await openStorage(account);
  return depsOn(tables, createQueue);
}

function listOf(queue: string, { failures }: KeptFailures): object[] {
  return failures.map((failure) => ({
    id: failure.id,
    queue,
    failed: failure.failedAt,
    reason: failure.reason,
    user: failure.userId ?? '',
    observed: failure.observation?.observed_at ?? '',
    'put back': failure.redrivenAt ?? '',
  }));
}

async function list(deps: Deps): Promise<void> {
  const provision = await deps.provision.store.failures.read();
  const sync = await deps.sync.failures.read();
  const listed = [...listOf(PROVISION_QUEUE, provision), ...listOf(SYNC_QUEUE, sync)];
  const unreadable = [...provision.unreadable, ...sync.unreadable];
  if (listed.length === 0 && unreadable.length === 0) {
    console.log('No message has failed.');
    return;
  }
  for (const { id, table, columns } of unreadable) {
    console.log(`${id}  cannot be read (${table}: ${columns.join(', ')}). Repair or delete the row.`);
  }
  if (listed.length > 0) console.table(listed);
}

/** Puts back one message, of whichever queue has the id, or all. */
async function putBack(deps: Deps, id: string | undefined): Promise<readonly Redriven[]> {
  if (id === undefined)
    return [...(await redrive(deps.provision, 'all')), ...(await redriveSyncs(deps.sync, 'all'))];
  const isSync = (await deps.sync.failures.find(id)) !== undefined;
  return isSync ? redriveSyncs(deps.sync, { id }) : redrive(deps.provision, { id });
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
  const results = await putBack(deps, id);
  for (const result of results) console.log(`${result.id}  ${result.result}  (failed with ${result.reason})`);
  console.log(`${results.filter((result) => result.result === 'redriven').length} put back.`);
}

try {
  await main();
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)} (${errorCodeOf(error)})`);
  process.exitCode = 1;
}
