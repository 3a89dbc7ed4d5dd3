import { app } from '@azure/functions';
import { readConfigFaults, requireApp } from '../shared/app.ts';
import { recordFailure } from '../shared/flows/recordFailure.ts';
import { findTraceparent, MAX_DELIVERIES, PROVISION_POISON_QUEUE } from '../shared/messages.ts';
import { observeFlow } from '../shared/telemetry.ts';
import { traceInvocation } from '../shared/telemetry/traceInvocation.ts';

/** Queue `provision-poison`: keeps what the queue gave up on and says why. */
if (readConfigFaults().length === 0) {
  app.storageQueue('provisionPoison', {
    queueName: PROVISION_POISON_QUEUE,
    connection: 'AzureWebJobsStorage',
    handler: async (entry: unknown, context) => {
      const metadata = context.triggerMetadata ?? {};
      const id = typeof metadata['id'] === 'string' ? metadata['id'] : context.invocationId;
      const attempt = Number(metadata['dequeueCount'] ?? 1);
      const traceparent = findTraceparent(entry);
      const trigger = { kind: 'queue', queueName: PROVISION_POISON_QUEUE, attempt, traceparent } as const;
      await traceInvocation(context, trigger, async () =>
        observeFlow(context, {
          name: 'provision.failure',
          run: async () =>
            recordFailure(requireApp().failure, { id, entry, isLastAttempt: attempt >= MAX_DELIVERIES }),
          describe: (recorded) => ({ level: 'error' as const, messageId: id, ...recorded }),
        }),
      );
    },
  });
}
