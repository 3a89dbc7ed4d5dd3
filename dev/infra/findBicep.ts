/**
 * Finds the real Bicep compiler: on the PATH, else the Azure CLI's, else out of NuGet through `dotnet` (once, into
 * `.cache/` of the repository). Nothing of it needs Azure.
 */
import { execFile } from 'node:child_process';
import { access, chmod, constants, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What NuGet is asked for. A newer one may know more rules, so it is a decision and not a range. */
export const PINNED_VERSION = '0.49.2';
/** The first that answers `bicep/getSnapshot`. */
const LEAST_VERSION = [0, 36, 1] as const;
const RESTORE_TIMEOUT_MS = 120_000;

export const cacheDir = resolve(import.meta.dirname, '../../.cache/bicep');

export interface BicepCli {
  readonly path: string;
  readonly version: string;
  /** In words, for the output of the check. */
  readonly source: string;
}

export interface BicepSearch {
  readonly cli?: BicepCli;
  /** What was tried and why it did not do, one line each. */
  readonly tried: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

interface Candidate {
  readonly source: string;
  readonly find: (environment: Environment) => Promise<string | undefined>;
}

const candidates: readonly Candidate[] = [
  { source: 'bicep on the PATH', find: async (environment) => findOnPath('bicep', environment) },
  { source: 'az bicep', find: findOfAzureCli },
  { source: `NuGet (${PINNED_VERSION}) through dotnet`, find: restoreFromNuGet },
];

/**
 * Gives the first compiler that runs and is new enough, and what was tried before it. `environment` says where to look (`PATH`,
 * `AZURE_CONFIG_DIR`). Never throws.
 */
export async function findBicep(environment: Environment = process.env): Promise<BicepSearch> {
  const tried: string[] = [];
  for (const { source, find } of candidates) {
    try {
      const path = await find(environment);
      if (path === undefined) {
        tried.push(`${source}: not there`);
        continue;
      }
      const version = await readVersion(path);
      if (isNewEnough(version)) return { cli: { path, version, source }, tried };
      tried.push(`${source}: version ${version} is older than ${LEAST_VERSION.join('.')}`);
    } catch (error) {
      tried.push(`${source}: ${firstLine(error)}`);
    }
  }
  return { tried };
}

async function readVersion(path: string): Promise<string> {
  const { stdout } = await run(path, ['--version']);
  const version = /\d+\.\d+\.\d+/.exec(stdout)?.[0];
  if (version === undefined) throw new Error('it does not say its version');
  return version;
}

function isNewEnough(version: string): boolean {
  const parts = version.split('.').map(Number);
  for (const [index, least] of LEAST_VERSION.entries()) {
    const part = parts[index] ?? 0;
    if (part !== least) return part > least;
  }
  return true;
}

async function findOnPath(name: string, environment: Environment): Promise<string | undefined> {
  const names = process.platform === 'win32' ? [`${name}.exe`, `${name}.cmd`] : [name];
  for (const dir of (environment['PATH'] ?? '').split(delimiter)) {
    for (const each of names) if (await isExecutable(join(dir, each))) return join(dir, each);
  }
  return undefined;
}

/** `az bicep` keeps its compiler beside its configuration, where it can be run without it. */
async function findOfAzureCli(environment: Environment): Promise<string | undefined> {
  const dir = environment['AZURE_CONFIG_DIR'] ?? join(homedir(), '.azure');
  const path = join(dir, 'bin', process.platform === 'win32' ? 'bicep.exe' : 'bicep');
  return (await isExecutable(path)) ? path : undefined;
}

/**
 * Gives the path of the pinned compiler, restored once. `undefined` where NuGet has none for this platform or there is no `dotnet` on
 * the PATH; throws where the restore fails.
 */
export async function restoreFromNuGet(environment: Environment): Promise<string | undefined> {
  const platform = nuGetPlatform();
  const dotnet = await findOnPath('dotnet', environment);
  if (platform === undefined || dotnet === undefined) return undefined;
  const id = `Azure.Bicep.CommandLine.${platform}`;
  const tool = join('packages', id.toLowerCase(), PINNED_VERSION, 'tools', `bicep${exeSuffix()}`);
  const kept = join(cacheDir, PINNED_VERSION);
  if (await isExecutable(join(kept, tool))) return join(kept, tool);
  await mkdir(cacheDir, { recursive: true });
  // Restored beside it and then moved into place: two checks at a time never see half a package.
  const dir = await mkdtemp(join(cacheDir, 'restore-'));
  try {
    await writeFile(join(dir, 'bicep.csproj'), projectFile(id));
    const restore = ['restore', 'bicep.csproj', '--packages', 'packages', '--nologo', '--verbosity', 'quiet'];
    await run(dotnet, restore, { cwd: dir, timeout: RESTORE_TIMEOUT_MS });
    await chmod(join(dir, tool), 0o755);
    await rename(dir, kept).catch(async (error: unknown) => {
      if (!(await isExecutable(join(kept, tool)))) throw error;
    });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  return join(kept, tool);
}

/** NuGet's names of what Node calls the platform. */
const platformNames: ReadonlyMap<string, string> = new Map([
  ['linux', 'linux'],
  ['darwin', 'osx'],
  ['win32', 'win'],
]);

function nuGetPlatform(): string | undefined {
  const system = platformNames.get(process.platform);
  const isKnownMachine = process.arch === 'x64' || process.arch === 'arm64';
  return system === undefined || !isKnownMachine ? undefined : `${system}-${process.arch}`;
}

function exeSuffix(): string {
  return process.platform === 'win32' ? '.exe' : '';
}

/** A project that is never built: it only names the package, so no framework has to come with it. */
function projectFile(id: string): string {
  return `<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <TargetFramework>netstandard2.0</TargetFramework>
    <DisableImplicitFrameworkReferences>true</DisableImplicitFrameworkReferences>
  </PropertyGroup>
  <ItemGroup>
    <PackageDownload Include="${id}" Version="[${PINNED_VERSION}]" />
  </ItemGroup>
</Project>
`;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n')[0] ?? '';
}
