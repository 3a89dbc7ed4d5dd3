/** The types that the app and the bundle `telemetry.cjs` share. */
import type { Tracing } from './tracing.ts';

/** Returns tokens for the ingestion of Application Insights. */
export interface IngestionCredential {
  getToken(
    scopes: string | string[],
  ): Promise<{ readonly token: string; readonly expiresOnTimestamp: number } | null>;
}

/** Where telemetry goes: to one of the two or to both. */
export interface TelemetryOptions {
  readonly applicationInsights?: {
    readonly connectionString: string;
    /** Absent: the instrumentation key alone identifies what is sent. */
    readonly credential?: IngestionCredential;
  };
  /** OpenTelemetry's own variables (`OTEL_EXPORTER_OTLP_…`) name the destination. */
  readonly otlp?: { readonly protocol: 'http/protobuf' | 'http/json' };
  /** Names this app beside others; OpenTelemetry's own variables win. */
  readonly serviceName: string;
  /** Tells this process from others of the same name. */
  readonly instanceId: string;
}

export interface TelemetryBundle {
  /** Connects to nothing before something is to be sent. */
  createTelemetry(options: TelemetryOptions): Tracing;
}
