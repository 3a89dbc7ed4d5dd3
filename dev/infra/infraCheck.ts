/**
 * Collects the values that the infrastructure check compares: the compiled template, the predicted deployments, and other files.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { type BicepServer, startBicepServer } from './bicepServer.ts';
import { isObject, type Json, normalize, parseJson, type Snapshots } from './snapshots.ts';
import { CommandError } from '../../terminal/commandError.ts';

const run = promisify(execFile);

export const repositoryDir = resolve(import.meta.dirname, '../..');
export const snapshotsDir = join(repositoryDir, 'infra/snapshots');

/** A made-up target, because Azure computes names from the subscription. */
const place = {
  tenantId: '11111111-2222-4333-8444-555555555555',
  subscriptionId: '99999999-8888-4777-8666-555555555555',
  location: 'swedencentral',
} as const;

/** The variables that azd sets before it reads `main.bicepparam`, with the values of `infra/check/default.bicepparam`. */
const azdEnvironment = { AZURE_ENV_NAME: 'contoso', AZURE_LOCATION: 'swedencentral' } as const;

export interface InfraCheck {
  readonly server: BicepServer;
  /** Returns the absolute path of a file in the compiler's copy of `infra/`. */
  path(file: string): string;
  /** Copies `infra/` to the compiler again, after a change to it. */
  refresh(): void;
  /** Compiles `main.bicep`. Throws an Error with all diagnostics, including the linter's. */
  compile(): Promise<Json>;
  /**
   * Returns the current state of everything that is compared. The deployment `main` is the one that azd makes without any choice.
   * Throws an Error if a file does not compile.
   */
  makeSnapshots(): Promise<Snapshots>;
  stop(): Promise<void>;
}

/**
 * Starts a compiler on a copy of `infra/` in `root`. Two things differ in the copy. It uses the Microsoft Graph types in
 * `infra/check/microsoftgraph-v1.0`, because their registry may be unreachable. And every warning of the linter is an error
 * (`infra/check/strictRules.json`). The caller stops the compiler.
 */
