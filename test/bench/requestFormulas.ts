/** What a sign-in and a provisioning ask of others, as formulas; counted beside them in the request table. Pure. */
import { MAX_TRANSACTION_WRITES } from '../../shared/storage/tables/tableLimits.ts';

/** Requests by whom they go to. */
export interface Requests {
  readonly token: number;
  readonly graph: number;
  readonly queue: number;
  readonly table: number;
}

/** The page that the product asks Graph for; Graph allows no larger one. */
const GRAPH_PAGE_SIZE = 999;
/** What a list holds at most in Entra's token. */
const CLAIM_LIMIT = 200;
/** A query's page in Table Storage. */
const TABLE_PAGE_SIZE = 1000;

export interface SignInSize {
  /** The person's groups, all of them assigned. */
  readonly groups: number;
  /** Whether the list is too large for a message. */
  readonly parked: boolean;
}

/** A warm sign-in: one exchange, one put; Graph only where the token cannot hold the list; one write where the message cannot. */
export function ourSignInRequests({ groups, parked }: SignInSize): Requests {
  const graph = groups > CLAIM_LIMIT ? Math.ceil(groups / GRAPH_PAGE_SIZE) : 0;
  return { token: 1, graph, queue: 1, table: parked ? 1 : 0 };
}

/** A first provisioning: user, claim, finish; both partitions; the index rows; the transactions. */
export function ourFirstProvisioningRequests({ groups, parked }: SignInSize): Requests {
  const indexes = Math.ceil(groups / MAX_TRANSACTION_WRITES);
  return tablesOnly(5 + 2 * indexes + 2 * transactionsOf(groups) + parkedRequests(parked));
}

/** Nothing changed: one read and one write. */
export function ourRepeatRequests({ parked }: Pick<SignInSize, 'parked'>): Requests {
  return tablesOnly(2 + parkedRequests(parked));
}

/** One group less of `groups`: user, claim, finish; both partitions, in pages; a transaction and an index row each. */
export function ourLeavingRequests({ groups }: Pick<SignInSize, 'groups'>): Requests {
  // The fence is a row of the partition too.
  const pages = Math.ceil((groups + 1) / TABLE_PAGE_SIZE);
  return tablesOnly(3 + 2 * pages + 2 + 2);
}

/** Each of the two partitions is written in transactions, of which the fence takes one row. */
function transactionsOf(memberships: number): number {
  return Math.ceil(memberships / (MAX_TRANSACTION_WRITES - 1));
}

/** A parked list is read, and removed in the end. */
function parkedRequests(parked: boolean): number {
  return parked ? 2 : 0;
}

function tablesOnly(table: number): Requests {
  return { token: 0, graph: 0, queue: 0, table };
}
