/**
 * The linter, and the walls between the rooms of the code: `rooms` says what each may import, and a breach is a lint error.
 * docs/decisions/0001-import-walls.md says why.
 */
import { defineConfig, type OxlintOverride } from 'oxlint';

export interface Room {
  /** Rooms of `shared/` whose values and types it may import; its own files always. */
  readonly rooms: readonly string[];
  /** Rooms of which it may only `import type`. */
  readonly typesOf?: readonly string[];
  /** npm packages and modules of Node. */
  readonly packages?: readonly string[];
  /** Packages of which it may only `import type`. */
  readonly packageTypes?: readonly string[];
  /** Its folders; a file in one may import the files beside that folder. */
  readonly folders?: readonly string[];
}

/** From the bottom to the top: a room imports only rooms above it in this list. */
export const rooms: Readonly<Record<string, Room>> = {
  model: { rooms: [], packages: ['node:crypto'] },
  platform: {
    rooms: ['model'],
    packages: ['node:crypto'],
  },
  config: { rooms: ['model', 'platform'], packages: ['zod/mini'] },
  storage: {
    rooms: ['model', 'platform'],
    packages: ['@azure/data-tables', 'node:crypto', 'node:http', 'node:https', 'node:zlib', 'zod/mini'],
    folders: ['tables'],
  },
  queue: {
    rooms: ['model', 'platform'],
    typesOf: ['config', 'storage'],
    packages: ['@azure/storage-queue', 'node:crypto', 'zod/mini', 'zod/v4/core'],
    packageTypes: ['@azure/core-auth'],
  },
  microsoft: {
    rooms: ['model', 'platform'],
    typesOf: ['config'],
    packages: [
      '@azure/msal-node',
      '@microsoft/microsoft-graph-client',
      'jose',
      'node:crypto',
      'zod/mini',
      'zod/v4/core',
    ],
    packageTypes: ['@azure/core-auth'],
  },
  telemetry: {
    rooms: ['model', 'platform'],
    typesOf: ['config'],
    packages: ['node:crypto', 'node:module'],
    packageTypes: ['@azure/functions'],
  },
  triggers: { rooms: ['model', 'queue', 'telemetry'], packages: ['@azure/functions'] },
  session: {
    rooms: ['model', 'platform'],
    typesOf: ['storage'],
    packages: ['jose', 'node:crypto', 'zod/mini'],
  },
  signIn: {
    rooms: ['model', 'platform', 'queue', 'microsoft', 'session'],
    typesOf: ['storage'],
    packages: ['node:crypto'],
  },
  groups: { rooms: ['model', 'platform', 'queue'], typesOf: ['storage'], packages: ['node:crypto'] },
  provisioning: {
    rooms: ['model', 'platform', 'queue', 'groups'],
    typesOf: ['storage'],
    packages: ['node:crypto'],
  },
  litellm: {
    rooms: ['model', 'platform', 'queue'],
    typesOf: ['config', 'storage'],
    packages: ['node:crypto', 'node:timers/promises', 'zod/mini', 'zod/v4/core'],
    folders: ['client', 'keys'],
  },
  health: { rooms: ['model', 'platform', 'groups'], typesOf: ['storage'] },
  // Neither of these two may reach code that writes: no provisioning, groups, litellm or queue.
  home: { rooms: ['model', 'platform', 'session'], typesOf: ['storage'] },
  web: {
    rooms: ['model', 'session', 'telemetry'],
    typesOf: ['home'],
    packages: ['node:crypto'],
    packageTypes: ['@azure/functions'],
    folders: ['pages'],
  },
};

/** The second bundle, loaded at run time where something is exported (docs/decisions/0010-telemetry.md). */
const telemetryExportPackages = [
  '@azure/monitor-opentelemetry-exporter',
  '@opentelemetry/api',
  '@opentelemetry/core',
  '@opentelemetry/exporter-metrics-otlp-http',
  '@opentelemetry/exporter-metrics-otlp-proto',
  '@opentelemetry/exporter-trace-otlp-http',
  '@opentelemetry/exporter-trace-otlp-proto',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-metrics',
  '@opentelemetry/sdk-trace-base',
  'node:async_hooks',
];

const noTelemetryExport = {
  regex: '/telemetry/export/|^[.]/export/',
  message: 'The telemetry bundle is loaded at run time. Nothing imports it.',
};
const noTest = { regex: '/test/', message: 'Nothing imports test.' };
const noDev = { regex: '/dev/', message: 'Nothing but tests imports dev.' };
const noCli = { regex: '/cli/', message: 'Nothing but tests imports cli.' };
const foldersOf = (names: readonly string[]): string[] => names.map((name) => `**/${name}/**`);

/** Matches an import from one of the rooms, or of one of the packages. */
function regexOf(names: readonly string[], packages: readonly string[]): string {
  return [...names.map((name) => `/${name}/`), ...packages.map((name) => `^${name}$`)].join('|');
}

