import { setTimeout as sleepMs } from 'node:timers/promises';
import { createFailureStore } from '../storage/failureStore.ts';
import { createLitellmClient } from '../litellm/client/litellmClient.ts';
import { createSyncRecord } from '../storage/syncRecord.ts';
import type { Tables } from '../model/tables.ts';
import type { Config } from '../config/config.ts';
import type { SyncDeps } from '../litellm/syncDeps.ts';
import type { SyncFailureDeps } from '../queue/recordSyncFailure.ts';
import type { SyncRequests } from '../queue/enqueueSync.ts';
import type { Clock, MessageQueue, Random } from '../model/ports.ts';
import type { Store } from '../storage/storePorts.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import type { TracedAdapters } from '../telemetry/traceAdapters.ts';

/** Everything that there is only where a LiteLLM proxy is connected. */
export interface LitellmSide {
  readonly sync: SyncDeps;
  readonly requests: SyncRequests;
  readonly failure: SyncFailureDeps;
}

export interface LitellmSideParts {
  readonly litellm: NonNullable<Config['litellm']>;
  readonly store: Store;
  readonly tables: Tables;
  readonly queue: MessageQueue;
  readonly poisonQueue: MessageQueue;
  readonly clock: Clock;
  readonly random: Random;
  readonly traced: TracedAdapters;
  readonly observedBy: Tracing;
}

/** Builds what talks to the proxy. Connects to nothing. */
export function createLitellmSide(parts: LitellmSideParts): LitellmSide {
  const { store, tables, queue, poisonQueue, clock, random, traced, observedBy } = parts;
  const { baseUrl, apiKey } = parts.litellm;
  const record = createSyncRecord({ tables, clock, random });
  const sleep = async (durationMs: number): Promise<void> => sleepMs(durationMs);
  const litellm = createLitellmClient({ baseUrl, apiKey, fetch: traced.fetch('litellm'), clock, sleep });
  return {
    sync: { store, litellm, record, queue, clock, random, sleep },
    requests: { queue, clock, traceparent: () => observedBy.current()?.traceparent },
    failure: { failures: createFailureStore(tables, 'litellm-sync'), record, poisonQueue, clock },
  };
}
