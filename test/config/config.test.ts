import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { findConfigFaults, parseConfig, Secret } from '../../shared/config/config.ts';
import type { Config } from '../../shared/config/config.ts';
import { AppError } from '../../shared/model/errors.ts';

const tenant = '11111111-2222-3333-4444-555555555555';
const clientId = '22222222-3333-4444-5555-666666666666';
const identity = '33333333-4444-5555-6666-777777777777';
const servicePrincipal = '44444444-5555-6666-7777-888888888888';
const azuriteKey = Buffer.from('a key of the emulator').toString('base64');
const azurite = [
  'DefaultEndpointsProtocol=http',
  'AccountName=devstoreaccount1',
  `AccountKey=${azuriteKey}`,
  'QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1',
  'TableEndpoint=http://127.0.0.1:10002/devstoreaccount1',
].join(';');

const inAzure = `AccountName=a;AccountKey=${azuriteKey};EndpointSuffix=core.windows.net`;
/** Connection strings that the storage clients refuse, or that would send the key unencrypted over a network. */
const refusedByClients = [
  `DefaultEndpointsProtocol=http;${inAzure}`,
  `DefaultEndpointsProtocol=ftp;${inAzure}`,
  `DefaultEndpointsProtocol=ftp;${azurite.replace(/^[^;]+;/, '')}`,
  azurite.replace('http://127.0.0.1:10002', 'http://t.example'),
  azurite.replace('http://127.0.0.1:10001', 'http://q.example'),
  azurite.replace('127.0.0.1:10002', '127.1:10002'),
  azurite.replace(/;TableEndpoint=[^;]+/, ';EndpointSuffix=core.windows.net'),
  azurite.replace(azuriteKey, '!'),
  `${azurite};AccountNames=x`,
  'UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://proxy.example',
  'UseDevelopmentStorage=true;Anything=else',
  ';UseDevelopmentStorage=true',
  `UseDevelopmentStorage=true;${azurite}`,
  `DefaultEndpointsProtocol=https;${inAzure};SharedAccessSignature=sv=1`,
  'SharedAccessSignature=sv=1;QueueEndpoint=https://queues.example;TableEndpoint=https://tables.example',
  'SharedAccessSignature=sv=1;QueueEndpoint=http://a.queue.example;TableEndpoint=http://a.table.example',
];

type Environment = Readonly<Record<string, string | undefined>>;

/** Returns the smallest valid environment, with changes. `undefined` removes a setting. */
function anEnvironment(changes: Environment = {}): Environment {
  return {
    MICROSOFT_TENANT: tenant,
    MICROSOFT_CLIENT_ID: clientId,
    MICROSOFT_CLIENT_SECRET: 'a-client-secret',
    AzureWebJobsStorage: 'UseDevelopmentStorage=true',
    PUBLIC_URL: 'https://ai.company.com',
    ...changes,
  };
}

/** Returns the environment in Azure, with managed identities for everything. */
function anAzureEnvironment(changes: Environment = {}): Environment {
  return anEnvironment({
    MICROSOFT_CLIENT_SECRET: undefined,
    MICROSOFT_MANAGED_IDENTITY_CLIENT_ID: identity,
    AzureWebJobsStorage: undefined,
    AzureWebJobsStorage__credential: 'managedidentity',
    AzureWebJobsStorage__clientId: identity,
    AzureWebJobsStorage__blobServiceUri: 'https://account.blob.core.windows.net',
    AzureWebJobsStorage__queueServiceUri: 'https://account.queue.core.windows.net/',
    AzureWebJobsStorage__tableServiceUri: 'https://account.table.core.windows.net/',
    PUBLIC_URL: undefined,
    WEBSITE_HOSTNAME: 'my-app.azurewebsites.net',
    WEBSITE_SITE_NAME: 'my-app',
    ...changes,
  });
}

/** Returns the environment on a developer's machine with the emulators. */
function aDevelopmentEnvironment(changes: Environment = {}): Environment {
  return anEnvironment({
    AzureWebJobsStorage: azurite,
    PUBLIC_URL: undefined,
    WEBSITE_HOSTNAME: 'localhost:7071',
    DEVELOPMENT_ENDPOINTS: 'true',
    DEVELOPMENT_ENTRA_URL: 'https://localhost:8443',
    DEVELOPMENT_GRAPH_URL: 'https://localhost:8443/v1.0/',
    DEVELOPMENT_AUTHORIZE_URL: 'http://localhost:8080',
    ...changes,
  });
}

/** Returns the settings of a connected LiteLLM proxy, with changes. */
function aProxy(changes: Environment = {}): Environment {
  return { LITELLM_BASE_URL: 'https://litellm.company.com', LITELLM_API_KEY: 'sk-a-key', ...changes };
}

function configOf(changes: Environment = {}): Config {
  return parseConfig(anEnvironment(changes));
}

function faultySettings(environment: Environment): readonly string[] {
  return findConfigFaults(environment).map((fault) => fault.setting);
}

function thrownBy(act: () => unknown): AppError {
  try {
    act();
  } catch (error) {
    if (error instanceof AppError) return error;
  }
  throw new Error('The function did not throw an AppError.');
}

