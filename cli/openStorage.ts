import { createAzureTables } from '../shared/storage/tables/azureTables.ts';
import type { Tables } from '../shared/model/tables.ts';
import { azureCliCredential } from './azureCliCredential.ts';
import { requireConnectionString } from './localStack.ts';
import type { StorageArguments } from './storageArguments.ts';

/** The storage that a command works on. Commands use no queue, because only the app signs messages. */
export interface OpenStorage {
  readonly tables: Tables;
}

/**
 * Opens a storage account in Azure with the account that `az login` signed in. Without a name, opens the storage of the given local
 * stack, `AzureWebJobsStorage`, or the default local stack's. Connects to nothing yet. Throws a CommandError that says what to do if
 * there is no storage.
 */
export async function openStorage({ account, stateDir }: StorageArguments): Promise<OpenStorage> {
  if (account === undefined) {
    const connectionString = await requireConnectionString(stateDir);
    return { tables: createAzureTables({ connection: { kind: 'connectionString', connectionString } }) };
  }
  const connection = {
    kind: 'managedIdentity' as const,
    tableServiceUri: `https://${account}.table.core.windows.net`,
    credential: azureCliCredential,
  };
  return { tables: createAzureTables({ connection }) };
}
