import { isConfigured, requireApp } from '../shared/app.ts';
import { beat } from '../shared/health/heartbeat.ts';
import { onTimer } from '../shared/triggers/onTimer.ts';
import { registeredFunctions } from '../shared/triggers/registeredFunctions.ts';

/**
 * Timer, every 10 minutes: says how long ago each timer succeeded, and how long the oldest visible message of each queue has waited.
 * Registered in every configuration, because alerts wait for its event.
 */
onTimer(
  'heartbeat',
  { schedule: '0 */10 * * * *', isEnabled: isConfigured() },
  {
    name: 'heartbeat',
    run: async () => beat(requireApp().heartbeat, registeredFunctions()),
    describe: ({ timers, queues }) => ({
      timers: timers.map((timer) => ({ ...timer })),
      queues: queues.map((queue) => ({ ...queue })),
    }),
  },
);
