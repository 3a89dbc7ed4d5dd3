/**
 * A baseline that does what LiteLLM's proxy does with the database at an Entra sign-in: one request after another, while the
 * person waits. It was written from a description and uses the product's own tables client. It is neither tuned nor slowed down.
 */
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import type { Properties, RowKey, StoredRow, Tables } from '../../shared/model/tables.ts';

export interface BaselinePerson {
  readonly userId: string;
  readonly email: string;
}

export interface BaselineGroup {
  readonly id: string;
  readonly displayName: string;
}

/** The size of a chunk. A string property takes 32 Ki units (Azure's limit), and lists may be longer. */
const COLUMN_UNITS = 30_000;

/** The values of a new team, the same as in the product's sample settings. */
const NEW_TEAM: Properties = {
  models: '["gpt-4","gpt-3.5-turbo"]',
  max_budget: 1000,
  budget_duration: '30d',
  spend: 0,
};

/**
 * Provisions one person. With g groups, n of them without a team, it costs 3g + n + 2 requests, and a repeat costs 3g + 2.
 * Nothing protects a team's list, so two concurrent sign-ins of one team may lose a member. Its rows are in partitions that the
 * product does not use, so both may run on the same storage.
 */
export async function provisionBaseline(
  tables: Tables,
  person: BaselinePerson,
  groups: readonly BaselineGroup[],
): Promise<void> {
  for (const group of groups) await ensureTeam(tables, group);
  for (const group of groups) await addMember(tables, person, group);
  await writeUser(tables, person, groups);
}

function teamKey(teamId: string): RowKey {
  return { partitionKey: teamId, rowKey: 'baseline' };
}

async function ensureTeam(tables: Tables, group: BaselineGroup): Promise<void> {
  const key = teamKey(group.id);
  if ((await tables.find(TABLES.teams, key)) !== undefined) return;
  const properties = {
    ...NEW_TEAM,
    team_id: group.id,
    team_alias: group.displayName,
    ...listColumns('members', []),
  };
  // A refusal means that another sign-in has created it meanwhile.
  await tables.write(TABLES.teams, { kind: 'create', key, properties });
}

async function addMember(tables: Tables, person: BaselinePerson, group: BaselineGroup): Promise<void> {
  const key = teamKey(group.id);
  const members = readList('members', await tables.find(TABLES.teams, key));
  const member = JSON.stringify({ user_id: person.userId, user_email: person.email, role: 'user' });
  const others = members.filter((entry) => JSON.stringify(entry) !== member);
  const properties = listColumns('members', [...others, JSON.parse(member)]);
  await tables.write(TABLES.teams, { kind: 'upsertMerge', key, properties });
}

async function writeUser(
  tables: Tables,
  person: BaselinePerson,
  groups: readonly BaselineGroup[],
): Promise<void> {
  const key = { partitionKey: person.userId, rowKey: 'baseline' };
  const before = readList('teams', await tables.find(TABLES.users, key));
  const teams = new Set([...before, ...groups.map((group) => group.id)]);
  await tables.write(TABLES.users, {
    kind: 'upsertMerge',
    key,
    properties: { user_id: person.userId, user_email: person.email, ...listColumns('teams', [...teams]) },
  });
}

function listColumns(name: string, list: readonly unknown[]): Properties {
  const text = JSON.stringify(list);
  const count = Math.ceil(text.length / COLUMN_UNITS);
  const columns: Record<string, string | number> = { [`${name}Count`]: count };
  for (let index = 0; index < count; index += 1) {
    columns[`${name}${index}`] = text.slice(index * COLUMN_UNITS, (index + 1) * COLUMN_UNITS);
  }
  return columns;
}

function readList(name: string, row: StoredRow | undefined): readonly unknown[] {
  if (row === undefined) return [];
  const count = Number(row.properties[`${name}Count`]);
  const parts = Array.from({ length: count }, (_, index) => row.properties[`${name}${index}`]);
  const list: unknown = JSON.parse(parts.join(''));
  return Array.isArray(list) ? list : [];
}
