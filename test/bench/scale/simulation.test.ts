import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStorage } from '../../../dev/stack/createStorage.ts';
import { createAzureTables } from '../../../shared/storage/tables/azureTables.ts';
import { createStore } from '../../../shared/app/createStore.ts';
import { message, sampleRules } from '../../support/world.ts';
import { startAzurite } from '../../support/azurite.ts';
import { startTableProxy } from '../../support/tableProxy.ts';
import { createParkedSnapshots } from '../../../shared/storage/parkedSnapshots.ts';
import { createGroupKnowledge } from '../../../shared/groups/groupKnowledge.ts';
import { provisionUser } from '../../../shared/provisioning/provisionUser.ts';
import { createSimulatedClock } from './office.ts';
import { createRequestLedger, type Purpose } from './requestLedger.ts';
import { findGrowth } from './scaleReport.ts';
import { type Phase, runSimulation, type SimulationResult, sumRequests } from './simulation.ts';

const PEOPLE = 150;
const TIMEOUT_MS = 120_000;

async function simulate(): Promise<SimulationResult> {
  return runSimulation({
    people: PEOPLE,
    seed: 7,
    instances: 2,
    signInShare: 0.3,
    movedShare: 0.1,
    pageEvery: 3,
    reconcile: true,
    onProgress: () => undefined,
  });
}

/** Requests of a purpose by table and kind, as `table kind`. */
function requestsOf(phase: Phase, purpose: Purpose): Readonly<Record<string, number>> {
  return Object.fromEntries(
    phase.counts
      .filter((count) => count.purpose === purpose)
      .map((count) => [`${count.table} ${count.kind}`, count.requests]),
  );
}

/**
 * What an instance keeps for a while it reads when it next needs it, and which instance takes a message is decided by who
 * asks first: so these reads differ by a few from run to run.
 */
const CACHED_TABLES: ReadonlySet<string> = new Set(['EntraAssignedGroups', 'SessionKeys']);

/** What must not depend on the machine: everything but times, memory, cached reads, and how often the queue was asked. */
function withoutTimes(result: SimulationResult): unknown {
  return {
    sizes: result.sizes.map(({ table, rows, largest }) => `${table} ${rows} ${largest.rows}`),
    reconcile: result.reconcile,
    phases: result.phases.map(
      ({ realSeconds: _real, cpuSeconds: _cpu, queueReceives: _receives, counts, peaks, ...phase }) => ({
        ...phase,
        counts: counts
          .filter((count) => !CACHED_TABLES.has(count.table))
          .map((count) => `${count.purpose} ${count.table} ${count.kind} ${count.requests}`)
          .sort(),
        // Of several partitions that are equally busy the first counted one is named.
        peaks: peaks
          .filter((peak) => !CACHED_TABLES.has(peak.table))
          .map((peak) => `${peak.table} ${peak.entitiesPerSecond}`)
          .sort(),
      }),
    ),
  };
}

