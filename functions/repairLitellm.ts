import { isLitellmConnected, requireApp, requireLitellmSide } from '../shared/app.ts';
import { repairLitellm } from '../shared/litellm/repairLitellm.ts';
import { onTimer } from '../shared/triggers/onTimer.ts';

/**
 * Timer, daily at 04:30 UTC, an hour after the member indexes are repaired: enqueues a sync for everything that LiteLLM doesn't
 * have as it is stored. Registered only if a LiteLLM proxy is connected.
 */
onTimer(
  'repairLitellm',
  { schedule: '0 30 4 * * *', isEnabled: isLitellmConnected() },
  {
    name: 'sync.repair',
    run: async () => {
      const { store } = requireApp();
      const { sync, requests } = requireLitellmSide();
      return repairLitellm({ ...sync, store, requests });
    },
    describe: (repaired) => ({ ...repaired }),
  },
);
