/**
 * As much of Table Storage as a provisioning asks for, in memory, for where only the asking is measured: Azurite takes longer to
 * answer than the product to ask. Rows stay as they come over the wire. Whatever it does not know it refuses.
 */

/** One request, or one part of a transaction. */
export interface TableRequest {
  readonly method: string;
  /** Decoded, without the account: `Teams(PartitionKey='a',RowKey='b')`. */
  readonly path: string;
  readonly filter: string | undefined;
  readonly ifMatch: string | undefined;
  /** Empty: none. */
  readonly body: string;
}

export interface TableAnswer {
  readonly status: number;
  readonly etag?: string;
  readonly body?: string;
}

export interface LightTables {
  answer(this: void, request: TableRequest): TableAnswer;
  /** All or none; gives one answer each, or the one that refused. */
  transact(this: void, requests: readonly TableRequest[]): readonly TableAnswer[];
}

interface Row {
  readonly etag: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** By table and partition, then by row key. */
type Partitions = Map<string, Map<string, Row>>;

interface Address {
  readonly rows: Map<string, Row>;
  readonly partitionKey: string;
  readonly rowKey: string;
}

/** Gives an empty store in which every table exists. Deterministic. */
export function createLightTables(): LightTables {
  const partitions: Partitions = new Map();
  let version = 0;
  const next = (): string => `W/"version'${(version += 1)}'"`;
  const answer = (request: TableRequest): TableAnswer =>
    request.method === 'GET' ? read(partitions, request) : write(partitions, request, next);
  return {
    answer,
    transact(requests) {
      const before = requests.map((request) => {
        const { rows, rowKey } = requireAddress(partitions, request);
        return { rows, rowKey, row: rows.get(rowKey) };
      });
      const answers = requests.map(answer);
      const refused = answers.find(({ status }) => status >= 300);
      if (refused === undefined) return answers;
      for (const { rows, rowKey, row } of before) {
        if (row === undefined) rows.delete(rowKey);
        else rows.set(rowKey, row);
      }
      return [refused];
    },
  };
}

function refuse(status: number, code: string): TableAnswer {
  const error = { code, message: { lang: 'en-US', value: code } };
  return { status, body: JSON.stringify({ 'odata.error': error }) };
}

function read(partitions: Partitions, request: TableRequest): TableAnswer {
  if (request.filter !== undefined) return readRows(partitions, request.path, request.filter);
  const { rows, rowKey } = requireAddress(partitions, request);
  const row = rows.get(rowKey);
  if (row === undefined) return refuse(404, 'ResourceNotFound');
  return { status: 200, body: JSON.stringify(wire(row)) };
}

/** All rows of one partition, in one page: nothing more is asked for in many provisionings. */
function readRows(partitions: Partitions, path: string, filter: string): TableAnswer {
  const [, quoted] = /^PartitionKey eq '((?:[^']|'')*)'$/.exec(filter) ?? [];
  if (quoted === undefined) throw new Error(`Not one partition: ${filter}`);
  const rows = partitions.get(`${path.replace('()', '')} ${unquote(quoted)}`) ?? new Map<string, Row>();
  const sorted = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => wire(row));
  return { status: 200, body: JSON.stringify({ value: sorted }) };
}

function wire({ etag, properties }: Row): object {
  return { 'odata.etag': etag, ...properties, Timestamp: '2026-11-23T09:00:00Z' };
}

function write(partitions: Partitions, request: TableRequest, next: () => string): TableAnswer {
  const { method, ifMatch } = request;
  const { rows, partitionKey, rowKey } = requireAddress(partitions, request);
  const row = rows.get(rowKey);
  if (method === 'POST') {
    if (row !== undefined) return refuse(409, 'EntityAlreadyExists');
  } else if (ifMatch !== undefined || method === 'DELETE') {
    if (row === undefined) return refuse(404, 'ResourceNotFound');
    if (ifMatch !== '*' && ifMatch !== row.etag) return refuse(412, 'UpdateConditionNotSatisfied');
  }
  if (method === 'DELETE') {
    rows.delete(rowKey);
    return { status: 204 };
  }
  const kept = method === 'PATCH' ? row?.properties : undefined;
  const etag = next();
  const properties = { ...kept, ...parseObject(request.body), PartitionKey: partitionKey, RowKey: rowKey };
  rows.set(rowKey, { etag, properties });
  return { status: 204, etag };
}

/** Where a request goes: the key is in the path, or in the row that is created. */
function requireAddress(partitions: Partitions, { method, path, body }: TableRequest): Address {
  const [, table, inPath, asPath] =
    /^(\w+)\(PartitionKey='((?:[^']|'')*)',RowKey='((?:[^']|'')*)'\)$/.exec(path) ?? [];
  if (table !== undefined && inPath !== undefined && asPath !== undefined) {
    if (!['GET', 'PUT', 'PATCH', 'DELETE'].includes(method)) throw new Error(`${method} of a row`);
    const key = { partitionKey: unquote(inPath), rowKey: unquote(asPath) };
    return { ...key, rows: rowsOf(partitions, `${table} ${key.partitionKey}`) };
  }
  const { PartitionKey: inBody, RowKey: asBody } = method === 'POST' ? parseObject(body) : {};
  if (typeof inBody !== 'string' || typeof asBody !== 'string') throw new Error(`${method} ${path}`);
  return { partitionKey: inBody, rowKey: asBody, rows: rowsOf(partitions, `${path} ${inBody}`) };
}

function unquote(quoted: string): string {
  return quoted.replaceAll("''", "'");
}

function rowsOf(partitions: Partitions, address: string): Map<string, Row> {
  const known = partitions.get(address);
  if (known !== undefined) return known;
  const rows = new Map<string, Row>();
  partitions.set(address, rows);
  return rows;
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new Error('Not a row');
  return Object.fromEntries(Object.entries(value));
}
