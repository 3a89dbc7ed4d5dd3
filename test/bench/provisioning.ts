/** First provisioning and its unchanged repeat, against the baseline and against what storage takes for the same rows. */
import type { KnownGroup } from '../../shared/model/assignedGroups.ts';
import { inParallel } from '../../shared/platform/inParallel.ts';
import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';
import type { Tables } from '../../shared/model/tables.ts';
import { provisionBaseline } from './baseline/provisionBaseline.ts';
import {
  acceptedList,
  createSubject,
  groupsOf,
  personOf,
  signInMessage,
  type Subject,
  type SubjectPerson,
} from './provisioningSubject.ts';
import { countWire, type WireCount } from './provisioningWire.ts';
import { provisionLeast } from './leastStorage.ts';
import { provisionRaw } from './rawStorage.ts';
import type { BenchContext, Figure, Goal, Measurement, Section } from './report.ts';
import { atLeast, atMost, boundedBy, figureOf, pairedRatio } from './stats.ts';

const SIZES = [1, 10, 100, 1000] as const;
type Size = (typeof SIZES)[number];

/** People of one round, so that no round is shorter than the clock's noise. */
const PEOPLE_A_ROUND: Readonly<Record<Size, number>> = { 1: 16, 10: 8, 100: 2, 1000: 1 };

/** The part of the time that each size may take. */
const SHARE_OF_TIME: Readonly<Record<Size, number>> = { 1: 0.12, 10: 0.18, 100: 0.25, 1000: 0.45 };

const MAX_ROUNDS = 30;
const MIN_ROUNDS: Readonly<Record<Size, number>> = { 1: 5, 10: 4, 100: 4, 1000: 3 };

/** Whether organizations and teams are there already: the tick makes them, so a person usually finds them. */
const STATES = ['existing', 'new'] as const;
type State = (typeof STATES)[number];

/** The accepted list is at least this long, also for a person of one group. */
const LIST_LENGTH = 1000;

interface Bed {
  readonly tables: Tables;
  readonly subject: Subject;
  readonly size: Size;
  readonly state: State;
  readonly shared: readonly KnownGroup[];
  nextName: number;
}

/** One person with their groups, whom nobody has provisioned yet. */
interface Case {
  readonly person: SubjectPerson;
  readonly groups: readonly KnownGroup[];
}

function nextCase(bed: Bed): Case {
  bed.nextName += 1;
  const name = `${bed.state}-${bed.size}-${bed.nextName}`;
  const groups = bed.state === 'new' ? groupsOf(name, bed.size, 'absent') : bed.shared.slice(0, bed.size);
  return { person: personOf(name), groups };
}

function knowAbout(bed: Bed, groups: readonly KnownGroup[]): void {
  const others = bed.state === 'new' ? bed.shared.slice(0, LIST_LENGTH - groups.length) : bed.shared;
  bed.subject.know(acceptedList(bed.state === 'new' ? [...groups, ...others] : others));
}

/** `indexed`: raw storage with the index rows, which the rules require. `least`: the same rows in the order that they require. */
const WAYS = ['ours', 'repeat', 'raw', 'indexed', 'least', 'baseline'] as const;
type Way = (typeof WAYS)[number];

/** Does one case one way; a repeat needs that `ours` was done with the same case. */
async function provisionOneWay(bed: Bed, way: Way, { person, groups }: Case): Promise<void> {
  const what = { person, groups, newEntities: bed.state === 'new', withIndex: way === 'indexed' };
  if (way === 'baseline') await provisionBaseline(bed.tables, person, groups);
  else if (way === 'least') await provisionLeast(bed.tables, what);
  else if (way === 'raw' || way === 'indexed') await provisionRaw(bed.tables, what);
  else {
    const status = await bed.subject.provision(signInMessage(person, groups));
    const expected = way === 'ours' ? 'done' : 'unchanged';
    if (status !== expected) throw new Error(`${way}: the run ended as ${status}`);
  }
}

type Times = Readonly<Record<Way, number[]>>;

