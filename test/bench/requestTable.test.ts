/** The counts that the request table shows. They fail here when a change makes the product ask once more. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Requests } from './requestFormulas.ts';
import { countRequests, type RequestKind, type RequestRow } from './requestTable.ts';
import { openContext, type OpenContext } from './runMeasurement.ts';

let opened: OpenContext;
let rows: readonly RequestRow[];

beforeAll(async () => {
  opened = await openContext({ quick: true, budgetSeconds: 60, log: () => undefined });
  const [small, large] = await Promise.all([
    countRequests(opened.context, { assignedGroups: 101, groupCounts: [1, 10, 101], others: 3 }),
    countRequests(opened.context, { assignedGroups: 201, groupCounts: [201] }),
  ]);
  rows = [...small, ...large];
});
afterAll(async () => opened.close());

function requestsOf(what: RequestKind, groups: number, people = 0): Requests {
  const row = rows.find((each) => each.what === what && each.groups === groups && each.people === people);
  if (row === undefined) throw new Error(`${what} with ${groups} groups was not counted`);
  const { token, graph, queue, table } = row.counted;
  return { token, graph, queue, table };
}

describe('our sign-in', () => {
  it.each([1, 10, 101])('asks Entra once and the queue once with %i groups in the claim', (groups) => {
    expect(requestsOf('ours: sign-in', groups)).toEqual({ token: 1, graph: 0, queue: 1, table: 0 });
  });

  it('asks Graph once more where the groups are too many for the claim', () => {
    expect(requestsOf('ours: sign-in', 201)).toEqual({ token: 1, graph: 1, queue: 1, table: 0 });
  });
});

describe('our provisioning', () => {
  it.each([
    [1, 7],
    [10, 7],
    [101, 11],
    [201, 15],
  ])('asks the tables a first time with %i groups %i times, and nobody else', (groups, table) => {
    expect(requestsOf('ours: first provisioning', groups)).toEqual({ token: 0, graph: 0, queue: 0, table });
  });

  it.each([1, 10, 101, 201])('asks twice where nothing changed in %i groups', (groups) => {
    expect(requestsOf('ours: unchanged repeat', groups)).toEqual({ token: 0, graph: 0, queue: 0, table: 2 });
  });

  it.each([1, 10, 101, 201])('asks nine times when one of %i groups is left', (groups) => {
    expect(requestsOf('ours: one group left', groups)).toEqual({ token: 0, graph: 0, queue: 0, table: 9 });
  });

  it('asks no more where others are in the groups already', () => {
    expect(requestsOf('ours: first provisioning', 10, 3)).toEqual(requestsOf('ours: first provisioning', 10));
    expect(requestsOf('ours: one group left', 10, 3)).toEqual(requestsOf('ours: one group left', 10));
  });
});

describe('the formulas', () => {
  it('say what was counted, in every row', () => {
    const counted = rows.map(({ counted: { token, graph, queue, table } }) => ({
      token,
      graph,
      queue,
      table,
    }));
    expect(counted).toEqual(rows.map(({ formula }) => formula));
    expect(rows).toHaveLength(29);
  });
});
