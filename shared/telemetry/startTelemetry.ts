import { randomUUID } from 'node:crypto';
import type { Monitoring } from '../config/monitoring.ts';
import { NO_TRACING, type Tracing } from './tracing.ts';
import type { IngestionCredential, TelemetryOptions } from './telemetryBundle.ts';
import { loadTelemetry } from './loadTelemetry.ts';

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
