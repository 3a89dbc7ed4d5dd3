import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { samplePeople } from '../../dev/identity/sampleDirectory.ts';
import { createPackage, type Package } from '../../dev/build/package.ts';
import { type E2eStack, startE2eStack } from '../support/e2eStack.ts';
import { signInUntilDone } from '../support/e2eVisitor.ts';

let folder: string;
let made: Package;
let appDir: string;
let stack: E2eStack | undefined;

/** Unpacks the app outside the repository, so that no `node_modules` above it can be loaded. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unpacked-'));
  made = await createPackage(join(folder, 'zip', 'app.zip'));
  appDir = join(folder, 'app');
  await mkdir(appDir);
  for (const [name, content] of Object.entries(unzipSync(await readFile(made.file)))) {
    await writeFile(join(appDir, basename(name)), content);
  }
  stack = await startE2eStack({ appDir, isBuilt: true });
});

afterAll(async () => {
  await stack?.close();
  await rm(folder, { recursive: true, force: true });
});

test('contains only the two bundles, host.json, package.json and the licences', async () => {
  const names = ['THIRD-PARTY-NOTICES.txt', 'host.json', 'main.cjs', 'package.json', 'telemetry.cjs'];
  expect(made.entries.map(({ name }) => name)).toEqual(names);
  expect((await readdir(appDir)).sort()).toEqual(names);
});

test('is as small as docs/deploy.md says', () => {
  expect(made.bytes).toBeLessThan(450_000);
});

test('contains the licences of the bundled packages', async () => {
  const notices = await readFile(join(appDir, 'THIRD-PARTY-NOTICES.txt'), 'utf8');
  for (const name of ['@azure/msal-node', 'jose', 'zod', '@opentelemetry/api']) {
    expect(notices).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+, (?:MIT|Apache-2\\.0)$`, 'm'));
  }
  expect(notices).toContain('Permission is hereby granted');
});

test('signs a user in and provisions the user from the unpacked folder', async () => {
  if (stack === undefined) throw new Error('The stack did not start.');
  const { me } = await signInUntilDone(stack.url, 'alice@company.com');
  expect(me.user.user_id).toBe(samplePeople.alice);
  expect(me.teams.map(({ team_id }) => team_id)).toEqual(['entra-group-123']);
  expect(me.organizations.map(({ organization_id }) => organization_id)).toEqual(['entra-group-123']);
});

test('has the same bytes for the same sources', async () => {
  const again = await createPackage(join(folder, 'zip', 'again.zip'));
  expect(again.sha256).toBe(made.sha256);
});
