import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { MyAccess } from '../../../shared/model/access.ts';
import { renderHome } from '../../../shared/web/pages/renderHome.ts';
import { renderSignedOut } from '../../../shared/web/pages/renderSignedOut.ts';
import { launchBrowser, skipBrowserTests } from '../../support/browser.ts';
import {
  createAccess,
  createPendingAccess,
  createSyncingAccess,
  createSyncedAccess,
} from './sampleAccess.ts';
import { NONCE, servePages, type Answer, type PageServer } from './servePages.ts';

const ANNOUNCED = 'document.getElementById("announcer").textContent';
const OBSERVATION_ID = createPendingAccess().provisioning.id ?? '';
/** Of a sign-in elsewhere; a path segment with it has to be encoded. */
const NEWER_ID = 'newer/id';
const ME = 'GET /api/me';
const PROVISIONING = 'GET /api/provisioning/';
/** Over the stopped clock's own functions: what the script sends, and when it sets its next timer. */
const WATCH = `
  const send = window.fetch;
  const later = window.setTimeout;
  window.seen = { sent: 0, inFlight: 0, timers: 0 };
  window.fetch = async (...request) => {
    window.seen.sent += 1;
    window.seen.inFlight += 1;
    return send(...request).finally(() => { window.seen.inFlight -= 1; });
  };
  window.setTimeout = (...timer) => {
    window.seen.timers += 1;
    return later(...timer);
  };
`;
const seenSchema = z.object({ sent: z.number(), inFlight: z.number(), timers: z.number() });
type Seen = z.infer<typeof seenSchema>;
const STATUS = 'document.querySelector("main").dataset.status';

