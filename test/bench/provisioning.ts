/**
 * Measures a first provisioning and its unchanged repeat. Compares them with two others on the same storage: raw storage, which
 * writes the same rows as fast as it can, and the baseline, which does what LiteLLM's proxy does at a sign-in.
 */
import { startAzurite } from '../../dev/stack/azurite.ts';
import { createStorage } from '../../dev/stack/createStorage.ts';
import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';
import { inParallel, chunksOf } from '../../shared/platform/inParallel.ts';
import { FENCE_ROW_KEY } from '../../shared/storage/membershipKinds.ts';
import { MAX_TRANSACTION_WRITES } from '../../shared/storage/tables/tableLimits.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import type { Properties, RowKey, Tables } from '../../shared/model/tables.ts';
import type { KnownGroup } from '../../shared/model/assignedGroups.ts';
import { countWire, type WireCount } from '../support/countWire.ts';
import { createMemoryTables } from '../support/memoryTables.ts';
import {
  acceptedList,
  createSubject,
  groupsOf,
  personOf,
  signInMessage,
  type Subject,
  type SubjectPerson,
} from '../support/provisioningSubject.ts';
import { provisionBaseline } from './provisionBaseline.ts';
import { type Benchmark, renderMs, renderRatio, type Table } from './report.ts';

/** The measured cases. `people` is the number of people in one round, so that no round is shorter than the clock's noise. */
const SIZES = [
  { groups: 1, people: 12, rounds: 8 },
  { groups: 10, people: 6, rounds: 6 },
  { groups: 100, people: 2, rounds: 4 },
  { groups: 1000, people: 1, rounds: 2 },
] as const;
type Size = (typeof SIZES)[number];

/** Whether organizations and teams exist already. The timer creates them, so a person usually finds them. */
const STATES = ['existing', 'new'] as const;
type State = (typeof STATES)[number];

/** The number of requests that the product sends at the same time. */
const PARALLEL_REQUESTS = 16;
/** The smallest number of groups in the accepted list, even for a person with one group. */
const LIST_LENGTH = 1000;

/** The measured ways. `repeat` is the second sign-in of the people whom `ours` has just provisioned. */
const WAYS = ['ours', 'repeat', 'raw', 'baseline'] as const;
type Way = (typeof WAYS)[number];

/** A person who isn't provisioned yet, with the input for each way. */
interface Case {
  readonly person: SubjectPerson;
  readonly groups: readonly KnownGroup[];
  /** The rows that raw storage writes, in transactions. */
  readonly transactions: readonly (readonly Row[])[];
}

interface Row {
  readonly table: string;
  readonly kind: 'create';
  readonly key: RowKey;
  readonly properties: Properties;
}

interface Bed {
  readonly tables: Tables;
  readonly subject: Subject;
  readonly size: Size;
  readonly state: State;
}

interface Measured {
  readonly size: Size;
  readonly state: State;
  readonly times: Readonly<Record<Way, readonly number[]>>;
  readonly counts: Readonly<Record<Way, WireCount>>;
}

export const provisioning: Benchmark = async ({ log }) => {
  const measured: Measured[] = [];
  for (const size of SIZES) {
    for (const state of STATES) {
      log(`${size.groups} groups, ${state}`);
      measured.push(await measure(size, state));
    }
  }
  return [firstTable(measured), repeatTable(measured)];
};

/** Uses a separate storage, because Azurite gets slower with more rows. */
async function measure(size: Size, state: State): Promise<Measured> {
  const azurite = await startAzurite();
  try {
    const { connectionString } = azurite;
    await createStorage(connectionString);
    const tables = createAzureTables({ connection: { kind: 'connectionString', connectionString } });
    const bed = { tables, subject: createSubject(tables), size, state };
    if (state === 'existing') await createBaselineTeams(bed);
    const times = await measureRounds(bed);
    return { size, state, times, counts: await countWays(bed) };
  } finally {
    await azurite.stop();
  }
}

const shared = groupsOf('shared', LIST_LENGTH);

/** Creates the baseline's teams for the state `existing`. Each already has a member. */
async function createBaselineTeams({ tables, size }: Bed): Promise<void> {
  const first = personOf('first');
  await inParallel(shared.slice(0, size.groups), PARALLEL_REQUESTS, async (group) =>
    provisionBaseline(tables, first, [group]),
  );
}

/**
 * Returns the milliseconds for each person by way, with one entry a round. Except in the longest case, a warm-up round comes
 * first.
 */
async function measureRounds(bed: Bed): Promise<Measured['times']> {
  const times: Record<Way, number[]> = { ours: [], repeat: [], raw: [], baseline: [] };
  const { groups, rounds } = bed.size;
  for (let round = groups < 1000 ? -1 : 0; round < rounds; round += 1) {
    const order: readonly Way[] = round % 2 === 0 ? WAYS : ['baseline', 'raw', 'ours', 'repeat'];
    let cases: readonly Case[] = [];
    for (const way of order) {
      if (way !== 'repeat') cases = await createCases(bed);
      const startMs = performance.now();
      for (const one of cases) await provision(bed, way, one);
      if (round >= 0) times[way].push((performance.now() - startMs) / cases.length);
    }
  }
  return times;
}

