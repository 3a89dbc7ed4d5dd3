/**
 * Returns the connection string that a binding's `connection` names: the app setting of that name, or the one with
 * `AzureWebJobs` in front, as in Azure. An empty name means `AzureWebJobsStorage`.
 * Throws an Error that names the setting where it is missing.
 */
export function requireStorageConnection(
  connection: string,
  settings: Readonly<Record<string, string | undefined>>,
): string {
  const name = connection === '' ? 'AzureWebJobsStorage' : connection;
  const value = settings[name] ?? settings[`AzureWebJobs${name}`];
  if (value === undefined || value === '') {
    throw new Error(`The app setting "${name}" with the storage connection string is missing.`);
  }
  return value;
}
