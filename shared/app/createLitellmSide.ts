import type { Store } from '../storage/store.ts';
import { setTimeout as sleepMs } from 'node:timers/promises';
import { FailureStore } from '../storage/failureStore.ts';
import { createGuardedClient } from '../litellm/guardedClient.ts';
import { ParkedOwner } from '../litellm/keys/parkedOwner.ts';
import { SyncRecord } from '../storage/syncRecord.ts';
import type { Tables } from '../model/tables.ts';
import type { Config } from '../config/config.ts';
import { createSyncQueue } from '../litellm/sync.ts';
import type { ProxyState } from '../litellm/proxyState.ts';
import { ProxyRecord } from '../storage/proxyRecord.ts';
import type { SyncDeps, SyncResult } from '../litellm/syncDeps.ts';
import type { WorkerQueue } from '../queue/queueWorker.ts';
import type { SyncMessage, SyncRequests } from '../queue/queueMessage.ts';
import type { Clock, Random } from '../model/ports.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import type { TracedAdapters } from '../telemetry/traceAdapters.ts';

/** The parts of the application that exist only if a LiteLLM proxy is connected. */
export interface LitellmSide {
  readonly sync: SyncDeps;
  readonly proxy: ProxyState;
  readonly requests: SyncRequests;
  readonly queue: WorkerQueue<SyncMessage, SyncResult>;
}

/** The parts from which {@link createLitellmSide} creates its own. */
export interface LitellmSideParts {
  readonly litellm: NonNullable<Config['litellm']>;
  readonly store: Store;
  readonly tables: Tables;
  readonly queues: Pick<WorkerQueue<SyncMessage, SyncResult>, 'queue' | 'seal' | 'poisonQueue'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly traced: TracedAdapters;
  readonly observedBy: Tracing;
}

/** Creates the parts that communicate with LiteLLM. Connects to nothing. */
export function createLitellmSide(parts: LitellmSideParts): LitellmSide {
  const { store, tables, queues, clock, random, traced, observedBy } = parts;
  const { queue, ...seals } = queues;
  const { baseUrl, apiKey, ...rules } = parts.litellm;
  const record = new SyncRecord({ tables, clock, random });
  const sleep = async (durationMs: number): Promise<void> => sleepMs(durationMs);
  const options = { baseUrl, apiKey, fetch: traced.fetch('litellm'), clock, sleep };
  const known = { record: new ProxyRecord(tables, baseUrl), users: store.users };
  const { litellm, proxy } = createGuardedClient(options, known);
  const sync: SyncDeps = {
    store,
    litellm,
    proxy,
    ...rules,
    parkedOwner: new ParkedOwner(litellm),
    record,
    queue,
    clock,
    random,
    sleep,
  };
  return {
    sync,
    proxy,
    requests: { queue, clock, traceparent: () => observedBy.current()?.traceparent },
    queue: createSyncQueue({ sync, ...seals, failures: new FailureStore(tables, 'litellm-sync') }),
  };
}
