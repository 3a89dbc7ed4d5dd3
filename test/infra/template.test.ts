import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBicepServer } from '../../dev/infra/bicepServer.ts';
import type { BicepServer } from '../../dev/infra/bicepServer.ts';
import { azdEnvironment } from '../../dev/infra/choices.ts';
import { compileParameters, compileTemplate, deployInTheory } from '../../dev/infra/deployInTheory.ts';
import { copyInfra, infraDir } from '../../dev/infra/infraCopy.ts';
import type { InfraCopy } from '../../dev/infra/infraCopy.ts';
import { place } from '../../dev/infra/standIns.ts';
import { resolveDeployment } from '../../dev/infra/resolveDeployment.ts';
import { findTheCompiler } from './theCompiler.ts';

const run = promisify(execFile);
const cli = await findTheCompiler();

const bicepFiles = ['.', 'app', 'check'].flatMap((folder) =>
  readdirSync(join(infraDir, folder))
    .filter((file) => file.endsWith('.bicep') || file.endsWith('.bicepparam'))
    .map((file) => join(folder, file)),
);

/** A compiler takes seconds to start, on a busy machine many of them. */
const timeout = 180_000;

describe.skipIf(cli === undefined)('the template', { timeout }, () => {
  let server: BicepServer;
  let copy: InfraCopy;

  beforeAll(async () => {
    const path = cli?.path ?? '';
    copy = await copyInfra(path, { linter: true });
    server = startBicepServer(path, azdEnvironment);
  }, timeout);
  afterAll(async () => {
    await server.stop();
    await copy.remove();
  });

  it('is linted, and built with the real Graph types, without a word', async () => {
    const env = { ...process.env, ...azdEnvironment };
    for (const command of [
      ['lint', copy.path('main.bicep')],
      ['lint', copy.path('main.bicepparam')],
      ['build', copy.path('main.bicep'), '--outfile', copy.path('main.json')],
    ]) {
      const { stdout, stderr } = await run(cli?.path ?? '', command, { env });
      expect({ command, stdout, stderr }).toEqual({ command, stdout: '', stderr: '' });
    }
  });

  it.each(bicepFiles.filter((file) => file.endsWith('.bicepparam')))(
    'compiles with %s without a diagnostic',
    async (file) => {
      const { success, diagnostics } = await server.compileParams(copy.path(file));
      expect({ success, diagnostics }).toEqual({ success: true, diagnostics: [] });
    },
  );

  it.each(bicepFiles)('is formatted: %s', async (file) => {
    const path = join(infraDir, file);
    expect(await server.format(path)).toBe(readFileSync(path, 'utf8'));
  });

  it.each([
    {
      what: 'a misspelt Graph property',
      file: 'app/entra.bicep',
      text: 'groupMembershipClaims:',
      fault: 'groupMembershipClaim:',
    },
    {
      what: 'a Graph property of the wrong type',
      file: 'app/entra.bicep',
      text: "signInAudience: 'AzureADMyOrg'",
      fault: 'signInAudience: 5',
    },
    {
      what: 'a misspelt Azure property',
      file: 'app/storage.bicep',
      text: 'allowSharedKeyAccess:',
      fault: 'allowSharedKeyAcces:',
    },
    {
      what: 'a parameter without description',
      file: 'app/identity.bicep',
      text: "@description('Region of the identity.')\n",
      fault: '',
    },
    {
      what: 'an output without description',
      file: 'app/identity.bicep',
      text: "@description('Resource id of the identity.')\n",
      fault: '',
    },
  ])('is refused with $what', async ({ file, text, fault }) => {
    const source = readFileSync(copy.path(file), 'utf8');
    expect(source).toContain(text);
    await writeFile(copy.path(file), source.replace(text, fault));
    try {
      const { success, diagnostics } = await server.compile(copy.path('main.bicep'));
      expect(success && diagnostics.length === 0).toBe(false);
    } finally {
      await cp(join(infraDir, file), copy.path(file));
    }
  });

  it('is the same with what azd knows at first as with nothing chosen', async () => {
    const template = await compileTemplate(server, copy);
    const parameters = await compileParameters(server, copy, 'default');
    const expected = await deployInTheory({ server, copy, name: 'default', template, parameters });
    const compiled = await server.compileParams(copy.path('main.bicepparam'));
    const snapshot = await server.snapshot(copy.path('main.bicepparam'), place);
    const actual = resolveDeployment({ snapshot, template, parameters: compiled.parameters ?? '' });
    expect(actual).toEqual(expected);
  });
});

describe('what is deployed', () => {
  it('takes the Graph extension from its official place', () => {
    const config: unknown = JSON.parse(readFileSync(join(infraDir, 'bicepconfig.json'), 'utf8'));
    expect(config).toMatchObject({
      extensions: {
        microsoftGraphV1: 'br:mcr.microsoft.com/bicep/extensions/microsoftgraph/v1.0:1.0.0',
      },
    });
  });

  it('is linted with every rule as an error', () => {
    const config = readFileSync(join(infraDir, 'bicepconfig.json'), 'utf8');
    const levels = [...config.matchAll(/"level": "(\w+)"/g)].map((found) => found[1]);
    expect(new Set(levels)).toEqual(new Set(['error']));
    expect(levels.length).toBeGreaterThan(45);
  });

  it('is not refused for the age of an API version, which grows by itself: an untouched build stays green', () => {
    const config: unknown = JSON.parse(readFileSync(join(infraDir, 'bicepconfig.json'), 'utf8'));
    expect(config).toMatchObject({
      analyzers: { core: { rules: { 'use-recent-api-versions': { maxAgeInDays: 3650 } } } },
    });
  });

  it('uses no preview of an API', () => {
    const template = bicepFiles.map((file) => readFileSync(join(infraDir, file), 'utf8')).join('\n');
    const versions = [...template.matchAll(/ '\w+\.\w+(?:\/\w+)+@([^']+)'/g)].map((found) => found[1] ?? '');
    expect(versions.length).toBeGreaterThan(20);
    expect(versions.filter((version) => !/^(?:\d{4}-\d{2}-\d{2}|v1\.0)$/.test(version))).toEqual([]);
  });

  it('can be chosen whole through the azd environment, and no output comes back as a choice', () => {
    const template = readFileSync(join(infraDir, 'main.bicep'), 'utf8');
    const choices = readFileSync(join(infraDir, 'main.bicepparam'), 'utf8');
    const namesIn = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((found) => found[1]);
    expect(namesIn(choices, /^param (\w+)/gm)).toEqual(namesIn(template, /^param (\w+)/gm));
    const variables = namesIn(choices, /readEnvironmentVariable\('(\w+)'/g);
    const outputs = namesIn(template, /^output (\w+)/gm);
    expect(outputs.filter((output) => variables.includes(output))).toEqual([]);
  });
});
