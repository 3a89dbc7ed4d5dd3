import { createRequire } from 'node:module';
import type { TelemetryBundle } from './telemetryBundle.ts';

/**
 * Loads the telemetry bundle, which the build puts beside this one. Throws where it is missing, broken or another
 * file.
 */
export function loadTelemetry(): TelemetryBundle {
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
