/** `npm run rows`: prints the rows of LiteLLM's five tables, or of other tables, of a local stack or of a storage account. */
import { TABLES } from '../shared/storage/tables/tableNames.ts';
import { parseArguments } from '../terminal/arguments.ts';
import { UsageError } from '../terminal/commandError.ts';
import { print } from '../terminal/print.ts';
import { runCommand } from '../terminal/runCommand.ts';
import { openStorage } from './openStorage.ts';
import { readStorageArguments, storageHelp, storageOptions } from './storageArguments.ts';

type TableName = (typeof TABLES)[keyof typeof TABLES];

/** Not the key ring: a command never reads it (docs/decisions/0007-sessions-and-key-ring.md). */
const tableNames: readonly TableName[] = Object.values(TABLES).filter((name) => name !== TABLES.sessionKeys);
const shownByDefault: readonly TableName[] = [
  TABLES.organizations,
  TABLES.teams,
  TABLES.users,
  TABLES.organizationMemberships,
  TABLES.teamMemberships,
];

const HELP = `npm run rows                  prints the rows of LiteLLM's five tables
npm run rows -- TABLE ...     prints the rows of these tables:
${tableNames.map((name) => `                                ${name}`).join('\n')}

  --id ID          only rows with this partition key or row key: a person, an organization or a team
${storageHelp('role: Storage Table Data Reader')}
`;

/** Finds the tables by their names in any case. Throws a UsageError that lists the unknown ones. */
function requireTables(names: readonly string[]): readonly TableName[] {
  const find = (given: string): TableName | undefined =>
    tableNames.find((name) => name.toLowerCase() === given.toLowerCase());
  const unknown = names.filter((name) => find(name) === undefined);
  if (unknown.length > 0) throw new UsageError(`Unknown table: ${unknown.join(', ')}.`);
  return names.length === 0
    ? shownByDefault
    : tableNames.filter((name) => names.some((given) => find(given) === name));
}

async function run(args: readonly string[]): Promise<void> {
  const { texts, positionals } = parseArguments(args, {
    texts: [...storageOptions, 'id'],
    positionals: tableNames.length,
  });
  const shown = requireTables(positionals);
  const { tables } = await openStorage(readStorageArguments(texts));
  for (const table of shown) {
    const rows = (await tables.read(table, {})).filter(
      ({ partitionKey, rowKey }) =>
        texts.id === undefined ||
        [partitionKey, rowKey].some((key) => key.split(':').includes(texts.id ?? '')),
    );
    print(`\n${table}: ${rows.length} ${rows.length === 1 ? 'row' : 'rows'}`);
    for (const { partitionKey, rowKey, properties } of rows) {
      print(`  ${partitionKey} / ${rowKey}  ${JSON.stringify(properties)}`);
    }
  }
}

await runCommand({ help: HELP, run });
