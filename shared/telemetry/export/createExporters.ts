import { OTLPMetricExporter as JsonMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtobufMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { AggregationTemporality, type PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { TelemetryOptions } from '../startTelemetry.ts';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';

export interface Exporters {
  readonly spans: readonly SpanExporter[];
  readonly metrics: readonly PushMetricExporter[];
}

/**
 * Creates the exporters that are asked for. Azure's is built at its first export, because it takes longer to load
 * than all the others.
 */
export function createExporters({ applicationInsights, otlp }: TelemetryOptions): Exporters {
  const spans: SpanExporter[] = [];
  const metrics: PushMetricExporter[] = [];
  if (otlp !== undefined) {
    const isJson = otlp.protocol === 'http/json';
    spans.push(isJson ? new JsonTraceExporter() : new ProtobufTraceExporter());
    metrics.push(isJson ? new JsonMetricExporter() : new ProtobufMetricExporter());
  }
  if (applicationInsights !== undefined) {
    const load = async () => (await import('./azureExporters.ts')).createAzureExporters(applicationInsights);
    let loading: ReturnType<typeof load> | undefined;
    const loadOnce = async () => (loading ??= load());
    spans.push(deferExporter(async () => (await loadOnce()).spans));
    metrics.push({
      ...deferExporter(async () => (await loadOnce()).metrics),
      // The temporality of Azure Monitor. Its exporter can't be asked before it is built.
      selectAggregationTemporality: () => AggregationTemporality.DELTA,
    });
  }
  return { spans, metrics };
}

/** The part that span and metric exporters share. */
export interface Exporter<Batch> {
  export(batch: Batch, done: (result: ExportResult) => void): void;
  forceFlush?(): Promise<void>;
  shutdown(): Promise<void>;
}

/**
 * Returns an exporter that builds the real one at its first export. If that fails, each export fails, like one that
 * can't send.
 */
export function deferExporter<Batch>(load: () => Promise<Exporter<Batch>>): Required<Exporter<Batch>> {
  let exporter: Exporter<Batch> | undefined;
  const underWay = new Set<Promise<void>>();
  const send = async (batch: Batch, done: (result: ExportResult) => void): Promise<void> => {
    try {
      exporter = await load();
    } catch (error) {
      done({
        code: ExportResultCode.FAILED,
        error: error instanceof Error ? error : new Error(String(error)),
      });
      return;
    }
    await new Promise<void>((resolve) => {
      exporter?.export(batch, (result) => {
        done(result);
        resolve();
      });
    });
  };
  return {
    export: (batch, done) => {
      const sending = send(batch, done).finally(() => underWay.delete(sending));
      underWay.add(sending);
    },
    forceFlush: async () => {
      await Promise.all(underWay);
      await exporter?.forceFlush?.();
    },
    shutdown: async () => exporter?.shutdown(),
  };
}
