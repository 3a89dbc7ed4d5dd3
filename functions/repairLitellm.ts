import { app } from '@azure/functions';
import { readConfigFaults, requireApp, requireConfig, requireLitellmSide } from '../shared/app.ts';
import { repairLitellm } from '../shared/litellm/repairLitellm.ts';
import { observeFlow } from '../shared/telemetry/events.ts';
import { traceInvocation } from '../shared/telemetry/traceInvocation.ts';

/**
 * Timer, daily at 04:30 UTC, an hour after the indexes of members were brought back to the truth: asks for a push of whatever is not
 * in the LiteLLM proxy as it is here. Not there where no proxy is connected.
 */
if (readConfigFaults().length === 0 && requireConfig().litellm !== undefined) {
  app.timer('repairLitellm', {
    schedule: '0 30 4 * * *',
    handler: async (_timer, context) => {
      await traceInvocation(context, { kind: 'timer' }, async () => {
        const { store } = requireApp();
        const { sync, requests } = requireLitellmSide();
        return observeFlow(context, {
          name: 'sync.repair',
          run: async () => repairLitellm({ store, litellm: sync.litellm, record: sync.record, requests }),
          describe: (repaired) => ({ ...repaired }),
        });
      });
    },
  });
}
