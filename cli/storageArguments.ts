import { UsageError } from '../terminal/commandError.ts';

/** Which storage a command works on. Without either, `AzureWebJobsStorage` or the local stack of the default folder. */
export interface StorageArguments {
  /** A storage account in Azure. */
  readonly account: string | undefined;
  /** The folder of a local stack. */
  readonly stateDir: string | undefined;
}

/** The options of {@link readStorageArguments}, for the rules of a command. */
export const storageOptions = ['account', 'state-dir'] as const;

/** Describes the options of {@link readStorageArguments}. `roles`: what the account needs. */
export function storageHelp(roles: string): string {
  return `  --account NAME   a storage account in Azure, opened with the account that "az login" signed in (${roles})
  --state-dir DIR  the local stack that npm start -- --state-dir DIR runs
                   Without either: AzureWebJobsStorage, else the local stack that npm start runs.`;
}

/** Throws a UsageError if both are given, or if the account's name could be part of another address. */
export function readStorageArguments(texts: {
  readonly account?: string;
  readonly 'state-dir'?: string;
}): StorageArguments {
  const { account, 'state-dir': stateDir } = texts;
  if (account !== undefined && stateDir !== undefined) {
    throw new UsageError('Give either --account or --state-dir, not both.');
  }
  if (account !== undefined && !/^[a-z0-9]{3,24}$/.test(account)) {
    throw new UsageError(
      `--account needs the name of a storage account, such as "mystorage", not "${account}".`,
    );
  }
  return { account, stateDir };
}
