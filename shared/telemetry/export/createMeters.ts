import type { Counter, Histogram } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import {
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import { METRICS } from '../metrics.ts';
import type { Tracing } from '../tracing.ts';

/** The most that an instance loses when it is killed. */
const EXPORT_INTERVAL_MS = 10_000;

export interface Meters extends Pick<Tracing, 'add' | 'record'> {
  /** Rejects where an exporter does. */
  flush(): Promise<void>;
}

/** Creates the product's metrics, which are sent in the background. */
export function createMeters(options: {
  readonly resource: Resource;
  readonly exporters: readonly PushMetricExporter[];
}): Meters {
  const provider = new MeterProvider({
    resource: options.resource,
    readers: options.exporters.map(
      (exporter) =>
        new PeriodicExportingMetricReader({
          exporter,
          exportIntervalMillis: EXPORT_INTERVAL_MS,
          exportTimeoutMillis: EXPORT_INTERVAL_MS,
        }),
    ),
  });
  const meter = provider.getMeter('app');
  const counters = new Map<string, Counter>();
  const histograms = new Map<string, Histogram>();
  for (const [name, metric] of Object.entries(METRICS)) {
    const { kind, unit, description } = metric;
    if (kind === 'counter') counters.set(name, meter.createCounter(name, { unit, description }));
    else {
      const advice = { explicitBucketBoundaries: [...metric.buckets] };
      histograms.set(name, meter.createHistogram(name, { unit, description, advice }));
    }
  }
  return {
    add: (name, value, attributes) => counters.get(name)?.add(value, attributes),
    record: (name, value, attributes) => histograms.get(name)?.record(value, attributes),
    flush: async () => provider.forceFlush(),
  };
}
