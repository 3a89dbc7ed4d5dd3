import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Nothing may leave the machine: a fresh Chromium otherwise calls home. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Gives the path of a Chromium: `CHROMIUM_PATH`, else the first of its names on `PATH`, else Debian's place. */
export function findChromium(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const folders = (environment['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const candidates = [
    environment['CHROMIUM_PATH'] ?? '',
    ...NAMES.flatMap((name) => folders.map((folder) => join(folder, name))),
    '/usr/bin/chromium',
  ];
  return candidates.find((path) => path !== '' && isExecutable(path));
}

/**
 * Whether tests that need a browser are left out, which it says once: no Chromium is on this machine. Under
 * `CI=true` they never are, so that they fail there instead of vanishing.
 */
export function skipBrowserTests(environment: NodeJS.ProcessEnv = process.env): boolean {
  if (findChromium(environment) !== undefined || environment['CI'] === 'true') return false;
  console.warn('Browser tests are skipped: no chromium on PATH. Install it or set CHROMIUM_PATH.');
  return true;
}

/** Starts a headless Chromium; the caller closes it. Throws where none is found. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) {
    throw new Error('No chromium was found: install it, or set CHROMIUM_PATH to one.');
  }
  return chromium.launch({ executablePath, headless: true, args: ARGUMENTS });
}