describe('a configuration', () => {
  it('has the defaults if only the required settings are set', () => {
    const config = configOf();
    expect(config).toMatchObject({
      entra: {
        tenantId: tenant,
        clientId,
        groupsClaimIsApplicationGroup: false,
        authority: `https://login.microsoftonline.com/${tenant}`,
        issuer: `https://login.microsoftonline.com/${tenant}/v2.0`,
        jwksUri: `https://login.microsoftonline.com/${tenant}/discovery/v2.0/keys`,
        authorizationEndpoint: `https://login.microsoftonline.com/${tenant}/oauth2/v2.0/authorize`,
        tokenEndpoint: `https://login.microsoftonline.com/${tenant}/oauth2/v2.0/token`,
        graphBaseUrl: 'https://graph.microsoft.com/v1.0',
        endpointsAreOverridden: false,
      },
      publicUrl: 'https://ai.company.com',
      redirectUri: 'https://ai.company.com/sso/callback',
      allowedEmailDomains: [],
      removalLimitPercent: 20,
    });
    expect(config.rules).toEqual({
      groupsAlsoCreateOrgs: false,
      defaultTeamParams: { models: [], team_member_permissions: [] },
      defaultUserParams: { models: [] },
      roleMappings: new Map(),
      orgTeamBudget: 'inherit',
      membershipSyncMode: 'full',
      assignedGroupsAreKnown: false,
    });
    expect(config.entra).not.toHaveProperty('servicePrincipalId');
    expect(config).not.toHaveProperty('assignedGroupsAccept');
    expect(config).not.toHaveProperty('litellm');
  });

  it('contains every setting', () => {
    const config = configOf({
      MICROSOFT_TENANT: tenant.toUpperCase(),
      MICROSOFT_SERVICE_PRINCIPAL_ID: servicePrincipal,
      ENTRA_GROUPS_CLAIM: 'ApplicationGroup',
      ENTRA_GROUPS_ALSO_CREATE_ORGS: 'True',
      DEFAULT_TEAM_PARAMS: JSON.stringify({
        models: ['gpt-4', 'gpt-3.5-turbo'],
        max_budget: 1000,
        budget_duration: '30d',
        tpm_limit: 0,
        rpm_limit: 60,
        team_member_permissions: ['/key/generate'],
      }),
      DEFAULT_INTERNAL_USER_PARAMS:
        '{"user_role":"internal_user","max_budget":0.5,"budget_duration":"1mo","models":["gpt-4"]}',
      ROLE_MAPPINGS:
        '{"ABCDEF00-0000-0000-0000-000000000000":"proxy_admin","entra-group-123":"internal_user"}',
      PROXY_ADMIN_ID: 'ABCDEF00-0000-0000-0000-000000000001',
      ALLOWED_EMAIL_DOMAINS: ' Company.com, @eu.company.com ,company.com,',
      ORG_TEAM_BUDGET: 'copy',
      MEMBERSHIP_SYNC_MODE: 'additive',
      REMOVAL_LIMIT_PERCENT: '100',
      ASSIGNED_GROUPS_ACCEPT: '5f0c1e2a',
      LITELLM_BASE_URL: 'https://litellm.company.com',
      LITELLM_API_KEY: 'sk-a-key',
    });
    expect(config.litellm?.baseUrl).toBe('https://litellm.company.com');
    expect(config.litellm?.apiKey.reveal()).toBe('sk-a-key');
    expect(config.entra).toMatchObject({
      tenantId: tenant,
      servicePrincipalId: servicePrincipal,
      groupsClaimIsApplicationGroup: true,
    });
    expect(config.rules).toEqual({
      groupsAlsoCreateOrgs: true,
      defaultTeamParams: {
        models: ['gpt-4', 'gpt-3.5-turbo'],
        max_budget: 1000,
        budget_duration: '30d',
        tpm_limit: 0,
        rpm_limit: 60,
        team_member_permissions: ['/key/generate'],
      },
      defaultUserParams: {
        user_role: 'internal_user',
        max_budget: 0.5,
        budget_duration: '1mo',
        models: ['gpt-4'],
      },
      roleMappings: new Map([
        ['abcdef00-0000-0000-0000-000000000000', 'proxy_admin'],
        ['entra-group-123', 'internal_user'],
      ]),
      proxyAdminId: 'abcdef00-0000-0000-0000-000000000001',
      orgTeamBudget: 'copy',
      membershipSyncMode: 'additive',
      assignedGroupsAreKnown: true,
    });
    expect(config.allowedEmailDomains).toEqual(['company.com', 'eu.company.com']);
    expect(config.removalLimitPercent).toBe(100);
    expect(config.assignedGroupsAccept).toBe('5f0c1e2a');
  });

  it('is deeply frozen, including the map and the lists', () => {
    const config = configOf({
      ROLE_MAPPINGS: '{"entra-group-123":"proxy_admin"}',
      DEFAULT_TEAM_PARAMS: '{"models":["gpt-4"]}',
      ...aProxy(),
    });
    const held: readonly object[] = [
      config,
      config.entra,
      config.entra.credential,
      config.storage,
      config.rules,
      config.rules.defaultTeamParams,
      config.rules.defaultTeamParams.models,
      config.rules.defaultTeamParams.team_member_permissions,
      config.allowedEmailDomains,
      config.litellm ?? {},
    ];
    for (const value of held) expect(Object.isFrozen(value)).toBe(true);
    const { roleMappings } = config.rules;
    if (!(roleMappings instanceof Map)) throw new Error('The role mappings are not a map.');
    expect(() => roleMappings.set('another', 'proxy_admin')).toThrow(TypeError);
    expect(() => roleMappings.delete('entra-group-123')).toThrow(TypeError);
    expect(() => {
      roleMappings.clear();
    }).toThrow(TypeError);
    expect(roleMappings.size).toBe(1);
  });

  it('trims values and treats an empty one as not set', () => {
    const config = configOf({
      MICROSOFT_TENANT: ` ${tenant}\n`,
      MICROSOFT_MANAGED_IDENTITY_CLIENT_ID: '',
      MICROSOFT_SERVICE_PRINCIPAL_ID: '  ',
      ENTRA_GROUPS_ALSO_CREATE_ORGS: '',
      DEFAULT_TEAM_PARAMS: '',
    });
    expect(config.entra.tenantId).toBe(tenant);
    expect(config.entra.credential.kind).toBe('secret');
    expect(config.rules).toMatchObject({ assignedGroupsAreKnown: false, groupsAlsoCreateOrgs: false });
  });

  it('does not change if the environment changes later', () => {
    const environment = { ...anEnvironment() };
    const config = parseConfig(environment);
    environment['MICROSOFT_TENANT'] = identity;
    expect(config.entra.tenantId).toBe(tenant);
  });
});

