/** Counts every request to the tables: by what it was for, by table and kind, and by partition in windows of simulated time. */
import { PERSON_TABLES } from './spreadTables.ts';
import type { Query, StoredRow, Tables } from '../../../shared/model/tables.ts';

/** What a request was made for. */
export const PURPOSES = ['sign-in', 'provision', 'page', 'timer', 'reconcile'] as const;
export type Purpose = (typeof PURPOSES)[number];

/** `read` one row, `query` one page of rows, `write` one row, `transact` up to 100 rows of a partition. */
export const KINDS = ['read', 'query', 'write', 'transact'] as const;
export type Kind = (typeof KINDS)[number];

export interface Count {
  readonly purpose: Purpose;
  readonly table: string;
  readonly kind: Kind;
  readonly requests: number;
}

/** The partition that was asked most in any one window. */
export interface PeakPartition {
  readonly table: string;
  readonly partitionKey: string;
  /** In a second, averaged over the window. */
  readonly requestsPerSecond: number;
  /** Rows written, read or returned in a second: what Azure's limit of a partition counts. */
  readonly entitiesPerSecond: number;
}

/** Requests of one window, in all. */
export interface Window {
  readonly requests: ReadonlyMap<Purpose, number>;
}

interface Load {
  requests: number;
  entities: number;
}

export interface RequestLedger {
  /**
   * Gives the tables with every request counted for a purpose, `weight` times: a sample of one in ten counts tenfold. (Not in
   * the load of one person's partition, which nine others do not share.)
   */
  count(this: void, inner: Tables, purpose: Purpose, weight?: number): Tables;
  /** Gives what was counted since the last window closed, and keeps the busiest partitions. */
  closeWindow(this: void, seconds: number): Window;
  counts(this: void): readonly Count[];
  /** Gives the busiest partition of every table since the last call. */
  takePeaks(this: void): readonly PeakPartition[];
}

const SEPARATOR = '\u{1}';

/** Gives an empty ledger. Its memory does not grow with the requests, only with the partitions of one window. */
export function createRequestLedger(): RequestLedger {
  const totals = new Map<string, number>();
  const peaks = new Map<string, PeakPartition>();
  let loads = new Map<string, Load>();
  let requests = new Map<Purpose, number>();

  const note = (
    cell: { readonly purpose: Purpose; readonly table: string; readonly kind: Kind; readonly weight: number },
    partitionKey: string | undefined,
    entities: number,
  ): void => {
    const name = [cell.purpose, cell.table, cell.kind].join(SEPARATOR);
    totals.set(name, (totals.get(name) ?? 0) + cell.weight);
    requests.set(cell.purpose, (requests.get(cell.purpose) ?? 0) + cell.weight);
    if (partitionKey === undefined) return;
    const place = [cell.table, partitionKey].join(SEPARATOR);
    const load = loads.get(place) ?? { requests: 0, entities: 0 };
    const weight = PERSON_TABLES.has(cell.table) ? 1 : cell.weight;
    load.requests += weight;
    load.entities += weight * Math.max(1, entities);
    loads.set(place, load);
  };

  return {
    count: (inner, purpose, weight = 1) =>
      countTables(inner, (table, kind) => (partitionKey, entities) => {
        note({ purpose, table, kind, weight }, partitionKey, entities);
      }),
    closeWindow(seconds) {
      for (const [place, load] of loads) {
        const [table = '', partitionKey = ''] = place.split(SEPARATOR);
        const entitiesPerSecond = load.entities / seconds;
        if (entitiesPerSecond <= (peaks.get(table)?.entitiesPerSecond ?? 0)) continue;
        peaks.set(table, {
          table,
          partitionKey,
          requestsPerSecond: load.requests / seconds,
          entitiesPerSecond,
        });
      }
      const window = { requests };
      loads = new Map();
      requests = new Map();
      return window;
    },
    counts: () =>
      [...totals].map(([name, count]) => {
        const [purpose, table = '', kind] = name.split(SEPARATOR);
        return {
          purpose: PURPOSES.find((one) => one === purpose) ?? 'sign-in',
          table,
          kind: KINDS.find((one) => one === kind) ?? 'read',
          requests: count,
        };
      }),
    takePeaks() {
      const taken = [...peaks.values()];
      peaks.clear();
      return taken;
    },
  };
}

type Noted = (partitionKey: string | undefined, entities: number) => void;

function countTables(inner: Tables, noting: (table: string, kind: Kind) => Noted): Tables {
  async function* readPages(table: string, query: Query): AsyncGenerator<readonly StoredRow[]> {
    const noted = noting(table, 'query');
    let pages = 0;
    for await (const page of inner.readPages(table, query)) {
      pages += 1;
      noted(query.partitionKey, page.length);
      yield page;
    }
    // An empty answer is a request too, and comes as no page at all.
    if (pages === 0) noted(query.partitionKey, 0);
  }
  return {
    async find(table, key) {
      noting(table, 'read')(key.partitionKey, 1);
      return inner.find(table, key);
    },
    readPages,
    async read(table, query) {
      const rows: StoredRow[] = [];
      for await (const page of readPages(table, query)) rows.push(...page);
      return rows;
    },
    async write(table, write) {
      noting(table, 'write')(write.key.partitionKey, 1);
      return inner.write(table, write);
    },
    async transact(table, writes) {
      noting(table, 'transact')(writes[0]?.key.partitionKey, writes.length);
      return inner.transact(table, writes);
    },
  };
}
