/** Simulates one company from an empty store: a Monday morning, a reorganisation, and a second sign-in of the same people. */
import { type DequeuedMessageItem, QueueClient } from '@azure/storage-queue';
import { startAzurite } from '../../../dev/stack/azurite.ts';
import { inParallel } from '../../../shared/platform/inParallel.ts';
import { provisionUser } from '../../../shared/provisioning/provisionUser.ts';
import { type Reconciled, repairMemberIndexes } from '../../../shared/provisioning/repairMemberIndexes.ts';
import { refreshAssignedGroups } from '../../../shared/groups/refreshAssignedGroups.ts';
import { PROVISION_QUEUE, parseProvisionMessage, QUEUES } from '../../../shared/queue/queueMessage.ts';
import type { RequestCookies } from '../../../shared/session/session.ts';
import {
  type Arrival,
  countMemberships,
  createChance,
  createCompany,
  drawMorning,
  MORNING_SECONDS,
  reorganize,
} from './company.ts';
import { measureTables, type TableSize } from './measureTables.ts';
import { askProgress, createOffice, type Instance, type Office, signIn, viewPage } from './office.ts';
import { type Count, type PartitionLoad, type Purpose, sumRequests } from './requestLedger.ts';
import { createSpreadTables } from './spreadTables.ts';

/** A Monday, 08:00 UTC. */
const MONDAY_MS = Date.UTC(2026, 10, 23, 8);
const HOUR_MS = 3_600_000;
/** The second morning, within the day in which an unchanged person costs two requests. */
const REORGANIZED_MS = MONDAY_MS + 3 * HOUR_MS;
const RECONCILED_MS = REORGANIZED_MS + 3 * HOUR_MS;

const TICK_SECONDS = 5;
const TIMER_SECONDS = 10 * 60;
const AT_ONCE = 16;
/** The number of messages that an instance receives with one request: the `batchSize` of host.json. */
const BATCH_SIZE = 16;
/** Longer than the slowest message takes on a busy machine, so that no message is delivered twice. */
const LEASE_SECONDS = 300;

const SIGN_IN_SHARE = 0.3;
const MOVED_SHARE = 0.1;
const INSTANCES = 2;

export interface SimulationOptions {
  readonly people: number;
  readonly seed: number;
  /** One in this number of sign-ins reads its pages, and its requests count for all. With 1, every sign-in does. */
  readonly pageEvery: number;
  /** Whether the nightly repair of the indexes runs at the end. It costs one request a row. */
  readonly reconcile: boolean;
  readonly log: (this: void, text: string) => void;
}

/** One simulated minute. */
export interface Minute {
  readonly minute: number;
  readonly signIns: number;
  readonly requests: ReadonlyMap<Purpose, number>;
}

/** The cost of one morning. */
export interface Phase {
  readonly name: 'monday' | 'reorganized';
  readonly signIns: number;
  readonly memberships: number;
  readonly minutes: readonly Minute[];
  readonly counts: readonly Count[];
  readonly busiest: readonly PartitionLoad[];
  readonly tokens: number;
  readonly queue: { readonly puts: number; readonly receives: number; readonly deletes: number };
  /** Two pages for each sign-in, and one question of the page's script. */
  readonly pagesViewed: number;
  readonly results: Readonly<Record<string, number>>;
  readonly granted: number;
  readonly removed: number;
}

export interface SimulationResult {
  readonly people: number;
  readonly groups: number;
  readonly monday: Phase;
  readonly reorganized: Phase;
  readonly sizes: readonly TableSize[];
  readonly reconcile?: Reconciled & { readonly requests: number };
}

interface Simulation {
  readonly options: SimulationOptions;
  readonly office: Office;
  readonly queue: QueueClient;
}

/** The counts of a morning so far. */
interface Progress {
  signIns: number;
  pagesViewed: number;
  receives: number;
  deletes: number;
  granted: number;
  removed: number;
  readonly results: Map<string, number>;
  readonly minutes: Minute[];
}

