/** The walls as a table: who may import whom, and which packages. `docs/decisions/0001-import-walls.md` says why. */

/** What the files of one room may import. A room may always import its own files, unless it says otherwise. */
export interface Room {
  /** Rooms whose values and types it may import; `everything in shared` says what it says. */
  readonly rooms: readonly string[];
  /** Rooms of which it may only `import type`. */
  readonly typesOf?: readonly string[];
  /** npm packages, and Node's own modules as `node:…` (`node:*` for all). */
  readonly packages: readonly string[];
  /** Packages of which it may only `import type`. */
  readonly packageTypes?: readonly string[];
  /** Its files do not know each other. */
  readonly isSeparate?: true;
  /** It is a bundle of its own, so nobody may import it. */
  readonly isBundle?: true;
}

/** A file `shared/X.ts` and a folder `shared/X/` are the room X. `shared/storePorts.ts` and `shared/proxyPorts.ts` belong to `ports`. */
export const rooms: Readonly<Record<string, Room>> = {
  functions: {
    rooms: ['app', 'flows', 'pages', 'http', 'session', 'messages', 'errors', 'telemetry'],
    packages: ['@azure/functions'],
    isSeparate: true,
  },
  app: { rooms: ['everything in shared'], packages: ['node:*'] },
  // To hash, as in `domain`; what is random comes in from outside.
  flows: { rooms: ['domain', 'ports', 'session', 'messages', 'errors'], packages: ['node:crypto'] },
  adapters: {
    rooms: ['ports', 'domain', 'errors'],
    typesOf: ['config'],
    packages: [
      '@azure/core-rest-pipeline',
      '@azure/data-tables',
      '@azure/msal-node',
      '@azure/storage-queue',
      '@microsoft/microsoft-graph-client',
      'jose',
      'node:*',
      'zod',
    ],
    // The type of a credential in Azure's own packages, which bring it.
    packageTypes: ['@azure/core-auth'],
  },
  domain: { rooms: ['errors'], packages: ['node:crypto'] },
  pages: { rooms: [], typesOf: ['domain', 'errors'], packages: [] },
  session: {
    rooms: ['domain', 'errors'],
    typesOf: ['ports', 'config'],
    packages: ['jose', 'node:crypto', 'zod'],
  },
  messages: { rooms: ['domain', 'errors'], typesOf: ['ports'], packages: ['jose', 'node:crypto', 'zod'] },
  http: {
    rooms: ['errors', 'pages', 'session', 'telemetry'],
    typesOf: ['domain', 'config'],
    packages: ['node:crypto', 'zod'],
    packageTypes: ['@azure/functions'],
  },
  telemetry: { rooms: ['errors'], typesOf: ['ports'], packages: [], packageTypes: ['@azure/functions'] },
  // Loaded at run time, where something is exported (docs/decisions/0010-telemetry.md).
  openTelemetry: {
    rooms: ['telemetry'],
    packages: [
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
    ],
    isBundle: true,
  },
  config: { rooms: ['domain', 'errors'], packages: ['zod'] },
  ports: { rooms: [], typesOf: ['domain', 'errors'], packages: [] },
  errors: { rooms: [], packages: [] },
};

/**
 * Who may use a folder under `shared/adapters`: the adapters that own it, by file name, or every adapter. A folder
 * that is not here may not exist.
 */
export const adapterFolders: Readonly<Record<string, readonly string[] | 'every adapter'>> = {
  tables: 'every adapter',
  requests: 'every adapter',
  entra: ['entraIdentity', 'managedIdentity'],
  graph: ['graphDirectory'],
  litellm: ['litellmProxy'],
};

/** Names under which anything fits, so that everything ends up there. */
export const grabBagNames: ReadonlySet<string> = new Set([
  'index',
  'util',
  'utils',
  'helper',
  'helpers',
  'common',
  'type',
  'types',
]);

/** Scripts that are sent to browsers; no module of ours. */
export const browserAssets = 'shared/pages/assets/';

/** Gives the room of a path (`functions`, `dev`, `test`, or one in `shared`), or undefined where it is in none. */
export function findRoom(path: string): string | undefined {
  const [top, second] = path.split('/');
  if (top === 'functions' || top === 'dev' || top === 'test') return top;
  if (top !== 'shared' || second === undefined) return undefined;
  const name = nameOf(second);
  if (name === 'storePorts' || name === 'proxyPorts') return 'ports';
  return Object.hasOwn(rooms, name) && name !== 'functions' ? name : undefined;
}

/** Gives a file's or folder's name without what follows the first dot. */
export function nameOf(segment: string): string {
  return segment.split('.')[0] ?? segment;
}
