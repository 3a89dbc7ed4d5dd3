/** Reads and edits rows of the store, as an operator does with a storage browser. */
import { TableClient } from '@azure/data-tables';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';

export type Row = Readonly<Record<string, unknown>>;
type TableName = keyof typeof TABLES;

function openTable(connectionString: string, table: TableName): TableClient {
  return TableClient.fromConnectionString(connectionString, TABLES[table], { allowInsecureConnection: true });
}

/** Reads every row of a table for which `matches`, ordered by partition and row. Leaves out fences and guards. */
export async function readRows(
  connectionString: string,
  table: TableName,
  matches: (row: Row) => boolean = () => true,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for await (const row of openTable(connectionString, table).listEntities()) {
    if (!String(row.rowKey).startsWith('_') && matches(row)) rows.push(row);
  }
  return rows;
}

/** Changes columns of one row, as an operator does by hand. Throws if the row does not exist. */
export async function editRow(
  connectionString: string,
  table: TableName,
  row: { readonly partitionKey: string; readonly rowKey: string } & Row,
): Promise<void> {
  await openTable(connectionString, table).updateEntity(row, 'Merge');
}

/** Reads a person's rows in LiteLLM's five tables: the user and its memberships. */
export async function readPerson(
  connectionString: string,
  userId: string,
): Promise<{ user: Row | undefined; teams: readonly unknown[]; organizations: readonly unknown[] }> {
  const isOurs = (row: Row): boolean => row['partitionKey'] === userId;
  const [users, teams, organizations] = await Promise.all([
    readRows(connectionString, 'users', isOurs),
    readRows(connectionString, 'teamMemberships', isOurs),
    readRows(connectionString, 'organizationMemberships', isOurs),
  ]);
  return {
    user: users.find((row) => row['rowKey'] === 'user'),
    teams: teams.map((row) => row['team_id']),
    organizations: organizations.map((row) => row['organization_id']),
  };
}
