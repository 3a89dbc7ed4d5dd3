/** The settings of telemetry. */
import { settings } from './settings.ts';
import type { SettingsReader } from './settingsReader.ts';

/** Where telemetry is exported. An absent part is not exported. */
export interface Monitoring {
  readonly applicationInsights?: {
    readonly connectionString: string;
    /** Absent: only the instrumentation key is used. Without a client id: the system-assigned identity. */
    readonly identity?: { readonly clientId?: string };
  };
  /** The exporter reads the address and headers from OpenTelemetry's own variables. */
  readonly otlp?: { readonly protocol: 'http/protobuf' | 'http/json' };
}

/** Returns where to export telemetry, or undefined if no destination is set or (with a fault) none is valid. */
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
