/** Settings of which one or the other must be set, never none; where both contradict each other, not both. */
import { notSet } from './configFault.ts';
import { Secret } from './secret.ts';
import { settings } from './settings.ts';
import type { SettingsReader } from './settingsReader.ts';

/** What proves to Entra that this is the app registration. */
export type ClientCredential =
  | { readonly kind: 'secret'; readonly secret: Secret }
  | { readonly kind: 'federated'; readonly managedIdentityClientId: string };

/** How the storage account is reached. */
export type StorageAccess =
  | { readonly kind: 'connectionString'; readonly connectionString: Secret }
  | {
      readonly kind: 'managedIdentity';
      readonly queueServiceUri: string;
      readonly tableServiceUri: string;
      readonly clientId?: string;
    };

/** Gives the credential, or undefined with a fault. */
export function readClientCredential(reader: SettingsReader): ClientCredential | undefined {
  const { clientSecret, managedIdentityClientId } = settings;
  const secret = reader.find(clientSecret);
  const identity = reader.find(managedIdentityClientId);
  const names = `${clientSecret.name} or ${managedIdentityClientId.name}`;
  if (reader.isSet(clientSecret) && reader.isSet(managedIdentityClientId)) {
    const got = `${reader.describe(clientSecret)}, beside ${managedIdentityClientId.name}`;
    reader.refuse(clientSecret, got, `one of ${names}, not both`);
    return undefined;
  }
  if (!reader.isSet(clientSecret) && !reader.isSet(managedIdentityClientId)) {
    reader.refuse(clientSecret, notSet, `one of ${names}`);
  }
  if (secret !== undefined) return { kind: 'secret', secret: new Secret(secret) };
  return identity === undefined ? undefined : { kind: 'federated', managedIdentityClientId: identity };
}

/** Gives the storage, or undefined with a fault. */
export function readStorageAccess(reader: SettingsReader): StorageAccess | undefined {
  const { storageConnectionString, queueServiceUri, tableServiceUri, storageClientId, storageCredential } =
    settings;
  const connectionString = reader.find(storageConnectionString);
  const clientId = reader.find(storageClientId);
  reader.find(storageCredential);
  const identitySettings = [queueServiceUri, tableServiceUri, storageClientId, storageCredential];
  const named = identitySettings.filter((setting) => reader.isSet(setting)).map((setting) => setting.name);
  const expected = `either a connection string, or ${queueServiceUri.name} and ${tableServiceUri.name}`;
  if (reader.isSet(storageConnectionString)) {
    if (named.length === 0) {
      if (connectionString === undefined) return undefined;
      return { kind: 'connectionString', connectionString: new Secret(connectionString) };
    }
    const got = `${reader.describe(storageConnectionString)}, beside ${named.join(', ')}`;
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

/** Gives the site's origin, or undefined with a fault. `PUBLIC_URL` wins over what Azure calls the site. */
export function readPublicUrl(reader: SettingsReader): string | undefined {
  const { publicUrl, websiteHostname } = settings;
  if (reader.isSet(websiteHostname) && !reader.isSet(publicUrl)) return reader.find(websiteHostname);
  return reader.require(publicUrl);
}
