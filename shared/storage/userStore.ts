/**
 * Storage for people: each person's row, and in the same partition a second row, the outcome. The outcome says why the newest
 * observation is not applied yet.
 */
import type { UnreadableRow, EntraField } from '../model/handEdits.ts';
import * as z from 'zod/mini';
import type { Reported } from '../model/access.ts';
import { type User, GLOBAL_ROLES } from '../model/entities.ts';
import { outcomeStays } from '../model/progress.ts';
import type { Outcome, RunReport, RunState, UserPatch, UserRecord } from '../model/userRecord.ts';
import { AppError } from '../model/errors.ts';
import { amount, jsonOrNull, nameList, readColumns, text, word } from './tables/columns.ts';
import { withoutUndefined } from '../platform/withoutUndefined.ts';
import { TABLES } from './tables/tableNames.ts';
import type { Properties, RowKey, StoredRow, Tables, Value, Write } from '../model/tables.ts';

const USER_ROW_KEY = 'user';
const OUTCOME_ROW_KEY = 'outcome';

/** How often a write is tried before giving up. Each failed round means that another writer has succeeded. */
const WRITE_ROUNDS = 5;

/**
 * All kinds and codes of a report. The type makes a missing one a compile error: an unlisted word would make the report
 * unreadable.
 */
const REPORTED_KINDS: { readonly [Kind in Reported['kind']]: Kind } = {
  organization: 'organization',
  team: 'team',
  group: 'group',
  user: 'user',
};
const REPORTED_CODES: { readonly [Code in Reported['code']]: Code } = {
  organization_unavailable: 'organization_unavailable',
  row_unreadable: 'row_unreadable',
  row_missing: 'row_missing',
  last_org_admin: 'last_org_admin',
  no_org_admin_left: 'no_org_admin_left',
  group_not_yet_known: 'group_not_yet_known',
  removal_not_checked: 'removal_not_checked',
  standalone_for_now: 'standalone_for_now',
  models_kept: 'models_kept',
};

const reportSchema = z.object({
  groups_seen: z.number(),
  groups_counted: z.number(),
  granted: z.number(),
  changed: z.number(),
  removed: z.number(),
  reported: z.array(
    z.object({
      kind: z.enum(REPORTED_KINDS),
      id: z.string(),
      code: z.enum(REPORTED_CODES),
      detail: z.optional(z.string()),
    }),
  ),
  reported_more: z.number(),
});

/** A text column that decides nothing, so a broken value reads as absent. */
const idleText = z.catch(text, undefined);

/** Columns that only this product writes. A broken observation, state or session column makes the whole row unreadable. */
const systemColumns = z.object({
  observed_at: text,
  observation_id: text,
  run_state: word(['applying', 'applied']),
  sessions_valid_from: text,
  tenant_id: idleText,
  claim_id: idleText,
  claimed_at: idleText,
  digest: idleText,
  digest_at: idleText,
  finished_at: idleText,
  run_report: z.catch(jsonOrNull(reportSchema), null),
  created_at: idleText,
  updated_at: idleText,
});

/**
 * Reads the columns that administrators edit, and the columns that hold what this product last wrote to them. It collects the
 * names of unreadable columns, and the other columns still count. If the last written value is unreadable, the field counts as
 * edited.
 */
class EditedColumns {
  readonly unreadable: string[] = [];
  readonly #row: StoredRow;

  constructor(row: StoredRow) {
    this.#row = row;
  }