export async function startInfraCheck(bicepPath: string, root = repositoryDir): Promise<InfraCheck> {
  const dir = mkdtempSync(join(tmpdir(), 'infra-check-'));
  const path = (file: string): string => join(dir, file);
  const refresh = (): void => {
    cpSync(join(root, 'infra'), dir, { recursive: true });
    writeFileSync(path('bicepconfig.json'), offlineConfig(dir));
  };
  refresh();
  const types = path('check/microsoftgraph-v1.0/index.json');
  await run(bicepPath, ['publish-extension', types, '--target', path('graph.tgz')]);
  // The developer's own environment variables must not become choices of the deployment.
  const variables = readFileSync(path('main.bicepparam'), 'utf8').matchAll(
    /readEnvironmentVariable\('(\w+)'/g,
  );
  const unset = Object.fromEntries([...variables].map(([, name = '']) => [name, undefined]));
  const server = startBicepServer(bicepPath, { ...unset, ...azdEnvironment });
  const compile = async (): Promise<Json> => compileTemplate(server, path('main.bicep'));
  const predict = async (): Promise<Snapshots> => {
    const predictions = new Map<string, Json>();
    for (const file of listParameterFiles(root)) {
      const text = await server.predict(path(file), place);
      predictions.set(basename(file, '.bicepparam'), normalize(parseJson(shortenReferences(text))));
    }
    return predictions;
  };
  const makeSnapshots = async (): Promise<Snapshots> =>
    new Map([
      ['template.json', normalize(await compile())],
      ...describePredictions(await predict()),
      ...describeFiles(root),
    ]);
  const stop = async (): Promise<void> => {
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  return { server, path, refresh, compile, makeSnapshots, stop };
}

const bicepConfigSchema = z.looseObject({ extensions: z.object({ microsoftGraphV1: z.string() }) });
const strictRulesSchema = z.strictObject({ analyzers: z.json() });

/** Reads the linter's rules of the check, each of which is an error. */
function parseRules(text: string): z.infer<typeof strictRulesSchema> {
  return strictRulesSchema.parse(JSON.parse(text));
}

function offlineConfig(dir: string): string {
  const config = bicepConfigSchema.parse(JSON.parse(readFileSync(join(dir, 'bicepconfig.json'), 'utf8')));
  return JSON.stringify({
    ...config,
    extensions: { microsoftGraphV1: './graph.tgz' },
    // Not in the file that is shipped: azd chooses the compiler, and a new rule of its linter must not stop a deployment.
    ...parseRules(readFileSync(join(dir, 'check/strictRules.json'), 'utf8')),
    // The cache in the home folder may be in use by another check.
    cacheRootDirectory: join(dir, '.modules'),
  });
}

async function compileTemplate(server: BicepServer, file: string): Promise<Json> {
  const { contents, diagnostics } = await server.compile(file);
  if (typeof contents === 'string' && diagnostics.length === 0) return parseJson(contents);
  const lines = diagnostics.map(
    ({ source, level, code, message, range }) =>
      `  ${basename(source)}:${range.start.line + 1} ${level} ${code}: ${message}`,
  );
  throw new CommandError(['The template does not compile without a warning:', ...lines].join('\n'));
}

/** Returns the parameter files in `infra/`, the default first. */
export function listParameterFiles(root = repositoryDir): readonly string[] {
  const checked = readdirSync(join(root, 'infra/check')).filter((file) => file.endsWith('.bicepparam'));
  const others = checked.filter((file) => file !== 'default.bicepparam').sort();
  return ['check/default.bicepparam', ...others.map((file) => `check/${file}`), 'main.bicepparam'];
}

/** Shortens `reference(…)` of a module's deployment to `reference('module')`, because its name is computed while deploying. */
function shortenReferences(text: string): string {
  return text.replaceAll(
    /reference\(resourceId\('[^']*', '[^']*', 'Microsoft\.Resources\/deployments', format\('(\w+)-\{0\}', uniqueString\('\1', deployment\(\)\.name\)\)\), '[\d-]+'\)/g,
    "reference('$1')",
  );
}

/**
 * Returns the snapshots of the predicted deployments. The default is complete. The others only name the resources that equal the
 * default's, so they stay small and show the effect of each choice. A change to such a resource still shows in the default.
 */
function describePredictions(predictions: Snapshots): Snapshots {
  const usual = resourcesOf(predictions.get('default'));
  return new Map(
    [...predictions].map(([name, each]) => {
      const file = `deployments/${name}.json`;
      if (name === 'default' || !isObject(each)) return [file, each];
      const resources = Object.entries(resourcesOf(each)).map(([id, resource]) => {
        const isUsual = JSON.stringify(resource) === JSON.stringify(usual[id]);
        return [id, isUsual ? 'as in default.json' : resource] as const;
      });
      return [file, { ...each, predictedResources: Object.fromEntries(resources) }];
    }),
  );
}

function resourcesOf(snapshot: Json | undefined): Readonly<Record<string, Json>> {
  const resources = isObject(snapshot) ? snapshot['predictedResources'] : undefined;
  return isObject(resources) ? resources : {};
}

/** Returns the other files that determine the deployment, parsed, so that their comments and layout don't count. */
function describeFiles(root: string): Snapshots {
  const read = (file: string): string => readFileSync(join(root, file), 'utf8');
  const workflows = readdirSync(join(root, '.github/workflows')).sort();
  const yaml = (file: string): Json => parseJson(JSON.stringify(parseYaml(read(file))));
  const parsed: readonly (readonly [string, Json])[] = [
    ['host.json', parseJson(read('host.json'))],
    ['bicepconfig.json', parseJson(read('infra/bicepconfig.json'))],
    ['strictRules.json', parseJson(read('infra/check/strictRules.json'))],
    ['azure.yaml.json', yaml('azure.yaml')],
    ['funcignore.json', linesOf(read('.funcignore'))],
    ['main.bicepparam.json', linesOf(read('infra/main.bicepparam'))],
    ...workflows.map((file) => [`workflows/${file}.json`, yaml(`.github/workflows/${file}`)] as const),
  ];
  return new Map(parsed.map(([file, value]) => [`files/${file}`, normalize(value)]));
}

/** Returns the lines that are neither empty nor a comment. */
function linesOf(text: string): readonly string[] {
  return text.split(/\r?\n/).filter((line) => line.trim() !== '' && !/^(?:#|\/\/)/.test(line));
}
