/** One company from an empty store: a Monday morning, a reorganisation, and everybody of that morning again. */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { QueueClient } from '@azure/storage-queue';
import { QUEUES } from '../../../dev/stack/createStorage.ts';
import { parseHostJson } from '../../../dev/host/hostJson.ts';
import { startAzurite } from '../../../dev/stack/azurite.ts';
import { repairMemberIndexes, type Reconciled } from '../../../shared/provisioning/repairMemberIndexes.ts';
import { refreshAssignedGroups } from '../../../shared/groups/refreshAssignedGroups.ts';
import { PROVISION_QUEUE } from '../../../shared/queue/queueNames.ts';
import type { RequestCookies } from '../../../shared/session/session.ts';
import type { Arrival, Company } from './company.ts';
import {
  countMemberships,
  createChance,
  createCompany,
  drawMorning,
  MORNING_SECONDS,
  reorganize,
} from './company.ts';
import { measureTables, type TableSize } from './measureTables.ts';
import {
  askProgress,
  createOffice,
  createSimulatedClock,
  type Instance,
  type Office,
  type OutsideCounts,
  signIn,
  viewPage,
} from './office.ts';
import type { Count, PeakPartition, Purpose } from './requestLedger.ts';
import { createSpreadTables } from './spreadTables.ts';
import { createWorkCounts, type WorkCounts, workOff } from './workOff.ts';

/** A Monday, 08:00 UTC. */
const MONDAY_MS = Date.UTC(2026, 10, 23, 8);
/** Three hours later: within the day for which an unchanged person costs two requests. */
const REORGANIZED_MS = MONDAY_MS + 3 * 60 * 60 * 1000;
const RECONCILED_MS = REORGANIZED_MS + 3 * 60 * 60 * 1000;

const TICK_SECONDS = 5;
const WINDOW_SECONDS = 60;
const TIMER_SECONDS = 10 * 60;
const SIGN_INS_AT_ONCE = 16;

export interface SimulationOptions {
  readonly people: number;
  readonly seed: number;
  readonly instances: number;
  /** Share of the people who sign in. */
  readonly signInShare: number;
  /** Share of the memberships that move. */
  readonly movedShare: number;
  /** The pages of one sign-in in so many are read, and count for all; with 1 all are read. */
  readonly pageEvery: number;
  /** Whether the daily repair of the indexes is run at the end: one request a row. */
  readonly reconcile: boolean;
  readonly onProgress: (text: string) => void;
}

/** One simulated minute. */
export interface Minute {
  readonly phase: PhaseName;
  readonly minute: number;
  readonly signIns: number;
  /** How long it really took, on this machine. */
  readonly realSeconds: number;
  readonly requests: Readonly<Record<Purpose, number>>;
  /** After a collection, in bytes. */
  readonly heapBytes: number;
  readonly residentBytes: number;
}

export const PHASES = ['monday', 'reorganized'] as const;
export type PhaseName = (typeof PHASES)[number];

/** What one phase cost. */
export interface Phase {
  readonly name: PhaseName;
  readonly signIns: number;
  readonly memberships: number;
  /** Two pages and one question of the page's script for each sign-in. */
  readonly pagesViewed: number;
  readonly realSeconds: number;
  readonly cpuSeconds: number;
  readonly counts: readonly Count[];
  readonly peaks: readonly PeakPartition[];
  readonly outside: Readonly<OutsideCounts>;
  readonly queueReceives: number;
  readonly queueDeletes: number;
  readonly results: Readonly<Record<string, number>>;
  readonly granted: number;
  readonly removed: number;
}

export interface SimulationResult {
  readonly people: number;
  readonly groups: number;
  readonly memberships: number;
  readonly first: { readonly realSeconds: number; readonly counts: readonly Count[] };
  readonly phases: readonly Phase[];
  readonly minutes: readonly Minute[];
  readonly sizes: readonly TableSize[];
  readonly reconcile?: Reconciled & { readonly requests: number };
  readonly realSeconds: number;
}

interface Simulation {
  readonly options: SimulationOptions;
  readonly office: Office;
  readonly queue: QueueClient;
  readonly minutes: Minute[];
}

/** How many messages an instance takes at once is the product's own setting. */
const HOST = parseHostJson(readFileSync(new URL('../../../host.json', import.meta.url), 'utf8'), {});

function isCollector(value: unknown): value is () => void {
  return typeof value === 'function';
}

function findCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const collector: unknown = runInNewContext('gc');
  return isCollector(collector) ? collector : () => undefined;
}

const collectGarbage = findCollector();

function secondsSince(startMs: number): number {
  return (performance.now() - startMs) / 1000;
}

