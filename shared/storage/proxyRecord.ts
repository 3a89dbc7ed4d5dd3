/** Storage for what is known about the LiteLLM proxy as a whole: one row for each proxy, shared by all instances. */
import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import type { StoredProxy } from '../model/litellmProxy.ts';
import { withoutUndefined } from '../platform/withoutUndefined.ts';
import type { Properties, StoredRow, Tables } from '../model/tables.ts';
import { json, readColumns, text } from './tables/columns.ts';
import { TABLES } from './tables/tableNames.ts';

/** No partition of an organization or a team is named so: those have a colon. */
const PARTITION = 'proxy';

const answer = z.enum(['available', 'unlicensed']);
const belief = z.object({
  believed: answer,
  since: z.iso.datetime(),
  contrary: z.exactOptional(
    z.object({
      answer,
      firstAt: z.iso.datetime(),
      lastAt: z.iso.datetime(),
      count: z.number(),
      version: z.exactOptional(z.string()),
    }),
  ),
});
const check = z.object({
  at: z.iso.datetime(),
  error: z.exactOptional(z.string()),
  users: z.exactOptional(z.number()),
  people: z.exactOptional(z.number()),
  isOwnUserClosed: z.boolean(),
});
const columns = z.object({
  version: text,
  version_read_at: z.optional(z.iso.datetime()),
  own_user: text,
  organizations: z.optional(json(belief)),
  last_check: z.optional(json(check)),
});

/** The row as read. `proxy` is empty for a new or a damaged row. */
export interface ReadProxy {
  readonly proxy: StoredProxy;
  /** Absent: the row does not exist. */
  readonly etag: string | undefined;
}

/**
 * The row of one proxy. A damaged row counts as empty, because all of it can be read from the proxy again. Its methods throw
 * `storage_unavailable` (retryable) and `storage_refused`.
 */
export class ProxyRecord {
  readonly #tables: Tables;
  readonly #key: { readonly partitionKey: string; readonly rowKey: string };

  /** `baseUrl`: the address of the proxy. Only its hash is stored. */
  constructor(tables: Tables, baseUrl: string) {
    this.#tables = tables;
    const rowKey = createHash('sha256').update(baseUrl.replace(/\/+$/, '')).digest('hex').slice(0, 32);
    this.#key = { partitionKey: PARTITION, rowKey };
  }

  /** Reads the row with one point read. */
  async read(): Promise<ReadProxy> {
    const row = await this.#tables.find(TABLES.syncedEntities, this.#key);
    return { proxy: row === undefined ? {} : parseProxy(row), etag: row?.etag };
  }

  /** Writes the row if it still has `etag`. Returns the new ETag, or `undefined` if another instance wrote first. */
  async write({ proxy, etag }: ReadProxy): Promise<string | undefined> {
    const properties = propertiesOf(proxy);
    const result = await this.#tables.write(
      TABLES.syncedEntities,
      etag === undefined
        ? { kind: 'create', key: this.#key, properties }
        : { kind: 'replace', key: this.#key, properties, etag },
    );
    return result.done ? result.etag : undefined;
  }
}

function parseProxy(row: StoredRow): StoredProxy {
  const reading = readColumns(columns, row.properties);
  if (!reading.ok) return {};
  const { version, version_read_at: versionReadAt, own_user: ownUserId, ...rest } = reading.value;
  const { organizations, last_check: last } = rest;
  return withoutUndefined({ version, versionReadAt, ownUserId, organizations, check: last });
}

function propertiesOf({
  version,
  versionReadAt,
  ownUserId,
  organizations,
  check: last,
}: StoredProxy): Properties {
  return withoutUndefined({
    version,
    version_read_at: versionReadAt,
    own_user: ownUserId,
    organizations: organizations && JSON.stringify(organizations),
    last_check: last && JSON.stringify(last),
  });
}
