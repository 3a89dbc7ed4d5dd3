/**
 * The least that the rules leave of a first provisioning: their order and nothing computed. Before anything is written the person's row
 * is read (an unchanged repeat ends there, a newer observation wins); claim and index come before the memberships; each transaction
 * of memberships moves its fence under the ETag of the one before; and only then the row says that it is done (docs/domain.md,
 * "Order, repetition, concurrency"). New organizations come before their teams, and both before memberships, because a team whose
 * organization cannot be made becomes a standalone one, which its people join (docs/domain.md, "The flag", rule 7). Whatever keeps
 * those rules is not faster on this storage with this driver.
 */
import { chunksOf } from '../../shared/platform/chunksOf.ts';
import { FENCE_ROW_KEY } from '../../shared/storage/membershipKinds.ts';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import type { Tables, TransactionWrite } from '../../shared/model/tables.ts';
import { type RawProvisioning, type RawRow, rawRowsOf, writeRows } from './rawStorage.ts';

/** A transaction takes 100 rows, and one of them is the fence. */
const MEMBERSHIPS_PER_TRANSACTION = 99;

const FENCE = { observed_at: '2026-11-23T09:00:00.000Z', observation_id: 'the-least' };

/** Provisions a person of whom there is nothing yet. Throws an Error where there is. */
export async function provisionLeast(tables: Tables, what: RawProvisioning): Promise<void> {
  const rows = rawRowsOf(what, new Date());
  const { key, properties } = rows.user;
  if ((await tables.find(TABLES.users, key)) !== undefined) throw new Error('Somebody was there already');
  const [claimed] = await Promise.all([
    tables.write(TABLES.users, { kind: 'create', key, properties }),
    writeRows(tables, rows.index),
    writeEntities(tables, rows),
  ]);
  await Promise.all([
    writeMemberships(tables, rows.organizationMemberships),
    writeMemberships(tables, rows.teamMemberships),
  ]);
  const etag = claimed.done ? claimed.etag : undefined;
  const finished = await tables.write(TABLES.users, { kind: 'merge', key, properties, etag: etag ?? '' });
  if (!finished.done) throw new Error('Somebody else wrote the person');
}

async function writeEntities(
  tables: Tables,
  { organizations, teams }: { readonly organizations: readonly RawRow[]; readonly teams: readonly RawRow[] },
): Promise<void> {
  await writeRows(tables, organizations);
  await writeRows(tables, teams);
}

async function writeMemberships(tables: Tables, rows: readonly RawRow[]): Promise<void> {
  let etag: string | undefined;
  for (const chunk of chunksOf(rows, MEMBERSHIPS_PER_TRANSACTION)) {
    const [first] = chunk;
    if (first === undefined) return;
    const key = { partitionKey: first.key.partitionKey, rowKey: FENCE_ROW_KEY };
    const fence: TransactionWrite =
      etag === undefined
        ? { kind: 'create', key, properties: FENCE }
        : { kind: 'replace', key, properties: FENCE, etag };
    const creations = chunk.map((row) => ({ ...row, kind: 'create' as const }));
    const written = await tables.transact(first.table, [fence, ...creations]);
    if (!written.done) throw new Error('Somebody else moved the fence');
    etag = written.etags[0];
  }
}
