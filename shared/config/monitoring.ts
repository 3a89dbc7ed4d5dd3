/** Where telemetry goes, if anywhere. */
import { settings } from './settings.ts';
import type { SettingsReader } from './settingsReader.ts';

/** What is exported and how; absent parts are not. */
export interface Monitoring {
  readonly applicationInsights?: {
    readonly connectionString: string;
    /** Absent: with the instrumentation key alone. Without a client id: the system-assigned identity. */
    readonly identity?: { readonly clientId?: string };
  };
  /** The exporter reads the address, headers and so on from OpenTelemetry's own variables. */
  readonly otlp?: { readonly protocol: 'http/protobuf' | 'http/json' };
}

/** Gives where telemetry goes, or undefined where nobody asked for it (or with a fault). */
export function readMonitoring(reader: SettingsReader): Monitoring | undefined {
  const connectionString = reader.find(settings.applicationInsights);
  const identity = reader.find(settings.applicationInsightsIdentity);
  const endpoint = reader.find(settings.otlpEndpoint);
  const protocol = reader.findOrDefault(settings.otlpProtocol);
  if (connectionString === undefined && endpoint === undefined) return undefined;
  return {
    ...(connectionString === undefined
      ? {}
      : { applicationInsights: { connectionString, ...(identity === undefined ? {} : { identity }) } }),
    ...(endpoint === undefined ? {} : { otlp: { protocol } }),
  };
}
