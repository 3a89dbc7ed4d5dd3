import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, BrowserContext, Cookie, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { launchBrowser, skipBrowserTests } from '../support/browser.ts';
import { type E2eStack, startE2eStack } from '../support/e2eStack.ts';

const violationsSchema = z.array(
  z.object({ id: z.string(), nodes: z.array(z.object({ html: z.string() })) }),
);
/** Where the picture of the README goes, if one is wanted. */
const pictureDir = process.env['SCREENSHOT_DIR'];

describe.skipIf(skipBrowserTests())('Alice, with a browser', { timeout: 90_000 }, () => {
  let stack: E2eStack;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  /** What the browser complained about: a script that the policy forbids, an error, an answer that failed. */
  let complaints: string[];

  beforeAll(async () => {
    [stack, browser] = await Promise.all([startE2eStack(), launchBrowser()]);
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.close();
  });

  beforeEach(async () => {
    context = await browser.newContext({ colorScheme: 'light', viewport: { width: 1200, height: 900 } });
    page = await context.newPage();
    complaints = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
  });
  afterEach(async () => context.close());

  /** Presses the way in and picks Alice on the emulator's page. */
  async function signIn(): Promise<void> {
    await page.goto(stack.url);
    await page.getByRole('link', { name: 'Login with Microsoft' }).click();
    await page.getByRole('button', { name: /^Alice Anderson/ }).click();
    await page.locator('main[data-status="done"]').waitFor();
  }

  /** The app's own: cookies know no ports, so the emulator's on the same host are there too. */
  async function readCookies(): Promise<readonly Cookie[]> {
    return (await context.cookies(stack.url)).filter(({ name }) => !name.startsWith('emulator_'));
  }

  async function findViolations(): Promise<readonly string[]> {
    await page.evaluate(axe.source);
    const found: unknown = await page.evaluate('axe.run(document).then((result) => result.violations)');
    return violationsSchema.parse(found).map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ''}`);
  }

  it('signs in, sees what she has and why, and signs out', async () => {
    await signIn();
    expect(new URL(page.url()).origin).toBe(stack.url);
    expect(await page.title()).toContain('Your access');
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Hello, Alice Anderson');

    const organization = page.locator('li.card', { has: page.getByRole('heading', { level: 3 }) });
    expect(await organization.getByRole('heading', { level: 3 }).allTextContents()).toEqual([
      'Production Team',
    ]);
    const team = organization.locator('li.team');
    expect(await team.getByRole('heading', { level: 4 }).allTextContents()).toEqual(['Production Team']);
    const text = await organization.innerText();
    for (const shown of ['$1,000', 'gpt-4', 'gpt-3.5-turbo']) expect(text).toContain(shown);
    const teamText = await team.innerText();
    for (const shown of ['$1,000', 'gpt-4', 'gpt-3.5-turbo', 'Inherited from the organization.']) {
      expect(teamText).toContain(shown);
    }
    if (pictureDir !== undefined) await page.screenshot({ path: join(pictureDir, 'home.png') });
    expect(await findViolations()).toEqual([]);

    await page.getByRole('button', { name: 'Sign out' }).click();
    expect(await page.getByRole('status').first().textContent()).toContain('You’re signed out');
    expect(complaints).toEqual([]);
  });

  it('leaves nothing behind: neither Back nor the start page shows anything of hers', async () => {
    // Not by way of the start page, so that all the browser could have kept of it is hers.
    await page.goto(`${stack.url}/sso/login?login_hint=alice@company.com`);
    await page.locator('main[data-status="done"]').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You’re signed out').waitFor();
    await page.goBack();
    await page.getByRole('link', { name: 'Login with Microsoft' }).waitFor();
    expect(await page.content()).not.toMatch(/Alice|Production Team/);
    await page.goto(stack.url);
    expect(await page.content()).not.toMatch(/Alice|Production Team/);
    expect(await readCookies()).toEqual([]);
  });

  it('keeps her session in a cookie that no script can read', async () => {
    await signIn();
    expect(await page.evaluate('document.cookie')).toBe('');
    expect(await readCookies()).toEqual([
      expect.objectContaining({
        name: '__Host-litellm-session',
        httpOnly: true,
        secure: true,
        sameSite: 'Lax',
        path: '/',
      }),
    ]);
  });

  it('needs no mouse', async () => {
    await page.goto(stack.url);
    /** Presses Tab until the wanted element has the focus, as a person would. */
    const tabTo = async (name: RegExp): Promise<void> => {
      for (let presses = 0; presses < 30; presses += 1) {
        await page.keyboard.press('Tab');
        if (name.test(String(await page.evaluate('document.activeElement.textContent')))) return;
      }
      throw new Error(`The Tab key never reaches ${name}`);
    };
    await tabTo(/Login with Microsoft/);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Pick an account' }).waitFor();
    await tabTo(/Alice Anderson/);
    await page.keyboard.press('Enter');
    await page.locator('main[data-status="done"]').waitFor();
    await tabTo(/^\s*Sign out\s*$/);
    await page.keyboard.press('Enter');
    await page.getByText('You’re signed out').waitFor();
    expect(complaints).toEqual([]);
  });

  it('sees the page update itself, with every word for a screen reader', async () => {
    await stack.restartHost({ 'AzureWebJobs.provision.Disabled': 'true' });
    await page.goto(`${stack.url}/sso/login?login_hint=bob@company.com`);
    await page.locator('main[data-status="pending"]').waitFor();
    expect(await page.title()).toContain('Setting up your access');
    expect(await page.getByRole('heading', { level: 3 }).count()).toBe(0);
    await page.evaluate('document.querySelector("main").dataset.kept = "the same document"');
    const asked = new Set<string>();
    page.on('request', (request) => asked.add(new URL(request.url()).pathname));
    await stack.restartHost();
    await page.locator('main[data-status="done"]').waitFor();
    expect(await page.getByRole('heading', { level: 3 }).allTextContents()).toEqual(['Production Team']);
    expect(await page.locator('#announcer').textContent()).toContain('Your access is up to date');
    // It asked what costs one table request, and then fetched the page once it had something to show.
    expect([...asked].map((path) => path.replace(/[^/]{36}$/u, '{id}'))).toEqual([
      '/api/provisioning/{id}',
      '/',
    ]);
    // The page was not loaded again: it replaced only what changed.
    expect(await page.locator('main').getAttribute('data-kept')).toBe('the same document');
  });

  it('gets an error page with a way out, and signs in from there', async () => {
    await stack.control.setFaults({ token: { status: 503, times: 1 } });
    await page.goto(`${stack.url}/sso/login?login_hint=alice@company.com`);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Microsoft didn’t answer');
    expect(await findViolations()).toEqual([]);
    await page.getByRole('link', { name: 'Try again' }).click();
    await page.getByRole('button', { name: /^Alice Anderson/ }).click();
    await page.locator('main[data-status="done"]').waitFor();
  });

  it('has a way in that is accessible', async () => {
    await page.goto(stack.url);
    expect(await findViolations()).toEqual([]);
    await page.getByRole('link', { name: 'Login with Microsoft' }).click();
    expect(await findViolations()).toEqual([]);
  });

  it('fits a narrow screen, in dark colours', async () => {
    const narrow = await browser.newContext({ colorScheme: 'dark', viewport: { width: 360, height: 740 } });
    page = await narrow.newPage();
    await signIn();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    expect(await findViolations()).toEqual([]);
    await narrow.close();
  });
});
