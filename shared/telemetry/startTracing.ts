import type { EventLog } from './events.ts';
import { activateTracing, NO_TRACING, type Tracing, tracing } from './tracing.ts';

let provide: ((log: EventLog) => Tracing) | undefined;

/** Sets how this process's tracing is created, at the first {@link startTracing}. */
export function provideTracing(provider: (log: EventLog) => Tracing): void {
  provide = provider;
  activateTracing(NO_TRACING);
}

/** Returns this process's tracing, which the first call creates. A provider that fails says so to `log`. */
export function startTracing(log: EventLog): Tracing {
  const provider = provide;
  if (provider !== undefined) {
    // Cleared first, so that it is tried only once, whatever happens.
    provide = undefined;
    activateTracing(provider(log));
  }
  return tracing();
}
