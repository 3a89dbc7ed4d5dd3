/** One tick of the timer: reads all assigned groups, applies the brake, accepts the list, and creates what its groups lack. */
import type { AcceptedGroups, AssignedGroup, KnownGroup } from '../model/assignedGroups.ts';
import { inParallel } from '../platform/inParallel.ts';
import { type BrakeSettings, decideAssignedGroups, type ListDecision } from './brake.ts';
import type { Reported } from '../model/access.ts';
import { describeUnreadable } from '../model/handEdits.ts';
import { AppError } from '../model/errors.ts';
import type { Directory } from '../model/ports.ts';
import type { SyncSubject } from '../model/synced.ts';
import type { Store } from '../storage/store.ts';
import { type EnsureDeps, ensureEntities } from './ensureEntities.ts';
import { type SyncRequests, enqueueSync } from '../queue/queueMessage.ts';

export interface RefreshDeps extends EnsureDeps {
  readonly store: Pick<Store, 'entities' | 'assignedGroups'>;
  readonly directory: Pick<Directory, 'readAssignedGroups'>;
  readonly brake: BrakeSettings;
  /** Where a LiteLLM proxy is connected. */
  readonly sync?: SyncRequests;
}

export interface Refreshed {
  readonly list: AcceptedGroups;
  readonly decision: 'accepted' | 'unchanged' | 'held_back' | 'overtaken';
  readonly lostCount: number;
  readonly reported: readonly Reported[];
  /** Rows that a hand edit made unreadable: id, table, columns. */
  readonly unreadable: readonly string[];
  /** Why organizations couldn't be created. The next tick tries again. */
  readonly organizationFailure: AppError | undefined;
}

/** How often the list is written again after another instance wrote it first. */
const WRITE_ROUNDS = 3;

function byId(a: AssignedGroup, b: AssignedGroup): number {
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}

/** Returns the accepted groups after the decision. If the brake holds the new list back, the old one stays accepted. */
function groupsInForce(
  current: AcceptedGroups | undefined,
  listed: readonly AssignedGroup[],
  heldBack: boolean,
): readonly AssignedGroup[] {
  return heldBack ? (current?.groups ?? []) : [...listed].sort(byId);
}

async function refreshOnce(
  deps: RefreshDeps,
  listed: readonly AssignedGroup[],
  checkedAt: string,
): Promise<Refreshed | undefined> {
  const stored = await deps.store.assignedGroups.find();
  const current = stored?.list;
  if (current !== undefined && Date.parse(current.checkedAt) > Date.parse(checkedAt)) {
    // Another instance read the directory later than this one, so its list is newer.
    return {
      list: current,
      decision: 'overtaken',
      lostCount: 0,
      reported: [],
      unreadable: [],
      organizationFailure: undefined,
    };
  }
  const decision = decideAssignedGroups(current, listed, deps.brake);
  const heldBack = decision.kind === 'hold_back';
  const ensured = await ensureEntities(deps, groupsInForce(current, listed, heldBack), {
    degradeOnFailure: false,
  });
  const usedPermit = usedPermitAfter(decision, current, deps.brake.acceptVersion);
  const isNew = current === undefined || decision.kind === 'accept';
  const list: AcceptedGroups = {
    version: isNew ? decision.version : current.version,
    acceptedAt: isNew ? checkedAt : current.acceptedAt,
    checkedAt,
    groups: ensured.groups,
    ...(usedPermit === undefined ? {} : { usedPermit }),
    ...(heldBack
      ? {
          heldBack: {
            version: decision.version,
            heldBackAt:
              current?.heldBack?.version === decision.version ? current.heldBack.heldBackAt : checkedAt,
            groupCount: listed.length,
            lostCount: decision.lostIds.length,
            lostIds: decision.lostIds,
          },
        }
      : {}),
  };
  // Before the list is written: a crash in between repeats the syncs, and never loses them.
  await enqueueSyncs(deps, current?.groups ?? [], ensured.groups);
  if (!(await deps.store.assignedGroups.write(list, stored?.etag))) return undefined;
  return {
    list,
    decision: decisionName(decision.kind),
    lostCount: decision.kind === 'hold_back' ? decision.lostIds.length : 0,
    reported: ensured.reported,
    unreadable: ensured.unreadable.map((row) => `${row.id} in ${describeUnreadable(row)}`),
    organizationFailure: ensured.organizationFailure,
  };
}

/** How many messages are enqueued at once, and how many become visible in the same second: a person must not wait behind thousands. */
const PARALLEL_REQUESTS = 16;

/** Enqueues a sync for every team and organization that was created or changed. The sync of a team includes its organization. */
async function enqueueSyncs(
  deps: RefreshDeps,
  before: readonly KnownGroup[],
  now: readonly KnownGroup[],
): Promise<void> {
  const { sync } = deps;
  if (sync === undefined) return;
  const old = new Map(before.map((group) => [group.id, group]));
  const subjects = now.flatMap(({ id, team, organization }): SyncSubject[] => {
    const last = old.get(id);
    const exists = team === 'present' || team === 'degraded';
    if (exists && team !== last?.team) return [{ kind: 'team', id }];
    return organization === 'present' && organization !== last?.organization
      ? [{ kind: 'organization', id }]
      : [];
  });
  await inParallel([...subjects.entries()], PARALLEL_REQUESTS, async ([index, subject]) =>
    enqueueSync(sync, subject, { delaySeconds: Math.floor(index / PARALLEL_REQUESTS) }),
  );
}

/** Returns the operator's permit that is used up. It stays used until the setting changes. */
function usedPermitAfter(
  decision: ListDecision,
  current: AcceptedGroups | undefined,
  acceptVersion: string | undefined,
): string | undefined {
  if (decision.kind === 'accept' && decision.byPermit === true) return decision.version;
  return current?.usedPermit === acceptVersion ? acceptVersion : undefined;
}

function decisionName(kind: 'accept' | 'unchanged' | 'hold_back'): Refreshed['decision'] {
  if (kind === 'accept') return 'accepted';
  return kind === 'unchanged' ? 'unchanged' : 'held_back';
}

/**
 * Reads the groups assigned to the Enterprise Application, and accepts the list unless the brake holds it back
 * (docs/domain.md, "Which groups count"). Then the accepted groups get their team (and organization). Requests: the pages of Graph,
 * one read and one write of the list, and what {@link ensureEntities} needs. Idempotent.
 * Throws what the directory read throws (the old list then stays in force) and what the store throws.
 */
export async function refreshAssignedGroups(deps: RefreshDeps): Promise<Refreshed> {
  const checkedAt = deps.clock.now().toISOString();
  const listed = await readListOrEnsureOld(deps);
  for (let round = 0; round < WRITE_ROUNDS; round += 1) {
    const refreshed = await refreshOnce(deps, listed, checkedAt);
    if (refreshed !== undefined) return refreshed;
  }
  throw new AppError('storage_contention', 'Other instances kept changing the accepted list.', {
    retryable: true,
  });
}

/** If the directory can't be read, the accepted groups still get what they lack. */
async function readListOrEnsureOld(deps: RefreshDeps): Promise<readonly AssignedGroup[]> {
  try {
    return await deps.directory.readAssignedGroups();
  } catch (error) {
    const old: readonly KnownGroup[] = (await deps.store.assignedGroups.find())?.list.groups ?? [];
    await ensureEntities(deps, old, { degradeOnFailure: false });
    throw error;
  }
}