describe('a secret', () => {
  it('shows its value only through reveal()', () => {
    const config = configOf({
      MICROSOFT_CLIENT_SECRET: 'hush-hush',
      AzureWebJobsStorage: azurite,
      ...aProxy({ LITELLM_API_KEY: 'sk-hush-hush' }),
    });
    for (const text of [
      JSON.stringify(config),
      inspect(config, { depth: 9, showHidden: true }),
      String(new Secret('hush-hush')),
    ]) {
      expect(text).not.toContain('hush-hush');
      expect(text).not.toContain(azuriteKey);
    }
    const { credential } = config.entra;
    expect(credential.kind === 'secret' && credential.secret.reveal()).toBe('hush-hush');
  });

  it.each([
    ['a connection string that is not one', { AzureWebJobsStorage: 'AccountKey=hush-hush' }],
    [
      'a connection string together with the addresses',
      {
        AzureWebJobsStorage: azurite.replace(azuriteKey, 'hush-hush'),
        AzureWebJobsStorage__tableServiceUri: 'https://a.table.core.windows.net',
      },
    ],
    [
      'a client secret together with the managed identity',
      { MICROSOFT_CLIENT_SECRET: 'hush-hush', MICROSOFT_MANAGED_IDENTITY_CLIENT_ID: identity },
    ],
    ['a client secret in the place of the client id', { MICROSOFT_CLIENT_ID: 'abC8Q~hush-hush' }],
    [
      'a shared access signature in a storage address',
      {
        AzureWebJobsStorage: undefined,
        AzureWebJobsStorage__queueServiceUri: 'https://a.queue.core.windows.net/?sv=1&sig=hush-hush',
        AzureWebJobsStorage__tableServiceUri: 'https://a.table.core.windows.net',
      },
    ],
    ["a proxy's key with more than the key", aProxy({ LITELLM_API_KEY: 'Bearer sk-hush-hush' })],
    ["a proxy's key on two lines", aProxy({ LITELLM_API_KEY: 'sk-hush-hush\nsk-hush-hush' })],
    ["a proxy's key without the proxy", { LITELLM_API_KEY: 'Bearer sk-hush-hush' }],
    ["a proxy's key in the place of its address", aProxy({ LITELLM_BASE_URL: 'sk-hush-hush' })],
    [
      "a proxy's key in its address",
      aProxy({ LITELLM_BASE_URL: 'https://litellm:hush-hush@litellm.company.com' }),
    ],
    ['a query in an address', { PUBLIC_URL: 'https://ai.company.com/?code=hush-hush' }],
    ['a password in an address', { PUBLIC_URL: 'https://hush-hush:hush-hush@ai.company.com' }],
    [
      "a person's name in an email",
      { ALLOWED_EMAIL_DOMAINS: 'hush-hush@company.com', PROXY_ADMIN_ID: 'hush-hush@company.com' },
    ],
    [
      'a credential deep inside a JSON value',
      { DEFAULT_TEAM_PARAMS: '{"max_budget":["AccountKey=hush-hush"]}' },
    ],
    [
      'a credential inside a JSON value',
      { DEFAULT_TEAM_PARAMS: '{"models":["a"],"max_budget":"AccountKey=hush-hush"}' },
    ],
  ])('does not appear in a fault: %s', (_case, changes) => {
    const error = thrownBy(() => configOf(changes));
    expect(inspect(error, { depth: 9 })).not.toContain('hush-hush');
    expect(error.message).toMatch(/set, \d+ characters|…/);
  });
});

describe('the faults', () => {
  it('are reported together, ordered by setting, each with the found and the valid value', () => {
    const error = thrownBy(() =>
      parseConfig({
        MICROSOFT_TENANT: 'common',
        MICROSOFT_CLIENT_ID: 'not-a-guid',
        ENTRA_GROUPS_ALSO_CREATE_ORGS: 'yes',
        DEFAULT_TEAM_PARAMS: '{"max_budget":-5,"budget":1}',
      }),
    );
    expect(error.code).toBe('configuration_invalid');
    expect(error.retryable).toBe(false);
    expect(error.details).toEqual({
      settings: [
        'AzureWebJobsStorage',
        'DEFAULT_TEAM_PARAMS',
        'ENTRA_GROUPS_ALSO_CREATE_ORGS',
        'MICROSOFT_CLIENT_ID',
        'MICROSOFT_CLIENT_SECRET',
        'MICROSOFT_TENANT',
        'PUBLIC_URL',
      ],
      faults: [
        'AzureWebJobsStorage: not set; expected a connection string, or AzureWebJobsStorage__queueServiceUri and AzureWebJobsStorage__tableServiceUri',
        'DEFAULT_TEAM_PARAMS: got "max_budget": -5; expected "max_budget": an amount in USD, 0 or more',
        'DEFAULT_TEAM_PARAMS: got the unknown key "budget"; expected a JSON object with any of models, max_budget, budget_duration, tpm_limit, rpm_limit, team_member_permissions',
        'ENTRA_GROUPS_ALSO_CREATE_ORGS: got "yes"; expected `true` or `false`, in any case',
        'MICROSOFT_CLIENT_ID: got "not-a-guid"; expected a GUID: the app registration\'s application (client) id',
        'MICROSOFT_CLIENT_SECRET: not set; expected MICROSOFT_CLIENT_SECRET or MICROSOFT_MANAGED_IDENTITY_CLIENT_ID',
        'MICROSOFT_TENANT: got "common"; expected the GUID of an organization\'s tenant, not a name such as `common`',
        'PUBLIC_URL: not set; expected an https address without a path, or an http one on localhost',
      ],
    });
    for (const line of [error.details['faults']].flat()) expect(error.message).toContain(line);
    expect(error.message).toMatch(/^7 settings are not valid:\n/);
  });

  it('are an empty list for a valid environment', () => {
    expect(findConfigFaults(anEnvironment())).toEqual([]);
    expect(findConfigFaults(anAzureEnvironment())).toEqual([]);
    expect(findConfigFaults(aDevelopmentEnvironment())).toEqual([]);
  });

  it('name the missing settings if nothing is set', () => {
    expect(faultySettings({})).toEqual([
      'AzureWebJobsStorage',
      'MICROSOFT_CLIENT_ID',
      'MICROSOFT_CLIENT_SECRET',
      'MICROSOFT_TENANT',
      'PUBLIC_URL',
    ]);
  });

  it('explain why other group claims cannot be used', () => {
    const [fault] = findConfigFaults(anEnvironment({ ENTRA_GROUPS_CLAIM: 'SecurityGroup' }));
    expect(fault).toMatchObject({ setting: 'ENTRA_GROUPS_CLAIM', got: '"SecurityGroup"' });
    expect(fault?.expected).toContain('nested');
  });

  it.each(['MICROSOFT_CLIENT_SECRET', 'MICROSOFT_CLIENT_ID', 'LITELLM_API_KEY'])(
    'name a reference in %s that Azure did not resolve',
    (setting) => {
      const reference = '@Microsoft.KeyVault(SecretUri=https://vault.vault.azure.net/secrets/name)';
      const faults = findConfigFaults(anEnvironment({ ...aProxy(), [setting]: reference }));
      expect(faults).toMatchObject([{ setting, got: 'a reference that Azure has not resolved' }]);
    },
  );
});

