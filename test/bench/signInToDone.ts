/** How long a person waits: from the callback to "done" on the page, through the whole local stack over HTTP. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Stack, startStack } from '../../dev/stack/startStack.ts';
import { inParallel } from '../../shared/platform/inParallel.ts';
import { homePace } from '../../shared/web/pages/client/homePace.ts';
import { Visitor } from '../support/e2eVisitor.ts';
import { formatNumber } from './formatNumber.ts';
import type { BenchContext, Figure, Measurement, Section } from './report.ts';
import { createTenant, loginOf } from './signInTenant.ts';
import { percentile } from './stats.ts';

const GROUPS = 10;
const ASSIGNED_GROUPS = 100;
const QUIET_PEOPLE = 14;
const BUSY_PEOPLE = 60;
const BUSY_INTERVAL_MS = 200;
const GIVE_UP_MS = 30_000;

export const signInToDone: Measurement = {
  id: 'sign-in-to-done',
  title: 'Sign-in to "done"',
  budgetSeconds: 60,
  async run(context) {
    const directoryFile = join(context.tempDir, 'tenant.json');
    const tenant = { assignedGroups: ASSIGNED_GROUPS, peopleByGroups: new Map([[GROUPS, 120]]) };
    await writeFile(directoryFile, JSON.stringify(createTenant(tenant)));
    context.log('starting the local stack');
    const stack = await startStack({
      stateDir: join(context.tempDir, 'stack'),
      inMemory: true,
      directoryFile,
    });
    try {
      return [await measure(context, stack)];
    } finally {
      await stack.stop();
    }
  },
};

/** Milliseconds since the callback was called. */
interface Waited {
  readonly redirectMs: number;
  readonly doneMs: number;
  /** How often it was asked where the provisioning stands: one table request each. */
  readonly asks: number;
}

interface Scene {
  readonly title: string;
  readonly waited: readonly Waited[];
}

async function measure(context: BenchContext, stack: Stack): Promise<Section> {
  const quiet = context.quick ? 2 : QUIET_PEOPLE;
  const busy = context.quick ? 6 : BUSY_PEOPLE;
  // Whoever comes first pays for compiled code and opened connections.
  for (let index = 100; index < 103; index += 1) await waitOnPage(stack, index);
  context.log('one at a time, for the first time');
  const first = await oneByOne(quiet, async (index) => waitOnPage(stack, index));
  context.log('one at a time, again');
  const again = await oneByOne(quiet, async (index) => waitOnPage(stack, index));
  context.log('one at a time, stored');
  const stored = await oneByOne(quiet, async (index) => waitInStore(stack, quiet + index));
  context.log('five a second');
  const crowd = Array.from({ length: busy }, (_, index) => 2 * QUIET_PEOPLE + index);
  const together = await inParallel(crowd, busy, async (person) => {
    await sleep((person - 2 * QUIET_PEOPLE) * BUSY_INTERVAL_MS);
    return waitOnPage(stack, person);
  });
  return renderSection([
    { title: 'one at a time, first sign-in: on the page', waited: first },
    { title: 'one at a time, nothing changed: on the page', waited: again },
    { title: 'one at a time, first sign-in: in the store', waited: stored },
    { title: `${1000 / BUSY_INTERVAL_MS} people a second, first sign-in: on the page`, waited: together },
  ]);
}

async function oneByOne(count: number, wait: (index: number) => Promise<Waited>): Promise<readonly Waited[]> {
  return inParallel(
    Array.from({ length: count }, (_, index) => index),
    1,
    wait,
  );
}

/** Gives the time until the redirect, once the browser is back from Microsoft. */
async function callBack(
  stack: Stack,
  person: number,
): Promise<{ readonly visitor: Visitor; readonly startMs: number; readonly redirectMs: number }> {
  const visitor = new Visitor(stack.url);
  const authorizeUrl = await visitor.startLogin({ login_hint: loginOf(GROUPS, person) });
  const callback = await visitor.goToMicrosoft(authorizeUrl);
  const startMs = performance.now();
  const answer = await visitor.request(callback);
  if (answer.status !== 302) throw new Error(`The sign-in answered ${answer.status}`);
  return { visitor, startMs, redirectMs: performance.now() - startMs };
}

