/** Settings that are read together, because which of them are set decides whether the others are valid. */
import { notSet } from './configFault.ts';
import { Secret } from '../model/secret.ts';
import { settings } from './settings.ts';
import type { SettingsReader } from './settingsReader.ts';

/** How the app authenticates to Entra as the app registration. */
export type ClientCredential =
  | { readonly kind: 'secret'; readonly secret: Secret }
  | { readonly kind: 'federated'; readonly managedIdentityClientId: string };

/** How the app accesses the storage account. */
export type StorageAccess =
  | { readonly kind: 'connectionString'; readonly connectionString: Secret }
  | {
      readonly kind: 'managedIdentity';
      readonly queueServiceUri: string;
      readonly tableServiceUri: string;
      readonly clientId?: string;
    };

/** Returns the credential. Returns undefined and records a fault if none or both are set. */
export function readClientCredential(reader: SettingsReader): ClientCredential | undefined {
  const { clientSecret, managedIdentityClientId } = settings;
  const secret = reader.find(clientSecret);
  const identity = reader.find(managedIdentityClientId);
  const names = `${clientSecret.name} or ${managedIdentityClientId.name}`;
  if (reader.isSet(clientSecret) && reader.isSet(managedIdentityClientId)) {
    const got = `${reader.describe(clientSecret)}, together with ${managedIdentityClientId.name}`;
    reader.refuse(clientSecret, got, `${names}, not both`);
    return undefined;
  }
  if (!reader.isSet(clientSecret) && !reader.isSet(managedIdentityClientId)) {
    reader.refuse(clientSecret, notSet, names);
  }
  if (secret !== undefined) return { kind: 'secret', secret: new Secret(secret) };
  return identity === undefined ? undefined : { kind: 'federated', managedIdentityClientId: identity };
}

/** Returns the access to storage. Returns undefined and records a fault if it is missing, mixed or invalid. */
export function readStorageAccess(reader: SettingsReader): StorageAccess | undefined {
  const { storageConnectionString, queueServiceUri, tableServiceUri, storageClientId, storageCredential } =
    settings;
  const connectionString = reader.find(storageConnectionString);
  const clientId = reader.find(storageClientId);
  reader.find(storageCredential);
  const identitySettings = [queueServiceUri, tableServiceUri, storageClientId, storageCredential];
  const named = identitySettings.filter((setting) => reader.isSet(setting)).map((setting) => setting.name);
  const expected = `a connection string, or ${queueServiceUri.name} and ${tableServiceUri.name}`;
  if (reader.isSet(storageConnectionString)) {
    if (named.length === 0) {
      if (connectionString === undefined) return undefined;
      return { kind: 'connectionString', connectionString: new Secret(connectionString) };
    }
    const got = `${reader.describe(storageConnectionString)}, together with ${named.join(', ')}`;
    reader.refuse(storageConnectionString, got, expected);
    return undefined;
  }
  if (named.length === 0) {
    reader.refuse(storageConnectionString, notSet, expected);
    return undefined;
  }
  const queue = reader.require(queueServiceUri);
  const table = reader.require(tableServiceUri);
  if (queue === undefined || table === undefined) return undefined;
  const uris = { kind: 'managedIdentity', queueServiceUri: queue, tableServiceUri: table } as const;
  return clientId === undefined ? uris : { ...uris, clientId };
}

/** Returns the site's origin, preferring `PUBLIC_URL`. Returns undefined and records a fault if neither is valid. */
export function readPublicUrl(reader: SettingsReader): string | undefined {
  const { publicUrl, websiteHostname } = settings;
  if (reader.isSet(websiteHostname) && !reader.isSet(publicUrl)) return reader.find(websiteHostname);
  return reader.require(publicUrl);
}

/** The address and key of a LiteLLM proxy. */
export interface LitellmAccess {
  /** Without a slash at the end. Contains a path if the proxy is served under one. */
  readonly baseUrl: string;
  readonly apiKey: Secret;
  /** `LITELLM_CLOSE_FOUND`: a closed account also ends a user that LiteLLM had before this product. */
  readonly closesFoundUsers: boolean;
  /** `LITELLM_SHARED_BUDGET` */
  readonly sharedBudget: 'split' | 'each';
  /** What happens to the keys of people who left a team. */
  readonly keys: {
    /** `LITELLM_PARKED_KEY_DAYS` */
    readonly parkedKeyDays: number;
    /** `LITELLM_PARKED_KEYS_ACCEPT` */
    readonly acceptVersion?: string;
  };
}

/**
 * Returns the proxy, or undefined if none is connected. Also returns undefined, and records a fault, if one of the two
 * settings is missing or invalid.
 */
export function readLitellm(reader: SettingsReader): LitellmAccess | undefined {
  const { litellmBaseUrl, litellmApiKey, litellmSharedBudget } = settings;
  for (const [setting, other] of [
    [litellmBaseUrl, litellmApiKey],
    [litellmApiKey, litellmBaseUrl],
  ] as const) {
    if (reader.isSet(setting) || !reader.isSet(other)) continue;
    reader.refuse(setting, notSet, `${setting.valid}; or remove ${other.name} too to disconnect the proxy`);
  }
  const baseUrl = reader.find(litellmBaseUrl);
  const apiKey = reader.find(litellmApiKey);
  const sharedBudget = reader.findOrDefault(litellmSharedBudget);
  const parkedKeyDays = reader.findOrDefault(settings.litellmParkedKeyDays);
  const acceptVersion = reader.find(settings.litellmParkedKeysAccept);
  if (baseUrl === undefined || apiKey === undefined) return undefined;
  const closesFoundUsers = reader.findOrDefault(settings.litellmCloseFound) === 'on';
  const keys = { parkedKeyDays, ...(acceptVersion === undefined ? {} : { acceptVersion }) };
  return { baseUrl, apiKey: new Secret(apiKey), closesFoundUsers, sharedBudget, keys };
}

/** Where telemetry is exported. An absent part is not exported. */
export interface Monitoring {
  readonly applicationInsights?: {
    readonly connectionString: string;
    /** Absent: only the instrumentation key is used. Without a client id: the system-assigned identity. */
    readonly identity?: { readonly clientId?: string };
  };
  /** The exporter reads the address and headers from OpenTelemetry's own variables. */
  readonly otlp?: { readonly protocol: 'http/protobuf' | 'http/json' };
}

/** Returns where to export telemetry, or undefined if no destination is set or (with a fault) none is valid. */
export function readMonitoring(reader: SettingsReader): Monitoring | undefined {
  const connectionString = reader.find(settings.applicationInsights);
  const identity = reader.find(settings.applicationInsightsIdentity);
  const endpoint = reader.find(settings.otlpEndpoint);
  const protocol = reader.findOrDefault(settings.otlpProtocol);
  if (connectionString === undefined && endpoint === undefined) return undefined;
  return {
    ...(connectionString === undefined
      ? {}
      : { applicationInsights: { connectionString, ...(identity === undefined ? {} : { identity }) } }),
    ...(endpoint === undefined ? {} : { otlp: { protocol } }),
  };
}
