import { app } from '@azure/functions';
import { readConfigFaults, requireApp, requireConfig, requireProxySide } from '../shared/app.ts';
import { repairPush } from '../shared/flows/repairPush.ts';
import { observeFlow } from '../shared/telemetry.ts';
import { traceInvocation } from '../shared/telemetry/traceInvocation.ts';

/**
 * Timer, daily at 04:30 UTC, an hour after the indexes of members were brought back to the truth: asks for a push of whatever is not
 * in the LiteLLM proxy as it is here. Not there where no proxy is connected.
 */
if (readConfigFaults().length === 0 && requireConfig().litellm !== undefined) {
  app.timer('repairPush', {
    schedule: '0 30 4 * * *',
    handler: async (_timer, context) => {
      await traceInvocation(context, { kind: 'timer' }, async () => {
        const { store } = requireApp();
        const { push, requests } = requireProxySide();
        return observeFlow(context, {
          name: 'push.repair',
          run: async () => repairPush({ store, proxy: push.proxy, record: push.record, requests }),
          describe: (repaired) => ({ ...repaired }),
        });
      });
    },
  });
}
