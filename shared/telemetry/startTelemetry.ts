import { randomUUID } from 'node:crypto';
import type { Monitoring } from '../config/monitoring.ts';
import { NO_TRACING, type Tracing } from './tracing.ts';
import type { IngestionCredential, TelemetryOptions } from './telemetryBundle.ts';
import { loadTelemetry } from './loadTelemetry.ts';

export interface TelemetryStart {
  readonly monitoring: Monitoring | undefined;
  /** As Azure calls this app; its host reports under the same name. */
  readonly siteName: string | undefined;
  readonly createCredential: (clientId: string | undefined) => IngestionCredential;
  /** Told once why there is none, although it was asked for. */
  readonly onFault: (error: unknown) => void;
}

/** Gives the tracing that the settings ask for. Never throws: without its bundle the product goes on untraced. */
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
