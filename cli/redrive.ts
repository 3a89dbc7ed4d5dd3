/**
 * `npm run redrive`: lists the messages that failed in the queues `provision` and `litellm-sync`, or puts one or all of them back. A
 * sign-in keeps its own observation time. Without an account it works on `AzureWebJobsStorage`, else on the local stack.
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { describeSyncMessages } from '../shared/litellm/sync.ts';
import { errorCodeOf } from '../shared/model/errors.ts';
import { describeProvisionMessages } from '../shared/provisioning/provisionUser.ts';
import {
  type ProvisionMessage,
  PROVISION_QUEUE,
  SYNC_QUEUE,
  type SyncMessage,
} from '../shared/queue/queueMessage.ts';
import { redrive, type RedrivableQueue, type Redriven } from '../shared/queue/queueWorker.ts';
import { FailureStore, type KeptFailures } from '../shared/storage/failureStore.ts';
import { SyncRecord } from '../shared/storage/syncRecord.ts';
import { UserStore } from '../shared/storage/userStore.ts';
import { openStorage } from './openStorage.ts';

const HELP = `npm run redrive                       lists the messages that failed
npm run redrive -- --all              puts back all that were not put back yet
npm run redrive -- ID                 puts back one

  --account NAME   a storage account in Azure, opened with the account that "az login" signed in (roles: Storage
                   Table Data Contributor and Storage Queue Data Contributor). Without it: AzureWebJobsStorage,
                   else the local stack that npm start runs.
`;

interface Queues {
  readonly provision: RedrivableQueue<ProvisionMessage>;
  readonly sync: RedrivableQueue<SyncMessage>;
}

async function openQueues(account: string | undefined): Promise<Queues> {
  const { tables, createQueue } = await openStorage(account);
  const clock = { now: () => new Date() };
  return {
    provision: {
      ...describeProvisionMessages(new UserStore(tables)),
      queue: createQueue(PROVISION_QUEUE),
      failures: new FailureStore(tables, 'provision'),
      clock,
    },
    sync: {
      ...describeSyncMessages(new SyncRecord({ tables, clock, random: { uuid: randomUUID } })),
      queue: createQueue(SYNC_QUEUE),
      failures: new FailureStore(tables, 'litellm-sync'),
      clock,
    },
  };
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

async function list(queues: Queues): Promise<void> {
  const provision = await queues.provision.failures.read();
  const sync = await queues.sync.failures.read();
  const listed = [...listOf(PROVISION_QUEUE, provision), ...listOf(SYNC_QUEUE, sync)];
  const unreadable = [...provision.unreadable, ...sync.unreadable];
  if (listed.length === 0 && unreadable.length === 0) {
    console.log('No message has failed.');
    return;
  }
  for (const { id, table, columns } of unreadable) {
    console.log(`${id}  cannot be read (${table}: ${columns.join(', ')}); repair or delete the row.`);
  }
  if (listed.length > 0) console.table(listed);
}

/** Puts back the message with this id, from whichever queue has it, or all messages. */
async function putBack(queues: Queues, id: string | undefined): Promise<readonly Redriven[]> {
  if (id === undefined)
    return [...(await redrive(queues.provision, 'all')), ...(await redrive(queues.sync, 'all'))];
  const isSync = (await queues.sync.failures.find(id)) !== undefined;
  return isSync ? redrive(queues.sync, { id }) : redrive(queues.provision, { id });
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
  const queues = await openQueues(values.account);
  if (!values.all && id === undefined) {
    await list(queues);
    return;
  }
  const results = await putBack(queues, id);
  for (const result of results) console.log(`${result.id}  ${result.result}  (failed with ${result.reason})`);
  console.log(`${results.filter((result) => result.result === 'redriven').length} put back.`);
}

try {
  await main();
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)} (${errorCodeOf(error)})`);
  process.exitCode = 1;
}
