import { setTimeout as sleepMs } from 'node:timers/promises';
import { createFailureStore } from '../adapters/failureStore.ts';
import { createLitellmProxy } from '../adapters/litellmProxy.ts';
import { createPushRecord } from '../adapters/pushRecord.ts';
import type { Tables } from '../adapters/tables/tables.ts';
import type { Config } from '../config.ts';
import type { PushDeps } from '../flows/pushRun.ts';
import type { PushFailureDeps } from '../flows/recordPushFailure.ts';
import type { PushRequests } from '../flows/requestPush.ts';
import type { Clock, ProvisionQueue, Random } from '../ports.ts';
import type { Store } from '../storePorts.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import type { TracedAdapters } from './traceAdapters.ts';

/** Everything that there is only where a LiteLLM proxy is connected. */
export interface ProxySide {
  readonly push: PushDeps;
  readonly requests: PushRequests;
  readonly failure: PushFailureDeps;
}

export interface ProxySideParts {
  readonly litellm: NonNullable<Config['litellm']>;
  readonly store: Store;
  readonly tables: Tables;
  readonly queue: ProvisionQueue;
  readonly poisonQueue: ProvisionQueue;
  readonly clock: Clock;
  readonly random: Random;
  readonly traced: TracedAdapters;
  readonly observedBy: Tracing;
}

/** Builds what talks to the proxy. Connects to nothing. */
export function createProxySide(parts: ProxySideParts): ProxySide {
  const { store, tables, queue, poisonQueue, clock, random, traced, observedBy } = parts;
  const { baseUrl, apiKey } = parts.litellm;
  const record = createPushRecord({ tables, clock, random });
  const sleep = async (durationMs: number): Promise<void> => sleepMs(durationMs);
  const proxy = createLitellmProxy({ baseUrl, apiKey, fetch: traced.fetch('litellm'), clock, sleep });
  return {
    push: { store, proxy, record, queue, clock, random, sleep },
    requests: { queue, clock, traceparent: () => observedBy.current()?.traceparent },
    failure: { failures: createFailureStore(tables, 'push'), record, poisonQueue, clock },
  };
}
