/**
 * The queue worker in a process of its own: `node test/bench/throughputChild.ts <app folder> <quick|full> <seconds>`. It loads
 * the built bundle as the local host does and runs that host's own queue listener and invoker on it, so that product, library
 * and host are the real ones; only when they start and stop is decided here, and the log lines are counted, not printed.
 * App settings are its environment. Prints one JSON line with every round's rates.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { QueueClient } from '@azure/storage-queue';
import { z } from 'zod';
import { type CoreModule, createCoreModule, installCoreModule } from '../../dev/host/coreModule.ts';
import { createFunctionsHost } from '../../dev/host/functionsHost.ts';
import { type HostJson, parseHostJson } from '../../dev/host/hostJson.ts';
import { createHostLog } from '../../dev/host/hostLog.ts';
import type { ProgrammingModel } from '../../dev/host/programmingModel.ts';
import { startQueueListener } from '../../dev/host/queueListener.ts';
import { createAssignedGroupsStore } from '../../shared/storage/assignedGroupsStore.ts';
import { inParallel } from '../../shared/platform/inParallel.ts';
import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import type { Tables } from '../../shared/model/tables.ts';
import { PROVISION_QUEUE } from '../../shared/queue/queueNames.ts';
import { type InlineMessage } from '../../shared/queue/provisionMessage.ts';
import { acceptedList, groupsOf, personOf, signInMessage } from './provisioningSubject.ts';
import { provisionLeast } from './leastStorage.ts';
import {
  CURVE,
  type Concurrency,
  KINDS,
  type Kind,
  MESSAGES_A_ROUND,
  type Round,
  SETTINGS,
} from './throughputPlan.ts';

const GROUPS_A_PERSON = 10;
/** As many as an unchanged round has messages. */
const POPULATION = 200;
const GROUPS = groupsOf('group', 100);

interface Bed {
  readonly core: CoreModule;
  readonly model: ProgrammingModel;
  readonly hostJson: HostJson;
  readonly connectionString: string;
  readonly queue: QueueClient;
  readonly tables: Tables;
  /** Whose first sign-in is in a message. */
  readonly newcomers: Set<string>;
  newPeople: number;
  turn: number;
}

async function main(): Promise<void> {
  const [appDir = '', pass = '', seconds = '60'] = process.argv.slice(2);
  const startMs = performance.now();
  const isOver = (share: number): boolean => performance.now() - startMs > Number(seconds) * 1000 * share;
  const bed = await createBed(appDir);
  const isQuick = pass === 'quick';
  // Everybody signs in once, which warms the code up too.
  await fill(
    bed,
    Array.from({ length: POPULATION }, (_, index) => settledMessage(index)),
  );
  await runHost(bed, { batchSize: 16, newBatchThreshold: 16 }, POPULATION);
  const rounds: Round[] = [];
  const most = isQuick ? 1 : 8;
  for (let round = 0; round < most && (round === 0 || !isOver(0.6)); round += 1) {
    for (const setting of SETTINGS) {
      for (const kind of KINDS) rounds.push(await runRound(bed, { ...setting, kind, round }));
    }
  }
  const curve: Round[] = [];
  for (let round = 0; round < most && (round === 0 || !isOver(0.85)); round += 1) {
    const order = round % 2 === 0 ? CURVE : CURVE.toReversed();
    for (const setting of order) {
      curve.push(await runRound(bed, { ...setting, kind: 'mixed', round }, ['ours']));
    }
  }
  process.stdout.write(`${JSON.stringify({ rounds, curve })}\n`);
  process.exit(0);
}

async function createBed(appDir: string): Promise<Bed> {
  const connectionString = process.env['AzureWebJobsStorage'] ?? '';
  const core = createCoreModule(() => undefined);
  installCoreModule(core.exports);
  createRequire(join(appDir, 'package.json'))(join(appDir, 'main.cjs'));
  const tables = createAzureTables({ connection: { kind: 'connectionString', connectionString } });
  await createAssignedGroupsStore(tables).write(acceptedList(GROUPS), undefined);
  return {
    core,
    model: core.finishStartup(),
    hostJson: parseHostJson(await readFile(join(appDir, 'host.json'), 'utf8'), {}),
    connectionString,
    queue: new QueueClient(connectionString, PROVISION_QUEUE),
    tables,
    newcomers: new Set(),
    newPeople: 0,
    turn: 0,
  };
}

function groupsFrom(start: number): readonly { readonly id: string }[] {
  return Array.from(
    { length: GROUPS_A_PERSON },
    (_, index) => GROUPS[(start + index) % GROUPS.length],
  ).filter((group) => group !== undefined);
}

function settledMessage(index: number): InlineMessage {
  return signInMessage(personOf(`settled ${index % POPULATION}`), groupsFrom(index % POPULATION));
}

function firstMessage(bed: Bed): InlineMessage {
  bed.newPeople += 1;
  const person = personOf(`new ${bed.newPeople}`);
  bed.newcomers.add(person.userId);
  return signInMessage(person, groupsFrom(bed.newPeople));
}

