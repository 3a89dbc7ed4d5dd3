/** What a sign-in and a provisioning cost in requests, counted on the wire. Fails when a change makes the product ask once more. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAX_TRANSACTION_WRITES } from '../../shared/storage/tables/tableLimits.ts';
import type { InlineMessage, ProvisionMessage } from '../../shared/queue/queueMessage.ts';
import { openRequestWorld, type Requests, type RequestWorld } from '../support/requestWorld.ts';
import { loginOf } from '../support/signInTenant.ts';

const GROUP_COUNTS = [1, 10, 101, 201];
/** So many others are in the groups before the person of {@link inFullTeams} is provisioned. */
const OTHERS = 3;

interface CountedPerson {
  readonly signIn: Requests;
  readonly first: Requests;
  readonly repeat: Requests;
  readonly oneGroupLeft: Requests;
}

let world: RequestWorld;
const people = new Map<number, CountedPerson>();
let inFullTeams: CountedPerson;

beforeAll(async () => {
  world = await openRequestWorld({ assignedGroups: 201, groupCounts: GROUP_COUNTS });
  for (const groups of GROUP_COUNTS) people.set(groups, await countPerson(loginOf(groups, 0)));
  await fillTeams(10);
  inFullTeams = await countPerson(loginOf(10, 1));
});
afterAll(async () => world.stop());

async function countPerson(login: string): Promise<CountedPerson> {
  const { counted: signIn, message } = await world.signIn(login);
  const first = await world.provision(message);
  const again = await world.signIn(login);
  const repeat = await world.provision(again.message);
  // Otherwise the removal would read the list itself first.
  await world.refresh();
  const oneGroupLeft = await world.provision(withoutLastGroup(requireInline(again.message)));
  return { signIn, first, repeat, oneGroupLeft };
}

/** Returns the same person's message, a moment later and with one group less. */
function withoutLastGroup(message: InlineMessage): InlineMessage {
  const laterMs = Date.parse(message.observed_at) + 1;
  return {
    ...message,
    id: `${message.id}-later`,
    observed_at: new Date(laterMs).toISOString(),
    group_ids: message.group_ids.slice(0, -1),
  };
}

function requireInline(message: ProvisionMessage): InlineMessage {
  if ('parked' in message) throw new Error('These lists fit into a message');
  return message;
}

async function fillTeams(groups: number): Promise<void> {
  const { message } = await world.signIn(loginOf(groups, 2));
  const inline = requireInline(message);
  for (let index = 0; index < OTHERS; index += 1) {
    const person = { ...inline.person, user_id: `other-${index}`, user_email: `other-${index}@company.com` };
    await world.provision({ ...inline, id: `of-other-${index}`, person });
  }
}

function countedOf(groups: number): CountedPerson {
  const person = people.get(groups);
  if (person === undefined) throw new Error(`No person in ${groups} groups was counted`);
  return person;
}

function tablesOnly(table: number): Requests {
  return { token: 0, graph: 0, queue: 0, table };
}

describe('our sign-in', () => {
  it.each([1, 10, 101])('asks Entra once and the queue once with %i groups in the claim', (groups) => {
    expect(countedOf(groups).signIn).toEqual({ token: 1, graph: 0, queue: 1, table: 1 });
  });

  it('asks Graph once more where the groups are too many for the claim', () => {
    expect(countedOf(201).signIn).toEqual({ token: 1, graph: 1, queue: 1, table: 1 });
  });
});

describe('our provisioning', () => {
  it.each([
    [1, 9],
    [10, 9],
    [101, 13],
    [201, 17],
  ])('asks the tables a first time with %i groups %i times, and no other service', (groups, table) => {
    expect(countedOf(groups).first).toEqual(tablesOnly(table));
  });

  it.each([1, 10, 101, 201])('asks twice where nothing changed in %i groups', (groups) => {
    expect(countedOf(groups).repeat).toEqual(tablesOnly(2));
  });

  it.each([1, 10, 101, 201])('asks nine times when one of %i groups is left', (groups) => {
    expect(countedOf(groups).oneGroupLeft).toEqual(tablesOnly(9));
  });

  it('sends the same number of requests when the groups already have other members', () => {
    expect(inFullTeams.first).toEqual(countedOf(10).first);
    expect(inFullTeams.oneGroupLeft).toEqual(countedOf(10).oneGroupLeft);
  });
});

/** The formulas of docs/performance.md. */
describe('the formulas', () => {
  it.each(GROUP_COUNTS)('say what was counted with %i groups', (groups) => {
    const counted = countedOf(groups);
    const indexes = Math.ceil(groups / MAX_TRANSACTION_WRITES);
    // The fence takes one row of each transaction.
    const transactions = Math.ceil(groups / (MAX_TRANSACTION_WRITES - 1));
    expect(counted.first).toEqual(tablesOnly(5 + 2 * indexes + 2 * transactions));
    // The fence is a row of the partition, which is read in pages of 1,000.
    expect(counted.oneGroupLeft).toEqual(tablesOnly(7 + 2 * Math.ceil((groups + 1) / 1000)));
    expect(counted.signIn.graph).toBe(groups > 200 ? Math.ceil(groups / 999) : 0);
  });
});
