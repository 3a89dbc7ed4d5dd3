import { isConfigured, requireApp } from '../shared/app.ts';
import { repairMemberIndexes } from '../shared/provisioning/repairMemberIndexes.ts';
import { repairOutcomes } from '../shared/provisioning/repairOutcomes.ts';
import { onTimer } from '../shared/triggers/onTimer.ts';

/** Timer, daily at 03:30 UTC: repairs the indexes of members, and outcomes whose message is gone. */
onTimer(
  'repairMemberIndexes',
  { schedule: '0 30 3 * * *', isEnabled: isConfigured() },
  {
    name: 'members.repair',
    run: async () => ({
      ...(await repairMemberIndexes(requireApp())),
      ...(await repairOutcomes(requireApp())),
    }),
    describe: (repaired) => ({ ...repaired }),
  },
);
