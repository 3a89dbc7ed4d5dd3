import type { Tables } from '../model/tables.ts';
import type { Config } from '../config/config.ts';
import type { Fetch, MessageQueue } from '../model/ports.ts';
import type { Tracing } from './tracing.ts';
import { outgoingFetch } from '../platform/outgoingFetch.ts';
import { storageServer } from './serverAttributes.ts';
import { type Dependency, traceFetch } from './traceFetch.ts';
import { traceQueue } from './traceQueue.ts';
import { traceTables } from './traceTables.ts';

/** Wraps the adapters, to trace what they do. */
export interface TracedAdapters {
  fetch(dependency: Dependency): Fetch;
  tables(tables: Tables): Tables;
  queue(queueName: string, queue: MessageQueue): MessageQueue;
}

const UNTRACED: TracedAdapters = {
  fetch: () => outgoingFetch,
  tables: (tables) => tables,
  queue: (_queueName, queue) => queue,
};

/** Creates a span for each request and store call. If telemetry is off, it changes nothing. */
export function traceAdapters(tracing: Tracing, storage: Config['storage']): TracedAdapters {
  if (tracing.isOff) return UNTRACED;
  return {
    fetch: (dependency) => traceFetch(tracing, dependency, outgoingFetch),
    tables: (tables) => traceTables(tracing, tables, storageServer(storage, 'Table')),
    queue: (queueName, queue) =>
      traceQueue(tracing, queue, { queueName, server: storageServer(storage, 'Queue') }),
  };
}
