/** Compares whether a person may use LiteLLM at all: in the store, and by the user's deactivation there. */
import type { LitellmUser } from '../model/litellmPorts.ts';
import type { SyncRecord } from '../storage/syncRecord.ts';
import { isClosed, type UserRecord } from '../model/userRecord.ts';
import type { Store } from '../storage/store.ts';
import { findObstacle, isDeactivated, needsBlockedKeys } from './applyStanding.ts';
import type { EntityDifference } from './differences.ts';
import { mayHaveNoAccess, standingOf } from './standing.ts';
import type { ClosingRules } from './syncDeps.ts';

export interface StandingDeps extends ClosingRules {
  readonly store: {
    readonly teamMemberships: Pick<Store['teamMemberships'], 'read'>;
    readonly organizationMemberships: Pick<Store['organizationMemberships'], 'read'>;
  };
  readonly record: Pick<SyncRecord, 'readPerson'>;
}

/** One person on both sides. */
export interface ComparedPerson {
  readonly record: UserRecord;
  /** `undefined`: LiteLLM does not have the user. */
  readonly user: LitellmUser | undefined;
}

function row(id: string, stored: string, inLitellm: string): EntityDifference {
  return { action: 'change', what: 'user', id, fields: [{ field: 'standing', stored, inLitellm }] };
}

async function compareClosed(
  deps: StandingDeps,
  { record, user }: ComparedPerson,
): Promise<readonly EntityDifference[]> {
  const { user_id: userId } = record.user;
  if (user === undefined) return [];
  const { version } = await deps.proxy.read();
  // Where keys are blocked one by one, only a look at them shows whether the person has made another.
  if (isDeactivated(user) && !needsBlockedKeys(version)) return [];
  const recorded = await deps.record.readPerson(userId);
  const difference = row(userId, 'closed', isDeactivated(user) ? 'closed before' : 'open');
  if ((await findObstacle(deps, { userId, recorded }, 'closed')) === undefined) return [difference];
  return [{ ...difference, action: 'left alone', why: 'created_in_litellm' }];
}

async function hasNoAccess({ store }: StandingDeps, record: UserRecord): Promise<boolean> {
  if (!mayHaveNoAccess(record)) return false;
  const { user_id: userId } = record.user;
  const [teamRows, organizationRows] = await Promise.all([
    store.teamMemberships.read(userId),
    store.organizationMemberships.read(userId),
  ]);
  return standingOf({ user: record, teamRows, organizationRows }) === 'no_access';
}

/**
 * Returns what differs in the person's standing, and whether that settles the person, so that the user's other values are not
 * compared. Costs nothing for a person whose account is open and who is in a team in LiteLLM; otherwise a read of the memberships
 * or of the record.
 */
export async function compareStanding(
  deps: StandingDeps,
  person: ComparedPerson,
): Promise<{ readonly rows: readonly EntityDifference[]; readonly isSettled: boolean }> {
  const { record, user } = person;
  if (isClosed(record)) return { rows: await compareClosed(deps, person), isSettled: true };
  // Nobody is created in LiteLLM only to have no access.
  if (user === undefined) return { rows: [], isSettled: await hasNoAccess(deps, record) };
  return { rows: await compareOpen(deps, record, user), isSettled: false };
}

async function compareOpen(
  deps: StandingDeps,
  record: UserRecord,
  user: LitellmUser,
): Promise<readonly EntityDifference[]> {
  const { user_id: userId } = record.user;
  if (isDeactivated(user)) {
    const { standing } = await deps.record.readPerson(userId);
    if (standing === undefined) return [];
    const hasAccess = user.teams.length > 0 || !(await hasNoAccess(deps, record));
    return hasAccess ? [row(userId, 'open', 'closed')] : [];
  }
  // With teams, their removal comes first and is listed by itself.
  if (user.teams.length > 0 || !(await hasNoAccess(deps, record))) return [];
  const recorded = await deps.record.readPerson(userId);
  const obstacle = await findObstacle(deps, { userId, recorded }, 'no_access');
  return obstacle === undefined ? [row(userId, 'no_access', 'open')] : [];
}