/** Milliseconds a person, one entry a round, by way. */
async function measureRounds(bed: Bed, untilMs: number, quick: boolean): Promise<Times> {
  const times: Times = { ours: [], repeat: [], raw: [], indexed: [], least: [], baseline: [] };
  const leastRounds = quick ? 1 : MIN_ROUNDS[bed.size];
  // A round before the first warms the code up; of the baseline not with 1,000 groups, where it would take long.
  for (let round = -1; round < MAX_ROUNDS; round += 1) {
    if (round >= leastRounds && (quick || performance.now() > untilMs)) break;
    const order: readonly Way[] =
      round % 2 === 0 ? WAYS : ['baseline', 'least', 'indexed', 'raw', 'ours', 'repeat'];
    let cases: readonly Case[] = [];
    for (const way of order) {
      if (round < 0 && way === 'baseline' && bed.size === 1000) continue;
      if (way !== 'repeat') cases = Array.from({ length: PEOPLE_A_ROUND[bed.size] }, () => nextCase(bed));
      const elapsedMs = await timeCases(bed, way, cases);
      if (round >= 0) times[way].push(elapsedMs / cases.length);
    }
  }
  return times;
}

/** Existing means that the baseline's teams are there too, with a member already. */
async function makeBaselineTeams(bed: Bed): Promise<void> {
  const first = personOf('first');
  await inParallel(bed.shared.slice(0, bed.size), 16, (group) =>
    provisionBaseline(bed.tables, first, [group]),
  );
}

async function timeCases(bed: Bed, way: Way, cases: readonly Case[]): Promise<number> {
  let elapsedMs = 0;
  for (const one of cases) {
    if (way === 'ours' || way === 'repeat') knowAbout(bed, one.groups);
    const startMs = performance.now();
    await provisionOneWay(bed, way, one);
    elapsedMs += performance.now() - startMs;
  }
  return elapsedMs;
}

async function countWays(bed: Bed): Promise<Readonly<Record<Way, WireCount>>> {
  const count = async (way: Way, one: Case): Promise<WireCount> => {
    knowAbout(bed, one.groups);
    return countWire(() => provisionOneWay(bed, way, one));
  };
  const ours = nextCase(bed);
  return {
    ours: await count('ours', ours),
    repeat: await count('repeat', ours),
    raw: await count('raw', nextCase(bed)),
    indexed: await count('indexed', nextCase(bed)),
    least: await count('least', nextCase(bed)),
    baseline: await count('baseline', nextCase(bed)),
  };
}

interface Measured {
  readonly size: Size;
  readonly state: State;
  readonly counts: Readonly<Record<Way, WireCount>>;
  readonly ofRaw: Figure;
  readonly ofIndexed: Figure;
  readonly ofLeast: Figure;
  /** What the least reaches of raw storage's speed, and against the baseline: nobody could be faster here. */
  readonly leastOfRaw: Figure;
  readonly leastOfBaseline: Figure;
  readonly ofBaseline: Figure;
  readonly repeatOfFirst: Figure;
  readonly oursMs: Figure;
}

async function measureState(context: BenchContext, bed: Bed, untilMs: number): Promise<Measured> {
  const { size, state } = bed;
  if (state === 'existing') await makeBaselineTeams(bed);
  const times = await measureRounds(bed, untilMs, context.quick);
  const counts = await countWays(bed);
  const name = `${size} groups, ${state}`;
  context.log(`${name}: ${times.ours.length} rounds`);
  return {
    size,
    state,
    counts,
    ofRaw: pairedRatio(`speed against raw storage, ${name}`, times.raw, times.ours),
    ofIndexed: pairedRatio(`speed against raw storage with its index, ${name}`, times.indexed, times.ours),
    ofLeast: pairedRatio(`speed against the least, ${name}`, times.least, times.ours),
    leastOfRaw: pairedRatio(`the least against raw storage, ${name}`, times.raw, times.least),
    leastOfBaseline: pairedRatio(`the least against the baseline, ${name}`, times.baseline, times.least),
    ofBaseline: pairedRatio(`speed against the baseline, ${name}`, times.baseline, times.ours),
    repeatOfFirst: pairedRatio(`unchanged repeat against first, ${name}`, times.repeat, times.ours),
    oursMs: figureOf(`first provisioning, ${name}`, 'ms', times.ours),
  };
}

/** A storage of its own for each size and state, because Azurite slows with the rows that are there. */
async function measureSize(context: BenchContext, size: Size, untilMs: number): Promise<readonly Measured[]> {
  const measured: Measured[] = [];
  for (const state of STATES) {
    const nowMs = performance.now();
    const endMs = nowMs + (untilMs - nowMs) / (STATES.length - measured.length);
    const { connectionString, stop } = await context.startAzurite();
    const tables = createAzureTables({ connection: { kind: 'connectionString', connectionString } });
    const shared = groupsOf('shared', LIST_LENGTH);
    const bed: Bed = { tables, subject: createSubject(tables), size, state, shared, nextName: 0 };
    measured.push(await measureState(context, bed, endMs));
    await stop();
  }
  return measured;
}

