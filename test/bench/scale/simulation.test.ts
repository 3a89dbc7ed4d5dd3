/** Asserts the requests of a whole company's morning. The simulation runs the real flows, stores and queue. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type Purpose, sumRequests } from './requestLedger.ts';
import { type Phase, runSimulation, type SimulationResult } from './simulation.ts';

const PEOPLE = 150;
const TIMEOUT_MS = 120_000;

/** Returns the requests of a purpose, by table and kind. */
function requestsOf(phase: Phase, purpose: Purpose): Readonly<Record<string, number>> {
  return Object.fromEntries(
    phase.counts
      .filter((count) => count.purpose === purpose)
      .map((count) => [`${count.table} ${count.kind}`, count.requests]),
  );
}

describe('the simulation', () => {
  let result: SimulationResult;
  let monday: Phase;
  let reorganized: Phase;
  beforeAll(async () => {
    const log = (): void => undefined;
    result = await runSimulation({ people: PEOPLE, seed: 7, pageEvery: 3, reconcile: true, log });
    ({ monday, reorganized } = result);
  }, TIMEOUT_MS);

  it('signs 30 % of the people in, each with one token request and one message', () => {
    expect(monday.signIns).toBe(45);
    expect(monday.tokens).toBe(45);
    expect(monday.queue).toMatchObject({ puts: 45, deletes: 45 });
    expect(monday.results).toEqual({ done: 45 });
  });

  it('spends nine requests on a first sign-in, whatever the number of groups up to 99', () => {
    const perPerson = requestsOf(monday, 'provision');
    const { signIns } = monday;
    expect(perPerson).toMatchObject({
      'LiteLLMUserTable read': signIns,
      'LiteLLMUserTable write': 2 * signIns,
      'LiteLLMTeamMembership transact': signIns,
      'LiteLLMOrganizationMembership transact': signIns,
    });
    for (const index of ['LiteLLMTeamMembers', 'LiteLLMOrganizationMembers']) {
      // A single row is written without a transaction.
      const { [`${index} write`]: alone = 0, [`${index} transact`]: together = 0 } = perPerson;
      expect(alone + together).toBe(signIns);
    }
    // The rest are reads of the accepted list, at most one every 30 s by each instance.
    const { 'EntraAssignedGroups read': listReads = 0, ...rest } = perPerson;
    expect(Object.values(rest).reduce((total, count) => total + count, 0)).toBe(9 * signIns);
    expect(listReads).toBeLessThanOrEqual(2 * 60);
  });

  it('spends two requests on each person whose groups have not changed', () => {
    // A removal waits if the list of groups was read less than a minute ago. The simulation runs nothing that was put back.
    const { unchanged = 0, done = 0, waiting = 0 } = reorganized.results;
    expect(unchanged + done + waiting).toBe(reorganized.signIns);
    expect(waiting).toBeLessThan(done);
    expect(unchanged).toBeGreaterThan(0);
    const requests = requestsOf(reorganized, 'provision');
    expect(requests).toMatchObject({
      'LiteLLMUserTable read': unchanged + done + waiting,
      'LiteLLMUserTable write': unchanged + 2 * (done + waiting),
      'LiteLLMTeamMembership query': done + waiting,
      // Removals and grants are one transaction each.
      'LiteLLMTeamMembership transact': 2 * done + waiting,
    });
    // Each removed row is a separate request, and granted rows share one.
    const { 'LiteLLMTeamMembers write': alone = 0, 'LiteLLMTeamMembers transact': together = 0 } = requests;
    expect(alone + together).toBeGreaterThanOrEqual(reorganized.removed / 2 + done);
    expect(alone + together).toBeLessThanOrEqual((reorganized.granted + reorganized.removed) / 2 + waiting);
  });

  it('spends one request on each question of the page’s script, and the rest on the two pages', () => {
    const pages = requestsOf(monday, 'page');
    // A third of the sign-ins read their pages, and their requests count for all.
    const viewers = 15 * 3;
    expect(monday.pagesViewed).toBe(3 * viewers);
    expect(pages).toMatchObject({
      'LiteLLMUserTable query': 3 * viewers,
      'LiteLLMTeamMembership query': 2 * viewers,
      'LiteLLMOrganizationMembership query': 2 * viewers,
    });
  });

  it('grants as many memberships as it removes', () => {
    expect(reorganized.granted).toBe(reorganized.removed);
    expect(reorganized.granted).toBeGreaterThan(0);
  });

  it('stores one row for each membership in the partitions and in the index, and a fence for each person', () => {
    const rows = Object.fromEntries(result.sizes.map((size) => [size.table, size.rows]));
    // One for each removal that waits.
    const memberships = reorganized.memberships + (reorganized.results['waiting'] ?? 0);
    expect(rows).toMatchObject({
      LiteLLMUserTable: monday.signIns,
      LiteLLMTeamMembership: memberships + monday.signIns,
      LiteLLMOrganizationMembership: memberships + monday.signIns,
      LiteLLMTeamMembers: memberships,
      LiteLLMOrganizationMembers: memberships,
      LiteLLMTeamTable: result.groups,
      LiteLLMOrganizationTable: result.groups,
      // The accepted list, and whose turn it is to read it.
      EntraAssignedGroups: 2,
      SessionKeys: 1,
      ProvisioningFailures: 0,
      ProvisioningSnapshots: 0,
    });
  });

  it('repairs the indexes with one request for each row, and finds nothing to repair', () => {
    expect(result.reconcile).toMatchObject({
      checked: 2 * (reorganized.memberships + (reorganized.results['waiting'] ?? 0)),
      removed: 0,
      corrected: 0,
      added: 0,
    });
  });

  it('records the requests of each minute', () => {
    const { minutes } = monday;
    const inMinutes = minutes.reduce((total, { requests }) => total + (requests.get('provision') ?? 0), 0);
    expect(minutes).toHaveLength(30);
    expect(inMinutes).toBe(sumRequests(monday.counts, 'provision'));
  });
});