  read<T extends z.ZodMiniType>(column: string, schema: T): z.output<T> | undefined {
    const result = schema.safeParse(this.#row.properties[column]);
    if (result.success) return result.data;
    this.unreadable.push(column);
    return undefined;
  }
}

const roleColumn = word(GLOBAL_ROLES);
const activeColumn = z.optional(z.boolean());

type SystemColumns = z.output<typeof systemColumns>;

function parseReport(report: z.output<typeof reportSchema>): RunReport {
  return {
    ...report,
    reported: report.reported.map(({ kind, id, code, detail }) => ({
      kind,
      id,
      code,
      ...withoutUndefined({ detail }),
    })),
  };
}

function parseRun(columns: SystemColumns): RunState | undefined {
  const { observed_at: observedAt, observation_id: id, run_state: state } = columns;
  if (observedAt === undefined || id === undefined || state === undefined) return undefined;
  return {
    observation: { observed_at: observedAt, id },
    state,
    claimId: columns.claim_id ?? '',
    ...(columns.claimed_at === undefined ? {} : { claimedAt: columns.claimed_at }),
    ...(columns.digest === undefined ? {} : { digest: columns.digest }),
    ...(columns.digest_at === undefined ? {} : { digestAt: columns.digest_at }),
    ...(columns.finished_at === undefined ? {} : { finishedAt: columns.finished_at }),
    ...(columns.run_report === null ? {} : { report: parseReport(columns.run_report) }),
  };
}

function rawText(row: StoredRow, column: string): string | undefined {
  const value = row.properties[column];
  if (value === undefined || value === '') return undefined;
  // Only an administrator can have written another type. Its JSON never equals what this product wrote.
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Parses the people whom a run has provisioned. It skips rows that no run has written yet, such as the row of a sign-out. */
function parsePeople(rows: readonly StoredRow[]): {
  readonly people: readonly PersonRow[];
  readonly unreadable: readonly UnreadableRow[];
} {
  const people: PersonRow[] = [];
  const unreadable: UnreadableRow[] = [];
  for (const row of rows.filter(({ rowKey }) => rowKey === USER_ROW_KEY)) {
    const reading = readColumns(systemColumns, row.properties);
    if (!reading.ok) {
      unreadable.push({ id: row.partitionKey, table: TABLES.users, columns: reading.columns });
      continue;
    }
    const record = parseUserRow(row);
    if (record.run !== undefined) people.push({ record });
  }
  return { people, unreadable };
}

function parseUserRow(row: StoredRow): UserRecord {
  const reading = readColumns(systemColumns, row.properties);
  if (!reading.ok) {
    throw new AppError('row_unreadable', `A user's row cannot be read.`, {
      details: { table: TABLES.users, row: row.partitionKey, columns: reading.columns },
    });
  }
  const columns = reading.value;
  const edited = new EditedColumns(row);
  const active = edited.read('active', activeColumn);
  const user: User = {
    user_id: row.partitionKey,
    tenant_id: columns.tenant_id ?? '',
    sso_user_id: row.partitionKey,
    // An unreadable role grants the least power.
    user_role: edited.read('user_role', roleColumn) ?? 'internal_user_viewer',
    ...withoutUndefined({
      user_email: edited.read('user_email', text),
      display_name: edited.read('display_name', text),
      max_budget: edited.read('max_budget', amount),
      budget_duration: edited.read('budget_duration', text),
    }),
    models: edited.read('models', nameList) ?? [],
    // An absent value means that no administrator closed the account. An unreadable value counts as closed, to be safe.
    active: active ?? !edited.unreadable.includes('active'),
    created_at: columns.created_at ?? '',
    updated_at: columns.updated_at ?? '',
  };
  const field = (column: string): EntraField => ({
    current: rawText(row, column),
    written: edited.read(`${column}_written`, text),
  });
  const fields = {
    user_role: field('user_role'),
    user_email: field('user_email'),
    display_name: field('display_name'),
  };
  return {
    etag: row.etag,
    run: parseRun(columns),
    sessionsValidFrom: columns.sessions_valid_from,
    active: user.active,
    // Any value, even a broken one, means that a run has finished. The user must not be initialized again.
    isNew: rawText(row, 'created_at') === undefined,
    user,
    fields,
    unreadable:
      edited.unreadable.length === 0 ? undefined : { table: TABLES.users, columns: edited.unreadable },
  };
}

/** Empty columns read as a row that no run has claimed. */
const NO_RUN: Properties = { observed_at: '', observation_id: '', run_state: '', claim_id: '' };

function runColumns(run: RunState | null): Properties {
  if (run === null) return NO_RUN;
  return {
    observed_at: run.observation.observed_at,
    observation_id: run.observation.id,
    run_state: run.state,
    claim_id: run.claimId,
    claimed_at: run.claimedAt ?? '',
    digest: run.digest ?? '',
    digest_at: run.digestAt ?? '',
    finished_at: run.finishedAt ?? '',
    run_report: run.report === undefined ? '' : JSON.stringify(run.report),
  };
}

/** Returns the columns of a patch. A merge cannot remove a column, so `null` becomes an empty string, which reads as absent. */
function userColumns(userId: string, patch: UserPatch): Properties {
  const { run, models, ...plain } = patch;
  const columns: Record<string, Value> = { user_id: userId, sso_user_id: userId };
  for (const [name, value] of Object.entries(plain)) {
    if (value !== undefined) columns[name] = value ?? '';
  }
  if (models !== undefined) columns['models'] = JSON.stringify(models);
  return { ...columns, ...(run === undefined ? {} : runColumns(run)) };
}

const outcomeColumns = z.object({
  observed_at: z.string(),
  observation_id: z.string(),
  status: z.enum(['waiting', 'retrying', 'failed']),
  reason: z.string(),
  attempts: z.number(),
  next_try_at: text,
  updated_at: z.string(),
});

function parseOutcomeRow(row: StoredRow | undefined): Outcome | undefined {
  if (row === undefined) return undefined;
  const reading = readColumns(outcomeColumns, row.properties);
  // A broken outcome reads as absent: only this product writes it, it decides no access, and the next outcome overwrites it.
  if (!reading.ok) return undefined;
  const columns = reading.value;
  return {
    observation: { observed_at: columns.observed_at, id: columns.observation_id },
    status: columns.status,
    reason: columns.reason,
    attempts: columns.attempts,
    updatedAt: columns.updated_at,
    ...(columns.next_try_at === undefined ? {} : { nextTryAt: columns.next_try_at }),
  };
}

function outcomeProperties(outcome: Outcome): Properties {
  return {
    observed_at: outcome.observation.observed_at,
    observation_id: outcome.observation.id,
    status: outcome.status,
    reason: outcome.reason,
    attempts: outcome.attempts,
    next_try_at: outcome.nextTryAt ?? '',
    updated_at: outcome.updatedAt,
  };
}

/** Returns the stored sign-out time in milliseconds, or `NaN` if it is absent or unreadable. No comparison with `NaN` is true. */
function validFromMs(row: StoredRow): number {
  const stored = row.properties['sessions_valid_from'];
  return typeof stored === 'string' ? Date.parse(stored) : Number.NaN;
}

/** The result of a write: the new ETag, or a refusal because another writer was first. The caller then reads the row again. */
export type Written = { readonly written: true; readonly etag: string } | { readonly written: false };

/** A person whom a run has provisioned. */
export interface PersonRow {
  readonly record: UserRecord;
}

/** A person's outcome as read. */
export interface StoredOutcome {
  readonly userId: string;
  readonly etag: string;
  readonly outcome: Outcome;
}

/** The store of people and their outcomes. */
export class UserStore {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** Reads a user's row. Throws `row_unreadable` if its observation, state or session columns cannot be read. */
  async find(userId: string): Promise<UserRecord | undefined> {
    const row = await this.#tables.find(TABLES.users, { partitionKey: userId, rowKey: USER_ROW_KEY });
    return row === undefined ? undefined : parseUserRow(row);
  }

  /** Reads a user's row and outcome with one partition read. Throws as {@link UserStore.find} does. */
  async findWithOutcome(userId: string): Promise<{ record?: UserRecord; outcome?: Outcome }> {
    const rows = await this.#tables.read(TABLES.users, { partitionKey: userId });
    const userRow = rows.find((row) => row.rowKey === USER_ROW_KEY);
    return withoutUndefined({
      record: userRow === undefined ? undefined : parseUserRow(userRow),
      outcome: parseOutcomeRow(rows.find((row) => row.rowKey === OUTCOME_ROW_KEY)),
    });
  }

  /** Creates a user's row. The write is refused if the row exists. */
  async create(userId: string, patch: UserPatch): Promise<Written> {
    const key = { partitionKey: userId, rowKey: USER_ROW_KEY };
    return writtenOf(
      await this.#tables.write(TABLES.users, { kind: 'create', key, properties: userColumns(userId, patch) }),
    );
  }

  /** Updates a user's row. The write is refused if the row is gone or no longer has `etag`. */
  async update(userId: string, patch: UserPatch, etag: string): Promise<Written> {
    const key = { partitionKey: userId, rowKey: USER_ROW_KEY };
    const properties = userColumns(userId, patch);
    return writtenOf(await this.#tables.write(TABLES.users, { kind: 'merge', key, properties, etag }));
  }

  /**
   * Ends every session issued before `from`, and creates the row if it is absent. A later stored time stays. It takes one read
   * and one write. Idempotent. Throws `storage_contention` if other writers keep changing the row.
   */
  async endSessions(userId: string, from: Date): Promise<void> {
    const key = { partitionKey: userId, rowKey: USER_ROW_KEY };
    const properties: Properties = { user_id: userId, sessions_valid_from: from.toISOString() };
    await this.#writeInRounds(key, (row) => {
      if (row === undefined) return { kind: 'create', key, properties };
      // A late try of an older sign-out must not reopen sessions that a newer sign-out ended.
      if (validFromMs(row) >= from.getTime()) return undefined;
      return { kind: 'merge', key, properties, etag: row.etag };
    });
  }

  /**
   * Records the outcome unless the stored one stays ({@link outcomeStays}). Idempotent. Throws `storage_contention` if other
   * writers keep changing the row.
   */
  async recordOutcome(userId: string, outcome: Outcome): Promise<void> {
    const key = { partitionKey: userId, rowKey: OUTCOME_ROW_KEY };
    const properties = outcomeProperties(outcome);
    await this.#writeInRounds(key, (row) => {
      const stored = parseOutcomeRow(row);
      if (stored !== undefined && outcomeStays(stored, outcome)) return undefined;
      return row === undefined
        ? { kind: 'create', key, properties }
        : { kind: 'replace', key, properties, etag: row.etag };
    });
  }

  /** Reads everyone's outcomes, page by page. Skips those that cannot be read. */
  async *readOutcomePages(): AsyncGenerator<readonly StoredOutcome[]> {
    for await (const page of this.#tables.readPages(TABLES.users, {})) {
      yield page
        .filter(({ rowKey }) => rowKey === OUTCOME_ROW_KEY)
        .flatMap((row) => {
          const outcome = parseOutcomeRow(row);
          return outcome === undefined ? [] : [{ userId: row.partitionKey, etag: row.etag, outcome }];
        });
    }
  }

  /** Replaces an outcome as read, or removes it: one write. Returns `false` if it has changed since. */
  async settleOutcome({ userId, etag }: StoredOutcome, settled: Outcome | undefined): Promise<boolean> {
    const key = { partitionKey: userId, rowKey: OUTCOME_ROW_KEY };
    const write: Write =
      settled === undefined
        ? { kind: 'delete', key, etag }
        : { kind: 'replace', key, properties: outcomeProperties(settled), etag };
    return (await this.#tables.write(TABLES.users, write)).done;
  }

  /**
   * Reads everyone whom a run has provisioned, ordered by id, with one request a page. It names unreadable rows and still returns
   * the others.
   */
  async *readPages(): AsyncGenerator<ReturnType<typeof parsePeople>> {
    for await (const page of this.#tables.readPages(TABLES.users, {})) yield parsePeople(page);
  }

  /** Reads a row, lets `plan` decide the write, and sends it. Repeats until the write succeeds or `plan` returns no write. */
  async #writeInRounds(key: RowKey, plan: (row: StoredRow | undefined) => Write | undefined): Promise<void> {
    for (let round = 0; round < WRITE_ROUNDS; round += 1) {
      const write = plan(await this.#tables.find(TABLES.users, key));
      if (write === undefined || (await this.#tables.write(TABLES.users, write)).done) return;
    }
    throw new AppError(
      'storage_contention',
      `A user's row could not be written: other writers kept changing it.`,
      {
        retryable: true,
        details: { table: TABLES.users, row: key.rowKey },
      },
    );
  }
}

function writtenOf(result: { readonly done: boolean; readonly etag?: string | undefined }): Written {
  return result.done && result.etag !== undefined ? { written: true, etag: result.etag } : { written: false };
}
