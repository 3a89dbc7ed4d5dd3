import { AzureMonitorMetricExporter, AzureMonitorTraceExporter } from '@azure/monitor-opentelemetry-exporter';
import type { TelemetryOptions } from '../startTelemetry.ts';

/**
 * Creates Azure Monitor's exporters, which connect only to the resource's ingestion endpoint. Statistics about the
 * exporter, which it would send to Microsoft, are off. Its remote settings aren't in the bundle
 * (dev/build/withoutRemoteSettings.ts). If it can't send, it drops the data instead of writing it to the disk.
 */
export function createAzureExporters(options: NonNullable<TelemetryOptions['applicationInsights']>): {
  readonly spans: AzureMonitorTraceExporter;
  readonly metrics: AzureMonitorMetricExporter;
} {
  // Read once, when an exporter is built. There is no option for it.
  process.env['APPLICATION_INSIGHTS_NO_STATSBEAT'] = 'true';
  const settings = { ...options, disableOfflineStorage: true };
  return {
    spans: new AzureMonitorTraceExporter(settings),
    metrics: new AzureMonitorMetricExporter(settings),
  };
}
