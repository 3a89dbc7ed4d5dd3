/** A store one of whose writes times out, and takes effect later. */
import { AppError } from '../../shared/model/errors.ts';
import type { Tables } from '../../shared/model/tables.ts';

export interface LateTables extends Tables {
  /** How many writes and transactions were sent so far. */
  sent(): number;
  /** Executes the late write now. Does nothing if there was none. */
  land(): Promise<void>;
}

/** Returns the store. Its write number `late` (from 0) fails for its caller at once, and is executed by {@link LateTables.land}. */
export function createLateTables(tables: Tables, late: number): LateTables {
  let sent = 0;
  let land: () => Promise<unknown> = async () => Promise.resolve();
  const send = async <T>(execute: () => Promise<T>): Promise<T> => {
    sent += 1;
    if (sent - 1 !== late) return execute();
    land = execute;
    throw new AppError('storage_unavailable', 'The request timed out.', { retryable: true });
  };
  return {
    find: async (table, key) => tables.find(table, key),
    read: async (table, query) => tables.read(table, query),
    readPages: (table, query) => tables.readPages(table, query),
    write: async (table, write) => send(async () => tables.write(table, write)),
    transact: async (table, writes) => send(async () => tables.transact(table, writes)),
    sent: () => sent,
    land: async () => {
      await land();
    },
  };
}
