import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { findWallViolations, formatViolation, readSourceFiles } from '../dev/walls.ts';
import { parseSourceFile } from '../dev/walls/sourceFile.ts';

const repository = join(import.meta.dirname, '..');

/** What the walls say of one made-up file. */
function violationsOf(path: string, text: string): readonly string[] {
  return findWallViolations([parseSourceFile(path, text)]).map(({ reason }) => reason);
}

describe('this repository', () => {
  const files = readSourceFiles(repository);

  it('is read whole: files of every tree, and their imports', () => {
    const paths = files.map((file) => file.path);
    expect(paths).toEqual(expect.arrayContaining(['shared/config.ts', 'dev/walls.ts', 'test/walls.test.ts']));
    const config = files.find((file) => file.path === 'shared/config.ts');
    expect(config?.imports.find(({ specifier }) => specifier === './domain/rules.ts')).toMatchObject({
      isTypeOnly: true,
      isNamespace: false,
    });
  });

  it('keeps its walls', () => {
    expect(findWallViolations(files).map((violation) => formatViolation(violation))).toEqual([]);
  });
});

describe('what the walls let through', () => {
  it.each([
    [
      'functions/callback.ts',
      `import { app } from '@azure/functions'; import { a } from '../shared/app.ts';`,
    ],
    [
      'functions/provision.ts',
      `import { a } from '../shared/flows/provisionUser.ts'; import { b } from '../shared/messages.ts';`,
    ],
    [
      'functions/home.ts',
      `import { a } from '../shared/pages/renderHome.ts'; import { b } from '../shared/http/cookies.ts';`,
    ],
    [
      'functions/login.ts',
      `import { a } from '../shared/session.ts'; import { b } from '../shared/errors.ts'; import { c } from '../shared/telemetry.ts';`,
    ],
    [
      'shared/app.ts',
      `import { a } from './adapters/keyRing.ts'; import { b } from './config.ts'; import { c } from './adapters/entra/appTokens.ts'; import { d } from './flows/startLogin.ts';`,
    ],
    [
      'shared/flows/startLogin.ts',
      `import { a } from '../domain/roles.ts'; import type { b } from '../storePorts.ts'; import { c } from '../session/attempt.ts'; import { d } from './putBack.ts';`,
    ],
    [
      'shared/adapters/userStore.ts',
      `import { a } from './tables/columns.ts'; import type { b } from '../config.ts'; import type { c } from '../ports.ts'; import { d } from '../domain/roles.ts';`,
    ],
    [
      'shared/adapters/entraIdentity.ts',
      `import { a } from './entra/msalClient.ts'; import { b } from '@azure/msal-node'; import { c } from 'node:https'; import { d } from 'jose';`,
    ],
    [
      'shared/adapters/managedIdentity.ts',
      `import { a } from './entra/cacheToken.ts'; import type { b } from '@azure/core-auth';`,
    ],
    [
      'shared/adapters/graph/graphList.ts',
      `import { a } from './graphRequest.ts'; import { b } from '../tables/inParallel.ts'; import { c } from '../../errors.ts';`,
    ],
    [
      'shared/adapters/tables/columns.ts',
      `import * as z from 'zod'; import * as y from 'zod/mini'; import { toDotPath } from 'zod/v4/core';`,
    ],
    [
      'shared/domain/runDigest.ts',
      `import { createHash } from 'node:crypto'; import { a } from '../errors.ts'; import { b } from './rules.ts';`,
    ],
    [
      'shared/pages/renderHome.ts',
      `import type { a } from '../domain/access.ts'; import type { ErrorCode } from '../errors.ts'; import { html } from './html.ts';`,
    ],
    [
      'shared/session.ts',
      `import { a } from 'jose'; import { b } from 'node:crypto'; import type { Clock } from './ports.ts';`,
    ],
    [
      'shared/config/settings.ts',
      `import { Secret } from './secret.ts'; import { a } from '../domain/isSafeId.ts';`,
    ],
    [
      'dev/build.ts',
      `import { build } from 'esbuild'; import { a } from '../shared/config.ts'; import { b } from './stack/azurite.ts'; await import(process.argv[2]);`,
    ],
    [
      'test/support/anything.test.ts',
      `import { a } from '../../dev/walls.ts'; import { b } from '../../functions/home.ts'; import { c } from '../../shared/pages/html.ts';`,
    ],
  ])('%s: %s', (path, text) => {
    expect(violationsOf(path, text)).toEqual([]);
  });
});