describe('an invalid value', () => {
  it.each<readonly [string, string]>([
    ['MICROSOFT_TENANT', 'organizations'],
    ['MICROSOFT_TENANT', 'contoso.onmicrosoft.com'],
    ['MICROSOFT_TENANT', `{${tenant}}`],
    // The tenant of all personal accounts. This GUID means the same as the name `consumers`.
    ['MICROSOFT_TENANT', '9188040D-6C67-4C5B-B112-36A304B66DAD'],
    ['MICROSOFT_CLIENT_ID', `${clientId}0`],
    ['MICROSOFT_SERVICE_PRINCIPAL_ID', 'My Enterprise Application'],
    ['MICROSOFT_SERVICE_PRINCIPAL_ID', clientId.toUpperCase()],
    ['ENTRA_GROUPS_CLAIM', 'All'],
    ['ENTRA_GROUPS_CLAIM', 'applicationgroup'],
    ['ENTRA_GROUPS_ALSO_CREATE_ORGS', '1'],
    ['ENTRA_GROUPS_ALSO_CREATE_ORGS', 'truee'],
    ['DEFAULT_TEAM_PARAMS', 'not JSON'],
    ['DEFAULT_TEAM_PARAMS', 'null'],
    ['DEFAULT_TEAM_PARAMS', '[]'],
    ['DEFAULT_TEAM_PARAMS', '{"models":"gpt-4"}'],
    ['DEFAULT_TEAM_PARAMS', '{"models":[""]}'],
    ['DEFAULT_TEAM_PARAMS', '{"max_budget":"1000"}'],
    ['DEFAULT_TEAM_PARAMS', '{"max_budget":-0.01}'],
    ['DEFAULT_TEAM_PARAMS', '{"max_budget":1e999}'],
    ['DEFAULT_TEAM_PARAMS', '{"max_budget":null}'],
    ['DEFAULT_TEAM_PARAMS', '{"budget_duration":"30"}'],
    ['DEFAULT_TEAM_PARAMS', '{"budget_duration":"0d"}'],
    ['DEFAULT_TEAM_PARAMS', '{"budget_duration":"30D"}'],
    ['DEFAULT_TEAM_PARAMS', '{"budget_duration":"30d "}'],
    ['DEFAULT_TEAM_PARAMS', '{"budget_duration":"monthly"}'],
    ['DEFAULT_TEAM_PARAMS', '{"tpm_limit":1.5}'],
    ['DEFAULT_TEAM_PARAMS', '{"rpm_limit":-1}'],
    ['DEFAULT_TEAM_PARAMS', '{"team_member_permissions":[1]}'],
    ['DEFAULT_TEAM_PARAMS', '{"Models":[]}'],
    ['DEFAULT_INTERNAL_USER_PARAMS', '{"user_role":"admin"}'],
    ['DEFAULT_INTERNAL_USER_PARAMS', '{"tpm_limit":1}'],
    ['ROLE_MAPPINGS', '{"entra-group-123":"org_admin"}'],
    ['ROLE_MAPPINGS', '{"a/b":"proxy_admin"}'],
    ['ROLE_MAPPINGS', '{"proxy_admin":["entra-group-123"]}'],
    [
      'ROLE_MAPPINGS',
      '{"abcdef00-0000-0000-0000-000000000000":"proxy_admin","ABCDEF00-0000-0000-0000-000000000000":"internal_user"}',
    ],
    ['PROXY_ADMIN_ID', 'alice@company.com'],
    ['ALLOWED_EMAIL_DOMAINS', ','],
    ['ALLOWED_EMAIL_DOMAINS', '@'],
    ['ALLOWED_EMAIL_DOMAINS', '*'],
    ['ALLOWED_EMAIL_DOMAINS', '*.company.com'],
    ['ALLOWED_EMAIL_DOMAINS', 'company.com; other.com'],
    ['ALLOWED_EMAIL_DOMAINS', 'company.com, alice@other.com'],
    ['ORG_TEAM_BUDGET', 'Inherit it'],
    ['MEMBERSHIP_SYNC_MODE', 'none'],
    ['REMOVAL_LIMIT_PERCENT', '101'],
    ['REMOVAL_LIMIT_PERCENT', '-1'],
    ['REMOVAL_LIMIT_PERCENT', '20%'],
    ['REMOVAL_LIMIT_PERCENT', '0x10'],
    ['ASSIGNED_GROUPS_ACCEPT', 'any version'],
    ['PUBLIC_URL', 'ai.company.com'],
    ['PUBLIC_URL', 'http://ai.company.com'],
    ['PUBLIC_URL', 'http://localhost.company.com'],
    ['PUBLIC_URL', 'https://ai.company.com/app'],
    ['PUBLIC_URL', 'https://ai.company.com?x'],
    ['PUBLIC_URL', 'https://ai.company.com#x'],
    ['PUBLIC_URL', 'https://me@ai.company.com'],
    ['PUBLIC_URL', 'ftp://ai.company.com'],
    ['AzureWebJobsStorage', 'oops'],
    ['AzureWebJobsStorage', 'UseDevelopmentStorage=yes'],
    ['AzureWebJobsStorage', `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${azuriteKey}`],
    ['AzureWebJobsStorage', `DefaultEndpointsProtocol=https;AccountName=a;EndpointSuffix=core.windows.net`],
    ['AzureWebJobsStorage', `${azurite};TableEndpoint=https://account.table.core.windows.net`],
    ['AzureWebJobsStorage', 'SharedAccessSignature=sv;QueueEndpoint=https://a.queue.core.windows.net'],
    ...refusedByClients.map((value) => ['AzureWebJobsStorage', value] as const),
  ])('is refused: %s = %s', (setting, value) => {
    expect(new Set(faultySettings(anEnvironment({ [setting]: value })))).toEqual(new Set([setting]));
  });
});

describe('the client credential', () => {
  it('is either the secret or the managed identity', () => {
    const withIdentity = {
      MICROSOFT_CLIENT_SECRET: undefined,
      MICROSOFT_MANAGED_IDENTITY_CLIENT_ID: identity.toUpperCase(),
    };
    expect(configOf(withIdentity).entra.credential).toEqual({
      kind: 'federated',
      managedIdentityClientId: identity,
    });
    expect(configOf().entra.credential.kind).toBe('secret');
  });

  it('is refused if both are set', () => {
    expect(faultySettings(anEnvironment({ MICROSOFT_MANAGED_IDENTITY_CLIENT_ID: identity }))).toEqual([
      'MICROSOFT_CLIENT_SECRET',
    ]);
  });
});