async function atOnce<Item>(
  items: readonly Item[],
  run: (item: Item, index: number) => Promise<void>,
): Promise<void> {
  const pending = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of pending) await run(item, index);
  };
  await Promise.all(Array.from({ length: Math.min(SIGN_INS_AT_ONCE, items.length) }, worker));
}

function instanceFor(office: Office, index: number): Instance {
  const instance = office.instances[index % office.instances.length];
  if (instance === undefined) throw new Error('There is no instance');
  return instance;
}

interface Viewer {
  readonly instance: Instance;
  readonly cookies: RequestCookies;
  readonly teams: number;
  /** The observation that the page is about. */
  readonly id: string;
}

/** What the page's script does: it asks once, sees that it is done, and fetches the page anew. */
async function viewDone(viewer: Viewer): Promise<void> {
  const asked = await askProgress(viewer.instance, viewer.cookies, viewer.id);
  const shown = await viewPage(viewer.instance, viewer.cookies);
  if (asked !== 'done' || shown.teams !== viewer.teams)
    throw new Error(`A page shows ${shown.teams} teams of ${viewer.teams} (${asked})`);
}

interface PhaseWork {
  readonly work: WorkCounts;
  pagesViewed: number;
  signedIn: number;
}

/** Everybody who comes within this tick: sign in, be provisioned, look at the page. */
async function runTick(
  simulation: Simulation,
  arrivals: readonly Arrival[],
  phase: PhaseWork,
): Promise<void> {
  if (arrivals.length === 0) return;
  const { office, options, queue } = simulation;
  const viewers: Viewer[] = [];
  await atOnce(arrivals, async ({ employee }, index) => {
    const place = phase.signedIn + index;
    const instance = instanceFor(office, place);
    const cookies = await signIn(instance, employee);
    if (place % options.pageEvery !== 0) return;
    // The page right after the redirect, which is still under way.
    const { id } = await viewPage(instance, cookies);
    viewers.push({ instance, cookies, teams: employee.groupIds.length, id });
  });
  const { queues } = HOST;
  await workOff({ queue, host: queues, instances: office.instances, counts: phase.work }, arrivals.length);
  await atOnce(viewers, viewDone);
  phase.signedIn += arrivals.length;
  phase.pagesViewed += 3 * viewers.length * options.pageEvery;
}

function closeMinute(
  simulation: Simulation,
  minute: Pick<Minute, 'phase' | 'minute' | 'signIns' | 'realSeconds'>,
): void {
  const window = simulation.office.ledger.closeWindow(WINDOW_SECONDS);
  collectGarbage();
  const { heapUsed, rss } = process.memoryUsage();
  const of = (purpose: Purpose): number => window.requests.get(purpose) ?? 0;
  simulation.minutes.push({
    ...minute,
    requests: {
      'sign-in': of('sign-in'),
      provision: of('provision'),
      page: of('page'),
      timer: of('timer'),
      reconcile: of('reconcile'),
    },
    heapBytes: heapUsed,
    residentBytes: rss,
  });
}

function countsSince(before: readonly Count[], after: readonly Count[]): readonly Count[] {
  const nameOf = (count: Count): string => `${count.purpose} ${count.table} ${count.kind}`;
  const earlier = new Map(before.map((count) => [nameOf(count), count.requests]));
  return after
    .map((count) => ({ ...count, requests: count.requests - (earlier.get(nameOf(count)) ?? 0) }))
    .filter((count) => count.requests > 0);
}

function outsideSince(before: OutsideCounts, after: OutsideCounts): OutsideCounts {
  return {
    token: after.token - before.token,
    memberOfPages: after.memberOfPages - before.memberOfPages,
    assignedGroupPages: after.assignedGroupPages - before.assignedGroupPages,
    queuePuts: after.queuePuts - before.queuePuts,
    queuePutBytes: after.queuePutBytes - before.queuePutBytes,
  };
}

/** Lets a morning pass: simulated time goes on in ticks, and stands still until a tick's work is done. */
async function runMinutes(
  simulation: Simulation,
  morning: { readonly name: PhaseName; readonly startMs: number; readonly arrivals: readonly Arrival[] },
  phase: PhaseWork,
): Promise<void> {
  const { office, options } = simulation;
  const { name, startMs, arrivals } = morning;
  let next = 0;
  let minuteStarted = performance.now();
  let countedSignIns = 0;
  for (let second = 0; second < MORNING_SECONDS; second += TICK_SECONDS) {
    office.clock.moveTo(startMs + second * 1000);
    if (second % TIMER_SECONDS === 0) await refreshAssignedGroups(office.refresh);
    const from = next;
    while ((arrivals[next]?.second ?? Number.POSITIVE_INFINITY) < second + TICK_SECONDS) next += 1;
    await runTick(simulation, arrivals.slice(from, next), phase);
    if ((second + TICK_SECONDS) % WINDOW_SECONDS !== 0) continue;
    const minute = (second + TICK_SECONDS) / WINDOW_SECONDS;
    const realSeconds = secondsSince(minuteStarted);
    closeMinute(simulation, { phase: name, minute, signIns: next - countedSignIns, realSeconds });
    options.onProgress(
      `${options.people} people, ${name}, minute ${minute} of ${MORNING_SECONDS / 60}: ${next} of ${arrivals.length} signed in`,
    );
    countedSignIns = next;
    minuteStarted = performance.now();
  }
}

