import { app } from '@azure/functions';
import { readConfigFaults, requireApp, requireConfig } from '../shared/app.ts';
import { refreshAssignedGroups } from '../shared/groups/refreshAssignedGroups.ts';
import { observeFlow } from '../shared/telemetry/events.ts';
import { traceInvocation } from '../shared/telemetry/traceInvocation.ts';

/**
 * Timer, every 10 minutes: reads the assigned groups and makes sure that all in force have what they need. Without a service
 * principal there is no such list.
 */
if (readConfigFaults().length === 0 && requireConfig().rules.assignedGroupsAreKnown) {
  app.timer('assignedGroups', {
    schedule: '0 */10 * * * *',
    handler: async (_timer, context) => {
      await traceInvocation(context, { kind: 'timer' }, async () => {
        const services = requireApp();
        const refreshed = await observeFlow(context, {
          name: 'groups.refresh',
          run: async () => refreshAssignedGroups(services.refresh),
          describe: ({ list, decision, ...rest }) => ({
            level:
              decision === 'held_back' || rest.organizationFailure !== undefined
                ? ('error' as const)
                : ('info' as const),
            decision,
            version: list.version,
            groups: list.groups.length,
            lost: rest.lostCount,
            heldBackVersion: list.heldBack?.version,
            organizationFailure: rest.organizationFailure?.code,
            unreadable: rest.unreadable,
            reported: rest.reported.map((entry) => `${entry.code} ${entry.kind} ${entry.id}`),
          }),
        });
        services.knowledge.remember(refreshed.list);
      });
    },
  });
}
