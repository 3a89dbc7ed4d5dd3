import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { launchBrowser, skipBrowserTests } from '../../support/browser.ts';
import { ALL_PAGES, CORRELATION_ID, STATE_PAGES } from './samplePages.ts';
import { servePages, type PageServer } from './servePages.ts';

const Violations = z.array(z.object({ id: z.string(), nodes: z.array(z.object({ html: z.string() })) }));

/** Of all rules, only the contrast depends on the colours; so the rest is checked once. */
const SCHEMES = [
  ['light', '{ resultTypes: ["violations"] }'],
  ['dark', '{ resultTypes: ["violations"], runOnly: ["color-contrast"] }'],
] as const;

/** The error pages differ in words only, but for the four kinds of what they offer. */
const AXE_PAGES = [
  ...STATE_PAGES.keys(),
  'not_assigned',
  'attempt_missing',
  'microsoft_unreachable',
  'session_missing',
];

describe.skipIf(skipBrowserTests())('the pages in a browser', () => {
  let browser: Browser;
  let server: PageServer;

  beforeAll(async () => {
    browser = await launchBrowser();
    server = await servePages((request) => {
      const page = ALL_PAGES.get(request.replace('GET /', ''));
      return page === undefined ? { status: 404 } : { page };
    });
  });

  afterAll(async () => {
    await browser.close();
    await server.close();
  });

  /** Runs `look` on the pages named, in one tab, and returns what it found by the page's name. */
  async function lookAt<T>(
    tab: Page,
    look: () => Promise<T>,
    names: Iterable<string> = ALL_PAGES.keys(),
  ): Promise<ReadonlyMap<string, T>> {
    const found = new Map<string, T>();
    for (const name of names) {
      await tab.goto(`${server.url}/${name}`);
      found.set(name, await look());
    }
    return found;
  }

  it.each(SCHEMES)('are accessible in %s colours', { timeout: 120_000 }, async (colorScheme, options) => {
    const context = await browser.newContext({ colorScheme, viewport: { width: 1200, height: 900 } });
    const tab = await context.newPage();
    const found = await lookAt(
      tab,
      async () => {
        await tab.evaluate(axe.source);
        const violations = Violations.parse(
          await tab.evaluate(`axe.run(document, ${options}).then((result) => result.violations)`),
        );
        return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ''}`);
      },
      AXE_PAGES,
    );
    await context.close();
    expect([...found].filter(([, violations]) => violations.length > 0)).toEqual([]);
  });

  it.each([360, 1200])('fit %i px without scrolling sideways', { timeout: 60_000 }, async (width) => {
    const context = await browser.newContext({ viewport: { width, height: 800 } });
    const tab = await context.newPage();
    const found = await lookAt(tab, async () =>
      z
        .number()
        .parse(
          await tab.evaluate(
            `document.querySelectorAll('details').forEach((each) => { each.open = true; }), document.documentElement.scrollWidth`,
          ),
        ),
    );
    await context.close();
    expect([...found].filter(([, scrollWidth]) => scrollWidth > width)).toEqual([]);
  });

  it('obey the content security policy and load nothing', { timeout: 60_000 }, async () => {
    const context = await browser.newContext();
    const tab = await context.newPage();
    const complaints: string[] = [];
    tab.on('console', (message) => complaints.push(message.text()));
    tab.on('pageerror', (error) => complaints.push(error.message));
    const before = server.requests.length;
    await lookAt(tab, async () => undefined);
    await context.close();
    expect(complaints).toEqual([]);
    const asked = server.requests.slice(before).map((request) => request.replace('GET /', ''));
    expect(asked.filter((path) => !ALL_PAGES.has(path) && !path.startsWith('api/'))).toEqual([]);
  });

  it('let a keyboard skip the bar, and show the focus', async () => {
    const context = await browser.newContext();
    const tab = await context.newPage();
    await tab.goto(`${server.url}/signed-out`);
    await tab.keyboard.press('Tab');
    expect(await tab.evaluate('document.activeElement.textContent')).toBe('Skip to content');
    expect(await tab.evaluate('document.activeElement.getBoundingClientRect().top >= 0')).toBe(true);
    await tab.keyboard.press('Enter');
    await tab.keyboard.press('Tab');
    expect(await tab.evaluate('document.activeElement.getAttribute("href")')).toBe('/sso/login');
    expect(await tab.evaluate('getComputedStyle(document.activeElement).outlineWidth')).toBe('2px');
    await context.close();
  });

  it('do not move for people who prefer less motion', async () => {
    const countAnimations = async (reducedMotion: 'reduce' | 'no-preference') => {
      const context = await browser.newContext({ reducedMotion });
      const tab = await context.newPage();
      await tab.goto(`${server.url}/pending`);
      const count = await tab.evaluate('document.getAnimations().length');
      await context.close();
      return count;
    };
    expect(await countAnimations('no-preference')).toBe(1);
    expect(await countAnimations('reduce')).toBe(0);
  });

  it('copy the reference of a failure, and say so', async () => {
    const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
    const tab = await context.newPage();
    await tab.goto(`${server.url}/not_assigned`);
    await tab.getByRole('button', { name: 'Copy reference' }).click();
    await tab.locator('#announcer', { hasText: 'Copied.' }).waitFor({ state: 'attached' });
    expect(await tab.evaluate('navigator.clipboard.readText()')).toBe(CORRELATION_ID);
    await context.close();
  });

  it('offer no copying where scripts do not run', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const tab = await context.newPage();
    await tab.goto(`${server.url}/not_assigned`);
    expect(await tab.locator('button').isVisible()).toBe(false);
    expect(await tab.getByText(CORRELATION_ID).isVisible()).toBe(true);
    await context.close();
  });

  it.each([
    ['without a proxy', ['pending', 'waiting', 'done']],
    [
      'with one',
      ['pending-connected', 'waiting-connected', 'syncing', 'syncing-waiting', 'synced', 'synced-unknown'],
    ],
  ])('keep the height of the progress on its way, %s', async (_name, names) => {
    for (const width of [360, 1200]) {
      const context = await browser.newContext({ viewport: { width, height: 800 } });
      const tab = await context.newPage();
      const found = await lookAt(
        tab,
        async () => tab.evaluate('document.querySelector(".progress").offsetHeight'),
        names,
      );
      await context.close();
      expect(new Set(found.values()).size, JSON.stringify([...found])).toBe(1);
    }
  });

  it('keep each line about LiteLLM in its place when it changes', async () => {
    for (const width of [360, 1200]) {
      const context = await browser.newContext({ viewport: { width, height: 800 } });
      const tab = await context.newPage();
      const found = await lookAt(
        tab,
        async () =>
          tab.evaluate(
            `[...document.querySelectorAll('.entity .presence')].map((each) => each.getBoundingClientRect().bottom)`,
          ),
        ['syncing', 'synced'],
      );
      await context.close();
      expect(found.get('synced')).toEqual(found.get('syncing'));
    }
  });
});
