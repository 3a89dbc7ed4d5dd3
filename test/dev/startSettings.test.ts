import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readLocalSettings } from '../../terminal/localSettings.ts';
import {
  createStackSettings,
  requireValidSettings,
  usesEmulator,
  withSecretsOf,
} from '../../dev/stack/stackSettings.ts';
import { parseStartArguments } from '../../dev/stack/startArguments.ts';

let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'settings-'));
});

afterAll(async () => {
  await rm(dir, { recursive: true });
});

async function readFrom(text: string): Promise<unknown> {
  const file = join(dir, 'local.settings.json');
  await writeFile(file, text);
  return readLocalSettings(file);
}

describe('local.settings.json', () => {
  test('has no values if the file is missing', async () => {
    expect(await readLocalSettings(join(dir, 'none.json'))).toEqual({ values: {} });
  });

  test('has values and a port, also after a byte order mark', async () => {
    const text = JSON.stringify({ IsEncrypted: false, Values: { A: 'b' }, Host: { LocalHttpPort: 7072 } });
    expect(await readFrom(`\uFEFF${text}`)).toEqual({ values: { A: 'b' }, httpPort: 7072 });
  });

  test('has comments and trailing commas, as the Core Tools read it', async () => {
    const text = `// mine\n{ /* all */ "IsEncrypted": false,\n "Values": { "A": "b", // "C": "d"\n "URL": "http://x", },\n}`;
    expect(await readFrom(text)).toEqual({ values: { A: 'b', URL: 'http://x' } });
  });

  test('has no values if it is empty but for braces', async () => {
    expect(await readFrom('{}')).toEqual({ values: {} });
  });

  test.each([
    { name: 'a name that occurs twice', text: '{"Values":{"A":"1",\n"A":"2"}}', message: 'names "A" twice' },
    { name: 'a missing comma, with its line', text: '{\n"Values":{"A":"1"\n"B":"2"}}', message: 'in line 3' },
    { name: 'an empty file', text: '', message: 'is not JSON' },
    { name: 'what is not JSON', text: '{', message: 'is not JSON' },
    { name: 'a value that is not a string', text: '{"Values":{"A":1}}', message: 'Values' },
    { name: 'an encrypted file', text: '{"IsEncrypted":true}', message: 'is encrypted' },
  ])('refuses $name with the reason', async ({ text, message }) => {
    await expect(readFrom(text)).rejects.toThrow(message);
  });
});

describe('the command line', () => {
  test('has options and settings', () => {
    expect(
      parseStartArguments([
        '--port',
        '8080',
        '--reset',
        '--no-litellm',
        '--flag=false',
        '--PROXY_ADMIN_ID=c=d',
        '--AzureWebJobs.me.Disabled=1',
        '--directory=x.json',
      ]),
    ).toEqual({
      reset: true,
      verbose: false,
      litellm: false,
      port: 8080,
      directoryFile: 'x.json',
      settings: {
        ENTRA_GROUPS_ALSO_CREATE_ORGS: 'false',
        PROXY_ADMIN_ID: 'c=d',
        'AzureWebJobs.me.Disabled': '1',
      },
    });
  });

  test.each([
    { args: ['--port', 'x'], message: '--port needs a number' },
    { args: ['--directory'], message: '--directory needs a value' },
    { args: ['stray'], message: 'Unknown: stray' },
    { args: ['--PUBLIC_URL'], message: 'Unknown: --PUBLIC_URL' },
    { args: ['--ENTRA_GROUP_CLAIM=x'], message: 'Unknown: --ENTRA_GROUP_CLAIM=x' },
  ])('refuses $args', ({ args, message }) => {
    expect(() => parseStartArguments(args)).toThrow(message);
  });
});

describe('the app settings', () => {
  const parts = {
    url: 'http://localhost:1',
    storageConnectionString: 'ours',
    identity: {
      url: 'https://localhost:2',
      browserUrl: 'http://localhost:3',
      graphBaseUrl: 'https://localhost:2/graph/v1.0',
      caFile: 'ca.pem',
      tenantId: 't',
      clientId: 'c',
      clientSecret: 's',
      servicePrincipalId: 'p',
    },
  };

  test('prefer the developer’s own values, and accept the usual name of the storage emulator', () => {
    const settings = createStackSettings({
      ...parts,
      given: { PUBLIC_URL: 'http://other', AzureWebJobsStorage: 'UseDevelopmentStorage=true' },
    });
    expect(settings).toMatchObject({
      PUBLIC_URL: 'http://other',
      AzureWebJobsStorage: 'ours',
      DEVELOPMENT_GRAPH_URL: 'https://localhost:2/graph/v1.0',
    });
  });

  test.each([
    { given: {}, expected: true },
    { given: { MICROSOFT_TENANT: 'mine' }, expected: false },
    { given: { MICROSOFT_TENANT: 'mine', DEVELOPMENT_ENDPOINTS: 'True' }, expected: true },
    { given: { DEVELOPMENT_ENDPOINTS: 'false' }, expected: false },
  ])('use the emulator with $given: $expected', ({ given, expected }) => {
    expect(usesEmulator(given)).toBe(expected);
    expect('DEVELOPMENT_ENTRA_URL' in createStackSettings({ ...parts, given })).toBe(expected);
  });
  test.each([
    [
      { MEMBERSHIP_SYNC_MODE: 'foo' },
      /1 setting is not valid:\n {2}MEMBERSHIP_SYNC_MODE: got "foo"; expected `full`/,
    ],
    [{ ROLE_MAPPINGS: '{' }, /ROLE_MAPPINGS/],
    [{ WEBSITE_SITE_NAME: 'x' }, /DEVELOPMENT_ENDPOINTS: .* together with WEBSITE_SITE_NAME/],
    [{ LITELLM_API_KEY: 'sk-x' }, /LITELLM_BASE_URL: not set/],
    [{ MICROSOFT_TENANT: 'common' }, /MICROSOFT_CLIENT_ID[^]*MICROSOFT_TENANT/],
    [{ AzureWebJobsStorage: 'x' }, /AzureWebJobsStorage/],
  ])('are refused before anything starts: %j', (given: Readonly<Record<string, string>>, message) => {
    expect(() => requireValidSettings('http://localhost:7071', given, false)).toThrow(message);
  });

  test.each([{}, { ENTRA_GROUPS_ALSO_CREATE_ORGS: 'false' }, { PUBLIC_URL: 'https://ai.company.com' }])(
    'are accepted: %j',
    (given: Readonly<Record<string, string>>) => {
      expect(() => requireValidSettings('http://localhost:7071', given, true)).not.toThrow();
      expect(() => requireValidSettings('http://localhost:7071', given, false)).not.toThrow();
    },
  );

  test('take a secret from the environment only for what they name', () => {
    const environment = { LITELLM_API_KEY: 'sk-env', MICROSOFT_CLIENT_SECRET: 'env' };
    expect(withSecretsOf(environment, {})).toEqual({});
    const proxy = { LITELLM_BASE_URL: 'https://x' };
    expect(withSecretsOf(environment, proxy)).toEqual({ ...proxy, LITELLM_API_KEY: 'sk-env' });
    const own = { ...proxy, LITELLM_API_KEY: 'sk-own' };
    expect(withSecretsOf(environment, own)).toEqual(own);
  });
});