describe('what the walls catch', () => {
  it.each([
    [
      'a function that reaches past its flow',
      'functions/a.ts',
      `import { a } from '../shared/adapters/keyRing.ts';`,
    ],
    ['a function that computes', 'functions/a.ts', `import { a } from '../shared/domain/roles.ts';`],
    ['a function that reads settings', 'functions/a.ts', `import type { a } from '../shared/config.ts';`],
    ['a function that knows the ports', 'functions/a.ts', `import type { a } from '../shared/ports.ts';`],
    ['a function that knows another', 'functions/a.ts', `import { a } from './b.ts';`],
    ['a function with a package of its own', 'functions/a.ts', `import { a } from '@azure/storage-queue';`],
    ['a function with a module of Node', 'functions/a.ts', `import { a } from 'node:fs';`],
    ['a flow that does I/O', 'shared/flows/a.ts', `import { a } from '../adapters/keyRing.ts';`],
    ['a flow that does I/O itself', 'shared/flows/a.ts', `import { a } from 'node:fs';`],
    ['a flow with a package', 'shared/flows/a.ts', `import * as z from 'zod';`],
    ['a flow that renders', 'shared/flows/a.ts', `import { a } from '../pages/renderHome.ts';`],
    ['a flow that reads settings', 'shared/flows/a.ts', `import type { a } from '../config.ts';`],
    ['a flow that knows HTTP', 'shared/flows/a.ts', `import { a } from '../http.ts';`],
    ['an adapter that knows another', 'shared/adapters/userStore.ts', `import { a } from './keyRing.ts';`],
    [
      'an adapter that knows the type of another',
      'shared/adapters/userStore.ts',
      `import type { a } from './keyRing.ts';`,
    ],
    [
      "an adapter with another's helper",
      'shared/adapters/userStore.ts',
      `import { a } from './entra/msalClient.ts';`,
    ],
    [
      'a helper that knows its adapter',
      'shared/adapters/graph/a.ts',
      `import { a } from '../graphDirectory.ts';`,
    ],
    [
      "a helper with another adapter's helper",
      'shared/adapters/graph/a.ts',
      `import { a } from '../entra/msalClient.ts';`,
    ],
    [
      'a helper that bears the name of an owner',
      'shared/adapters/graph/entraIdentity.ts',
      `import { a } from '../entra/msalClient.ts';`,
    ],
    [
      'an adapter that reads settings by itself',
      'shared/adapters/a.ts',
      `import { parseConfig } from '../config.ts';`,
    ],
    ['an adapter that starts a flow', 'shared/adapters/a.ts', `import { a } from '../flows/startLogin.ts';`],
    [
      'an adapter with a package that no decision names',
      'shared/adapters/a.ts',
      `import { a } from '@azure/identity';`,
    ],
    [
      'an adapter with values of a package that only comes along',
      'shared/adapters/a.ts',
      `import { a } from '@azure/core-auth';`,
    ],
    ['a rule that does I/O', 'shared/domain/a.ts', `import { a } from 'node:fs';`],
    ['a rule with a package', 'shared/domain/a.ts', `import * as z from 'zod';`],
    ['a rule that knows the ports', 'shared/domain/a.ts', `import type { a } from '../ports.ts';`],
    [
      'a rule that knows the settings',
      'shared/domain/a.ts',
      `import type { a } from '../config/settings.ts';`,
    ],
    ['a page that computes', 'shared/pages/a.ts', `import { a } from '../domain/roles.ts';`],
    [
      'a page whose types leave an import behind',
      'shared/pages/a.ts',
      `import { type A } from '../domain/access.ts';`,
    ],
    ['a page that throws', 'shared/pages/a.ts', `import { AppError } from '../errors.ts';`],
    ['a page with a module of Node', 'shared/pages/a.ts', `import { a } from 'node:crypto';`],
    ['a port with values', 'shared/ports.ts', `import { a } from './domain/roles.ts';`],
    ['an error that knows anything', 'shared/errors.ts', `import type { a } from './domain/rules.ts';`],
    [
      'a session that reads the store by itself',
      'shared/session.ts',
      `import { a } from './adapters/keyRing.ts';`,
    ],
    [
      'a message that reads the store by itself',
      'shared/messages.ts',
      `import { a } from './adapters/storageQueue.ts';`,
    ],
    ['settings that need the app', 'shared/config/a.ts', `import { a } from '../app.ts';`],
    ['product code that needs a test', 'shared/app.ts', `import { a } from '../test/support/azurite.ts';`],
    ['product code that needs the local stack', 'shared/app.ts', `import { a } from '../dev/build.ts';`],
    ['an app that knows the functions', 'shared/app.ts', `import { a } from '../functions/home.ts';`],
    [
      'an app that takes the telemetry bundle into its own',
      'shared/app.ts',
      `import { a } from './openTelemetry/createTelemetry.ts';`,
    ],
    ['an app with a package', 'shared/app.ts', `import { a } from '@azure/data-tables';`],
    ['the local stack that needs a test', 'dev/a.ts', `import { a } from '../test/support/azurite.ts';`],
    ['the local stack that reaches into a function', 'dev/a.ts', `import { a } from '../functions/home.ts';`],
    [
      'a file outside all rooms',
      'shared/domain/a.ts',
      `import p from '../../package.json' with { type: 'json' };`,
    ],
    ['a room that nobody wrote a wall for', 'shared/errors.ts', `import { a } from './newRoom/a.ts';`],
    [
      'a package by the path to it',
      'shared/domain/a.ts',
      `import { a } from '../../node_modules/zod/index.js';`,
    ],
    ['a module of Node without its prefix', 'shared/adapters/a.ts', `import { a } from 'fs';`],
    ['zod by name', 'shared/adapters/a.ts', `import { z } from 'zod';`],
    ['a computed import', 'shared/adapters/a.ts', 'await import(`./${name}.ts`);'],
    ['a computed require', 'shared/adapters/a.ts', 'require(name);'],
  ])('%s', (_case, path, text) => {
    expect(violationsOf(path, text)).toHaveLength(1);
  });

  it.each([
    ['import', `import { a } from '../adapters/keyRing.ts';`],
    ['import type', `import type { a } from '../adapters/keyRing.ts';`],
    ['an import for its effect', `import '../adapters/keyRing.ts';`],
    ['a namespace', `import * as a from '../adapters/keyRing.ts';`],
    ['a re-export', `export { a } from '../adapters/keyRing.ts';`],
    ['a re-export of types', `export type { a } from '../adapters/keyRing.ts';`],
    ['a dynamic import', `const a = await import('../adapters/keyRing.ts');`],
    ['a dynamic import of a template', 'const a = await import(`../adapters/keyRing.ts`);'],
    ["a type's import", `type A = import('../adapters/keyRing.ts').A;`],
    ["a value's type's import", `type A = typeof import('../adapters/keyRing.ts');`],
    ['a require', `const a = require('../adapters/keyRing.ts');`],
    ['an import by require', `import a = require('../adapters/keyRing.ts');`],
    ['an import inside a function', `function f() { return () => import('../adapters/keyRing.ts'); }`],
  ])('in whatever form it comes: %s', (_form, text) => {
    expect(violationsOf('shared/domain/a.ts', text)).toEqual([
      'is in domain and imports shared/adapters/keyRing.ts; domain imports errors',
    ]);
  });

  it.each([
    ['export default 1;'],
    ['export default function name() {}'],
    ['const a = 1; export { a as default };'],
    [`export { default } from './b.ts';`],
    ['const a = 1; export = a;'],
  ])('a default export: %s', (text) => {
    expect(violationsOf('test/a.ts', text)).toEqual(['has a default export: only named ones']);
  });

  it("not the default export of somebody else's module that a declaration describes", () => {
    expect(violationsOf('dev/a.d.ts', `declare module 'b' { export default class B {} }`)).toEqual([]);
  });

  it('a barrel', () => {
    expect(violationsOf('shared/domain/a.ts', `export * from './b.ts';`)).toEqual([
      'has `export *`: no barrels',
    ]);
  });

  it.each([
    'shared/domain/index.ts',
    'shared/domain/utils.ts',
    'shared/domain/helpers.ts',
    'dev/common.ts',
    'test/support/types.d.ts',
    'shared/domain/helpers/roles.ts',
    'functions/Index.ts',
  ])('a name under which anything fits: %s', (path) => {
    expect(violationsOf(path, '')).toEqual([expect.stringContaining('under which anything fits')]);
  });

  it.each(['shared/newRoom/a.ts', 'shared/newFile.ts', 'shared/functions/a.ts'])(
    'a file in no room: %s',
    (path) => {
      expect(violationsOf(path, '')).toEqual(['is in no room of dev/walls/rooms.ts']);
    },
  );

  it('a folder of helpers that no adapter owns', () => {
    expect(violationsOf('shared/adapters/mail/smtp.ts', '')).toHaveLength(1);
  });

  it('a file that no type checker reads', () => {
    expect(violationsOf('shared/domain/a.mjs', '')).toEqual(['is no .ts file, so nothing checks its types']);
  });
});

