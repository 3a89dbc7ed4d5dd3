/**
 * Finds the pinned Bicep compiler. It looks on the PATH, then in the Azure CLI's folder. Otherwise it restores the compiler from
 * NuGet through `dotnet`, once, into `.cache/` of the repository. None of this needs access to Azure.
 */
import { execFile } from 'node:child_process';
import { access, chmod, constants, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { CommandError } from '../../terminal/commandError.ts';

const run = promisify(execFile);

/** The only version that the check accepts. Other versions compile to different JSON and have different linter rules. */
export const PINNED_VERSION = '0.49.2';
const RESTORE_TIMEOUT_MS = 120_000;
const cacheDir = resolve(import.meta.dirname, '../../.cache/bicep');
const exeSuffix = process.platform === 'win32' ? '.exe' : '';

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

export interface BicepSearch {
  /** The path of the pinned compiler. Absent if this machine has none. */
  readonly path?: string;
  /** The sources that were tried before and why each was not used, one line each. */
  readonly tried: readonly string[];
}

/**
 * Returns the first compiler of the pinned version, and the sources that were tried before. `environment` determines where to
 * look (`PATH`, `AZURE_CONFIG_DIR`). Never throws.
 */
export async function findBicep(environment: Environment = process.env): Promise<BicepSearch> {
  const tried: string[] = [];
  for (const { source, find } of candidates) {
    try {
      const path = await find(environment);
      const version = path === undefined ? undefined : await readVersion(path);
      if (path !== undefined && version === PINNED_VERSION) return { path, tried };
      tried.push(`${source}: ${version === undefined ? 'not found' : `version ${version}`}`);
    } catch (error) {
      tried.push(`${source}: ${firstLine(error)}`);
    }
  }
  return { tried };
}

/** Returns the path of the pinned compiler. Throws an Error that lists the tried sources and says how to get the compiler. */
export async function requireBicep(environment: Environment = process.env): Promise<string> {
  const { path, tried } = await findBicep(environment);
  if (path !== undefined) return path;
  throw new CommandError(
    [
      `The template was not checked, because the check needs exactly the Bicep compiler ${PINNED_VERSION}.`,
      ...tried.map((line) => `  ${line}`),
      'Install the .NET SDK, through which this check restores that version, or put that version on the PATH.',
    ].join('\n'),
  );
}

async function readVersion(path: string): Promise<string> {
  const { stdout } = await run(path, ['--version']);
  return /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? 'unknown';
}

async function findOnPath(name: string, environment: Environment): Promise<string | undefined> {
  const names = process.platform === 'win32' ? [`${name}.exe`, `${name}.cmd`] : [name];
  for (const dir of (environment['PATH'] ?? '').split(delimiter)) {
    for (const each of names) if (await isExecutable(join(dir, each))) return join(dir, each);
  }
  return undefined;
}

/** Finds the compiler that `az bicep` keeps in the Azure CLI's configuration folder. It also runs without the Azure CLI. */
async function findOfAzureCli(environment: Environment): Promise<string | undefined> {
  const dir = environment['AZURE_CONFIG_DIR'] ?? join(homedir(), '.azure');
  const path = join(dir, 'bin', `bicep${exeSuffix}`);
  return (await isExecutable(path)) ? path : undefined;
}

/** Restores the pinned compiler once. Returns undefined if NuGet has none for this platform or `dotnet` isn't on the PATH. */
async function restoreFromNuGet(environment: Environment): Promise<string | undefined> {
  const system = platformNames.get(process.platform);
  const dotnet = await findOnPath('dotnet', environment);
  if (system === undefined || dotnet === undefined) return undefined;
  const id = `Azure.Bicep.CommandLine.${system}-${process.arch}`;
  const tool = join('packages', id.toLowerCase(), PINNED_VERSION, 'tools', `bicep${exeSuffix}`);
  const kept = join(cacheDir, PINNED_VERSION);
  if (await isExecutable(join(kept, tool))) return join(kept, tool);
  await mkdir(cacheDir, { recursive: true });
  // Restores into a temporary folder and then moves it, so that another check at the same time never sees half a package.
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

/** NuGet's platform names, by Node's. */
const platformNames: ReadonlyMap<string, string> = new Map([
  ['linux', 'linux'],
  ['darwin', 'osx'],
  ['win32', 'win'],
]);

/** Returns a project that only names the package. It is never built, so it needs no framework. */
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