describe('the address of the site', () => {
  it.each([
    ['PUBLIC_URL', 'https://AI.company.com:443/', 'https://ai.company.com'],
    ['PUBLIC_URL', 'https://ai.company.com:8443', 'https://ai.company.com:8443'],
    ['PUBLIC_URL', 'http://127.0.0.1:7071', 'http://127.0.0.1:7071'],
    ['PUBLIC_URL', 'http://[::1]:7071', 'http://[::1]:7071'],
    ['WEBSITE_HOSTNAME', 'my-app.azurewebsites.net', 'https://my-app.azurewebsites.net'],
    ['WEBSITE_HOSTNAME', 'localhost:7071', 'http://localhost:7071'],
    ['WEBSITE_HOSTNAME', '127.0.0.1:80', 'http://127.0.0.1'],
    ['WEBSITE_HOSTNAME', 'localhost.company.com', 'https://localhost.company.com'],
  ])('with %s = %s is %s', (setting, value, expected) => {
    const config = configOf({ PUBLIC_URL: undefined, [setting]: value });
    expect(config.publicUrl).toBe(expected);
    expect(config.redirectUri).toBe(`${expected}/sso/callback`);
  });

  it('is PUBLIC_URL if both are set, and never the host name if PUBLIC_URL is invalid', () => {
    const both = { WEBSITE_HOSTNAME: 'my-app.azurewebsites.net', PUBLIC_URL: 'https://ai.company.com' };
    expect(configOf(both).publicUrl).toBe('https://ai.company.com');
    expect(faultySettings(anEnvironment({ ...both, PUBLIC_URL: 'nonsense' }))).toEqual(['PUBLIC_URL']);
  });

  it.each(['my-app/evil', 'me@my-app', 'my app', 'my-app?x'])('refuses the host name %s', (host) => {
    expect(faultySettings(anEnvironment({ PUBLIC_URL: undefined, WEBSITE_HOSTNAME: host }))).toEqual([
      'WEBSITE_HOSTNAME',
    ]);
  });
});

describe('the storage', () => {
  it.each([
    'UseDevelopmentStorage=true',
    'UseDevelopmentStorage=true;',
    azurite,
    `DefaultEndpointsProtocol=https;${inAzure};QueueEndpoint=https://queues.company.com/;TableEndpoint=https://tables.company.com/`,
    `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${azuriteKey};EndpointSuffix=core.windows.net`,
    'SharedAccessSignature=sv=1&sig=x;QueueEndpoint=https://a.queue.core.windows.net;TableEndpoint=https://a.table.core.windows.net',
  ])('is a connection string: %s', (connectionString) => {
    const { storage } = configOf({ AzureWebJobsStorage: connectionString });
    expect(storage.kind === 'connectionString' && storage.connectionString.reveal()).toBe(connectionString);
  });

  it('uses the addresses with a user-assigned or the system-assigned managed identity', () => {
    const uris = {
      kind: 'managedIdentity',
      queueServiceUri: 'https://account.queue.core.windows.net',
      tableServiceUri: 'https://account.table.core.windows.net',
    };
    expect(parseConfig(anAzureEnvironment()).storage).toEqual({ ...uris, clientId: identity });
    expect(parseConfig(anAzureEnvironment({ AzureWebJobsStorage__clientId: undefined })).storage).toEqual(
      uris,
    );
  });

  it.each([
    [
      'a connection string together with the addresses',
      { AzureWebJobsStorage: azurite },
      'AzureWebJobsStorage',
    ],
    [
      'no queues',
      { AzureWebJobsStorage__queueServiceUri: undefined },
      'AzureWebJobsStorage__queueServiceUri',
    ],
    ['no tables', { AzureWebJobsStorage__tableServiceUri: '' }, 'AzureWebJobsStorage__tableServiceUri'],
    [
      'http',
      { AzureWebJobsStorage__tableServiceUri: 'http://account.table.core.windows.net' },
      'AzureWebJobsStorage__tableServiceUri',
    ],
    [
      'a path',
      { AzureWebJobsStorage__queueServiceUri: 'https://account.queue.core.windows.net/provision' },
      'AzureWebJobsStorage__queueServiceUri',
    ],
    [
      'another credential',
      { AzureWebJobsStorage__credential: 'clientsecret' },
      'AzureWebJobsStorage__credential',
    ],
    [
      'an identity that is not a GUID',
      { AzureWebJobsStorage__clientId: 'my-identity' },
      'AzureWebJobsStorage__clientId',
    ],
  ])('is refused: %s', (_case, changes, setting) => {
    expect(faultySettings(anAzureEnvironment(changes))).toEqual([setting]);
  });
});

describe('the LiteLLM proxy', () => {
  it.each([
    ['https://LiteLLM.company.com:443/', 'https://litellm.company.com'],
    ['https://litellm.company.com:4000', 'https://litellm.company.com:4000'],
    ['https://ai.company.com/litellm/', 'https://ai.company.com/litellm'],
    ['https://ai.company.com/v1/litellm//', 'https://ai.company.com/v1/litellm'],
    ['https://ai.company.com/x/../litellm', 'https://ai.company.com/litellm'],
    ['https://ai.company.com/my-ui', 'https://ai.company.com/my-ui'],
    ['http://localhost:4000/', 'http://localhost:4000'],
    ['http://127.0.0.1:4000/litellm', 'http://127.0.0.1:4000/litellm'],
    ['http://[::1]:4000', 'http://[::1]:4000'],
  ])('is at %s', (address, baseUrl) => {
    expect(configOf(aProxy({ LITELLM_BASE_URL: address })).litellm?.baseUrl).toBe(baseUrl);
  });

  it.each([
    ['no address', 'litellm.company.com'],
    ['http on another machine', 'http://litellm.company.com'],
    ['http on a host whose name begins with localhost', 'http://localhost.company.com'],
    ['another protocol', 'ftp://litellm.company.com'],
    ['a query', 'https://litellm.company.com/?key=1'],
    ['an empty query', 'https://litellm.company.com/?'],
    ['a fragment', 'https://litellm.company.com/#/teams'],
    ['a user', 'https://admin@litellm.company.com'],
    ['a backslash', 'https://litellm.company.com\\@other.com'],
    ['a space', 'https://litellm.company.com/lite llm'],
    ["the address of its models, which OpenAI's clients use", 'https://litellm.company.com/v1'],
    ['the same under a path', 'https://ai.company.com/litellm/v1/'],
    ['the address of its pages', 'https://litellm.company.com/ui/'],
    ['the same by another way', 'https://litellm.company.com/ui/x/..'],
  ])('is refused: %s', (_case, address) => {
    const faults = findConfigFaults(anEnvironment(aProxy({ LITELLM_BASE_URL: address })));
    expect(faults.map((fault) => fault.setting)).toEqual(['LITELLM_BASE_URL']);
    expect(faults[0]?.expected).toMatch(/^an https address, or an http one on localhost/);
  });

  it.each([
    ['an address without a key', 'LITELLM_API_KEY', 'LITELLM_BASE_URL'],
    ['a key without an address', 'LITELLM_BASE_URL', 'LITELLM_API_KEY'],
  ])('is refused with %s, and the fault names the missing setting', (_case, missing, given) => {
    for (const nothing of [undefined, '', '  ']) {
      const faults = findConfigFaults(anEnvironment(aProxy({ [missing]: nothing })));
      expect(faults).toMatchObject([{ setting: missing, got: 'not set' }]);
      expect(faults[0]?.expected).toContain(`or remove ${given} too`);
    }
  });

  it.each(['sk-a key', 'sk-a\tkey', 'sk-schlüssel', 'Bearer sk-a-key'])(
    'is refused with the key %j',
    (key) => {
      expect(faultySettings(anEnvironment(aProxy({ LITELLM_API_KEY: key })))).toEqual(['LITELLM_API_KEY']);
    },
  );

  it('accepts a key with a line break at the end, as in files', () => {
    expect(configOf(aProxy({ LITELLM_API_KEY: 'sk-a-key\n' })).litellm?.apiKey.reveal()).toBe('sk-a-key');
  });
});