describe('a violation', () => {
  it('names file and line, and comes in the order of the lines', () => {
    const text = `import type { A } from '../errors.ts';\n\nimport { b } from 'node:fs';\nexport default b;\nimport * as z from 'zod';\n`;
    const lines = findWallViolations([parseSourceFile('shared/domain/a.ts', text)]).map(formatViolation);
    expect(lines).toEqual([
      'shared/domain/a.ts:3 is in domain and imports node:fs',
      'shared/domain/a.ts:4 has a default export: only named ones',
      'shared/domain/a.ts:5 is in domain and imports the package zod',
    ]);
  });

  it('is never hidden by a file that cannot be read', () => {
    expect(() => parseSourceFile('shared/domain/a.ts', 'import {')).toThrow(
      'shared/domain/a.ts cannot be read',
    );
  });
});

describe('node dev/walls.ts', () => {
  let folder = '';

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  function runOn(text: string): { readonly status: number | null; readonly stderr: string } {
    folder = mkdtempSync(join(tmpdir(), 'walls-'));
    for (const tree of ['functions', 'shared/domain', 'dev', 'test'])
      mkdirSync(join(folder, tree), { recursive: true });
    writeFileSync(join(folder, 'shared/domain/a.ts'), text);
    const { status, stderr } = spawnSync(process.execPath, [join(repository, 'dev/walls.ts'), folder], {
      encoding: 'utf8',
    });
    return { status, stderr };
  }

  it('prints what it finds and exits 1', () => {
    const { status, stderr } = runOn(`import { a } from 'node:fs';`);
    expect(stderr).toContain('shared/domain/a.ts:1 is in domain and imports node:fs');
    expect(status).toBe(1);
  });

  it('exits 0 where it finds nothing', () => {
    expect(runOn('export const a = 1;').status).toBe(0);
  });
});
