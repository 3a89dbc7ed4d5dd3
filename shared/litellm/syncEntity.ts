/** One organization or team: what it is here, it becomes in the proxy, as far as it is ours there. */
import { organizationValues, teamValues } from '../model/litellmValues.ts';
import type { SyncReport } from '../model/synced.ts';
import { ensureOrganization, ensureTeam, refusalOf } from './ensureInLitellm.ts';
import type { SyncDeps } from './syncDeps.ts';

export interface EntitySyncResult {
  readonly status: 'done' | 'nothing';
  readonly reported: readonly SyncReport[];
}

function missing(kind: 'organization' | 'team', id: string): EntitySyncResult {
  return { status: 'nothing', reported: [{ kind, id, code: 'row_missing' }] };
}

async function syncOrganization(deps: SyncDeps, id: string): Promise<EntitySyncResult> {
  const read = await deps.store.entities.readOrganizations([id]);
  const organization = read.found.get(id)?.value;
  if (organization === undefined) return missing('organization', id);
  const { reported } = await ensureOrganization(deps, id, organizationValues(organization));
  return { status: 'done', reported };
}

async function syncTeam(deps: SyncDeps, id: string): Promise<EntitySyncResult> {
  const { entities } = deps.store;
  const team = (await entities.readTeams([id])).found.get(id)?.value;
  if (team === undefined) return missing('team', id);
  const organizationId = team.organization_id;
  if (organizationId === undefined) {
    const desired = teamValues(team, undefined);
    if (desired === undefined) return missing('team', id);
    const { reported } = await ensureTeam(deps, id, { desired, known: undefined });
    return { status: 'done', reported };
  }
  const organization = (await entities.readOrganizations([organizationId])).found.get(organizationId)?.value;
  if (organization === undefined) return missing('organization', organizationId);
  const outer = await ensureOrganization(deps, organizationId, organizationValues(organization));
  if (outer.isMissing) return { status: 'done', reported: outer.reported };
  const desired = teamValues(team, { models: outer.values.models ?? [] });
  if (desired === undefined) return missing('organization', organizationId);
  const inner = await ensureTeam(deps, id, { desired, known: outer.teams.get(id) });
  return { status: 'done', reported: [...outer.reported, ...inner.reported] };
}

/**
 * Makes or changes one organization or team in the proxy; a team brings its organization along. Idempotent. What is missing or
 * unreadable here is left alone there. Throws as `syncPerson`.
 */
export async function syncEntity(
  deps: SyncDeps,
  entity: { readonly kind: 'organization' | 'team'; readonly id: string },
): Promise<EntitySyncResult> {
  const result =
    entity.kind === 'organization'
      ? await syncOrganization(deps, entity.id)
      : await syncTeam(deps, entity.id);
  if (result.reported.some(({ code }) => code === 'refused')) throw refusalOf(result.reported);
  return result;
}