describe('the development endpoints', () => {
  it("replace every address of Entra and Graph on a developer's machine", () => {
    expect(parseConfig(aDevelopmentEnvironment()).entra).toMatchObject({
      authority: `https://localhost:8443/${tenant}`,
      issuer: `https://localhost:8443/${tenant}/v2.0`,
      jwksUri: `https://localhost:8443/${tenant}/discovery/v2.0/keys`,
      tokenEndpoint: `https://localhost:8443/${tenant}/oauth2/v2.0/token`,
      authorizationEndpoint: `http://localhost:8080/${tenant}/oauth2/v2.0/authorize`,
      graphBaseUrl: 'https://localhost:8443/v1.0',
      endpointsAreOverridden: true,
    });
  });

  it('send the browser to the same address unless another one is set', () => {
    const { entra } = parseConfig(aDevelopmentEnvironment({ DEVELOPMENT_AUTHORIZE_URL: undefined }));
    expect(entra.authorizationEndpoint).toBe(`https://localhost:8443/${tenant}/oauth2/v2.0/authorize`);
  });

  it.each(['localhost', '127.0.0.1', '[::1]'])('may be on %s', (host) => {
    const { entra } = parseConfig(
      aDevelopmentEnvironment({
        AzureWebJobsStorage: 'UseDevelopmentStorage=true',
        DEVELOPMENT_ENTRA_URL: `https://${host}:8443`,
        DEVELOPMENT_GRAPH_URL: `https://${host}:8443/v1.0`,
        DEVELOPMENT_AUTHORIZE_URL: `http://${host}:8080`,
      }),
    );
    expect(entra.issuer).toBe(`https://${host}:8443/${tenant}/v2.0`);
  });

  const proxied = 'UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://proxy.company.com';
  const onlyQueues = azurite.replace(/;TableEndpoint=[^;]+/, ';EndpointSuffix=core.windows.net');
  const otherTables = azurite.replace(
    'http://127.0.0.1:10002/devstoreaccount1',
    'https://a.table.core.windows.net',
  );
  const userInHost = azurite.replace('127.0.0.1:10002', '127.0.0.1:10002@tables.company.com');
  const otherCase = `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${azuriteKey};EndpointSuffix=core.windows.net;queueEndpoint=http://127.0.0.1:10001;tableEndpoint=http://127.0.0.1:10002`;
  // Azure's table client ignores the case of a key and uses the first one.
  const hiddenTables = `TABLEENDPOINT=https://a.table.core.windows.net;${azurite}`;
  const noTables = azurite.replace(/;TableEndpoint=[^;]+/, '');
  const mixed = `UseDevelopmentStorage=true;${azurite}`;

  it.each([
    ['no permission', { DEVELOPMENT_ENDPOINTS: undefined }, 'DEVELOPMENT_ENTRA_URL'],
    ['permission taken back', { DEVELOPMENT_ENDPOINTS: 'false' }, 'DEVELOPMENT_GRAPH_URL'],
    ['permission that is not a boolean', { DEVELOPMENT_ENDPOINTS: 'yes' }, 'DEVELOPMENT_ENDPOINTS'],
    ['Entra elsewhere', { DEVELOPMENT_ENTRA_URL: 'https://login.company.com' }, 'DEVELOPMENT_ENTRA_URL'],
    [
      'Entra on a host whose name begins with localhost',
      { DEVELOPMENT_ENTRA_URL: 'https://localhost.company.com' },
      'DEVELOPMENT_ENTRA_URL',
    ],
    [
      'Entra in a URL whose user looks like this machine',
      { DEVELOPMENT_ENTRA_URL: 'https://localhost:8443@company.com' },
      'DEVELOPMENT_ENTRA_URL',
    ],
    [
      'Entra in a URL with a backslash',
      { DEVELOPMENT_ENTRA_URL: 'https://localhost\\@company.com' },
      'DEVELOPMENT_ENTRA_URL',
    ],
    ['Entra on the local network', { DEVELOPMENT_ENTRA_URL: 'https://192.168.0.1' }, 'DEVELOPMENT_ENTRA_URL'],
    ['Entra over http', { DEVELOPMENT_ENTRA_URL: 'http://localhost:8443' }, 'DEVELOPMENT_ENTRA_URL'],
    ['Entra under a path', { DEVELOPMENT_ENTRA_URL: 'https://localhost:8443/x' }, 'DEVELOPMENT_ENTRA_URL'],
    ['no Entra', { DEVELOPMENT_ENTRA_URL: undefined }, 'DEVELOPMENT_ENTRA_URL'],
    ['Graph elsewhere', { DEVELOPMENT_GRAPH_URL: 'https://graph.company.com/v1.0' }, 'DEVELOPMENT_GRAPH_URL'],
    ['Graph over http', { DEVELOPMENT_GRAPH_URL: 'http://localhost:8443/v1.0' }, 'DEVELOPMENT_GRAPH_URL'],
    ['no Graph', { DEVELOPMENT_GRAPH_URL: '' }, 'DEVELOPMENT_GRAPH_URL'],
    [
      'the sign-in page on another machine',
      { DEVELOPMENT_AUTHORIZE_URL: 'http://login.company.com' },
      'DEVELOPMENT_AUTHORIZE_URL',
    ],
    ['storage behind a proxy', { AzureWebJobsStorage: proxied }, 'DEVELOPMENT_ENDPOINTS'],
    ['tables in Azure by suffix', { AzureWebJobsStorage: onlyQueues }, 'DEVELOPMENT_ENDPOINTS'],
    ['tables in Azure', { AzureWebJobsStorage: otherTables }, 'DEVELOPMENT_ENDPOINTS'],
    [
      'tables in a URL whose user looks like this machine',
      { AzureWebJobsStorage: userInHost },
      'DEVELOPMENT_ENDPOINTS',
    ],
    [
      'endpoints whose names a client may not recognize',
      { AzureWebJobsStorage: otherCase },
      'DEVELOPMENT_ENDPOINTS',
    ],
    [
      'tables in Azure under a key in another case',
      { AzureWebJobsStorage: hiddenTables },
      'DEVELOPMENT_ENDPOINTS',
    ],
    ['no address of tables', { AzureWebJobsStorage: noTables }, 'DEVELOPMENT_ENDPOINTS'],
    ['development storage together with an account', { AzureWebJobsStorage: mixed }, 'DEVELOPMENT_ENDPOINTS'],
    ['no storage', { AzureWebJobsStorage: undefined }, 'DEVELOPMENT_ENDPOINTS'],
    ['a site in Azure', { WEBSITE_SITE_NAME: 'my-app' }, 'DEVELOPMENT_ENDPOINTS'],
    ['an instance in Azure', { WEBSITE_INSTANCE_ID: 'abc' }, 'DEVELOPMENT_ENDPOINTS'],
    ['a container in Azure', { CONTAINER_NAME: 'abc' }, 'DEVELOPMENT_ENDPOINTS'],
    [
      'an address of blobs in Azure',
      { AzureWebJobsStorage__blobServiceUri: 'https://a.blob.core.windows.net' },
      'DEVELOPMENT_ENDPOINTS',
    ],
    [
      'an address of another storage service',
      { Other__queueserviceuri: 'https://a.queue.core.windows.net' },
      'DEVELOPMENT_ENDPOINTS',
    ],
  ])('are refused, and never applied: %s', (_case, changes, setting) => {
    const environment = aDevelopmentEnvironment(changes);
    expect(faultySettings(environment)).toContain(setting);
    expect(thrownBy(() => parseConfig(environment)).code).toBe('configuration_invalid');
  });

  it('name the sign of Azure that refuses them', () => {
    const faults = findConfigFaults(
      aDevelopmentEnvironment({ WEBSITE_SITE_NAME: 'my-app', CONTAINER_NAME: 'abc' }),
    );
    expect(faults).toMatchObject([
      { setting: 'DEVELOPMENT_ENDPOINTS', got: '"true" together with CONTAINER_NAME, WEBSITE_SITE_NAME' },
    ]);
  });

  it('are refused in Azure even if only DEVELOPMENT_ENDPOINTS is set', () => {
    expect(new Set(faultySettings(anAzureEnvironment({ DEVELOPMENT_ENDPOINTS: 'true' })))).toEqual(
      new Set(['DEVELOPMENT_ENDPOINTS', 'DEVELOPMENT_ENTRA_URL', 'DEVELOPMENT_GRAPH_URL']),
    );
  });

  it('do not treat WEBSITE_HOSTNAME as a sign of Azure, because the Core Tools set it too', () => {
    expect(parseConfig(aDevelopmentEnvironment({ WEBSITE_HOSTNAME: '127.0.0.1:7071' })).publicUrl).toBe(
      'http://127.0.0.1:7071',
    );
  });
});

