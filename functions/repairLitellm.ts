import { isLitellmConnected, requireApp, requireLitellmSide } from '../shared/app.ts';
import { repairKeys } from '../shared/litellm/keys/repairKeys.ts';
import { repairLitellm } from '../shared/litellm/repairLitellm.ts';
import { onTimer } from '../shared/triggers/onTimer.ts';

/**
 * Timer, daily at 04:30 UTC, an hour after the member indexes are repaired: enqueues a sync for everything that LiteLLM doesn't
 * have as it is stored, and looks after the keys of people who left a team. Registered only if a LiteLLM proxy is connected.
 */
onTimer(
  'repairLitellm',
  { schedule: '0 30 4 * * *', isEnabled: isLitellmConnected() },
  {
    name: 'sync.repair',
    run: async () => {
      const { store } = requireApp();
      const { sync, requests } = requireLitellmSide();
      const repaired = await repairLitellm({ ...sync, store, requests });
      const keys = await repairKeys({ ...sync, teamIndex: store.teamIndex, requests });
      return { repaired, keys };
    },
    describe: ({ repaired, keys: { report } }) => ({
      ...repaired,
      keysParked: report.parked,
      keysDue: report.due,
      keysUnconfirmed: report.unconfirmed,
      keysHeldBack: report.heldBack?.hashes.length,
      keysWithoutOwner: report.withoutOwner,
      strayKeysParked: report.strays.parked,
      strayKeysLeftAlone: report.strays.leftAlone,
      ...(report.heldBack === undefined && report.strays.leftAlone === 0 ? {} : { level: 'warn' as const }),
    }),
    countKeys: ({ keys }) => keys.counts,
  },
);
