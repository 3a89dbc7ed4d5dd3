/**
 * `npm run redrive`: lists the messages that failed in the queues `provision` and `litellm-sync`, or puts one or all of them back. A
 * sign-in keeps its own observation time. Without an account it works on `AzureWebJobsStorage`, else on the local stack.
 */
import { randomUUID } from 'node:crypto';
import { describeSyncMessages } from '../shared/litellm/sync.ts';
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
import { parseArguments } from '../terminal/arguments.ts';
import { UsageError } from '../terminal/commandError.ts';
import { print, printTable } from '../terminal/print.ts';
import { runCommand } from '../terminal/runCommand.ts';
import { openStorage } from './openStorage.ts';
import {
  readStorageArguments,
  type StorageArguments,
  storageHelp,
  storageOptions,
} from './storageArguments.ts';

const HELP = `npm run redrive                       lists the messages that failed
npm run redrive -- --all              puts back all that were not put back yet
npm run redrive -- ID                 puts back one

  --queue NAME     only those of this queue: ${PROVISION_QUEUE} or ${SYNC_QUEUE}
  --user ID        only those of this person
  --reason CODE    only those that failed with this code
${storageHelp('roles: Storage Table Data\n                   Contributor and Storage Queue Data Message Sender')}
`;

interface Queues {
  readonly provision: RedrivableQueue<ProvisionMessage>;
  readonly sync: RedrivableQueue<SyncMessage>;
}

async function openQueues(storage: StorageArguments): Promise<Queues> {
  const { tables, createQueue } = await openStorage(storage);
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

/** Which messages the command is about. An absent part means all. */
interface Filter {
  readonly queue?: string;
  readonly user?: string;
  readonly reason?: string;
}

function select(queue: string, { failures }: KeptFailures, filter: Filter): KeptFailures['failures'] {
  return failures.filter(
    ({ userId, reason }) =>
      (filter.queue ?? queue) === queue &&
      (filter.user ?? userId) === userId &&
      (filter.reason ?? reason) === reason,
  );
}

function rowsOf(queue: string, failures: KeptFailures['failures']): Readonly<Record<string, string>>[] {
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

async function list(queues: Queues, filter: Filter): Promise<void> {
  const provision = await queues.provision.failures.read();
  const sync = await queues.sync.failures.read();
  const listed = [
    ...rowsOf(PROVISION_QUEUE, select(PROVISION_QUEUE, provision, filter)),
    ...rowsOf(SYNC_QUEUE, select(SYNC_QUEUE, sync, filter)),
  ];
  const unreadable = [...provision.unreadable, ...sync.unreadable];
  if (listed.length === 0 && unreadable.length === 0) {
    print(Object.keys(filter).length === 0 ? 'No message has failed.' : 'No such message has failed.');
    return;
  }
  for (const { id, table, columns } of unreadable) {
    print(`${id}  cannot be read (${table}: ${columns.join(', ')}); repair or delete the row.`);
  }
  if (listed.length > 0) printTable(listed);
}

/** Puts back the message with this id, from whichever queue has it. */
async function putBackOne(queues: Queues, id: string): Promise<readonly Redriven[]> {
  const isSync = (await queues.sync.failures.find(id)) !== undefined;
  return isSync ? redrive(queues.sync, { id }) : redrive(queues.provision, { id });
}

/** Puts back all selected messages that were not put back yet. */
async function putBackAll(queues: Queues, filter: Filter): Promise<readonly Redriven[]> {
  if (Object.keys(filter).length === 0) {
    return [...(await redrive(queues.provision, 'all')), ...(await redrive(queues.sync, 'all'))];
  }
  const results: Redriven[] = [];
  for (const { id, redrivenAt } of select(PROVISION_QUEUE, await queues.provision.failures.read(), filter)) {
    if (redrivenAt === undefined) results.push(...(await redrive(queues.provision, { id })));
  }
  for (const { id, redrivenAt } of select(SYNC_QUEUE, await queues.sync.failures.read(), filter)) {
    if (redrivenAt === undefined) results.push(...(await redrive(queues.sync, { id })));
  }
  return results;
}

async function run(args: readonly string[]): Promise<void> {
  const { texts, flags, positionals } = parseArguments(args, {
    texts: [...storageOptions, 'queue', 'user', 'reason'],
    flags: ['all'],
    positionals: 1,
  });
  const { account: _account, 'state-dir': _stateDir, ...filter } = texts;
  const [id] = positionals;
  if (id !== undefined && (flags.has('all') || Object.keys(filter).length > 0)) {
    throw new UsageError('An id stands alone: leave out --all, --queue, --user and --reason.');
  }
  if (filter.queue !== undefined && ![PROVISION_QUEUE, SYNC_QUEUE].includes(filter.queue)) {
    throw new UsageError(`--queue is ${PROVISION_QUEUE} or ${SYNC_QUEUE}, not "${filter.queue}".`);
  }
  const queues = await openQueues(readStorageArguments(texts));
  if (!flags.has('all') && id === undefined) {
    await list(queues, filter);
    return;
  }
  const results = id === undefined ? await putBackAll(queues, filter) : await putBackOne(queues, id);
  for (const result of results) print(`${result.id}  ${result.result}  (failed with ${result.reason})`);
  print(`${results.filter((result) => result.result === 'redriven').length} put back.`);
}

await runCommand({ help: HELP, run });
