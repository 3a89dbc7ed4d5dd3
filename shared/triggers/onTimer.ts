import { app } from '@azure/functions';
import { type Observed, observeFlow } from '../telemetry/events.ts';
import { traceInvocation } from '../telemetry/traceInvocation.ts';
import { addTimer, recordSuccess } from './registeredFunctions.ts';

/**
 * NCRONTAB, with seconds, in UTC: every so many minutes, or daily at a minute and an hour. {@link periodSecondsOf} must understand each
 * form, because the heartbeat compares a timer's age with its period.
 */
export type Schedule = `0 */${number} * * * *` | `0 ${number} ${number} * * *`;

export interface TimerTrigger {
  readonly schedule: Schedule;
  /** With invalid settings, `false`: the function isn't registered. */
  readonly isEnabled: boolean;
}

/**
 * Registers a function for a timer. Each run is traced and writes one event; an error is thrown on. A success is recorded for the
 * heartbeat.
 */
export function onTimer<T>(
  functionName: string,
  { schedule, isEnabled }: TimerTrigger,
  flow: Observed<T>,
): void {
  if (!isEnabled) return;
  addTimer({ name: functionName, periodSeconds: periodSecondsOf(schedule) });
  app.timer(functionName, {
    schedule,
    handler: async (_timer, context) => {
      await traceInvocation(context, { kind: 'timer' }, async () => {
        await observeFlow(context, flow);
        await recordSuccess(context, async ({ recordTimer }) => recordTimer(functionName));
      });
    },
  });
}

/** Returns the longest time between two runs, in seconds. */
export function periodSecondsOf(schedule: Schedule): number {
  const everyMinutes = /^0 \*\/(\d+) /.exec(schedule)?.[1];
  return everyMinutes === undefined ? 24 * 60 * 60 : Number(everyMinutes) * 60;
}
