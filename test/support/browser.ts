import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Options that keep Chromium from sending requests to the internet, which a fresh profile otherwise does. */
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

/** Returns the path of a Chromium: `CHROMIUM_PATH`, or the first of its names on `PATH`, or Debian's usual path. */
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
 * Returns whether tests that need a browser are skipped because this machine has no Chromium. Prints a warning once. Under
 * `CI=true` it never skips them, so that they fail instead.
 */
export function skipBrowserTests(environment: NodeJS.ProcessEnv = process.env): boolean {
  if (findChromium(environment) !== undefined || environment['CI'] === 'true') return false;
  console.warn('Browser tests are skipped: no chromium on PATH. Install it or set CHROMIUM_PATH.');
  return true;
}

/** Starts a headless Chromium. The caller closes it. Throws if no Chromium is found. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) {
    throw new Error('No Chromium was found. Install it, or set CHROMIUM_PATH to its path.');
  }
  return chromium.launch({ executablePath, headless: true, args: ARGUMENTS });
}