describe.skipIf(skipBrowserTests())('the home page’s script', () => {
  let browser: Browser;
  let server: PageServer;
  let context: BrowserContext;
  let tab: Page;
  /** What the store knows of Alice; `undefined`: her session has ended. */
  let access: MyAccess | undefined;
  /** What the page shows instead, where it does not show what the store knows. */
  let stalePage: MyAccess | undefined;
  /** The observations that the store knows; the others are not found. */
  let knownIds: Set<string>;
  /** Answers that the script is given first, whatever is known. */
  let failures: Answer[];
  /** Whether every connection of the script is cut. */
  let isDown: boolean;

  function answer(request: string): Answer {
    if (request === 'GET /') {
      const shown = stalePage ?? access;
      return {
        page:
          shown === undefined
            ? renderSignedOut({ nonce: NONCE })
            : renderHome({ nonce: NONCE, access: shown }),
      };
    }
    const id = request.startsWith(PROVISIONING)
      ? decodeURIComponent(request.slice(PROVISIONING.length))
      : undefined;
    if (id === undefined && request !== ME) return { status: 404 };
    if (isDown) return { cut: true };
    const failure = failures.shift();
    if (failure !== undefined) return failure;
    if (access === undefined) return { status: 401 };
    return id === undefined ? { json: access } : readProvisioning(access, id);
  }

  /** As the flow of that name: an older observation is superseded once the newest one holds, and not while that waits. */
  function readProvisioning({ provisioning }: MyAccess, id: string): Answer {
    if (!knownIds.has(id)) return { status: 404 };
    const { id: newestId } = provisioning;
    const older = { id, status: provisioning.status === 'done' ? 'superseded' : 'pending', reported: [] };
    return { json: { ...(id === newestId ? provisioning : older), newest_id: newestId } };
  }

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser.close();
  });
  beforeEach(async () => {
    access = createPendingAccess();
    stalePage = undefined;
    knownIds = new Set([OBSERVATION_ID, NEWER_ID]);
    failures = [];
    isDown = false;
    server = await servePages(answer);
    context = await browser.newContext({ viewport: { width: 360, height: 740 } });
    tab = await context.newPage();
  });
  afterEach(async () => {
    await context.close();
    await server.close();
  });

  /** How often the script asked for the observation's status, for the whole access, and for either. */
  const askedProvisioning = () =>
    server.requests.filter((request) => request.startsWith(PROVISIONING)).length;
  const askedMe = () => server.count(ME);
  const asked = () => askedProvisioning() + askedMe();

  /** Waits until the page itself shows the status. (A polled expression is not possible: the policy forbids eval.) */
  const waitForStatus = async (status: string) => tab.locator(`main[data-status="${status}"]`).waitFor();

  /** Stops the page's clock before the page is there, so that only the test moves it. */
  async function stopClock(): Promise<void> {
    await tab.clock.install({ time: '2026-03-04T09:15:00Z' });
    await tab.addInitScript(WATCH);
    await tab.clock.pauseAt('2026-03-04T09:15:05Z');
  }

  /** Waits until the page has asked `count` times, by the real clock of this process. */
  async function waitForAsked(count: number): Promise<void> {
    const deadline = Date.now() + 5000;
    while (asked() < count && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(asked()).toBe(count);
    // The answer has to reach the page before its next timer is set.
    await new Promise((resolve) => setTimeout(resolve, 60));
  }

  async function look(): Promise<Seen> {
    return seenSchema.parse(await tab.evaluate('window.seen'));
  }

  /** Waits until the script has had its answers and has set its next timer, or sets none any more. Nothing sent: nothing to wait for. */
  async function settle(before: Seen): Promise<void> {
    for (let quiet = 0; quiet < 10;) {
      const { sent, inFlight, timers } = await look();
      if (sent === before.sent || (inFlight === 0 && timers !== before.timers)) return;
      quiet = inFlight === 0 ? quiet + 1 : 0;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Moves the page's stopped clock on, and counts what was asked meanwhile. Every ask is due at a multiple of `stepMs`. */
  async function countAsked(seconds: number, stepMs: number): Promise<number> {
    const before = asked();
    for (let step = 0; step < (seconds * 1000) / stepMs; step += 1) {
      const seen = await look();
      await tab.clock.runFor(stepMs);
      await settle(seen);
    }
    return asked() - before;
  }

  it('moves from pending to done automatically, says so, and stops asking', async () => {
    await tab.goto(server.url);
    expect(await tab.evaluate(STATUS)).toBe('pending');
    expect(await tab.title()).toBe('Setting up your access · LiteLLM access');
    access = createAccess();
    await waitForStatus('done');
    expect(await tab.getByRole('heading', { name: 'Production Team', level: 3 }).isVisible()).toBe(true);
    expect(await tab.getByRole('heading', { name: 'Production Team', level: 4 }).isVisible()).toBe(true);
    expect(await tab.evaluate(ANNOUNCED)).toBe('Your access is up to date. 2 memberships granted.');
    expect(await tab.title()).toBe('Your access · LiteLLM access');
    const settled = asked();
    await tab.waitForTimeout(1500);
    expect(asked()).toBe(settled);
    expect(server.count('GET /')).toBe(2);
    expect(askedMe()).toBe(0);
  });

  it('shows each step on the way: waiting, pending again, failed', async () => {
    await tab.goto(server.url);
    const steps = [
      createPendingAccess({ status: 'waiting', reason: 'directory_unreachable', attempts: 1 }),
      createPendingAccess({ status: 'pending', reason: 'directory_unreachable', attempts: 2 }),
      createPendingAccess({ status: 'failed', reason: 'waited_too_long' }),
    ];
    for (const step of steps) {
      access = step;
      await waitForStatus(step.provisioning.status);
    }
    expect(await tab.evaluate(ANNOUNCED)).toContain('Setup failed');
    expect(server.count('GET /')).toBe(4);
  });

  it('moves nothing that is on the screen when it is done', async () => {
    await tab.addInitScript(`
      window.shift = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.shift += entry.value;
      }).observe({ type: 'layout-shift', buffered: true });
    `);
    await tab.goto(server.url);
    const readTop = () => tab.evaluate('document.querySelector(".columns").getBoundingClientRect().top');
    const top = await readTop();
    access = createAccess();
    await waitForStatus('done');
    await tab.waitForTimeout(200);
    expect(await tab.evaluate('window.shift')).toBe(0);
    expect(await readTop()).toBe(top);
  });

  it('keeps the focus and what was opened', async () => {
    await tab.goto(server.url);
    await tab.getByText('For the operator').focus();
    await tab.keyboard.press('Enter');
    access = createAccess();
    await waitForStatus('done');
    expect(await tab.evaluate('document.activeElement.textContent')).toBe('For the operator');
    expect(await tab.evaluate('document.activeElement.parentElement.open')).toBe(true);
  });

  it('moves the focus to the main part where the focused element is gone', async () => {
    access = createPendingAccess({ reason: 'storage_contention' });
    const { id: _id, ...progress } = createAccess().provisioning;
    await tab.goto(server.url);
    await tab.getByText('For the operator').focus();
    access = createAccess({ provisioning: progress });
    await waitForStatus('done');
    expect(await tab.evaluate('document.activeElement.id')).toBe('main');
  });

  it(
    'asks each 300 ms, after three seconds each second, after a minute each 5 seconds',
    { timeout: 30_000 },
    async () => {
      await stopClock();
      await tab.goto(server.url);
      await tab.clock.runFor(290);
      expect(asked()).toBe(0);
      await tab.clock.runFor(10);
      await waitForAsked(1);
      // So many asks wait for 1, 3, 10, 60 and 90 seconds: each of them is one table request.
      expect(1 + (await countAsked(0.7, 100))).toBe(3);
      expect(3 + (await countAsked(2, 100))).toBe(10);
      expect(10 + (await countAsked(7, 100))).toBe(17);
      expect(17 + (await countAsked(50, 1000))).toBe(67);
      expect(67 + (await countAsked(30, 1000))).toBe(73);
      expect(await tab.locator('[data-note]').textContent()).toContain('This takes longer than usual.');
      expect(askedMe()).toBe(0);
      expect(server.count('GET /')).toBe(1);
    },
  );

  it('asks about what waits when its next try is over', async () => {
    access = createPendingAccess({ status: 'waiting', next_try_at: '2026-03-04T09:15:20Z' });
    await stopClock();
    await tab.goto(server.url);
    expect(await countAsked(15, 1000)).toBe(0);
    expect(await countAsked(1, 1000)).toBe(1);
    // It is being tried, so it may be over at any time.
    expect(await countAsked(5, 1000)).toBe(5);
    access = createPendingAccess({ status: 'waiting', attempts: 2, next_try_at: '2026-03-04T09:16:00Z' });
    expect(await countAsked(1, 1000)).toBe(1);
    await tab.locator('.progress', { hasText: 'Next try 4 Mar 2026, 09:16:00 UTC' }).waitFor();
    expect(await countAsked(20, 1000)).toBe(0);
  });

  it('asks about what waits for long each 30 seconds, whatever its own clock says', async () => {
    access = createPendingAccess({ status: 'waiting', next_try_at: '2026-03-04T10:15:00Z' });
    await stopClock();
    await tab.goto(server.url);
    expect(await countAsked(29, 1000)).toBe(0);
    expect(await countAsked(151, 1000)).toBe(6);
    expect(server.count('GET /')).toBe(1);
  });

  it('shows a newer sign-in of the same person, and asks about that one', async () => {
    await tab.goto(server.url);
    access = createPendingAccess({ status: 'waiting', id: NEWER_ID, reason: 'directory_unreachable' });
    await waitForStatus('waiting');
    await tab.waitForTimeout(1300);
    expect(server.count(`GET /api/provisioning/${encodeURIComponent(NEWER_ID)}`)).toBeGreaterThan(0);
    access = createAccess({ provisioning: { ...createAccess().provisioning, id: NEWER_ID } });
    await waitForStatus('done');
    expect(server.count('GET /')).toBe(3);
    expect(askedMe()).toBe(0);
  });

  it('fetches the page once where its observation is not known any more', async () => {
    await tab.goto(server.url);
    knownIds.delete(OBSERVATION_ID);
    access = createPendingAccess({ id: NEWER_ID });
    await tab.locator(`main[data-observation="${NEWER_ID}"]`).waitFor();
    const settled = askedProvisioning();
    await tab.waitForTimeout(700);
    expect(askedProvisioning()).toBeGreaterThan(settled);
    expect(server.count('GET /')).toBe(2);
    expect(askedMe()).toBe(0);
  });

  it('asks for the whole access, each second, where its observation stays unknown', async () => {
    knownIds.clear();
    await stopClock();
    await tab.goto(server.url);
    expect(await countAsked(0.3, 300)).toBe(1);
    expect(await countAsked(5, 1000)).toBe(5);
    expect([askedProvisioning(), askedMe(), server.count('GET /')]).toEqual([1, 5, 2]);
    access = createAccess();
    expect(await countAsked(1, 1000)).toBe(1);
    await waitForStatus('done');
  });

  it('does not fetch the page again and again where it shows something else than is said', async () => {
    stalePage = createPendingAccess();
    access = createPendingAccess({ reason: 'storage_unavailable', attempts: 1 });
    await stopClock();
    await tab.goto(server.url);
    expect(await countAsked(3, 300)).toBe(10);
    expect(server.count('GET /')).toBe(2);
    access = createPendingAccess({ reason: 'storage_unavailable', attempts: 2 });
    expect(await countAsked(2, 1000)).toBe(2);
    expect(server.count('GET /')).toBe(3);
  });

  it('rests while the tab is hidden, and asks at once when it is seen again', async () => {
    const setHidden = async (hidden: boolean) =>
      tab.evaluate(`
        Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${hidden} });
        document.dispatchEvent(new Event('visibilitychange'));
      `);
    await stopClock();
    await tab.goto(server.url);
    await setHidden(true);
    await tab.clock.runFor(10_000);
    expect(asked()).toBe(0);
    await setHidden(false);
    await tab.clock.runFor(10);
    await waitForAsked(1);
  });

  it('asks no quicker than each second where it is not answered', async () => {
    // Not cut: the browser itself repeats what is asked over a connection that is cut.
    failures = Array.from({ length: 20 }, () => ({ status: 503 }));
    await stopClock();
    await tab.goto(server.url);
    expect(await countAsked(0.3, 300)).toBe(1);
    expect(await countAsked(2, 500)).toBe(2);
    failures = [];
    expect(await countAsked(1, 500)).toBe(1);
  });

  it('keeps trying when the connection is lost, and says so', async () => {
    isDown = true;
    await tab.goto(server.url);
    await tab.locator('#announcer', { hasText: 'We can’t reach the server' }).waitFor({ state: 'attached' });
    expect(await tab.evaluate(STATUS)).toBe('pending');
    isDown = false;
    await tab.locator('[data-note]', { hasText: 'few seconds' }).waitFor();
    access = createAccess();
    await waitForStatus('done');
  });

  it('reloads when the session has ended', async () => {
    await tab.goto(server.url);
    access = undefined;
    await tab.getByText('Login with Microsoft').waitFor();
    expect(server.count('GET /')).toBe(2);
  });

  it('does not reload again and again where page and status disagree', async () => {
    failures = Array.from({ length: 20 }, () => ({ status: 401 }));
    await tab.goto(server.url);
    await tab.waitForTimeout(2500);
    expect(server.count('GET /')).toBe(2);
    expect(asked()).toBeGreaterThan(2);
  });

  it('never asks on a page that is done', async () => {
    access = createAccess();
    await tab.goto(server.url);
    await tab.waitForTimeout(600);
    expect(asked()).toBe(0);
  });

  it('keeps asking until LiteLLM is updated too, says so, and stops', async () => {
    access = { ...createPendingAccess(), litellm: { connected: true, status: 'pending' } };
    await tab.goto(server.url);
    access = createSyncingAccess();
    await waitForStatus('done');
    const lines = tab.locator('.entity .presence');
    expect(await lines.allInnerTexts()).toEqual(['Not in LiteLLM yet.', 'Not in LiteLLM yet.']);
    access = createSyncedAccess();
    await lines.filter({ hasText: 'In LiteLLM since' }).first().waitFor();
    expect(await lines.allInnerTexts()).toEqual([
      'In LiteLLM since 4 Mar 2026, 09:15 UTC',
      'In LiteLLM since 4 Mar 2026, 09:15 UTC',
    ]);
    expect(await tab.evaluate(ANNOUNCED)).toBe(
      'Your access is up to date. 2 memberships granted. LiteLLM is up to date too.',
    );
    const settled = asked();
    await tab.waitForTimeout(1500);
    expect(asked()).toBe(settled);
    expect(server.count('GET /')).toBe(3);
    expect(askedMe()).toBe(1);
  });

  it('asks less and less often about LiteLLM, and stops after ten minutes', async () => {
    access = createSyncingAccess();
    await stopClock();
    await tab.goto(server.url);
    await tab.clock.runFor(310);
    await waitForAsked(1);
    await tab.clock.runFor(1010);
    await waitForAsked(2);
    await tab.clock.fastForward(20_000);
    await waitForAsked(3);
    await tab.clock.runFor(4800);
    expect(asked()).toBe(3);
    await tab.clock.runFor(300);
    await waitForAsked(4);
    await tab.clock.fastForward(60_000);
    await waitForAsked(5);
    await tab.clock.runFor(29_000);
    expect(asked()).toBe(5);
    await tab.clock.runFor(1100);
    await waitForAsked(6);
    await tab.clock.fastForward(600_000);
    await waitForAsked(7);
    await tab.clock.runFor(3_600_000);
    expect(asked()).toBe(7);
    expect(server.count('GET /')).toBe(1);
  });

  it('asks a proxy that is down when its next try is over, and not for hours', async () => {
    const waiting = (nextTryAt: string) =>
      createSyncingAccess({ status: 'waiting', reason: 'litellm_unreachable', next_try_at: nextTryAt });
    access = waiting('2026-03-04T09:17:05Z');
    await stopClock();
    await tab.goto(server.url);
    await tab.clock.runFor(310);
    await waitForAsked(1);
    await tab.clock.runFor(119_000);
    expect(asked()).toBe(1);
    access = waiting('2026-03-04T10:17:05Z');
    await tab.clock.runFor(3000);
    await waitForAsked(2);
    await tab.locator('.progress', { hasText: 'Next try 4 Mar 2026, 10:17:05 UTC' }).waitFor();
    await tab.clock.runFor(4 * 3_600_000);
    expect(asked()).toBe(2);
  });

  it('does not move the lines about LiteLLM when they change', async () => {
    await tab.addInitScript(`
      window.shift = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.shift += entry.value;
      }).observe({ type: 'layout-shift', buffered: true });
    `);
    access = createSyncingAccess();
    await tab.goto(server.url);
    access = createSyncedAccess();
    await tab.locator('.progress', { hasText: 'LiteLLM is up to date too.' }).waitFor();
    await tab.waitForTimeout(200);
    expect(await tab.evaluate('window.shift')).toBe(0);
  });

  it('shows names as text', async () => {
    await tab.goto(server.url);
    const hostile = '<img src=x onerror="window.hit = 1">';
    access = createAccess({ user: { ...createAccess().user, display_name: hostile } });
    await waitForStatus('done');
    expect(await tab.locator('h1').textContent()).toBe(`Hello, ${hostile}`);
    expect(z.unknown().parse(await tab.evaluate('window.hit'))).toBeUndefined();
  });

  it('reloads itself without scripts', async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false });
    const page = await plain.newPage();
    await page.goto(server.url);
    access = createAccess();
    await page.getByText('Your access is up to date').waitFor({ timeout: 9000 });
    await plain.close();
    expect(server.count('GET /')).toBe(2);
  });
});
