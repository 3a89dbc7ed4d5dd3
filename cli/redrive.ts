/**
 * `npm run redrive`: lists the messages that the queues `provision` and `push` gave up on, or puts one or all of them back, a
 * sign-in with its own observation time. Without an account it works on the local stack or on `AzureWebJobsStorage`.
 */
import { parseArgs } from 'node:util';
import { FailureStore, type KeptFailures } from '../shared/storage/failureStore.ts';
import type { Tables } from '../shared/model/tables.ts';
import { UserStore } from '../shared/storage/userStore.ts';
import { errorCodeOf } from '../shared/model/errors.ts';
import type { RedriveDeps } from '../shared/queue/redrive.ts';
import { redrive, type Redriven } from '../shared/queue/redrive.ts';
import { type SyncRedriveDeps, redriveSyncs } from '../shared/queue/recordSyncFailure.ts';
import { PROVISION_QUEUE, SYNC_QUEUE } from '../shared/queue/provisionMessage.ts';
import type { MessageQueue } from '../shared/model/ports.ts';
import { openStorage } from './openStorage.ts';

const HELP = `npm run redrive                       lists what the queues gave up on
npm run redrive -- --all              puts back all that were not put back yet
npm run redrive -- ID                 puts back one

  --account NAME   a storage account in Azure, as whom "az login" signed in (roles: Storage Table Data
                   Contributor and Storage Queue Data Contributor). Without it: AzureWebJobsStorage, else the
                   local stack that npm start runs.
`;

interface Deps {
  readonly provision: RedriveDeps;
  readonly push: SyncRedriveDeps;
}

function depsOn(tables: Tables, createQueue: (queueName: string) => MessageQueue): Deps {
  const clock = { now: () => new Date() };
  const failures = new FailureStore(tables, 'provision');
  return {
    provision: {
      store: { users: new UserStore(tables), failures },
      queue: createQueue(PROVISION_QUEUE),
      clock,
    },
    push: { failures: new FailureStore(tables, 'litellm-sync'), queue: createQueue(SYNC_QUEUE), clock },
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
  const push = await deps.push.failures.read();
  const listed = [...listOf(PROVISION_QUEUE, provision), ...listOf(SYNC_QUEUE, push)];
  const unreadable = [...provision.unreadable, ...push.unreadable];
  if (listed.length === 0 && unreadable.length === 0) {
    console.log('No message has failed.');
    return;
  }
  for (const { id, table, columns } of unreadable) {
    console.log(`${id}  cannot be read (${table}: ${columns.join(', ')}); mend or delete the row.`);
  }
  if (listed.length > 0) console.table(listed);
}

/** An id names one message of either queue. */
async function putBack(deps: Deps, id: string | undefined): Promise<readonly Redriven[]> {
  if (id === undefined)
    return [...(await redrive(deps.provision, 'all')), ...(await redriveSyncs(deps.push, 'all'))];
  const isPush = (await deps.push.failures.find(id)) !== undefined;
  return isPush ? redriveSyncs(deps.push, { id }) : redrive(deps.provision, { id });
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
