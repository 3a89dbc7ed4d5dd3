/** What a sync of one person starts from: the store's rows, and the sync record. */
import type { PersonMemberships } from '../storage/personMemberships.ts';
import type { SyncedPerson } from '../storage/syncRecord.ts';
import type { UserRecord } from '../model/userRecord.ts';
import type { SeenOutcome } from '../queue/queueWorker.ts';
import { TeamShares } from './carryTeam.ts';
import type { KnownProxy } from './proxyState.ts';
import type { SyncDeps } from './syncDeps.ts';
import { KeptErrors } from './syncErrors.ts';
import type { SyncLease } from './syncLease.ts';

/** The store's rows of one person. */
export interface StoredPerson extends PersonMemberships {
  /** `undefined`: the person's row is missing. */
  readonly user: UserRecord | undefined;
}

/** What the steps of one person's sync share. */
export interface PersonSync {
  readonly userId: string;
  readonly lease: SyncLease;
  readonly stored: StoredPerson;
  readonly recorded: SyncedPerson;
  /** The outcome that was recorded before this sync. */
  readonly seen: SeenOutcome;
  readonly errors: KeptErrors;
  readonly proxy: KnownProxy;
  readonly shares: TeamShares;
}

/** Reads everything about a person that a sync needs, but nothing of LiteLLM. Throws what the store and the record throw. */
export async function readPerson(deps: SyncDeps, userId: string, lease: SyncLease): Promise<PersonSync> {
  const [proxy, user, { recorded, seen }, memberships] = await Promise.all([
    deps.proxy.read(),
    deps.store.users.find(userId),
    deps.record.readPersonSeen(userId),
    deps.store.readMemberships(userId),
  ]);
  return {
    userId,
    lease,
    stored: { user, ...memberships },
    recorded,
    seen,
    errors: new KeptErrors(),
    proxy,
    shares: new TeamShares(deps.store.entities, deps.sharedBudget),
  };
}
