import type { EventLog } from './events.ts';
import { activateTracing, NO_TRACING, type Tracing, tracing } from './tracing.ts';

let provide: ((log: EventLog) => Tracing) | undefined;

/** Says how this process's tracing is made; made at the first {@link startTracing}, not now. */
export function provideTracing(provider: (log: EventLog) => Tracing): void {
  provide = provider;
  activateTracing(NO_TRACING);
}

/** Gives this process's tracing, made at the first call; `log` is where a provider says that it could not. */
export function startTracing(log: EventLog): Tracing {
  const provider = provide;
  if (provider !== undefined) {
    // Forgotten first: whatever happens, it is tried once.
    provide = undefined;
    activateTracing(provider(log));
  }
  return tracing();
}
