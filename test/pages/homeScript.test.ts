import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { MyAccess } from '../../shared/domain/access.ts';
import { renderHome } from '../../shared/pages/renderHome.ts';
import { renderSignedOut } from '../../shared/pages/renderSignedOut.ts';
import { launchBrowser, skipBrowserTests } from '../support/browser.ts';
import { createAccess, createPendingAccess, createTellingAccess, createToldAccess } from './sampleAccess.ts';
import { NONCE, servePages, type Answer, type PageServer } from './servePages.ts';

const ANNOUNCED = 'document.getElementById("announcer").textContent';
const STATUS = 'document.querySelector("main").dataset.status';

describe.skipIf(skipBrowserTests())('the home page’s script', () => {
  let browser: Browser;
  let server: PageServer;
  let context: BrowserContext;
  let tab: Page;
  /** What the store knows of Alice; `undefined`: her session has ended. */
  let access: MyAccess | undefined;
  /** Answers that `/api/me` gives first, whatever is known. */
  let failures: Answer[];
  /** Whether every connection is cut. */
  let isDown: boolean;

  function answer(request: string): Answer {
    if (isDown && request === 'GET /api/me') return { cut: true };
    if (request === 'GET /') {
      return {
        page: access === undefined ? renderSignedOut({ nonce: NONCE }) : renderHome({ nonce: NONCE, access }),
      };
    }
    if (request !== 'GET /api/me') return { status: 404 };
    return failures.shift() ?? (access === undefined ? { status: 401 } : { json: access });
  }

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser.close();
  });
  beforeEach(async () => {
    access = createPendingAccess();
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

  const asked = () => server.count('GET /api/me');

  /** Waits until the page itself shows the status. (A polled expression is not possible: the policy forbids eval.) */
  const waitForStatus = async (status: string) => tab.locator(`main[data-status="${status}"]`).waitFor();

  /** Stops the page's clock before the page is there, so that only the test moves it. */
  async function stopClock(): Promise<void> {
    await tab.clock.install({ time: '2026-03-04T09:15:00Z' });
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

  it('moves from pending to done by itself, says so, and stops asking', async () => {
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

  it('asks after 300 ms, each second, and each 5 seconds after the first minute', async () => {
    await stopClock();
    await tab.goto(server.url);
    await tab.clock.runFor(290);
    expect(asked()).toBe(0);
    await tab.clock.runFor(20);
    await waitForAsked(1);
    await tab.clock.runFor(900);
    expect(asked()).toBe(1);
    await tab.clock.runFor(110);
    await waitForAsked(2);
    await tab.clock.fastForward(60_000);
    await waitForAsked(3);
    await tab.clock.runFor(4800);
    expect(asked()).toBe(3);
    await tab.clock.runFor(300);
    await waitForAsked(4);
    expect(await tab.locator('[data-note]').textContent()).toContain('This takes longer than usual.');
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

  it('tries on when the connection is lost, and says so', async () => {
    isDown = true;
    await tab.goto(server.url);
    await tab
      .locator('#announcer', { hasText: 'The server cannot be reached' })
      .waitFor({ state: 'attached' });
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

  it('goes on asking until LiteLLM has it too, says so, and stops', async () => {
    access = { ...createPendingAccess(), litellm: { connected: true, status: 'pending' } };
    await tab.goto(server.url);
    access = createTellingAccess();
    await waitForStatus('done');
    const lines = tab.locator('.entity .presence');
    expect(await lines.allInnerTexts()).toEqual(['Not in LiteLLM yet.', 'Not in LiteLLM yet.']);
    access = createToldAccess();
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
  });

  it('asks less and less for LiteLLM’s sake, and gives up after ten minutes', async () => {
    access = createTellingAccess();
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
      createTellingAccess({ status: 'waiting', reason: 'litellm_unreachable', next_try_at: nextTryAt });
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
    access = createTellingAccess();
    await tab.goto(server.url);
    access = createToldAccess();
    await tab.locator('.progress', { hasText: 'LiteLLM is up to date too.' }).waitFor();
    await tab.waitForTimeout(200);
    expect(await tab.evaluate('window.shift')).toBe(0);
  });

  it('takes names over as text', async () => {
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