/**
 * Simulates one company on an emulator in memory, in a separate process. The same options give the same counts on every machine,
 * except for reads of cached values and for receives, which depend on the order of the instances. Throws if a sign-in, a run or a
 * page fails.
 */
export async function runSimulation(options: SimulationOptions): Promise<SimulationResult> {
  const azurite = await startAzurite();
  try {
    const { connectionString } = azurite;
    await createSpreadTables(connectionString);
    await Promise.all(
      QUEUES.map(async (name) => new QueueClient(connectionString, name).createIfNotExists()),
    );
    return await simulate(connectionString, options);
  } finally {
    await azurite.stop();
  }
}

async function simulate(connectionString: string, options: SimulationOptions): Promise<SimulationResult> {
  const { people, seed, pageEvery } = options;
  const company = createCompany(people, createChance(seed));
  const changed = reorganize(company, MOVED_SHARE, createChance(seed + 3));
  const office = createOffice({
    connectionString,
    groups: company.groups,
    chance: createChance(seed + 1),
    startMs: MONDAY_MS - 60_000,
    instances: INSTANCES,
    pageEvery,
  });
  const queue = new QueueClient(connectionString, PROVISION_QUEUE);
  const simulation = { options, office, queue };
  // The timer creates all organizations and teams before the first sign-in.
  await refreshAssignedGroups(office.refresh);
  office.ledger.closeMinute();
  office.ledger.take();
  const monday = await runPhase(simulation, {
    name: 'monday',
    startMs: MONDAY_MS,
    arrivals: drawMorning(company, SIGN_IN_SHARE, createChance(seed + 2)),
  });
  const reorganized = await runPhase(simulation, {
    name: 'reorganized',
    startMs: REORGANIZED_MS,
    arrivals: drawMorning(changed, SIGN_IN_SHARE, createChance(seed + 4)),
  });
  const reconcile = options.reconcile ? { reconcile: await runReconcile(office) } : {};
  const sizes = await measureTables(office.tables);
  return { people, groups: company.groups.length, monday, reorganized, sizes, ...reconcile };
}

interface Morning {
  readonly name: Phase['name'];
  readonly startMs: number;
  readonly arrivals: readonly Arrival[];
}

async function runPhase(simulation: Simulation, morning: Morning): Promise<Phase> {
  const { office } = simulation;
  const { name, arrivals } = morning;
  const before = { ...office.outside };
  const progress = await runMorning(simulation, morning);
  const { receives, deletes, results, ...done } = progress;
  return {
    name,
    memberships: countMemberships(arrivals.map(({ employee }) => employee)),
    tokens: office.outside.token - before.token,
    queue: { puts: office.outside.queuePuts - before.queuePuts, receives, deletes },
    results: Object.fromEntries(results),
    ...done,
    ...office.ledger.take(),
  };
}

/** Runs a morning. Simulated time moves in ticks, and each tick waits until the work of the last one is done. */
async function runMorning(simulation: Simulation, morning: Morning): Promise<Progress> {
  const { office, options } = simulation;
  const { name, startMs, arrivals } = morning;
  const progress: Progress = {
    signIns: 0,
    pagesViewed: 0,
    receives: 0,
    deletes: 0,
    granted: 0,
    removed: 0,
    results: new Map(),
    minutes: [],
  };
  let signInsBefore = 0;
  for (let second = 0; second < MORNING_SECONDS; second += TICK_SECONDS) {
    office.clock.moveTo(startMs + second * 1000);
    if (second % TIMER_SECONDS === 0) await refreshAssignedGroups(office.refresh);
    const coming = arrivals.filter((each) => each.second >= second && each.second < second + TICK_SECONDS);
    await runTick(simulation, coming, progress);
    if ((second + TICK_SECONDS) % 60 !== 0) continue;
    const minute = (second + TICK_SECONDS) / 60;
    const signIns = progress.signIns - signInsBefore;
    progress.minutes.push({ minute, signIns, requests: office.ledger.closeMinute() });
    signInsBefore = progress.signIns;
    if (minute % 10 === 0) {
      options.log(`${options.people} people, ${name}, minute ${minute}: ${signInsBefore} signed in`);
    }
  }
  return progress;
}

