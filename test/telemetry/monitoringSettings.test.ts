import { describe, expect, it } from 'vitest';
import { findConfigFaults, parseConfig } from '../../shared/config/config.ts';

const KEY = '77777777-8888-4999-8000-111111111abc';
const SETTINGS = {
  MICROSOFT_TENANT: '11111111-2222-4333-8444-555555555555',
  MICROSOFT_CLIENT_ID: '66666666-7777-4888-8999-aaaaaaaaaaaa',
  MICROSOFT_CLIENT_SECRET: 'a-secret',
  PUBLIC_URL: 'https://app.example.com',
  AzureWebJobsStorage: 'UseDevelopmentStorage=true',
};
const CONNECTION = 'APPLICATIONINSIGHTS_CONNECTION_STRING';
const IDENTITY = 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING';
const ENDPOINT = 'OTEL_EXPORTER_OTLP_ENDPOINT';
const PROTOCOL = 'OTEL_EXPORTER_OTLP_PROTOCOL';

const monitoringOf = (settings: Readonly<Record<string, string>>) =>
  parseConfig({ ...SETTINGS, ...settings }).monitoring;
const faultsOf = (settings: Readonly<Record<string, string>>) =>
  findConfigFaults({ ...SETTINGS, ...settings }).map((fault) => fault.setting);

describe('where telemetry goes', () => {
  it('is nowhere unless an endpoint is set, whatever else is', () => {
    expect(monitoringOf({})).toBeUndefined();
    expect(
      monitoringOf({ [IDENTITY]: 'Authorization=AAD', [PROTOCOL]: 'http/json', [ENDPOINT]: ' ' }),
    ).toBeUndefined();
  });

  it('is a resource of Application Insights, whose connection string is written as its exporter wants it', () => {
    const given = ` InstrumentationKey = ${KEY.toUpperCase()} ; IngestionEndpoint=https://region.example.com/;`;
    expect(monitoringOf({ [CONNECTION]: given })).toEqual({
      applicationInsights: {
        connectionString: `instrumentationkey=${KEY};ingestionendpoint=https://region.example.com/`,
      },
    });
  });

  it.each([
    [
      'ClientId=33333333-4444-5555-6666-77777777777A;Authorization=AAD',
      { clientId: '33333333-4444-5555-6666-77777777777a' },
    ],
    ['Authorization=AAD', {}],
    ['authorization=aad;', {}],
  ])('is reached as the managed identity of %s', (given, identity) => {
    const monitoring = monitoringOf({ [CONNECTION]: `InstrumentationKey=${KEY}`, [IDENTITY]: given });
    expect(monitoring?.applicationInsights?.identity).toEqual(identity);
  });

  it('is a collector, in protobuf unless JSON is asked for, and both at once where both are set', () => {
    expect(monitoringOf({ [ENDPOINT]: 'http://localhost:4318' })).toEqual({
      otlp: { protocol: 'http/protobuf' },
    });
    const both = {
      [ENDPOINT]: 'https://collector/x',
      [PROTOCOL]: 'http/json',
      [CONNECTION]: `InstrumentationKey=${KEY}`,
    };
    expect(monitoringOf(both)).toMatchObject({ otlp: { protocol: 'http/json' }, applicationInsights: {} });
  });

  it.each([
    [CONNECTION, KEY],
    [CONNECTION, 'InstrumentationKey=key'],
    [CONNECTION, 'IngestionEndpoint=https://region.example.com/'],
    [CONNECTION, `InstrumentationKey=${KEY};IngestionEndpoint=http://region.example.com/`],
    [CONNECTION, `InstrumentationKey=${KEY};IngestionEndpoint=`],
    [CONNECTION, '@Microsoft.KeyVault(SecretUri=https://vault/secrets/x)'],
    [IDENTITY, 'ClientId=33333333-4444-5555-6666-777777777777'],
    [IDENTITY, 'ClientId=me;Authorization=AAD'],
    [IDENTITY, 'AAD'],
    [ENDPOINT, 'localhost:4318'],
    [ENDPOINT, 'grpc://localhost:4317'],
    [ENDPOINT, 'https://user:password@collector'],
    [PROTOCOL, 'grpc'],
  ])('refuses %s=%s', (setting, value) => {
    expect(faultsOf({ [setting]: value })).toEqual([setting]);
  });
});