describe('a value that only looks right', () => {
  const joiner = '\u2060';
  it.each([
    ['a zero-width space at its end', { MICROSOFT_TENANT: `${tenant}\u200B` }, 'U+200B at the end'],
    ['a byte order mark at its start', { MICROSOFT_CLIENT_ID: `\uFEFF${clientId}` }, 'U+FEFF at the start'],
    ['a no-break space at its end', { PUBLIC_URL: 'https://ai.company.com\u00A0' }, 'U+00A0 at the end'],
    ['a word joiner inside', { PROXY_ADMIN_ID: `abc${joiner}def` }, 'U+2060 as character 4'],
    [
      'a direction override',
      { ALLOWED_EMAIL_DOMAINS: 'company.com,\u202Eelpmaxe' },
      'U+202E as character 13',
    ],
    ['a NUL', { MEMBERSHIP_SYNC_MODE: 'full\0' }, 'U+0000 at the end'],
    ['a tag character', { ENTRA_GROUPS_CLAIM: 'ApplicationGroup\u{E0041}' }, 'U+E0041 at the end'],
    [
      'a hyphen of another kind',
      { MICROSOFT_TENANT: tenant.replace('-', '\u2011') },
      'U+2011 as character 9',
    ],
    ['a Cyrillic letter', { MEMBERSHIP_SYNC_MODE: '\u0430dditive' }, 'U+0430 at the start'],
    [
      'typographic quotes in JSON',
      { ROLE_MAPPINGS: '{\u201Cg\u201D:"internal_user"}' },
      'U+201C as character 2',
    ],
    ['a soft hyphen in a secret', { MICROSOFT_CLIENT_SECRET: 'abc\u00ADdef' }, 'U+00AD as character 4'],
    ['a zero-width space in a key', aProxy({ LITELLM_API_KEY: 'sk-key\u200B' }), 'U+200B at the end'],
    ['a zero-width space in storage', { AzureWebJobsStorage: `${azurite}\u200B` }, 'U+200B at the end'],
    ['quotes', { MICROSOFT_TENANT: `"${tenant}"` }, 'is in quotes'],
    ['typographic quotes', { MICROSOFT_CLIENT_ID: `\u201C${clientId}\u201D` }, 'is in quotes'],
    ['single quotes around JSON', { DEFAULT_TEAM_PARAMS: `'{"models":[]}'` }, 'is in quotes'],
    ['quotes around a secret', { MICROSOFT_CLIENT_SECRET: '"abc"' }, 'is in quotes'],
    ['one quote at a secret', aProxy({ LITELLM_API_KEY: "sk-key'" }), 'has a quote at the end'],
    ['the id of a secret', { MICROSOFT_CLIENT_SECRET: servicePrincipal }, "the secret's id"],
    [
      'the address of a secret in Key Vault',
      { MICROSOFT_CLIENT_SECRET: 'https://vault.vault.azure.net/secrets/a/b' },
      'an address',
    ],
    [
      'a reference in another case',
      { MICROSOFT_CLIENT_SECRET: '@microsoft.keyvault(x)' },
      'has not resolved',
    ],
  ])('is refused, and the fault names it: %s', (_case, changes, named) => {
    const faults = findConfigFaults(anEnvironment(changes));
    expect(faults).toHaveLength(1);
    expect(faults[0]?.got).toContain(named);
    expect(faults[0]?.got).toMatch(/^[\x20-\x7e\u2011\u201c\u201d\u0430…]*$/);
    expect(faults[0]?.got).not.toMatch(/abc.?def|sk-key|AccountKey/);
  });

  it('keeps line breaks between the parts of JSON and of a list', () => {
    const config = configOf({
      ROLE_MAPPINGS: '{\r\n\t"group-1": "internal_user"\n}\n',
      ALLOWED_EMAIL_DOMAINS: 'company.com,\n\teu.company.com',
    });
    expect(config.rules.roleMappings.get('group-1')).toBe('internal_user');
    expect(config.allowedEmailDomains).toEqual(['company.com', 'eu.company.com']);
  });
});