interface Viewer {
  readonly instance: Instance;
  readonly cookies: RequestCookies;
  readonly teams: number;
  /** The observation on the page. */
  readonly id: string;
}

/** Signs in the people of this tick, provisions them, and reads their pages. */
async function runTick(
  { office, options, queue }: Simulation,
  arrivals: readonly Arrival[],
  progress: Progress,
): Promise<void> {
  const viewers: Viewer[] = [];
  const places = arrivals.map(({ employee }, index) => ({ employee, place: progress.signIns + index }));
  await inParallel(places, AT_ONCE, async ({ employee, place }) => {
    const instance = instanceFor(office, place);
    const cookies = await signIn(instance, employee);
    if (place % options.pageEvery !== 0) return;
    // The page right after the redirect, before the provisioning.
    const { id } = await viewPage(instance, cookies);
    viewers.push({ instance, cookies, teams: employee.groupIds.length, id });
  });
  await emptyQueue(office, queue, { expected: arrivals.length, progress });
  await inParallel(viewers, AT_ONCE, viewDone);
  progress.signIns += arrivals.length;
  progress.pagesViewed += 3 * viewers.length * options.pageEvery;
}

function instanceFor(office: Office, index: number): Instance {
  const instance = office.instances[index % office.instances.length];
  if (instance === undefined) throw new Error('The simulation has no instance.');
  return instance;
}

/** Does the work of the page's script: asks once, finds that the provisioning is done, and reads the page again. */
async function viewDone({ instance, cookies, id, teams }: Viewer): Promise<void> {
  const asked = await askProgress(instance, cookies, id);
  const shown = await viewPage(instance, cookies);
  if (asked !== 'done' || shown.teams !== teams) {
    throw new Error(`A page shows ${shown.teams} teams of ${teams} (${asked})`);
  }
}

/** Provisions exactly the expected messages, in batches, on all instances at the same time. Throws the first failure of a run. */
async function emptyQueue(
  office: Office,
  queue: QueueClient,
  { expected, progress }: { readonly expected: number; readonly progress: Progress },
): Promise<void> {
  let waiting = expected;
  const runInstance = async (instance: Instance): Promise<void> => {
    while (waiting > 0) {
      progress.receives += 1;
      const { receivedMessageItems } = await queue.receiveMessages({
        numberOfMessages: BATCH_SIZE,
        visibilityTimeout: LEASE_SECONDS,
      });
      waiting -= receivedMessageItems.length;
      await inParallel(receivedMessageItems, BATCH_SIZE, async (item) => {
        await provisionItem(instance, item, progress);
        await queue.deleteMessage(item.messageId, item.popReceipt);
        progress.deletes += 1;
      });
    }
  };
  await Promise.all(office.instances.map(runInstance));
}

async function provisionItem(
  instance: Instance,
  item: DequeuedMessageItem,
  progress: Progress,
): Promise<void> {
  const message = parseProvisionMessage(Buffer.from(item.messageText, 'base64').toString('utf8'));
  const delivery = { attempt: 1, isLastAttempt: false };
  const { status, changes } = await provisionUser(instance.provision, message, delivery);
  progress.results.set(status, (progress.results.get(status) ?? 0) + 1);
  progress.granted += changes?.granted ?? 0;
  progress.removed += changes?.removed ?? 0;
}

async function runReconcile(office: Office): Promise<NonNullable<SimulationResult['reconcile']>> {
  office.clock.moveTo(RECONCILED_MS);
  const reconciled = await repairMemberIndexes(office.reconcile);
  return { ...reconciled, requests: sumRequests(office.ledger.take().counts) };
}
