/**
 * The entry of the bundle `telemetry.cjs`: this product's tracing on OpenTelemetry. The app loads it at run time,
 * and only if something is exported (docs/decisions/0010-telemetry.md).
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  diag,
  DiagConsoleLogger,
  DiagLogLevel,
  ROOT_CONTEXT,
  trace,
  type Counter,
  type Histogram,
} from '@opentelemetry/api';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  type Resource,
} from '@opentelemetry/resources';
import type { TelemetryOptions } from '../startTelemetry.ts';
import type { Tracing } from '../tracing.ts';
import { createExporters } from './createExporters.ts';
import { createSpans } from './createSpans.ts';
import {
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import { METRICS } from '../metrics.ts';

/** Creates this process's tracing. Doesn't connect before it has something to send. */
export function createTelemetry(options: TelemetryOptions): Tracing {
  logFaultsIfAsked(process.env['OTEL_LOG_LEVEL']);
  const resource = createResource(options);
  const exporters = createExporters(options);
  // Not the global one: nothing else in this process is traced, and nothing should become so by accident.
  const contexts = new AsyncLocalStorage<Context>();
  const spans = createSpans({ resource, exporters: exporters.spans, contexts });
  const meters = createMeters({ resource, exporters: exporters.metrics });
  return {
    isOff: false,
    run: spans.run,
    current: () => spans.describe(trace.getSpan(contexts.getStore() ?? ROOT_CONTEXT)),
    add: meters.add,
    record: meters.record,
    flush: async (timeoutMs) => settleWithin(timeoutMs, [spans.flush(), meters.flush()]),
  };
}

/** Shows why exports fail, on the console, if that is asked for. Otherwise a failing export is silent. */
function logFaultsIfAsked(level: string | undefined): void {
  const levels: Readonly<Record<string, DiagLogLevel>> = {
    ERROR: DiagLogLevel.ERROR,
    WARN: DiagLogLevel.WARN,
    INFO: DiagLogLevel.INFO,
    DEBUG: DiagLogLevel.DEBUG,
  };
  const logLevel = levels[level?.toUpperCase() ?? ''];
  if (logLevel !== undefined) diag.setLogger(new DiagConsoleLogger(), { logLevel });
}

function createResource({ serviceName, instanceId }: TelemetryOptions): Resource {
  return defaultResource()
    .merge(resourceFromAttributes({ 'service.name': serviceName, 'service.instance.id': instanceId }))
    .merge(detectResources({ detectors: [envDetector] }));
}

async function settleWithin(timeoutMs: number, work: readonly Promise<void>[]): Promise<void> {
  const { promise: timeUp, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  await Promise.race([Promise.allSettled(work), timeUp]);
  clearTimeout(timer);
}

/** The most that an instance loses when it is killed. */
const EXPORT_INTERVAL_MS = 10_000;

export interface Meters extends Pick<Tracing, 'add' | 'record'> {
  /** Rejects if an exporter does. */
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