describe('a JSON setting', () => {
  const guid = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';
  it.each([
    ['ROLE_MAPPINGS', '{"bob":"internal_user","bob":"proxy_admin"}', 'the key "bob" twice'],
    ['ROLE_MAPPINGS', '{"bob":"internal_user", "\\u0062ob" :"proxy_admin"}', 'the key "bob" twice'],
    [
      'ROLE_MAPPINGS',
      `{"${guid}":"internal_user","${guid.toUpperCase()}":"proxy_admin"}`,
      `the group "${guid}" twice`,
    ],
    ['DEFAULT_TEAM_PARAMS', '{"models":["a"],"max_budget":1,"models":[]}', 'the key "models" twice'],
    ['DEFAULT_INTERNAL_USER_PARAMS', '{"max_budget":1,"max_budget":1}', 'the key "max_budget" twice'],
    ['ROLE_MAPPINGS', '{"__proto__":"proxy_admin"}', 'the key "__proto__"'],
    ['DEFAULT_TEAM_PARAMS', '{"\\u005f_proto__":{}}', 'the key "__proto__"'],
  ])('names the bad key: %s=%s', (setting, value, got) => {
    expect(findConfigFaults(anEnvironment({ [setting]: value }))).toMatchObject([{ setting, got }]);
  });

  it('takes no string value, and no key of another object, for a repeated key', () => {
    const models = ['{"a":1', '"models":', 'a", "a'];
    const params = JSON.stringify({ models, team_member_permissions: models });
    expect(configOf({ DEFAULT_TEAM_PARAMS: params }).rules.defaultTeamParams.models).toEqual(models);
  });

  it.each(['all-org-models', 'all-team-models', 'no-default-models'])(
    'gives new organizations no special name that belongs to teams: %s',
    (name) => {
      const faults = findConfigFaults(
        anEnvironment({ DEFAULT_TEAM_PARAMS: JSON.stringify({ models: ['gpt-4', name] }) }),
      );
      expect(faults).toMatchObject([{ got: `"models.1": "${name}"` }]);
      expect(faults[0]?.expected).toContain('special name');
    },
  );

  it.each([
    '{"models":["gpt-4\\u0000"]}',
    '{"models":["gpt\\u200b-4"]}',
    '{"models":["gpt-4\\u202e"]}',
    '{"team_member_permissions":["/key/generate\\u001b"]}',
    '{"budget_duration":"12345678901234567890123d"}',
    '{"budget_duration":"36501d"}',
    '{"budget_duration":"9999999999s"}',
    '{"budget_duration":"1300mo"}',
    '{"max_budget":1e999}',
  ])('is refused: DEFAULT_TEAM_PARAMS=%s', (value) => {
    expect(faultySettings(anEnvironment({ DEFAULT_TEAM_PARAMS: value }))).toEqual(['DEFAULT_TEAM_PARAMS']);
  });

  it.each(['36500d', '100w', '1200mo', '45s'])('accepts the duration %s', (budget_duration) => {
    const params = JSON.stringify({ budget_duration });
    expect(configOf({ DEFAULT_TEAM_PARAMS: params }).rules.defaultTeamParams).toMatchObject({
      budget_duration,
    });
  });
});

describe('a long value', () => {
  const size = 100_000;
  it.each([
    ['ALLOWED_EMAIL_DOMAINS', 'a'.repeat(size)],
    ['ALLOWED_EMAIL_DOMAINS', 'a-'.repeat(size)],
    ['ALLOWED_EMAIL_DOMAINS', 'a.'.repeat(size)],
    ['ALLOWED_EMAIL_DOMAINS', `${'a.'.repeat(size)}!`],
    ['PUBLIC_URL', `https://a/${'/'.repeat(size)}x`],
    ['LITELLM_BASE_URL', `https://a${'/'.repeat(size)}x/v1`],
    ['DEVELOPMENT_GRAPH_URL', `https://localhost${'/'.repeat(size)}x`],
    ['MICROSOFT_TENANT', 'a'.repeat(size)],
    ['MICROSOFT_TENANT', ' '.repeat(size) + 'a'],
    ['MICROSOFT_TENANT', `a${' '.repeat(size)}a`],
    ['MICROSOFT_TENANT', `a${'@'.repeat(size)}a`],
    ['ROLE_MAPPINGS', `{"a":"${'\\\\'.repeat(size)}"}`],
    ['ROLE_MAPPINGS', '{'.repeat(size)],
    ['ROLE_MAPPINGS', `{"${'a'.repeat(size)}`],
    ['DEFAULT_TEAM_PARAMS', `{"models":["${' a'.repeat(size)} "]}`],
    ['AzureWebJobsStorage', `${azurite};${'A='.repeat(size)}`],
    ['AzureWebJobsStorage', 'A'.repeat(size)],
    ['APPLICATIONINSIGHTS_CONNECTION_STRING', `InstrumentationKey=${tenant};InstrumentationKey=${clientId}`],
    ['APPLICATIONINSIGHTS_CONNECTION_STRING', `a${' '.repeat(size)}b`],
    ['APPLICATIONINSIGHTS_CONNECTION_STRING', `${' '.repeat(size)}a=b;`.repeat(2)],
  ])('is refused within a moment: %s', (setting, value) => {
    const startMs = performance.now();
    expect(faultySettings(anEnvironment({ [setting]: value }))).toContain(setting);
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });
});
