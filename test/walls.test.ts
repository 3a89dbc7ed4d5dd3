/** The linter refuses an import that a room may not make: one breach in each room, planted in a copy of the layout. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';

const repository = resolve(import.meta.dirname, '..');

/** File, and the one import in it that its room may not make. */
const BREACHES: readonly (readonly [file: string, statement: string])[] = [
  ['shared/model/breach.ts', `import '../platform/withTimeout.ts';`],
  ['shared/model/zod.ts', `import * as z from 'zod/mini';`],
  ['shared/platform/breach.ts', `import '../storage/userStore.ts';`],
  ['shared/config/breach.ts', `import '../storage/userStore.ts';`],
  ['shared/config/namespace.ts', `import { z } from 'zod/mini';`],
  ['shared/storage/breach.ts', `import '../queue/queueWorker.ts';`],
  ['shared/storage/tables/breach.ts', `import '../../litellm/sync.ts';`],
  ['shared/storage/tables/msal.ts', `import '@azure/msal-node';`],
  ['shared/queue/breach.ts', `import '../provisioning/provisionUser.ts';`],
  ['shared/queue/value.ts', `import { UserStore } from '../storage/userStore.ts';`],
  ['shared/microsoft/breach.ts', `import '../storage/userStore.ts';`],
  ['shared/microsoft/value.ts', `import { parseConfig } from '../config/config.ts';`],
  ['shared/telemetry/breach.ts', `import '../web/http.ts';`],
  ['shared/telemetry/bundle.ts', `import './export/createTelemetry.ts';`],
  ['shared/telemetry/value.ts', `import { app } from '@azure/functions';`],
  ['shared/telemetry/export/breach.ts', `import '../../model/errors.ts';`],
  ['shared/session/breach.ts', `import '../signIn/signOut.ts';`],
  ['shared/signIn/breach.ts', `import '../provisioning/provisionUser.ts';`],
  ['shared/groups/breach.ts', `import '../provisioning/provisionUser.ts';`],
  ['shared/groups/dynamic.ts', `await import('../provisioning/provisionUser.ts');`],
  ['shared/groups/computed.ts', `const name = String(1); await import(name);`],
  ['shared/provisioning/breach.ts', `import '../litellm/sync.ts';`],
  ['shared/provisioning/export.ts', `export { sync } from '../litellm/sync.ts';`],
  ['shared/litellm/breach.ts', `import '../provisioning/provisionUser.ts';`],
  ['shared/litellm/client/breach.ts', `import '../../telemetry/events.ts';`],
  ['shared/health/breach.ts', `import '../provisioning/provisionUser.ts';`],
  ['shared/triggers/breach.ts', `import '../provisioning/provisionUser.ts';`],
  ['shared/triggers/app.ts', `import '../app.ts';`],
  ['shared/home/breach.ts', `import '../queue/queueMessage.ts';`],
  ['shared/home/type.ts', `import type { ProvisionDeps } from '../provisioning/provisionRun.ts';`],
  ['shared/web/breach.ts', `import '../storage/userStore.ts';`],
  ['shared/web/pages/breach.ts', `import '../../litellm/sync.ts';`],
  ['shared/web/pages/value.ts', `import { readMyAccess } from '../../home/readMyAccess.ts';`],
  ['shared/web/pages/client/breach.ts', `import '../html.ts';`],
  ['shared/web/pages/client/value.ts', `import { errorCodes } from '../../../model/errors.ts';`],
  ['shared/app.ts', `import '../dev/stack/start.ts';`],
  ['shared/app/breach.ts', `import '../telemetry/export/createTelemetry.ts';`],
  ['functions/breach.ts', `import '../shared/storage/userStore.ts';`],
  ['functions/sibling.ts', `import './login.ts';`],
  ['cli/breach.ts', `import '../test/support/world.ts';`],
  ['cli/dev.ts', `import '../dev/stack/localStateDir.ts';`],
  ['dev/breach.ts', `import '../test/support/world.ts';`],
  ['dev/stack/cli.ts', `import '../../cli/localStack.ts';`],
];

/** What each room may import, as a proof that the breaches are not refused for being imports. */
const ALLOWED: readonly (readonly [file: string, statement: string])[] = [
  ['shared/storage/tables/fine.ts', `import type { AppError } from '../../model/errors.ts';`],
  ['shared/queue/fine.ts', `import type { UserStore } from '../storage/userStore.ts';`],
  ['shared/telemetry/export/fine.ts', `import '../metrics.ts';`],
  ['shared/triggers/fine.ts', `import '../queue/queueWorker.ts';`],
  ['shared/web/pages/fine.ts', `import '../errorStatus.ts';`],
  ['shared/web/pages/client/fine.ts', `import type { MyAccess } from '../../../model/access.ts';`],
  ['functions/fine.ts', `import '../shared/app.ts';`],
];

const reportSchema = z.object({
  diagnostics: z.array(z.object({ code: z.string().optional(), filename: z.string() })),
});

let dir: string;
let refused: ReadonlySet<string>;

async function lint(): Promise<string> {
  const bin = join(repository, 'node_modules/oxlint/bin/oxlint');
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [bin, '--format=json', '.'], { cwd: dir });
    return stdout;
  } catch (error) {
    // The linter exits with 1 where it finds something; its report is on stdout all the same.
    return z.object({ stdout: z.string() }).parse(error).stdout;
  }
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'walls-'));
  await symlink(join(repository, 'node_modules'), join(dir, 'node_modules'));
  for (const name of ['oxlint.config.ts', 'tsconfig.json'])
    await copyFile(join(repository, name), join(dir, name));
  for (const [file, statement] of [...BREACHES, ...ALLOWED]) {
    await mkdir(dirname(join(dir, file)), { recursive: true });
    await writeFile(join(dir, file), `${statement}\n`);
  }
  const { diagnostics } = reportSchema.parse(JSON.parse(await lint()));
  const isWall = (code = ''): boolean => /no-restricted-imports|no-dynamic-require|import-style/.test(code);
  refused = new Set(diagnostics.filter(({ code }) => isWall(code)).map(({ filename }) => filename));
});

afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

it.each(BREACHES)('refuses in %s: %s', (file) => {
  expect(refused).toContain(file);
});

it.each(ALLOWED)('allows in %s: %s', (file) => {
  expect(refused).not.toContain(file);
});
