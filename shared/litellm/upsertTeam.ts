/** Creates a team in LiteLLM, or updates what this product wrote of it, and blocks it while it has no model left. */
import type { LitellmTeam } from '../model/litellmPorts.ts';
import type { TeamValues } from '../model/litellmValues.ts';
import { enqueueSync } from '../queue/queueMessage.ts';
import { type CarryDeps, desireTeam, type StoredTeam } from './carryTeam.ts';
import { clearingOf } from './clearing.ts';
import type { Recorded } from './entityLook.ts';
import { TEAM_FIELDS } from './planEntity.ts';
import { blockingOf } from './teamBlocking.ts';
import type { KnownProxy } from './proxyState.ts';
import type { SyncDeps } from './syncDeps.ts';
import {
  type Entity,
  type EntityChanges,
  type EntityInLitellm,
  type LeasedLook,
  type SharedEntity,
  upsertShared,
} from './upsertEntity.ts';

/** What a sync of a team needs besides the team. */
export interface TeamDeps extends SyncDeps {
  readonly shares: CarryDeps['shares'];
  readonly known: KnownProxy;
}

function teamChanges(
  { set, clear }: EntityChanges<TeamValues>,
  { models = [] }: Partial<TeamValues>,
): Parameters<SyncDeps['litellm']['updateTeam']>[1] {
  const { team_member_permissions: _permissions, ...others } = { ...set, ...clearingOf(clear) };
  // Some versions rewrite the models of a team inside an organization if an update leaves them out.
  const alongside = Object.keys(others).length === 0 ? {} : { models };
  return { ...alongside, ...set, ...clearingOf(clear) };
}

/** Sends changes of a team's own values. */
export async function updateTeam(
  { litellm }: Pick<SyncDeps, 'litellm'>,
  id: string,
  { changes, found }: { readonly changes: EntityChanges<TeamValues>; readonly found: Partial<TeamValues> },
): Promise<void> {
  await litellm.updateTeam(id, teamChanges(changes, found));
}

/** Blocks the team before its values change, and unblocks it after. */
function blockingIn(deps: TeamDeps, id: string): Pick<Entity<TeamValues>, 'isSettled' | 'before' | 'after'> {
  const { litellm, record } = deps;
  const write = async ({ lease }: LeasedLook<TeamValues>, entity: Recorded<TeamValues>): Promise<void> =>
    lease.write(async (held) => record.writeTeam(held, entity));
  return {
    isSettled: (look, desired) => blockingOf(look, desired) === undefined,
    async before({ look, desired, recorded }) {
      if (recorded === undefined || blockingOf(look, desired) !== 'block') return {};
      // Recorded first: after a crash it must not count as blocked by an administrator.
      await write(look, { ...recorded, isBlockedByUs: true });
      await look.lease.keep();
      await litellm.blockTeam(id);
      return { isBlockedByUs: true };
    },
    async after({ look, desired, recorded }) {
      const blocking = blockingOf(look, desired);
      if (recorded === undefined || blocking === undefined || blocking === 'block') return;
      const { isBlockedByUs: _isBlockedByUs, ...rest } = recorded;
      await look.lease.keep();
      if (blocking === 'unblock') await litellm.unblockTeam(id);
      await write(look, rest);
    },
  };
}

function teamOf(deps: TeamDeps, stored: StoredTeam): SharedEntity<TeamValues> {
  const { litellm, record, known } = deps;
  const { team_id: id } = stored.team;
  return {
    subject: { kind: 'team', id },
    version: known.version,
    ...TEAM_FIELDS,
    desire: async (look) => desireTeam({ record, shares: deps.shares, version: known.version }, stored, look),
    find: async () => litellm.findTeam(id),
    create: async (values) => litellm.createTeam(id, values),
    update: async (changes, found) => updateTeam(deps, id, { changes, found }),
    findRecord: async () => record.findTeam(id),
    writeRecord: async (held, entity) => record.writeTeam(held, entity),
    ...blockingIn(deps, id),
  };
}

/**
 * Creates the team if LiteLLM does not have it, and changes what this product wrote of it and no administrator changed since. Its
 * organization must exist where LiteLLM has organizations. A team that is not where it belongs stays as it is: only its own message
 * moves it. `known`: what the organization's answer said of the team. Throws as the upsert of an organization.
 */
export async function upsertTeam(
  deps: TeamDeps,
  stored: StoredTeam,
  known?: LitellmTeam,
): Promise<EntityInLitellm<TeamValues>> {
  const upserted = await upsertShared(deps, teamOf(deps, stored), known && { found: known });
  if (upserted.isNew) await shareAgain(deps, stored);
  return upserted;
}

/** Outside of LiteLLM's organizations, a new team makes the shares of the others smaller. */
async function shareAgain(deps: TeamDeps, { organization, hasOrganizations }: StoredTeam): Promise<void> {
  const { queue, clock, shares, sharedBudget } = deps;
  if (hasOrganizations || sharedBudget === 'each' || organization?.max_budget === undefined) return;
  const { organization_id: id } = organization;
  if ((await shares.teamsOf(id)).length < 2) return;
  await enqueueSync({ queue, clock, traceparent: () => undefined }, { kind: 'organization', id });
}
