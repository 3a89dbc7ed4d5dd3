/** Counts every request to the tables by purpose, by table and kind, and by partition for each simulated minute. */
import type { Query, StoredRow, Tables } from '../../../shared/model/tables.ts';
import { PERSON_TABLES } from './spreadTables.ts';

/** The purpose of a request. */
export const PURPOSES = ['sign-in', 'provision', 'page', 'timer', 'reconcile'] as const;
export type Purpose = (typeof PURPOSES)[number];

/** `read` one row, `query` one page of rows, `write` one row, `transact` up to 100 rows of a partition. */
export type Kind = 'read' | 'query' | 'write' | 'transact';

export interface Count {
  readonly purpose: Purpose;
  readonly table: string;
  readonly kind: Kind;
  requests: number;
}

/** The load of one partition within a minute. Rows are the written and returned ones, which count for Azure's limit. */
export interface PartitionLoad {
  readonly table: string;
  readonly partitionKey: string;
  requests: number;
  rows: number;
}

export interface RequestLedger {
  /** Returns tables that count every request for a purpose `weight` times. A sample of one in ten has weight 10. */
  count(this: void, inner: Tables, purpose: Purpose, weight?: number): Tables;
  /** Ends a minute: returns its requests by purpose, and keeps each table's busiest partition. */
  closeMinute(this: void): ReadonlyMap<Purpose, number>;
  /** Returns the counts since the last call, and each table's busiest partition in its busiest minute. */
  take(this: void): { readonly counts: readonly Count[]; readonly busiest: readonly PartitionLoad[] };
}

/** Creates an empty ledger. Its memory grows with the partitions of one minute only. */
export function createRequestLedger(): RequestLedger {
  let counts = new Map<string, Count>();
  let busiest = new Map<string, PartitionLoad>();
  let loads = new Map<string, PartitionLoad>();
  let minute = new Map<Purpose, number>();

  const note = (request: Omit<Count, 'requests'>, weight: number): void => {
    const { purpose, table, kind } = request;
    const name = `${purpose} ${table} ${kind}`;
    const count = counts.get(name) ?? { ...request, requests: 0 };
    count.requests += weight;
    counts.set(name, count);
    minute.set(purpose, (minute.get(purpose) ?? 0) + weight);
  };
  const noteLoad = (load: PartitionLoad): void => {
    const name = `${load.table} ${load.partitionKey}`;
    const known = loads.get(name);
    if (known === undefined) loads.set(name, load);
    else {
      known.requests += load.requests;
      known.rows += load.rows;
    }
  };
  return {
    count: (inner, purpose, weight = 1) =>
      countTables(inner, ({ table, kind, partitionKey, rows }) => {
        note({ purpose, table, kind }, weight);
        if (partitionKey === undefined) return;
        // The people whom a sample represents don't share the sample's partition.
        const times = PERSON_TABLES.has(table) ? 1 : weight;
        noteLoad({ table, partitionKey, requests: times, rows: times * Math.max(1, rows) });
      }),
    closeMinute() {
      for (const load of loads.values()) {
        if (load.rows > (busiest.get(load.table)?.rows ?? 0)) busiest.set(load.table, load);
      }
      const closed = minute;
      loads = new Map();
      minute = new Map();
      return closed;
    },
    take() {
      const taken = { counts: [...counts.values()], busiest: [...busiest.values()] };
      counts = new Map();
      busiest = new Map();
      return taken;
    },
  };
}

interface Noted {
  readonly table: string;
  readonly kind: Kind;
  readonly partitionKey: string | undefined;
  readonly rows: number;
}

function countTables(inner: Tables, note: (request: Noted) => void): Tables {
  async function* readPages(table: string, query: Query): AsyncGenerator<readonly StoredRow[]> {
    const { partitionKey } = query;
    let pages = 0;
    for await (const page of inner.readPages(table, query)) {
      pages += 1;
      note({ table, kind: 'query', partitionKey, rows: page.length });
      yield page;
    }
    // An empty answer has no page, but it is a request too.
    if (pages === 0) note({ table, kind: 'query', partitionKey, rows: 0 });
  }
  return {
    async find(table, key) {
      note({ table, kind: 'read', partitionKey: key.partitionKey, rows: 1 });
      return inner.find(table, key);
    },
    readPages,
    async read(table, query) {
      const rows: StoredRow[] = [];
      for await (const page of readPages(table, query)) rows.push(...page);
      return rows;
    },
    async write(table, write) {
      note({ table, kind: 'write', partitionKey: write.key.partitionKey, rows: 1 });
      return inner.write(table, write);
    },
    async transact(table, writes) {
      note({ table, kind: 'transact', partitionKey: writes[0]?.key.partitionKey, rows: writes.length });
      return inner.transact(table, writes);
    },
  };
}

/** Returns the number of requests in the counts, for all purposes or for one. */
export function sumRequests(counts: readonly Count[], purpose?: Purpose): number {
  return counts
    .filter((count) => purpose === undefined || count.purpose === purpose)
    .reduce((total, count) => total + count.requests, 0);
}
