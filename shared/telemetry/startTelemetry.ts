/** Starts tracing, from the second bundle: `telemetry.cjs` is loaded only if something is exported. */
import { randomUUID } from 'node:crypto';
import type { Monitoring } from '../config/settingGroups.ts';
import { NO_TRACING, type Tracing } from './tracing.ts';
import { createRequire } from 'node:module';

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

export interface TelemetryStart {
  readonly monitoring: Monitoring | undefined;
  /** Azure's name for this app. Its host reports under the same name. */
  readonly siteName: string | undefined;
  readonly createCredential: (clientId: string | undefined) => IngestionCredential;
  /** Called once with the reason if tracing is missing although it was asked for. */
  readonly onFault: (error: unknown) => void;
}

/** Creates the tracing that the settings ask for. Never throws: without its bundle the product runs untraced. */
export function startTelemetry({ monitoring, onFault, ...start }: TelemetryStart): Tracing {
  if (monitoring === undefined) return NO_TRACING;
  try {
    return loadTelemetry().createTelemetry(optionsOf(monitoring, start));
  } catch (error) {
    onFault(error);
    return NO_TRACING;
  }
}

function optionsOf(
  { applicationInsights, otlp }: Monitoring,
  { siteName, createCredential }: Pick<TelemetryStart, 'siteName' | 'createCredential'>,
): TelemetryOptions {
  const names = { serviceName: siteName ?? 'litellm-entra-provisioning', instanceId: randomUUID() };
  const toOtlp = otlp === undefined ? {} : { otlp };
  if (applicationInsights === undefined) return { ...names, ...toOtlp };
  const { connectionString, identity } = applicationInsights;
  const credential = identity === undefined ? {} : { credential: createCredential(identity.clientId) };
  return { ...names, ...toOtlp, applicationInsights: { connectionString, ...credential } };
}

/**
 * Loads the telemetry bundle, which the build puts beside this one. Throws if it is missing, broken or another
 * file.
 */
function loadTelemetry(): TelemetryBundle {
  // Not `require`: esbuild would include the second bundle in the first.
  const loaded: unknown = createRequire(import.meta.url)('./telemetry.cjs');
  if (!isTelemetryBundle(loaded)) throw new Error('telemetry.cjs exports no createTelemetry');
  return loaded;
}

function isTelemetryBundle(loaded: unknown): loaded is TelemetryBundle {
  return (
    typeof loaded === 'object' &&
    loaded !== null &&
    'createTelemetry' in loaded &&
    typeof loaded.createTelemetry === 'function'
  );
}
