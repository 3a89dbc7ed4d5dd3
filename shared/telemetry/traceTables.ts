import type { Query, StoredRow, Tables } from '../model/tables.ts';
import type { RunningSpan, SpanAttributes, SpanStart, Tracing } from './tracing.ts';
import { failSpan } from './failSpan.ts';

/**
 * Wraps the tables, so that each call is a span: the operation, the table, the number of rows, and whether a
 * condition refused it. A span is a call and not a request, because the client's retries are inside it. In a read by
 * pages, each page is a span. Spans have no keys or values, because those are ids of people and groups.
 */
export function traceTables(tracing: Tracing, tables: Tables, server: SpanAttributes): Tables {
  const run = async <T>(
    call: { readonly operation: string; readonly table: string; readonly size?: number },
    work: (span: RunningSpan) => Promise<T>,
  ): Promise<T> => tracing.run(startOf(call, server), async (span) => failSpan(span, async () => work(span)));

  return {
    find: async (table, key) =>
      run({ operation: 'find', table }, async (span) => {
        const row = await tables.find(table, key);
        span.set({ 'db.response.returned_rows': row === undefined ? 0 : 1 });
        return row;
      }),
    read: async (table, query) =>
      run({ operation: 'read', table }, async (span) => {
        const rows = await tables.read(table, query);
        span.set({ 'db.response.returned_rows': rows.length });
        return rows;
      }),
    readPages: (table, query) => readPages(table, query),
    write: async (table, write) =>
      run({ operation: write.kind, table }, async (span) => {
        const result = await tables.write(table, write);
        span.set({ 'app.refused': !result.done });
        return result;
      }),
    transact: async (table, writes) =>
      run({ operation: 'transact', table, size: writes.length }, async (span) => {
        const result = await tables.transact(table, writes);
        span.set({ 'app.refused': !result.done });
        return result;
      }),
  };

  async function* readPages(table: string, query: Query): AsyncGenerator<readonly StoredRow[]> {
    const pages = tables.readPages(table, query)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await run({ operation: 'read', table }, async (span) => {
          const page = await pages.next();
          span.set({ 'db.response.returned_rows': page.done === true ? 0 : page.value.length });
          return page;
        });
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await pages.return?.();
    }
  }
}

function startOf(
  call: { readonly operation: string; readonly table: string; readonly size?: number },
  server: SpanAttributes,
): SpanStart {
  const attributes = {
    'app.dependency': 'tables',
    'db.system.name': 'azure.tables',
    'db.operation.name': call.operation,
    'db.collection.name': call.table,
    'db.operation.batch.size': call.size,
    ...server,
  };
  return { name: `${call.operation} ${call.table}`, kind: 'client', attributes };
}
