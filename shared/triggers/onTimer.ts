import { app } from '@azure/functions';
import { type Observed, observeFlow } from '../telemetry/events.ts';
import { traceInvocation } from '../telemetry/traceInvocation.ts';

export interface TimerTrigger {
  /** NCRONTAB, with seconds, in UTC. */
  readonly schedule: string;
  /** With invalid settings, `false`: the function isn't registered. */
  readonly isEnabled: boolean;
}

/** Registers a function for a timer. Each run is traced and writes one event; an error is thrown on. */
export function onTimer<T>(
  functionName: string,
  { schedule, isEnabled }: TimerTrigger,
  flow: Observed<T>,
): void {
  if (!isEnabled) return;
  app.timer(functionName, {
    schedule,
    handler: async (_timer, context) => {
      await traceInvocation(context, { kind: 'timer' }, async () => observeFlow(context, flow));
    },
  });
}