/** `own`: how a file of `files` writes an import of its own room. A later override replaces an earlier one, so each is whole. */
function wall(files: string, room: Room, own: readonly string[]): OxlintOverride {
  const { rooms: values, typesOf = [], packages = [], packageTypes = [] } = room;
  const allowed = [...own, ...foldersOf([...values, ...typesOf]), ...packages, ...packageTypes];
  const onlyTypes = {
    regex: regexOf(typesOf, packageTypes),
    allowTypeImports: true,
    message: `Only \`import type\` from there in ${files}.`,
  };
  const patterns = [
    // Regular expressions come first: what a later group allows with `!` is not looked at again.
    ...(files.includes('/export/') ? [] : [noTelemetryExport]),
    ...(onlyTypes.regex === '' ? [] : [onlyTypes]),
    { group: ['*', ...allowed.map((pattern) => `!${pattern}`)], message: `Not allowed in ${files}.` },
  ];
  return { files: [files], rules: { 'no-restricted-imports': ['error', { patterns }] } };
}

const roomWalls = Object.entries(rooms).flatMap(([name, room]) => [
  wall(`shared/${name}/*.ts`, room, ['./**']),
  ...(room.folders ?? []).map((folder) =>
    wall(`shared/${name}/${folder}/**`, room, ['./**', '../*.ts', `../../${name}/**`]),
  ),
]);

const everyRoom = Object.keys(rooms);
const composition = { rooms: everyRoom, packages: ['node:crypto', 'node:timers/promises'] };
const subjects = everyRoom.filter((name) => !['platform', 'config', 'storage', 'microsoft'].includes(name));

export default defineConfig({
  plugins: ['typescript', 'unicorn', 'oxc', 'import', 'promise', 'node', 'vitest'],
  categories: { correctness: 'error', suspicious: 'error', perf: 'error' },
  options: { typeAware: true },
  env: { node: true, es2024: true },
  ignorePatterns: ['dist', '.local', '.cache', 'node_modules'],
  rules: {
    'typescript/no-explicit-any': 'error',
    'typescript/no-non-null-assertion': 'error',
    'typescript/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
    'typescript/consistent-type-imports': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/await-thenable': 'error',
    'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    'typescript/only-throw-error': 'error',
    'typescript/return-await': ['error', 'in-try-catch'],
    'typescript/no-unsafe-argument': 'error',
    'typescript/no-unsafe-assignment': 'error',
    'typescript/no-unsafe-call': 'error',
    'typescript/no-unsafe-member-access': 'error',
    'typescript/no-unsafe-return': 'error',
    eqeqeq: 'error',
    'no-console': 'error',
    'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
    'max-params': ['error', { max: 3 }],
    'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
    'no-await-in-loop': 'off',
    'no-underscore-dangle': 'off',
    'import/no-unassigned-import': 'off',
    'import/no-default-export': 'error',
    'import/no-cycle': 'error',
    'import/no-dynamic-require': ['error', { esmodule: true }],
    'unicorn/no-array-sort': 'off',
    'promise/valid-params': 'off',
    'vitest/valid-expect': ['error', { maxArgs: 2 }],
    'oxc/no-map-spread': 'off',
    'unicorn/consistent-function-scoping': 'off',
  },
  overrides: [
    {
      files: ['cli/**', 'dev/**', 'terminal/**', 'test/**', '*.config.ts'],
      rules: { 'no-console': 'off', 'import/no-dynamic-require': 'off' },
    },
    {
      files: ['**/*.mjs'],
      rules: {
        'typescript/no-unsafe-argument': 'off',
        'typescript/no-unsafe-assignment': 'off',
        'typescript/no-unsafe-call': 'off',
        'typescript/no-unsafe-member-access': 'off',
        'typescript/no-unsafe-return': 'off',
      },
    },
    { files: ['test/**'], rules: { 'max-lines-per-function': 'off', 'max-lines': 'off' } },
    { files: ['*.config.ts'], rules: { 'import/no-default-export': 'off' } },
    {
      // From `{ z }` the bundle carries all of zod, its translations too (docs/decisions/0002-tools-and-dependencies.md).
      files: ['shared/**'],
      rules: {
        'unicorn/import-style': [
          'error',
          { extendDefaultStyles: false, styles: { 'zod/mini': { namespace: true, named: false } } },
        ],
      },
    },
    ...roomWalls,
    wall('shared/telemetry/export/**', { rooms: [], packages: telemetryExportPackages }, ['./**', '../*.ts']),
    // Runs in the browser, so it takes nothing but types from outside.
    wall('shared/web/pages/client/**', { rooms: [], typesOf: ['model'] }, ['./**']),
    wall('shared/app.ts', composition, ['./app/**']),
    wall('shared/app/**', composition, ['./**']),
    // Entry files do not know each other.
    wall('functions/**', { rooms: subjects, packages: ['@azure/functions'] }, ['../shared/app.ts']),
    {
      files: ['cli/**'],
      rules: { 'no-restricted-imports': ['error', { patterns: [noTelemetryExport, noTest, noDev] }] },
    },
    {
      // What the commands of cli and dev share, so that it knows neither of them.
      files: ['terminal/**'],
      rules: { 'no-restricted-imports': ['error', { patterns: [noTelemetryExport, noTest, noDev, noCli] }] },
    },
    {
      files: ['dev/**'],
      rules: { 'no-restricted-imports': ['error', { patterns: [noTelemetryExport, noTest, noCli] }] },
    },
  ],
});
