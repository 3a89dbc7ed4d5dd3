/** The part of the check that needs the compiler. One compiler process serves all tests. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  type InfraCheck,
  listParameterFiles,
  repositoryDir,
  snapshotsDir,
  startInfraCheck,
} from '../../dev/infra/infraCheck.ts';
import { compare, parseJson, requireAccepted } from '../../dev/infra/snapshots.ts';
import { findTheCompiler } from './theCompiler.ts';

const bicep = await findTheCompiler();
const infraDir = join(repositoryDir, 'infra');
const bicepFiles = readdirSync(infraDir, { recursive: true, encoding: 'utf8' }).filter((file) =>
  /\.bicep(?:param)?$/.test(file),
);
const resourceGroup =
  '/subscriptions/99999999-8888-4777-8666-555555555555/resourceGroups/rg-contoso/providers';
const sources = ['infra', 'host.json', 'azure.yaml', '.funcignore', '.github'];

describe.skipIf(bicep === undefined)('the infrastructure', { timeout: 60_000 }, () => {
  /** A copy of the repository in which tests plant faults. */
  let root: string;
  let check: InfraCheck;
  let isPlanted = false;
  const restore = (): void => {
    for (const each of sources) cpSync(join(repositoryDir, each), join(root, each), { recursive: true });
  };

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'infra-test-'));
    restore();
    check = await startInfraCheck(bicep ?? '', root);
  }, 120_000);
  afterEach(() => {
    if (!isPlanted) return;
    restore();
    check.refresh();
    isPlanted = false;
  });
  afterAll(async () => {
    await check.stop();
    rmSync(root, { recursive: true, force: true });
  });

  it('matches infra/snapshots', async () => {
    const snapshots = await check.makeSnapshots();
    requireAccepted(snapshotsDir, snapshots);
    expect(snapshots.size).toBeGreaterThan(15);
  });

  it.each(listParameterFiles())('compiles %s without a warning', async (file) => {
    const { success, diagnostics } = await check.server.compileParams(check.path(file));
    expect({ success, diagnostics }).toEqual({ success: true, diagnostics: [] });
  });

  it.each(bicepFiles)('is formatted: %s', async (file) => {
    expect(await check.server.format(check.path(file))).toBe(readFileSync(join(infraDir, file), 'utf8'));
  });

  /** Replaces a text in a file of the copy. */
  const plant = (file: string, text: string, fault: string): void => {
    const source = readFileSync(join(root, file), 'utf8');
    expect(source).toContain(text);
    writeFileSync(
      join(root, file),
      source.replace(text, () => fault),
    );
    isPlanted = true;
    check.refresh();
  };

  it.each([
    {
      what: 'a misspelt Graph property',
      module: 'entra',
      text: 'groupMembershipClaims:',
      fault: 'groupMembershipClaim:',
    },
    { what: 'a Graph property of the wrong type', module: 'entra', text: "'AzureADMyOrg'", fault: '5' },
    {
      what: 'a misspelt Azure property',
      module: 'storage',
      text: 'allowSharedKeyAccess:',
      fault: 'allowSharedKeyAcces:',
    },
    {
      what: 'a parameter without description',
      module: 'identity',
      text: "@description('Region of the identity.')\n",
      fault: '',
    },
  ])('does not compile with $what', async ({ module, text, fault }) => {
    plant(`infra/app/${module}.bicep`, text, fault);
    await expect(check.compile()).rejects.toThrow('The template does not compile without a warning:\n  ');
  });

  it('reports every change by its place, except a change of a comment', async () => {
    plant('infra/main.bicep', '// The host reads storage', '// Something else. The host reads storage');
    plant('azure.yaml', '# Azure Developer CLI', '# Something else');
    plant('infra/main.bicep', '@maxLength(24)\n', '');
    plant('infra/main.bicep', 'if (assignRoles) ', 'if (assignRoles || vnetEnabled) ');
    plant('infra/main.bicep', '  dependsOn: [roles]\n', '');
    plant('infra/app/storage.bicep', 'allowBlobPublicAccess: false', 'allowBlobPublicAccess: true');
    plant('infra/check/network.bicepparam', 'vnetEnabled = true', 'vnetEnabled = false');
    plant('infra/main.bicepparam', "'40'", "'400'");
    plant(
      'infra/check/strictRules.json',
      '"max-outputs": { "level": "error" }',
      '"max-outputs": { "level": "info" }',
    );
    plant('host.json', '"maxDequeueCount": 5', '"maxDequeueCount": 4');
    plant('azure.yaml', 'remoteBuild: false', 'remoteBuild: true');
    plant('.funcignore', 'dev/\n', '');
    plant('.github/workflows/check.yml', '  pull_request:\n', '');
    plant('.github/workflows/deploy.yml', '      id-token: write\n', '');
    const snapshots = await check.makeSnapshots();
    const named = [...snapshots].map(([file, now]): readonly [string, readonly string[]] => {
      const accepted = parseJson(readFileSync(join(snapshotsDir, file), 'utf8'));
      return [file, compare(accepted, now).map(({ path }) => path)];
    });
    const storage = `$.predictedResources["${resourceGroup}/Microsoft.Storage/storageAccounts/st7qyfx5j7g2pgy"]`;
    const places = Object.fromEntries(named);
    expect(places['deployments/network.json']).toContain('$.outputs.DEPLOYED_OUTBOUND_ADDRESS');
    expect(places).toMatchObject({
      'template.json': [
        '$.parameters.storageAccountName.maxLength',
        '$.resources.functionApp.dependsOn[5]',
        '$.resources.roles.condition',
        '$.resources.storage.properties.template.resources.account.properties.allowBlobPublicAccess',
      ],
      'deployments/default.json': [`${storage}.properties.allowBlobPublicAccess`],
      // A resource that equals the default's is compared only in the default.
      'deployments/flagOn.json': [],
      'deployments/main.json': [
        `$.predictedResources["${resourceGroup}/Microsoft.Web/sites/func-7qyfx5j7g2pgy"]`,
      ],
      'files/strictRules.json': ['$.analyzers.core.rules["max-outputs"].level'],
      'files/host.json': ['$.extensions.queues.maxDequeueCount'],
      'files/azure.yaml.json': ['$.services.app.remoteBuild'],
      'files/funcignore.json': ['$[11]'],
      'files/main.bicepparam.json': ['$[8]'],
      'files/workflows/check.yml.json': ['$.on.pull_request'],
      'files/workflows/deploy.yml.json': ['$.jobs.deploy.permissions["id-token"]'],
    });
  });

  it.each([
    ['environmentName', "''"],
    ['environmentName', `'${'e'.repeat(41)}'`],
    ['location', "'atlantis'"],
    ['resourceGroupName', `'${'g'.repeat(91)}'`],
    ['functionAppName', `'${'f'.repeat(61)}'`],
    ['storageAccountName', `'${'s'.repeat(25)}'`],
    ['maximumInstanceCount', '0'],
    ['maximumInstanceCount', '1001'],
    ['instanceMemoryMB', '1024'],
    ['httpAlwaysReady', '1001'],
    ['httpPerInstanceConcurrency', '1001'],
    ['storageSku', "'Premium_LRS'"],
    ['logRetentionDays', '29'],
    ['logRetentionDays', '731'],
    ['entraUniqueName', `'${'u'.repeat(121)}'`],
    ['entraDisplayName', "''"],
    ['publicUrl', `'https://${'h'.repeat(250)}'`],
  ])('refuses what Azure refuses: %s = %s', async (parameter, value) => {
    const given = new Map([
      ['environmentName', "'contoso'"],
      ['location', "'westeurope'"],
    ]);
    const lines = [...given.set(parameter, value)].map(([name, each]) => `param ${name} = ${each}\n`);
    const file = check.path('check/refused.bicepparam');
    writeFileSync(file, `using '../main.bicep'\n${lines.join('')}`);
    const { diagnostics } = await check.server.compileParams(file);
    rmSync(file);
    expect(diagnostics.map(({ level }) => level)).toEqual(['Error']);
  });

  it('passes each choice in the azd environment to the parameter of its name', async () => {
    const wanted: Record<string, unknown> = {};
    for (const file of listParameterFiles().filter((each) => each.startsWith('check/'))) {
      Object.assign(wanted, await readParameters(check, file));
    }
    const file = check.path('main.bicepparam');
    const chosen = readFileSync(file, 'utf8').replaceAll(
      /readEnvironmentVariable\('(\w+)'(?:, '[^']*')?\)/g,
      (_call, variable: string) => `'${choiceOf(wanted, variable)}'`,
    );
    writeFileSync(file, chosen);
    expect(await readParameters(check, 'main.bicepparam')).toEqual(wanted);
    expect(Object.keys(wanted).length).toBeGreaterThan(35);
  });
});

const parametersSchema = z.object({ parameters: z.record(z.string(), z.object({ value: z.json() })) });

async function readParameters(check: InfraCheck, file: string): Promise<Record<string, unknown>> {
  const { parameters, diagnostics } = await check.server.compileParams(check.path(file));
  expect(diagnostics.filter(({ level }) => level === 'Error')).toEqual([]);
  const { parameters: found } = parametersSchema.parse(JSON.parse(parameters ?? '{}'));
  return Object.fromEntries(Object.entries(found).map(([name, { value }]) => [name, value]));
}

/** Returns the value of a variable's parameter. The variable `HTTP_ALWAYS_READY` is the parameter `httpAlwaysReady`. */
function choiceOf(wanted: Readonly<Record<string, unknown>>, variable: string): string {
  const own = new Map([
    ['AZURE_ENV_NAME', 'environmentName'],
    ['AZURE_LOCATION', 'location'],
  ]);
  const upper = variable.replaceAll('_', '');
  const value =
    wanted[own.get(variable) ?? Object.keys(wanted).find((name) => name.toUpperCase() === upper) ?? ''];
  return typeof value === 'string' ? value : JSON.stringify(value);
}
