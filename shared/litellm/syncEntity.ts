/** The sync of one organization or team: what the store says, LiteLLM gets, as far as it is ours there. */
import { organizationValues, teamValues } from '../model/litellmValues.ts';
import type { SyncDeps, SyncResult } from './syncDeps.ts';
import { refusalOf } from './syncErrors.ts';
import { type OrganizationInLitellm, upsertOrganization, upsertTeam } from './upsertEntity.ts';

function missing(kind: 'organization' | 'team', id: string): SyncResult {
  return { status: 'nothing', reported: [{ kind, id, code: 'row_missing' }] };
}

/** `undefined`: the store does not have it. */
async function upsertStored(deps: SyncDeps, id: string): Promise<OrganizationInLitellm | undefined> {
  const organization = (await deps.store.entities.readOrganizations([id])).found.get(id)?.value;
  return organization && upsertOrganization(deps, id, organizationValues(organization));
}

async function syncOrganization(deps: SyncDeps, id: string): Promise<SyncResult> {
  const upserted = await upsertStored(deps, id);
  return upserted === undefined
    ? missing('organization', id)
    : { status: 'done', reported: upserted.reported };
}

async function syncTeam(deps: SyncDeps, id: string): Promise<SyncResult> {
  const team = (await deps.store.entities.readTeams([id])).found.get(id)?.value;
  if (team === undefined) return missing('team', id);
  const { organization_id: organizationId } = team;
  const organization = organizationId === undefined ? undefined : await upsertStored(deps, organizationId);
  if (organization?.isMissing === true) return { status: 'done', reported: organization.reported };
  const desired = teamValues(team, organization && { models: organization.values.models ?? [] });
  // Nothing decides about the models of a team whose organization is not stored.
  if (desired === undefined) return missing('organization', organizationId ?? id);
  const upserted = await upsertTeam(deps, id, { desired, known: organization?.teams.get(id) });
  return { status: 'done', reported: [...(organization?.reported ?? []), ...upserted.reported] };
}

/**
 * Creates or changes one organization or team in LiteLLM, and a team's organization before it. Idempotent. If its row is missing or
 * unreadable, nothing is changed. Throws as `syncPerson`.
 */
export async function syncEntity(
  deps: SyncDeps,
  { kind, id }: { readonly kind: 'organization' | 'team'; readonly id: string },
): Promise<SyncResult> {
  const result = kind === 'organization' ? await syncOrganization(deps, id) : await syncTeam(deps, id);
  const { reported = [] } = result;
  if (reported.some(({ code }) => code === 'refused')) throw refusalOf(reported);
  return result;
}
