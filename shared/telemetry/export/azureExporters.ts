import { AzureMonitorMetricExporter, AzureMonitorTraceExporter } from '@azure/monitor-opentelemetry-exporter';
import type { TelemetryOptions } from '../telemetryBundle.ts';

/**
 * Gives Azure Monitor's exporters, which talk to the resource's ingestion endpoint and to nobody else: statistics about the
 * exporter itself, which it would send to Microsoft, are off, and the settings that it would fetch from there are left out of the
 * bundle (dev/build/withoutRemoteSettings.ts). What cannot be sent is dropped instead of being written to the disk.
 */
export function createAzureExporters(options: NonNullable<TelemetryOptions['applicationInsights']>): {
  readonly spans: AzureMonitorTraceExporter;
  readonly metrics: AzureMonitorMetricExporter;
} {
  // Read once, when an exporter is built; there is no option for it.
  process.env['APPLICATION_INSIGHTS_NO_STATSBEAT'] = 'true';
  const settings = { ...options, disableOfflineStorage: true };
  return {
    spans: new AzureMonitorTraceExporter(settings),
    metrics: new AzureMonitorMetricExporter(settings),
  };
}
