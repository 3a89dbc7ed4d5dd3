import type { EntityRead } from '../storage/entityStore.ts';
import type { Store } from '../storage/store.ts';
import type { KnownGroup, Presence } from '../model/assignedGroups.ts';
import type { Rules } from '../model/rules.ts';
import { unreadableDetails } from './ensureEntities.ts';

const NOTHING_READ: EntityRead<never> = { found: new Map(), unreadable: new Map() };

function presenceOf(id: string, read: EntityRead<unknown>): Presence {
  if (read.found.has(id)) return 'present';
  return read.unreadable.has(id) ? 'unreadable' : 'absent';
}

/**
 * Gives which of a person's groups have a team or an organization, where no service principal is configured: nothing is
 * created then, a person joins what exists under a group id that they have (docs/domain.md, "Which groups count").
 */
export async function readGroupPresence(
  store: Pick<Store, 'entities'>,
  groupIds: readonly string[],
  rules: Rules,
): Promise<readonly KnownGroup[]> {
  const ids = [...new Set(groupIds)];
  if (ids.length === 0) return [];
  const [teams, organizations] = await Promise.all([
    store.entities.readTeams(ids),
    rules.groupsAlsoCreateOrgs ? store.entities.readOrganizations(ids) : NOTHING_READ,
  ]);
  return ids.map((id) => ({
    id,
    displayName: id,
    team: presenceOf(id, teams),
    organization: presenceOf(id, organizations),
    ...unreadableDetails(teams.unreadable.get(id), organizations.unreadable.get(id)),
  }));
}