/** Opens the page and asks as its script does (shared/web/pages/client/home.ts), until the page that says "done" is there. */
async function waitOnPage(stack: Stack, person: number): Promise<Waited> {
  const { visitor, startMs, redirectMs } = await callBack(stack, person);
  let page = await visitor.request('/');
  const openedMs = performance.now();
  let asks = 0;
  while (!page.body.includes('data-status="done"')) {
    if (performance.now() - startMs > GIVE_UP_MS) throw new Error('It is never done');
    const isQuick = performance.now() - openedMs < homePace.quickForMs;
    await sleep(isQuick ? homePace.quickMs : homePace.earlyMs);
    asks += 1;
    if (await isDone(visitor, observationOn(page.body))) page = await visitor.request('/');
  }
  return { redirectMs, doneMs: performance.now() - startMs, asks };
}

/** Asks as often as it can without being in the way. */
async function waitInStore(stack: Stack, person: number): Promise<Waited> {
  const { visitor, startMs, redirectMs } = await callBack(stack, person);
  const { provisioning } = await visitor.me();
  let asks = 1;
  while (!(await isDone(visitor, provisioning.id))) {
    if (performance.now() - startMs > GIVE_UP_MS) throw new Error('It is never done');
    await sleep(20);
    asks += 1;
  }
  return { redirectMs, doneMs: performance.now() - startMs, asks };
}

async function isDone(visitor: Visitor, id: string): Promise<boolean> {
  const { status, body } = await visitor.request(`/api/provisioning/${encodeURIComponent(id)}`);
  if (status !== 200) throw new Error(`The provisioning answered ${status}`);
  return body.includes('"status":"done"');
}

function observationOn(page: string): string {
  const id = /data-observation="(?<id>[^"]+)"/u.exec(page)?.groups?.['id'];
  if (id === undefined) throw new Error('The page names no observation');
  return id;
}

function renderSection(scenes: readonly Scene[]): Section {
  return {
    id: 'sign-in-to-done',
    title: 'Sign-in to “done”, on the whole local stack',
    against: 'nothing: reported',
    columns: [
      'from the callback',
      'redirect p50',
      'redirect p99',
      'done p50',
      'done p99',
      'asks each',
      'sign-ins',
    ],
    rows: scenes.map(({ title, waited }) => [
      title,
      ...renderPercentiles(waited.map(({ redirectMs }) => redirectMs)),
      ...renderPercentiles(waited.map(({ doneMs }) => doneMs)),
      formatNumber(waited.reduce((total, { asks }) => total + asks, 0) / waited.length),
      String(waited.length),
    ]),
    goals: [],
    figures: scenes.map(({ title, waited }) => figureOfTimes(title, waited)),
    notes: [
      `${GROUPS} groups each. An idle queue is looked at once a second (maxPollingInterval in host.json): a lonely sign-in waits for that, a busy queue does not.`,
      `The page asks each ${homePace.quickMs} ms for ${homePace.quickForMs / 1000} seconds, then each second, one table request each time; “in the store” asks each 20 ms. p99 of fewer than 100 sign-ins is nearly their worst.`,
    ],
  };
}

function renderPercentiles(times: readonly number[]): readonly string[] {
  return [0.5, 0.99].map((share) => `${formatNumber(percentile(times, share))} ms`);
}

function figureOfTimes(title: string, waited: readonly Waited[]): Figure {
  const times = waited.map(({ doneMs }) => doneMs);
  return {
    name: title,
    unit: 'ms',
    median: percentile(times, 0.5),
    low: percentile(times, 0.1),
    high: percentile(times, 0.9),
    samples: times.length,
  };
}