describe('the simulation', () => {
  let result: SimulationResult;
  let monday: Phase;
  let reorganized: Phase;
  beforeAll(async () => {
    result = await simulate();
    const [first, second] = result.phases;
    if (first === undefined || second === undefined) throw new Error('There are two phases');
    [monday, reorganized] = [first, second];
  }, TIMEOUT_MS);

  it('signs 30 % of the people in, each with one token request and one message', () => {
    expect(monday.signIns).toBe(45);
    expect(monday.outside).toMatchObject({ token: 45, queuePuts: 45, memberOfPages: 0 });
    expect(monday.queueDeletes).toBe(45);
    expect(monday.results).toEqual({ done: 45 });
  });

  it('spends seven requests on a first sign-in, whatever the number of groups up to 99', () => {
    const perPerson = requestsOf(monday, 'provision');
    const { signIns } = monday;
    expect(perPerson).toMatchObject({
      'LiteLLMUserTable read': signIns,
      'LiteLLMUserTable write': 2 * signIns,
      'LiteLLMTeamMembership transact': signIns,
      'LiteLLMOrganizationMembership transact': signIns,
    });
    for (const index of ['LiteLLMTeamMembers', 'LiteLLMOrganizationMembers']) {
      // A single row goes by itself.
      const { [`${index} write`]: alone = 0, [`${index} transact`]: together = 0 } = perPerson;
      expect(alone + together).toBe(signIns);
    }
    // What is left is the accepted list, read by an instance at most every 30 s.
    const { 'EntraAssignedGroups read': listReads = 0, ...rest } = perPerson;
    expect(Object.values(rest).reduce((total, count) => total + count, 0)).toBe(7 * signIns);
    expect(listReads).toBeLessThanOrEqual(2 * 60);
  });

  it('spends two requests on everybody whom the reorganisation left alone', () => {
    const { unchanged = 0, done = 0 } = reorganized.results;
    expect(unchanged + done).toBe(reorganized.signIns);
    expect(unchanged).toBeGreaterThan(0);
    const requests = requestsOf(reorganized, 'provision');
    expect(requests).toMatchObject({
      'LiteLLMUserTable read': unchanged + done,
      'LiteLLMUserTable write': unchanged + 2 * done,
      'LiteLLMTeamMembership query': done,
      // What it takes and what it gives are one transaction each.
      'LiteLLMTeamMembership transact': 2 * done,
    });
    // A row that is taken goes by itself; those that are given go together.
    const { 'LiteLLMTeamMembers write': alone = 0, 'LiteLLMTeamMembers transact': together = 0 } = requests;
    expect(alone + together).toBeGreaterThanOrEqual(reorganized.removed / 2 + done);
    expect(alone + together).toBeLessThanOrEqual((reorganized.granted + reorganized.removed) / 2);
  });

  it('spends one request on each question of a page, and the rest on the two pages', () => {
    const pages = requestsOf(monday, 'page');
    // A third of the sign-ins looks at its pages, and counts for all of them.
    const viewers = 15 * 3;
    expect(monday.pagesViewed).toBe(3 * viewers);
    expect(pages).toMatchObject({
      'LiteLLMUserTable query': 3 * viewers,
      'LiteLLMTeamMembership query': 2 * viewers,
      'LiteLLMOrganizationMembership query': 2 * viewers,
    });
  });

  it('can say of each figure how it grows: twice the company with the same figures is flat', () => {
    const growth = findGrowth([result, { ...result, people: 2 * PEOPLE }]);
    expect(growth.length).toBeGreaterThan(10);
    for (const { what, values, slope } of growth) {
      expect(values[0]?.value, what).toBeGreaterThan(0);
      expect(slope.slope, what).toBe(0);
    }
  });

  it('moves as many memberships as it takes', () => {
    expect(reorganized.granted).toBe(reorganized.removed);
    expect(reorganized.granted).toBeGreaterThan(0);
  });

  it('leaves one row a membership in truth and index, and a fence a person', () => {
    const rows = Object.fromEntries(result.sizes.map((size) => [size.table, size.rows]));
    expect(rows).toMatchObject({
      LiteLLMUserTable: monday.signIns,
      LiteLLMTeamMembership: reorganized.memberships + monday.signIns,
      LiteLLMOrganizationMembership: reorganized.memberships + monday.signIns,
      LiteLLMTeamMembers: reorganized.memberships,
      LiteLLMOrganizationMembers: reorganized.memberships,
      LiteLLMTeamTable: result.groups,
      LiteLLMOrganizationTable: result.groups,
      EntraAssignedGroups: 1,
      SessionKeys: 1,
      ProvisioningFailures: 0,
      ProvisioningSnapshots: 0,
    });
  });

  it('reconciles with one request a row and finds nothing to repair', () => {
    expect(result.reconcile).toMatchObject({
      checked: 2 * reorganized.memberships,
      removed: 0,
      mended: 0,
      added: 0,
    });
  });

  it(
    'asks the same of the store in every run of one seed',
    async () => {
      expect(withoutTimes(await simulate())).toEqual(withoutTimes(result));
    },
    TIMEOUT_MS,
  );

  it('keeps the requests of a minute as they were counted', () => {
    const minutes = result.minutes.filter((minute) => minute.phase === 'monday');
    const inMinutes = minutes.reduce((total, minute) => total + minute.requests.provision, 0);
    expect(minutes).toHaveLength(30);
    expect(inMinutes).toBe(sumRequests(monday.counts, 'provision'));
  });
});

describe('the ledger', () => {
  let azurite: Awaited<ReturnType<typeof startAzurite>>;
  let proxy: Awaited<ReturnType<typeof startTableProxy>>;
  beforeAll(async () => {
    azurite = await startAzurite();
    await createStorage(azurite.connectionString);
    proxy = await startTableProxy(azurite);
  });
  afterAll(async () => {
    await proxy.stop();
    await azurite.stop();
  });

  it('counts what crosses the wire', async () => {
    const { connectionString } = proxy;
    const ledger = createRequestLedger();
    const tables = ledger.count(
      createAzureTables({ connection: { kind: 'connectionString', connectionString } }),
      'provision',
    );
    const store = createStore(tables);
    const clock = createSimulatedClock(Date.parse('2026-11-23T10:00:00.000Z'));
    const list = {
      version: 'v1',
      acceptedAt: clock.now().toISOString(),
      checkedAt: clock.now().toISOString(),
      groups: [{ id: 'g1', displayName: 'One', team: 'absent' as const, organization: 'absent' as const }],
    };
    const deps = {
      store,
      parked: createParkedSnapshots(tables),
      queue: { enqueue: async () => undefined, check: async () => undefined },
      clock,
      random: { uuid: () => 'claim' },
      rules: sampleRules(),
      knowledge: createGroupKnowledge({ store: store.assignedGroups, clock, refresh: async () => list }),
    };
    await store.assignedGroups.write(list, undefined);
    await provisionUser(deps, message({ groups: ['g1'] }), { attempt: 1, isLastAttempt: false });
    expect(sumRequests(ledger.counts())).toBe(proxy.requests().length);
    expect(sumRequests(ledger.counts())).toBeGreaterThan(10);
  });
});