async function countWays(bed: Bed): Promise<Measured['counts']> {
  let cases = await createCases(bed);
  const count = async (way: Way): Promise<WireCount> => {
    if (way !== 'repeat') cases = await createCases(bed);
    const [one] = cases;
    if (one === undefined) throw new Error('The round has no people.');
    return countWire(() => provision(bed, way, one));
  };
  return {
    ours: await count('ours'),
    repeat: await count('repeat'),
    raw: await count('raw'),
    baseline: await count('baseline'),
  };
}

async function provision(bed: Bed, way: Way, { person, groups, transactions }: Case): Promise<void> {
  if (way === 'baseline') return provisionBaseline(bed.tables, person, groups);
  if (way === 'raw') return provisionRaw(bed.tables, transactions);
  const status = await bed.subject.provision(signInMessage(person, groups));
  if (status !== (way === 'ours' ? 'done' : 'unchanged'))
    throw new Error(`The way ${way} ended as ${status}.`);
}

let lastName = 0;

async function createCases({ subject, size, state }: Bed): Promise<readonly Case[]> {
  const people = Array.from({ length: size.people }, () => {
    lastName += 1;
    const name = `person-${lastName}`;
    const groups = state === 'new' ? groupsOf(name, size.groups, 'absent') : shared.slice(0, size.groups);
    return { person: personOf(name), groups };
  });
  const all = new Map([...people.flatMap(({ groups }) => groups), ...shared].map((one) => [one.id, one]));
  subject.know(acceptedList([...all.values()]));
  return Promise.all(people.map(async (one) => ({ ...one, transactions: await recordTransactions(one) })));
}

/**
 * Returns the rows that the product itself writes for this person, recorded in memory: one row for each entity, each membership
 * and the user, without the fences and the index of members. The transactions are as large as possible.
 */
async function recordTransactions({
  person,
  groups,
}: Omit<Case, 'transactions'>): Promise<Case['transactions']> {
  const memory = createMemoryTables();
  const subject = createSubject(memory);
  subject.know(acceptedList(groups));
  await subject.provision(signInMessage(person, groups));
  const rows = Object.entries(memory.dump())
    .filter(([table]) => table !== TABLES.teamMembers && table !== TABLES.organizationMembers)
    .flatMap(([table, dumped]) =>
      dumped
        .filter(({ rowKey }) => rowKey !== FENCE_ROW_KEY)
        .map(({ partitionKey, rowKey, properties }) => ({
          table,
          kind: 'create' as const,
          key: { partitionKey, rowKey },
          properties,
        })),
    );
  const partitions = Map.groupBy(rows, ({ table, key }) => `${table} ${key.partitionKey}`);
  return [...partitions.values()].flatMap((partition) => chunksOf(partition, MAX_TRANSACTION_WRITES));
}

/** Writes all transactions at the same time. Without reads, order and safety against crashes, this is only a lower bound. */
async function provisionRaw(tables: Tables, transactions: Case['transactions']): Promise<void> {
  await inParallel(transactions, PARALLEL_REQUESTS, async (rows) => {
    const [first, second] = rows;
    if (first === undefined) return;
    const written =
      second === undefined
        ? await tables.write(first.table, first)
        : await tables.transact(first.table, rows);
    if (!written.done)
      throw new Error(`Raw storage could not write: a row of ${first.table} existed already.`);
  });
}

function renderCount({ requests, bytesSent, bytesReceived }: WireCount): string {
  return `${requests} / ${((bytesSent + bytesReceived) / 1024).toFixed(1)}`;
}

function firstTable(measured: readonly Measured[]): Table {
  return {
    title: 'First provisioning of a person',
    columns: [
      'groups, organizations and teams',
      'ours',
      'share of raw speed',
      '× the baseline’s speed',
      'ours: requests / KiB',
      'raw: requests / KiB',
      'baseline: requests / KiB',
    ],
    rows: measured.map(({ size, state, times, counts }) => [
      `${size.groups}, ${state}`,
      renderMs(times.ours),
      renderRatio(times.raw, times.ours),
      renderRatio(times.baseline, times.ours),
      renderCount(counts.ours),
      renderCount(counts.raw),
      renderCount(counts.baseline),
    ]),
    note: 'One person after another, on a warm instance. An organization and a team a group. Requests and KiB are counted at the sockets, headers and bodies, both ways. With new groups, requests depend on how ids fall into the partitions. In brackets the 10th and 90th percentile of the rounds.',
  };
}

function repeatTable(measured: readonly Measured[]): Table {
  return {
    title: 'Unchanged repeat',
    columns: ['groups', 'time of the first', 'requests / KiB'],
    rows: measured
      .filter(({ state }) => state === 'existing')
      .map(({ size, times, counts }) => [
        String(size.groups),
        renderRatio(times.repeat, times.ours),
        renderCount(counts.repeat),
      ]),
    note: 'One read and one write of the person’s row, with any number of groups.',
  };
}
