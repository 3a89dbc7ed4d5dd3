import { app } from '@azure/functions';
import { readConfigFaults, requireApp } from '../shared/app.ts';
import { reconcileMembers } from '../shared/flows/reconcileMembers.ts';
import { observeFlow } from '../shared/telemetry.ts';
import { traceInvocation } from '../shared/telemetry/traceInvocation.ts';

/** Timer, daily at 03:30 UTC: brings the indexes of members back to the truth. */
if (readConfigFaults().length === 0) {
  app.timer('reconcileMembers', {
    schedule: '0 30 3 * * *',
    handler: async (_timer, context) => {
      await traceInvocation(context, { kind: 'timer' }, async () => {
        const services = requireApp();
        return observeFlow(context, {
          name: 'members.reconcile',
          run: async () => reconcileMembers(services),
          describe: (reconciled) => ({ ...reconciled }),
        });
      });
    },
  });
}
