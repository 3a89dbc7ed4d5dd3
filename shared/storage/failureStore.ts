/** Storage for messages that the queue gave up on. Each stays complete until an operator puts it back or deletes it. */
import type { UnreadableRow } from '../model/handEdits.ts';
import * as z from 'zod/mini';
import { AppError } from '../model/errors.ts';
import type { ObservationKey } from '../model/observation.ts';
import { readColumns, text } from './tables/columns.ts';
import { withoutUndefined } from '../platform/withoutUndefined.ts';
import { packJson, parsePacked } from './tables/packedBytes.ts';
import { TABLES } from './tables/tableNames.ts';
import type { StoredRow, Tables } from '../model/tables.ts';

/** A queue whose failed messages are kept. Each queue has its own partition. */
export type FailureQueue = 'provision' | 'litellm-sync';

const failureColumns = z.object({
  reason: z.string(),
  failed_at: z.string(),
  user_id: text,
  observation_id: text,
  observed_at: text,
  redriven_at: text,
  // Missing in a row that a person wrote. Then no handler has verified the message.
  authentic: z.optional(z.boolean()),
});

function findText(row: StoredRow): string | undefined {
  try {
    const body = parsePacked('text', row.properties);
    return typeof body === 'string' ? body : undefined;
  } catch (error) {
    if (error instanceof AppError && error.code === 'row_unreadable') return undefined;
    throw error;
  }
}

function parseFailure(row: StoredRow): FailedMessage | UnreadableRow {
  const reading = readColumns(failureColumns, row.properties);
  const body = findText(row);
  if (!reading.ok || body === undefined) {
    const columns = [...(reading.ok ? [] : reading.columns), ...(body === undefined ? ['text'] : [])];
    return { id: row.rowKey, table: TABLES.failures, columns };
  }
  const columns = reading.value;
  return {
    id: row.rowKey,
    text: body,
    reason: columns.reason,
    failedAt: columns.failed_at,
    authentic: columns.authentic === true,
    ...withoutUndefined({ userId: columns.user_id, redrivenAt: columns.redriven_at }),
    ...(columns.observation_id === undefined || columns.observed_at === undefined
      ? {}
      : { observation: { id: columns.observation_id, observed_at: columns.observed_at } }),
  };
}

/** A message that the queue gave up on, with its complete text. */
export interface FailedMessage {
  /** The queue message's id. */
  readonly id: string;
  readonly text: string;
  readonly reason: string;
  readonly failedAt: string;
  /** Whether this app had signed the message, as the poison handler found. Only then can it be put back. */
  readonly authentic: boolean;
  /** Absent, like `observation`, if the message is not authentic or could not be parsed. */
  readonly userId?: string;
  readonly observation?: ObservationKey;
  readonly redrivenAt?: string;
}

/** Every kept message: the readable ones, oldest first, and the places of the unreadable ones. */
export interface KeptFailures {
  readonly failures: readonly FailedMessage[];
  readonly unreadable: readonly UnreadableRow[];
}

/** The store of one queue's failed messages. */
export class FailureStore {
  readonly #tables: Tables;
  readonly #partition: FailureQueue;

  constructor(tables: Tables, partition: FailureQueue) {
    this.#tables = tables;
    this.#partition = partition;
  }

  /** Keeps a failed message. Idempotent by id. */
  async keep(failure: FailedMessage): Promise<void> {
    await this.#tables.write(TABLES.failures, {
      kind: 'upsert',
      key: { partitionKey: this.#partition, rowKey: failure.id },
      properties: {
        reason: failure.reason,
        failed_at: failure.failedAt,
        authentic: failure.authentic,
        ...packJson('text', failure.text),
        ...withoutUndefined({
          user_id: failure.userId,
          observation_id: failure.observation?.id,
          observed_at: failure.observation?.observed_at,
        }),
      },
    });
  }

  /** Reads one kept message. Returns `undefined` if it doesn't exist. Throws `row_unreadable`. */
  async find(id: string): Promise<FailedMessage | undefined> {
    const row = await this.#tables.find(TABLES.failures, { partitionKey: this.#partition, rowKey: id });
    if (row === undefined) return undefined;
    const parsed = parseFailure(row);
    if (!('columns' in parsed)) return parsed;
    throw new AppError('row_unreadable', 'A failed message cannot be read.', {
      details: { table: parsed.table, row: parsed.id, columns: parsed.columns },
    });
  }

  /** Reads every kept message. A damaged row does not hide the others. */
  async read(): Promise<KeptFailures> {
    const failures: FailedMessage[] = [];
    const unreadable: UnreadableRow[] = [];
    for (const row of await this.#tables.read(TABLES.failures, { partitionKey: this.#partition })) {
      const parsed = parseFailure(row);
      if ('columns' in parsed) unreadable.push(parsed);
      else failures.push(parsed);
    }
    failures.sort((a, b) => Date.parse(a.failedAt) - Date.parse(b.failedAt));
    return { failures, unreadable };
  }

  /** Marks a kept message as put back into its queue. It does nothing if an operator has deleted the message. */
  async markRedriven(id: string, at: Date): Promise<void> {
    await this.#tables.write(TABLES.failures, {
      // An upsert would create a row without a message if an operator has deleted the message meanwhile.
      kind: 'merge',
      key: { partitionKey: this.#partition, rowKey: id },
      properties: { redriven_at: at.toISOString() },
      etag: '*',
    });
  }
}
