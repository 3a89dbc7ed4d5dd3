import { TableClient } from '@azure/data-tables';
import { describe, expect, it } from 'vitest';
import { buildApp, createApp, findFaults } from '../shared/app.ts';
import { findConfigFaults, parseConfig, type Config } from '../shared/config/config.ts';
import { AppError } from '../shared/model/errors.ts';
import { NO_TRACING, type Tracing } from '../shared/telemetry/tracing.ts';

const IDENTITY = '33333333-4444-5555-6666-777777777777';
const KEY = Buffer.from('a key').toString('base64');
const ACCOUNT = `AccountName=account;AccountKey=${KEY}`;

type Environment = Readonly<Record<string, string | undefined>>;

function anEnvironment(changes: Environment = {}): Record<string, string | undefined> {
  return {
    MICROSOFT_TENANT: '11111111-2222-3333-4444-555555555555',
    MICROSOFT_CLIENT_ID: '22222222-3333-4444-5555-666666666666',
    MICROSOFT_CLIENT_SECRET: 'a-client-secret',
    AzureWebJobsStorage: 'UseDevelopmentStorage=true',
    PUBLIC_URL: 'https://ai.company.com',
    ...changes,
  };
}

const PROTOCOLS = ['', 'http', 'https', 'HTTPS', 'ftp'];
const PLACES = [
  '',
  'EndpointSuffix=core.windows.net',
  'EndpointSuffix=a b',
  ...[
    'http://127.0.0.1',
    'http://127.1',
    'http://localhost:1',
    'https://t.example',
    'http://t.example',
  ].flatMap((origin) => [
    `QueueEndpoint=${origin}/account;TableEndpoint=${origin}/account/`,
    `QueueEndpoint=https://q.example;TableEndpoint=${origin}`,
    `QueueEndpoint=${origin}/account;EndpointSuffix=core.windows.net`,
    `TableEndpoint=${origin}/account;EndpointSuffix=core.windows.net`,
  ]),
];
const CREDENTIALS = [
  ACCOUNT,
  'AccountName=account;AccountKey=!',
  'AccountName=account;AccountKey=a',
  `${ACCOUNT};SharedAccessSignature=sv=1&sig=x`,
  'SharedAccessSignature=sv=1&sig=x',
  `${ACCOUNT};AccountNames=other`,
  `${ACCOUNT};Unknown=key`,
];

/** Unusual connection strings. */
const CONNECTION_STRINGS = [
  'UseDevelopmentStorage=true',
  'UseDevelopmentStorage=true;Unknown=key',
  ';UseDevelopmentStorage=true',
  ...PROTOCOLS.flatMap((protocol) =>
    CREDENTIALS.flatMap((credential) =>
      PLACES.map((place) =>
        [protocol === '' ? '' : `DefaultEndpointsProtocol=${protocol}`, credential, place]
          .filter((part) => part !== '')
          .join(';'),
      ),
    ),
  ),
];

const IN_AZURE = {
  MICROSOFT_CLIENT_SECRET: undefined,
  MICROSOFT_MANAGED_IDENTITY_CLIENT_ID: IDENTITY,
  AzureWebJobsStorage: undefined,
  AzureWebJobsStorage__queueServiceUri: 'https://account.queue.core.windows.net',
  AzureWebJobsStorage__tableServiceUri: 'https://account.table.core.windows.net/',
};

describe('createApp', () => {
  it('succeeds for every connection string that the configuration accepts', () => {
    const accepted = CONNECTION_STRINGS.filter(
      (AzureWebJobsStorage) => findConfigFaults(anEnvironment({ AzureWebJobsStorage })).length === 0,
    );
    expect(accepted.length).toBeGreaterThan(10);
    expect(accepted.length).toBeLessThan(CONNECTION_STRINGS.length / 2);
    const refused = accepted.filter((AzureWebJobsStorage) => {
      try {
        createApp(parseConfig(anEnvironment({ AzureWebJobsStorage })));
        TableClient.fromConnectionString(AzureWebJobsStorage, 'Table');
        return false;
      } catch {
        return true;
      }
    });
    expect(refused).toEqual([]);
  });

  it.each<[string, Environment]>([
    ['a managed identity for everything', IN_AZURE],
    ['a named identity for the storage', { ...IN_AZURE, AzureWebJobsStorage__clientId: IDENTITY }],
    [
      'a client secret with a managed identity for storage',
      { ...IN_AZURE, MICROSOFT_CLIENT_SECRET: 'x', MICROSOFT_MANAGED_IDENTITY_CLIENT_ID: undefined },
    ],
    [
      'the assigned groups',
      { MICROSOFT_SERVICE_PRINCIPAL_ID: IDENTITY, ENTRA_GROUPS_CLAIM: 'ApplicationGroup' },
    ],
    [
      'every rule',
      {
        ROLE_MAPPINGS: '{"g":"proxy_admin"}',
        DEFAULT_TEAM_PARAMS: '{"max_budget":0}',
        ASSIGNED_GROUPS_ACCEPT: 'v',
      },
    ],
    ['a site on this machine', { PUBLIC_URL: 'http://[::1]:7071' }],
    [
      'emulators',
      {
        DEVELOPMENT_ENDPOINTS: 'true',
        DEVELOPMENT_ENTRA_URL: 'https://localhost:8443',
        DEVELOPMENT_GRAPH_URL: 'https://localhost:8443/v1.0',
        DEVELOPMENT_AUTHORIZE_URL: 'http://localhost:8080',
      },
    ],
  ])('succeeds with %s', (_case, changes) => {
    expect(findFaults(anEnvironment(changes))).toEqual([]);
    expect(createApp(parseConfig(anEnvironment(changes))).config.publicUrl).toContain('://');
  });
});

describe('findFaults', () => {
  it('returns the invalid settings, and then creates no application', () => {
    let built = 0;
    const faults = findFaults(anEnvironment({ MICROSOFT_TENANT: 'common' }), () => {
      built += 1;
    });
    expect(faults).toMatchObject([expect.stringContaining('MICROSOFT_TENANT: got "common"')]);
    expect(built).toBe(0);
  });

  it.each([
    [new TypeError('Invalid AccountKey=hush'), 'TypeError'],
    [new AppError('configuration_invalid', 'Storage needs its credential'), 'Storage needs its credential'],
  ])(
    'returns a fault if the application cannot be created, so that no trigger takes a message',
    (thrown, reason) => {
      const faults = findFaults(anEnvironment(), () => {
        throw thrown;
      });
      expect(faults).toEqual([
        `The settings are valid one by one, but nothing can be built with them: ${reason}`,
      ]);
    },
  );
});

describe('buildApp', () => {
  it('creates the application without tracing if tracing cannot be created', () => {
    const broken: Tracing = {
      ...NO_TRACING,
      get isOff(): boolean {
        throw new Error('no bundle');
      },
    };
    const config: Config = parseConfig(anEnvironment());
    expect(() => createApp(config, broken)).toThrow('no bundle');
    expect(buildApp(config, broken).config).toBe(config);
  });
});
