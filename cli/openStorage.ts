import { createStorageQueue } from '../shared/queue/storageQueue.ts';
import { createAzureTables } from '../shared/storage/tables/azureTables.ts';
import type { Tables } from '../shared/model/tables.ts';
import { Secret } from '../shared/config/config.ts';
import type { MessageQueue } from '../shared/model/ports.ts';
import { azureCliCredential } from './azureCliCredential.ts';
import { requireConnectionString } from './localStack.ts';
import type { StorageArguments } from './storageArguments.ts';

/** The storage that a command works on. */
export interface OpenStorage {
  readonly tables: Tables;
  createQueue(this: void, queueName: string): MessageQueue;
}

/**
 * Opens a storage account in Azure with the account that `az login` signed in. Without a name, opens the storage of the given local
 * stack, `AzureWebJobsStorage`, or the default local stack's. Connects to nothing yet. Throws a CommandError that says what to do if
 * there is no storage.
 */
export async function openStorage({ account, stateDir }: StorageArguments): Promise<OpenStorage> {
  if (account === undefined) {
    const connectionString = await requireConnectionString(stateDir);
    const storage = { kind: 'connectionString' as const, connectionString: new Secret(connectionString) };
    return {
      tables: createAzureTables({ connection: { kind: 'connectionString', connectionString } }),
      createQueue: (queueName) => createStorageQueue({ storage, queueName }),
    };
  }
  const uri = (service: string): string => `https://${account}.${service}.core.windows.net`;
  const storage = {
    kind: 'managedIdentity' as const,
    queueServiceUri: uri('queue'),
    tableServiceUri: uri('table'),
  };
  const credential = azureCliCredential;
  return {
    tables: createAzureTables({ connection: { ...storage, credential } }),
    createQueue: (queueName) => createStorageQueue({ storage, queueName, credential }),
  };
}
