/** `npm run rows`: prints the rows of LiteLLM's five tables, from `AzureWebJobsStorage` or else from the local stack. */
import { createAzureTables } from '../shared/storage/tables/azureTables.ts';
import { TABLES } from '../shared/storage/tables/tableNames.ts';
import { requireConnectionString } from './localStack.ts';

const tables = createAzureTables({
  connection: { kind: 'connectionString', connectionString: await requireConnectionString() },
});
const shown = [
  TABLES.organizations,
  TABLES.teams,
  TABLES.users,
  TABLES.organizationMemberships,
  TABLES.teamMemberships,
] as const;

for (const table of shown) {
  const rows = await tables.read(table, {});
  console.log(`\n${table}: ${rows.length} rows`);
  for (const { partitionKey, rowKey, properties } of rows) {
    console.log(`  ${partitionKey} / ${rowKey}  ${JSON.stringify(properties)}`);
  }
}
