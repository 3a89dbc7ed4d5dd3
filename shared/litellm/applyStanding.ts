/**
 * Deactivates and reactivates people in LiteLLM. A deactivated user's keys are all refused, and none is lost. What is done is recorded
 * before the first call, so that a deactivation is undone even after a crash.
 */
import type { LitellmUser } from '../model/litellmPorts.ts';
import type { SyncedStanding, SyncReport } from '../model/synced.ts';
import { isGuid } from '../platform/isGuid.ts';
import type { PersonSync } from './readPerson.ts';
import type { ClosingRules, SyncDeps } from './syncDeps.ts';
import type { SyncedPerson } from '../storage/syncRecord.ts';
import { isAtLeast } from './proxyVersion.ts';

/** The field of a user's metadata with which LiteLLM's SCIM interface deactivates users (from 1.84.0). */
const ACTIVE = 'scim_active';

/** The first version in which that field refuses the user's keys (measured). An unknown version gets both ways. */
const FIRST_WITH_ACTIVE = '1.84.0';

/** Whether LiteLLM refuses the keys of this user because of a deactivation, by this product or by an administrator. */
export function isDeactivated({ metadata }: Pick<LitellmUser, 'metadata'>): boolean {
  return metadata[ACTIVE] === false;
}

/** Returns whether this version needs the user's keys blocked one by one. */
export function needsBlockedKeys(version: string | undefined): boolean {
  return isAtLeast(version, FIRST_WITH_ACTIVE) !== true;
}

/**
 * Returns why this person is not to be deactivated; `undefined`: nothing speaks against it. A user that LiteLLM had before this product
 * is deactivated only for a closed account, and only if its id is an Entra object id: any other id may belong to something else.
 */
export async function findObstacle(
  { proxy, closesFoundUsers }: ClosingRules,
  { userId, recorded }: { readonly userId: string; readonly recorded: Pick<SyncedPerson, 'user'> },
  reason: SyncedStanding['reason'],
): Promise<SyncReport | undefined> {
  const report = (detail: string): SyncReport => ({
    kind: 'user',
    id: userId,
    code: 'not_deactivated',
    detail,
  });
  if (userId === (await proxy.read()).ownUserId) return report('own_key');
  if (recorded.user !== undefined) return undefined;
  const isClosable = reason === 'closed' && closesFoundUsers && isGuid(userId);
  return isClosable ? undefined : report('created_in_litellm');
}

/**
 * Deactivates the user: one request where nothing was changed meanwhile, none if LiteLLM has it so already. On older versions it
 * blocks every open key of the person instead, with one request each. Idempotent.
 */
export async function deactivate(
  deps: SyncDeps,
  person: PersonSync,
  { user, reason }: { readonly user: LitellmUser; readonly reason: SyncedStanding['reason'] },
): Promise<SyncedStanding> {
  const { userId, lease, recorded } = person;
  const since = recorded.standing?.since ?? deps.clock.now().toISOString();
  let standing: SyncedStanding = { blockedKeys: recorded.standing?.blockedKeys ?? [], since, reason };
  const keep = async (next: SyncedStanding): Promise<void> => {
    standing = next;
    await lease.write(async (held) => deps.record.writePerson(held, { standing }));
  };
  if (recorded.standing?.reason !== reason) await keep(standing);
  const { version } = await deps.proxy.read();
  if (!isDeactivated(user)) {
    await lease.keep();
    await deps.litellm.updateUser(userId, { metadata: { ...user.metadata, [ACTIVE]: false } });
  }
  if (!needsBlockedKeys(version)) return standing;
  for await (const page of deps.litellm.readKeyPages({ userId })) {
    const open = page.filter(({ blocked }) => !blocked).map(({ hash }) => hash);
    if (open.length === 0) continue;
    // Before the calls: after a crash, the person gets these keys back.
    await keep({ ...standing, blockedKeys: [...new Set([...standing.blockedKeys, ...open])] });
    for (const hash of open) {
      await lease.keep();
      await deps.litellm.updateKey(hash, { blocked: true });
    }
  }
  return standing;
}

/** Undoes what {@link deactivate} recorded, and nothing else. Keys that somebody deleted or gave away stay as they are. */
export async function reactivate(deps: SyncDeps, person: PersonSync, user: LitellmUser): Promise<void> {
  const { userId, lease, recorded } = person;
  if (recorded.standing === undefined) return;
  if (isDeactivated(user)) {
    await lease.keep();
    await deps.litellm.updateUser(userId, { metadata: { ...user.metadata, [ACTIVE]: true } });
  }
  for (const hash of recorded.standing.blockedKeys) {
    const key = await deps.litellm.findKey(hash);
    if (key?.userId !== userId || !key.blocked) continue;
    await lease.keep();
    await deps.litellm.updateKey(hash, { blocked: false });
  }
  await lease.write(async (held) => deps.record.writePerson(held, { standing: null }));
}

/** Teams looked at for a membership that an administrator added. A person with more of them counts as having access. */
const MOST_TEAMS = 50;

/**
 * Returns whether LiteLLM has the person in a team, by the teams' own lists, because the user's row may be stale. Costs one request
 * for each team that the user's row or the record names. What cannot be read counts as a membership.
 */
export async function isMemberInLitellm(
  deps: SyncDeps,
  { userId, recorded }: PersonSync,
  user: LitellmUser,
): Promise<boolean> {
  const teams = new Set([...user.teams, ...recorded.teams.keys()]);
  if (teams.size > MOST_TEAMS) return true;
  for (const teamId of teams) {
    try {
      const team = await deps.litellm.findTeam(teamId);
      if (team?.members.some((member) => member.userId === userId) === true) return true;
    } catch {
      return true;
    }
  }
  return false;
}
