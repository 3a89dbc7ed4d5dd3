import { app } from '@azure/functions';
import { readConfigFaults, requireApp } from '../shared/app.ts';
import { repairMemberIndexes } from '../shared/provisioning/repairMemberIndexes.ts';
import { observeFlow } from '../shared/telemetry/events.ts';
import { traceInvocation } from '../shared/telemetry/traceInvocation.ts';

/** Timer, daily at 03:30 UTC: brings the indexes of members back to the truth. */
if (readConfigFaults().length === 0) {
  app.timer('repairMemberIndexes', {
    schedule: '0 30 3 * * *',
    handler: async (_timer, context) => {
      await traceInvocation(context, { kind: 'timer' }, async () => {
        const services = requireApp();
        return observeFlow(context, {
          name: 'members.repair',
          run: async () => repairMemberIndexes(services),
          describe: (reconciled) => ({ ...reconciled }),
        });
      });
    },
  });
}