async function runPhase(
  simulation: Simulation,
  morning: { readonly name: PhaseName; readonly startMs: number; readonly arrivals: readonly Arrival[] },
): Promise<Phase> {
  const { office } = simulation;
  const before = office.ledger.counts();
  const outsideBefore = { ...office.outside };
  const startedMs = performance.now();
  const cpuBefore = process.cpuUsage();
  const phase: PhaseWork = { work: createWorkCounts(), pagesViewed: 0, signedIn: 0 };
  await runMinutes(simulation, morning, phase);
  const cpu = process.cpuUsage(cpuBefore);
  return {
    name: morning.name,
    signIns: morning.arrivals.length,
    memberships: countMemberships(morning.arrivals.map((arrival) => arrival.employee)),
    pagesViewed: phase.pagesViewed,
    realSeconds: secondsSince(startedMs),
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    counts: countsSince(before, office.ledger.counts()),
    peaks: office.ledger.takePeaks(),
    outside: outsideSince(outsideBefore, office.outside),
    queueReceives: phase.work.receives,
    queueDeletes: phase.work.deletes,
    results: Object.fromEntries(phase.work.results),
    granted: phase.work.memberships.granted,
    removed: phase.work.memberships.removed,
  };
}

async function runReconcile(office: Office): Promise<NonNullable<SimulationResult['reconcile']>> {
  const before = office.ledger.counts();
  office.clock.moveTo(RECONCILED_MS);
  const reconciled = await repairMemberIndexes(office.reconcile);
  const counts = countsSince(before, office.ledger.counts());
  return { ...reconciled, requests: counts.reduce((total, count) => total + count.requests, 0) };
}

function arrivalsAt(company: Company, options: SimulationOptions, seed: number): readonly Arrival[] {
  return drawMorning(company, options.signInShare, createChance(seed));
}

async function simulate(connectionString: string, options: SimulationOptions): Promise<SimulationResult> {
  const startedMs = performance.now();
  // All of it before anything is measured: made between the mornings, it would look like memory that the product keeps.
  const company = createCompany(options.people, createChance(options.seed));
  const changed = reorganize(company, options.movedShare, createChance(options.seed + 3));
  const arrivals = arrivalsAt(company, options, options.seed + 2);
  const arrivalsAgain = arrivalsAt(changed, options, options.seed + 4);
  const clock = createSimulatedClock(MONDAY_MS - 60_000);
  const queue = new QueueClient(connectionString, PROVISION_QUEUE);
  const office = createOffice({
    connectionString,
    groups: company.groups,
    chance: createChance(options.seed + 1),
    clock,
    instances: options.instances,
    pageEvery: options.pageEvery,
  });
  const simulation: Simulation = { options, office, queue, minutes: [] };
  const firstStarted = performance.now();
  await refreshAssignedGroups(office.refresh);
  office.ledger.closeWindow(WINDOW_SECONDS);
  office.ledger.takePeaks();
  const first = { realSeconds: secondsSince(firstStarted), counts: office.ledger.counts() };
  const monday = await runPhase(simulation, {
    name: 'monday',
    startMs: MONDAY_MS,
    arrivals,
  });
  const reorganized = await runPhase(simulation, {
    name: 'reorganized',
    startMs: REORGANIZED_MS,
    arrivals: arrivalsAgain,
  });
  options.onProgress(`${options.people} people: measuring what stands in the store`);
  const reconciled = options.reconcile ? await runReconcile(office) : undefined;
  return {
    people: options.people,
    groups: company.groups.length,
    memberships: countMemberships(company.employees),
    first,
    phases: [monday, reorganized],
    minutes: simulation.minutes,
    sizes: await measureTables(office.tables),
    ...(reconciled === undefined ? {} : { reconcile: reconciled }),
    realSeconds: secondsSince(startedMs),
  };
}

/**
 * Runs one company in an emulator of its own process, in memory, which ends with it. The counts are the same for the same
 * options, whatever the machine; the times are not, nor how often an instance finds its caches or the queue empty. Throws where a sign-in, a run or a page fails.
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

/** Gives the requests of some counts, in all or of one purpose. */
export function sumRequests(counts: readonly Count[], purpose?: Purpose): number {
  return counts
    .filter((count) => purpose === undefined || count.purpose === purpose)
    .reduce((total, count) => total + count.requests, 0);
}