function spread(figure: Figure, digits: number): string {
  const [middle, low, high] = [figure.median, figure.low, figure.high].map((value) => value.toFixed(digits));
  return `${middle} (${low}–${high})`;
}

function countText(count: WireCount): string {
  return `${count.requests} / ${((count.bytesSent + count.bytesReceived) / 1024).toFixed(1)}`;
}

function firstGoals(all: readonly Measured[]): readonly Goal[] {
  return [
    ...all.map(({ size, state, ofRaw, leastOfRaw }) =>
      boundedBy(
        atLeast(`share of raw speed, ${size} groups, ${state}`, ofRaw.median, 0.6),
        leastOfRaw.median,
      ),
    ),
    ...all
      .filter(({ size }) => size === 100)
      .map(({ size, state, ofBaseline, leastOfBaseline }) =>
        boundedBy(
          atLeast(`times the baseline's speed, ${size} groups, ${state}`, ofBaseline.median, 10),
          leastOfBaseline.median,
        ),
      ),
  ];
}

function firstSection(all: readonly Measured[]): Section {
  return {
    id: 'provisioning-first',
    title: 'First provisioning of a person',
    against: 'the baseline, and raw storage writing the same rows',
    columns: [
      'groups',
      'entities',
      '× the baseline (10th–90th)',
      'share of raw speed (10th–90th)',
      'the least’s share of raw',
      'share of raw with its index',
      'share of the least (10th–90th)',
      'ours, ms',
      'ours: requests / KiB',
      'raw: requests / KiB',
      'baseline: requests / KiB',
    ],
    rows: all.map((one) => [
      String(one.size),
      one.state,
      spread(one.ofBaseline, 1),
      spread(one.ofRaw, 2),
      one.leastOfRaw.median.toFixed(2),
      one.ofIndexed.median.toFixed(2),
      spread(one.ofLeast, 2),
      one.oursMs.median.toFixed(1),
      countText(one.counts.ours),
      countText(one.counts.raw),
      countText(one.counts.baseline),
    ]),
    notes: [
      'One person after another, on a warm instance whose accepted list has 1,000 groups. Flag on: an organization and a team a group.',
      'Raw storage: the same rows without fence, claim and index, in full transactions, up to 16 at once; nothing is read. With its index: also the rows that say who is in a team, which the rules require.',
      'The least: the same rows in the order that the rules require (find, then claim, index and entities, then memberships behind a fence, then done), and nothing computed.',
      'Requests and KiB are counted at the sockets, headers and bodies, both ways.',
    ],
    goals: firstGoals(all),
    figures: all.flatMap((one) => [
      one.ofRaw,
      one.leastOfRaw,
      one.ofIndexed,
      one.ofLeast,
      one.ofBaseline,
      one.leastOfBaseline,
      one.oursMs,
    ]),
  };
}

function repeatSection(all: readonly Measured[]): Section {
  const most = Math.max(...all.map(({ counts }) => counts.repeat.requests));
  return {
    id: 'provisioning-repeat',
    title: 'Unchanged repeat',
    against: 'first provisioning of the same person',
    columns: ['groups', 'entities at first', 'time of the first (10th–90th)', 'requests', 'KiB'],
    rows: all.map(({ size, state, repeatOfFirst, counts }) => [
      String(size),
      state,
      spread(repeatOfFirst, 3),
      String(counts.repeat.requests),
      ((counts.repeat.bytesSent + counts.repeat.bytesReceived) / 1024).toFixed(1),
    ]),
    notes: ['One read and one write of the user’s row, whatever the number of groups.'],
    goals: [atMost('requests of an unchanged repeat, the most of all sizes', most, 2)],
    figures: all.map(({ repeatOfFirst }) => repeatOfFirst),
  };
}

/** First provisioning and unchanged repeat with 1 to 1,000 groups. */
export const provisioning: Measurement = {
  id: 'provisioning',
  title: 'Provisioning',
  budgetSeconds: 80,
  async run(context) {
    const startMs = performance.now();
    const all: Measured[] = [];
    let share = 0;
    for (const size of SIZES) {
      share += SHARE_OF_TIME[size];
      all.push(...(await measureSize(context, size, startMs + share * context.budgetSeconds * 1000)));
    }
    return [firstSection(all), repeatSection(all)];
  },
};