/** Of every ten people eight changed nothing, one signs in for the first time, one has another group than before. */
function mixedMessage(bed: Bed, index: number): InlineMessage {
  if (index % 10 === 8) return firstMessage(bed);
  if (index % 10 === 9) return signInMessage(personOf(`moving ${index}`), groupsFrom(index + bed.turn));
  return settledMessage(index);
}

function messagesOf(bed: Bed, kind: Kind): readonly InlineMessage[] {
  bed.turn += 1;
  return Array.from({ length: MESSAGES_A_ROUND[kind] }, (_, index) => {
    if (kind === 'unchanged') return settledMessage(index);
    return kind === 'first' ? firstMessage(bed) : mixedMessage(bed, index);
  });
}

async function fill(bed: Bed, messages: readonly InlineMessage[]): Promise<void> {
  await inParallel(messages, 16, async (message) =>
    bed.queue.sendMessage(Buffer.from(JSON.stringify(message)).toString('base64')),
  );
}

const WAYS = ['raw', 'ours', 'floor'] as const;
type Way = (typeof WAYS)[number];

/** The same number of messages each way, in changing order. A way that is left out has no rate. */
async function runRound(
  bed: Bed,
  plan: Concurrency & { readonly kind: Kind; readonly round: number },
  order: readonly Way[] = WAYS,
): Promise<Round> {
  const messages = messagesOf(bed, plan.kind);
  const bare = { ...plan, count: messages.length };
  const ways = {
    ours: () => runHost(bed, plan, messages.length),
    raw: () => runBare(bed, bare, async () => undefined),
    floor: () => runBare(bed, bare, async (text) => storeLeast(bed, text)),
  };
  const rates = { ours: 0, raw: 0, floor: 0 };
  for (const way of plan.round % 2 === 0 ? order : order.toReversed()) {
    await fill(bed, messages);
    const startMs = performance.now();
    await ways[way]();
    rates[way] = messages.length / ((performance.now() - startMs) / 1000);
  }
  const { batchSize, newBatchThreshold, kind } = plan;
  return { batchSize, newBatchThreshold, kind, ...rates };
}

/** What storage must do for such a message anyway, without the product around it. */
async function storeLeast({ tables, newcomers }: Bed, text: string): Promise<void> {
  const { person, group_ids: ids } = z
    .object({ person: z.object({ user_id: z.string() }), group_ids: z.array(z.string()) })
    .parse(JSON.parse(text));
  if (newcomers.has(person.user_id)) {
    // Beside the person whom the product provisions with the same message.
    const other = { ...personOf('floor'), userId: `${person.user_id}-floor` };
    const groups = ids.map((id) => ({ id, displayName: id }));
    await provisionLeast(tables, { person: other, groups, newEntities: false });
  } else await readAndWrite(tables, person.user_id);
}

async function readAndWrite(tables: Tables, userId: string): Promise<void> {
  const key = { partitionKey: userId, rowKey: 'user' };
  const row = await tables.find(TABLES.users, key);
  const properties = { finished_at: new Date().toISOString() };
  await tables.write(TABLES.users, { kind: 'merge', key, etag: row?.etag ?? '*', properties });
}

/** Runs the host until it has executed `count` messages and deleted them. Throws where one fails. */
async function runHost(bed: Bed, queues: Concurrency, count: number): Promise<void> {
  const done = Promise.withResolvers<void>();
  let executed = 0;
  const log = createHostLog({
    logLevels: bed.hostJson.logLevels,
    now: () => new Date(),
    write: (line) => {
      if (line.includes(' provision Executed (Failed')) done.reject(new Error(line));
      if (!line.includes(' provision Executed (Succeeded')) return;
      executed += 1;
      if (executed === count) done.resolve();
    },
  });
  const host = createFunctionsHost({
    core: bed.core,
    model: bed.model,
    hostJson: { ...bed.hostJson, queues: { ...bed.hostJson.queues, ...concurrencyOf(queues) } },
    settings: process.env,
    functionKey: 'unused',
    url: 'http://localhost',
    stateDir: undefined,
    log,
  });
  await host.start();
  await done.promise;
  await host.stop(10_000);
}

function concurrencyOf({ batchSize, newBatchThreshold }: Concurrency): Concurrency {
  return { batchSize, newBatchThreshold };
}

/** The host's own loop around something that is not the product: receive, run, delete. */
async function runBare(
  bed: Bed,
  queues: Concurrency & { readonly count: number },
  run: (text: string) => Promise<unknown>,
): Promise<void> {
  const done = Promise.withResolvers<void>();
  let executed = 0;
  const listener = startQueueListener({
    functionName: 'bare',
    queueName: PROVISION_QUEUE,
    connectionString: bed.connectionString,
    options: { ...bed.hostJson.queues, ...concurrencyOf(queues) },
    log: (_level, _source, message) => done.reject(new Error(message)),
    run: async (_message, text) => {
      await run(text);
      executed += 1;
      if (executed === queues.count) done.resolve();
    },
  });
  await done.promise;
  await listener.stopPolling();
  await listener.finished();
}

await main();
