/**
 * `npm run redrive`: lists the messages that failed in the queues `provision` and `litellm-sync`. For a local stack it also puts one or
 * all of them back, through the running app, because only the app signs messages. A sign-in keeps its own observation time.
 */
import { PROVISION_QUEUE, SYNC_QUEUE } from '../shared/queue/queueMessage.ts';
import type { RedriveRequest } from '../shared/queue/redriveRequest.ts';
import { FailureStore, type KeptFailures } from '../shared/storage/failureStore.ts';
import { parseArguments } from '../terminal/arguments.ts';
import { CommandError, UsageError } from '../terminal/commandError.ts';
import { print, printTable } from '../terminal/print.ts';
import { runCommand } from '../terminal/runCommand.ts';
import { findLocalStack } from './localStack.ts';
import { openStorage } from './openStorage.ts';
import { requestRedrive } from './operations.ts';
import {
  readStorageArguments,
  type StorageArguments,
  storageHelp,
  storageOptions,
} from './storageArguments.ts';

const HELP = `npm run redrive                       lists the messages that failed
npm run redrive -- --all              local stack: puts back all that were not put back yet
npm run redrive -- ID                 local stack: puts back one, even for the second time

  --queue NAME     only those of this queue: ${PROVISION_QUEUE} or ${SYNC_QUEUE}
  --user ID        only those of this person
  --reason CODE    only those that failed with this code
${storageHelp('only lists; role:\n                   Storage Table Data Reader')}

Only the app signs messages, so only the app puts them back. In Azure, call it with a function key:

  curl --request POST --header "x-functions-key: $KEY" --header 'content-type: application/json' \\
    --data '{"all":true}' "$SITE/api/operations/redrive"
`;

/** Which messages the command is about. An absent part means all. */
interface Filter {
  readonly queue?: typeof PROVISION_QUEUE | typeof SYNC_QUEUE;
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
    authentic: failure.authentic ? 'yes' : 'no',
    user: failure.userId ?? '',
    observed: failure.observation?.observed_at ?? '',
    'put back': failure.redrivenAt ?? '',
  }));
}

async function list(storage: StorageArguments, filter: Filter): Promise<void> {
  const { tables } = await openStorage(storage);
  const provision = await new FailureStore(tables, 'provision').read();
  const sync = await new FailureStore(tables, 'litellm-sync').read();
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

/** Asks the local stack's app until nothing is left. Throws a CommandError that says what to do if the storage is another one. */
async function putBack({ account, stateDir }: StorageArguments, request: RedriveRequest): Promise<void> {
  const isGivenStorage = stateDir === undefined && (process.env['AzureWebJobsStorage'] ?? '') !== '';
  if (account !== undefined || isGivenStorage) {
    throw new CommandError(
      'Only the running app puts messages back: POST /api/operations/redrive with a function key (--help).',
    );
  }
  const stack = await findLocalStack(stateDir);
  if (stack === undefined) {
    throw new CommandError(
      'No local stack runs. Start it (npm start), or name its folder with --state-dir DIR.',
    );
  }
  let total = 0;
  for (;;) {
    const { redriven, left, messages } = await requestRedrive(stack, request);
    for (const { id, result, reason } of messages) {
      if (result !== 'left') print(`${id}  ${result}  (failed with ${reason})`);
    }
    total += redriven;
    if (left === 0 || redriven === 0) break;
  }
  print(`${total} put back.`);
}

function readFilter({ queue, user, reason }: Partial<Record<'queue' | 'user' | 'reason', string>>): Filter {
  if (queue !== undefined && queue !== PROVISION_QUEUE && queue !== SYNC_QUEUE) {
    throw new UsageError(`--queue is ${PROVISION_QUEUE} or ${SYNC_QUEUE}, not "${queue}".`);
  }
  return {
    ...(queue === undefined ? {} : { queue }),
    ...(user === undefined ? {} : { user }),
    ...(reason === undefined ? {} : { reason }),
  };
}

async function run(args: readonly string[]): Promise<void> {
  const { texts, flags, positionals } = parseArguments(args, {
    texts: [...storageOptions, 'queue', 'user', 'reason'],
    flags: ['all'],
    positionals: 1,
  });
  const filter = readFilter(texts);
  const [id] = positionals;
  if (id !== undefined && (flags.has('all') || Object.keys(filter).length > 0)) {
    throw new UsageError('An id stands alone: leave out --all, --queue, --user and --reason.');
  }
  const storage = readStorageArguments(texts);
  if (id !== undefined) await putBack(storage, { id, again: true });
  else if (flags.has('all')) await putBack(storage, { all: true, ...filter });
  else await list(storage, filter);
}

await runCommand({ help: HELP, run });
