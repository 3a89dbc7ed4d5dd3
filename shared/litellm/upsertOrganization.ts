/** Creates an organization in LiteLLM, or updates what this product wrote of it. */
import { type Organization, isSafeId } from '../model/entities.ts';
import type { LitellmOrganization } from '../model/litellmPorts.ts';
import { organizationValues, type OrganizationValues } from '../model/litellmValues.ts';
import { inParallel } from '../platform/inParallel.ts';
import { enqueueSync } from '../queue/queueMessage.ts';
import { TeamShares } from './carryTeam.ts';
import { clearingOf } from './clearing.ts';
import { type EntityUpdate, ORGANIZATION_FIELDS } from './planEntity.ts';
import type { KnownProxy } from './proxyState.ts';
import type { SyncDeps } from './syncDeps.ts';
import { type EntityInLitellm, type SharedEntity, upsertShared } from './upsertEntity.ts';

const PARALLEL_MESSAGES = 16;

/** Fields of an organization on which the values of its teams depend. */
const TEAMS_FOLLOW = ['models', 'max_budget', 'budget_duration'] as const;

/** What LiteLLM has of an organization. */
export interface OrganizationInLitellm extends EntityInLitellm<OrganizationValues> {
  /** Its teams, as far as LiteLLM's answer carried them whole. */
  readonly teams: LitellmOrganization['teams'];
}

/** Asks for a sync of every team that the store has in the organization. */
export async function enqueueTeams({ store, queue, clock }: SyncDeps, organizationId: string): Promise<void> {
  const teams = await new TeamShares(store.entities, 'each').teamsOf(organizationId);
  const requests = { queue, clock, traceparent: () => undefined };
  await inParallel(teams.filter(isSafeId), PARALLEL_MESSAGES, async (id) =>
    enqueueSync(requests, { kind: 'team', id }),
  );
}

function changesTeams({ set, clear }: EntityUpdate<OrganizationValues>): boolean {
  return TEAMS_FOLLOW.some((field) => set.includes(field) || clear.includes(field));
}

function organizationOf(
  deps: SyncDeps,
  organization: Organization,
  { version }: KnownProxy,
): SharedEntity<OrganizationValues> {
  const { litellm, record } = deps;
  const { organization_id: id } = organization;
  return {
    subject: { kind: 'organization', id },
    version,
    ...ORGANIZATION_FIELDS,
    desire: async () => Promise.resolve({ values: organizationValues(organization) }),
    find: async () => litellm.findOrganization(id),
    create: async (values) => litellm.createOrganization(id, values),
    update: async ({ set, clear }) => litellm.updateOrganization(id, { ...set, ...clearingOf(clear) }),
    findRecord: async () => record.findOrganization(id),
    writeRecord: async (held, entity) => record.writeOrganization(held, entity),
    // Before the update, so that a crash after it loses no message. LiteLLM itself does not look at a call whether the organization
    // still has a team's models.
    async before({ look }, plan) {
      if (look.found !== undefined && changesTeams(plan)) await enqueueTeams(deps, id);
      return {};
    },
  };
}

/**
 * Creates the organization if LiteLLM does not have it, and changes what this product wrote of it and no administrator changed
 * since. If nothing is to be done: one request, and one read of the sync record. Idempotent. Throws what LiteLLM and the record
 * throw, without `litellm_refused`, which is reported.
 */
export async function upsertOrganization(
  deps: SyncDeps,
  organization: Organization,
  proxy: KnownProxy,
): Promise<OrganizationInLitellm> {
  const found = await deps.litellm.findOrganization(organization.organization_id);
  const upserted = await upsertShared(deps, organizationOf(deps, organization, proxy), { found });
  return { ...upserted, teams: found?.teams ?? new Map() };
}
