import { isConfigured, requireApp, requireConfig } from '../shared/app.ts';
import { refreshAssignedGroups } from '../shared/groups/refreshAssignedGroups.ts';
import { onTimer } from '../shared/triggers/onTimer.ts';

/**
 * Timer, every 10 minutes: reads the assigned groups, and creates what the accepted groups lack. Without a service principal
 * there is no such list, and the function isn't registered.
 */
onTimer(
  'assignedGroups',
  {
    schedule: '0 */10 * * * *',
    isEnabled: isConfigured() && requireConfig().rules.assignedGroupsAreKnown,
  },
  {
    name: 'groups.refresh',
    run: async () => {
      const { refresh, knowledge } = requireApp();
      const refreshed = await refreshAssignedGroups(refresh);
      knowledge.remember(refreshed.list);
      return refreshed;
    },
    describe: ({ list, decision, ...rest }) => ({
      level: decision === 'held_back' || rest.organizationFailure !== undefined ? 'error' : 'info',
      decision,
      version: list.version,
      groups: list.groups.length,
      lost: rest.lostCount,
      heldBackVersion: list.heldBack?.version,
      organizationFailure: rest.organizationFailure?.code,
      unreadable: rest.unreadable,
      reported: rest.reported.map((entry) => `${entry.code} ${entry.kind} ${entry.id}`),
    }),
  },
);
