/** One tick: read all assigned groups, brake, accept, make sure that all in force exist. */
import { decideAssignedGroups, type BrakeSettings, type ListDecision } from './brake.ts';
import { describeUnreadable } from '../model/unreadableRow.ts';
import type { SyncSubject } from '../model/synced.ts';
import type { Store } from '../storage/store.ts';
import type { AcceptedGroups, AssignedGroup, KnownGroup } from '../model/assignedGroups.ts';
import { chunksOf } from '../platform/chunksOf.ts';
import type { Reported } from '../model/access.ts';
import { AppError } from '../model/errors.ts';
import type { Directory } from '../model/ports.ts';
import type { EnsureDeps, GroupToEnsure } from './ensureEntities.ts';
import { ensureEntities } from './ensureEntities.ts';
import { type SyncRequests, enqueueSync } from '../queue/enqueueSync.ts';

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
  /** Rows that a person edited into something unreadable: id, table, columns. */
  readonly unreadable: readonly string[];
  /** Why organizations could not be made; the next tick tries again. */
  readonly organizationFailure: AppError | undefined;
}

/** How often a lost write is tried again with what the winner wrote. */
const WRITE_ROUNDS = 3;

function byId(a: AssignedGroup, b: AssignedGroup): number {
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}

/** The groups that are in force after the decision; a held-back list leaves the old one in force. */
function groupsInForce(
  current: AcceptedGroups | undefined,
  listed: readonly AssignedGroup[],
  heldBack: boolean,
): readonly GroupToEnsure[] {
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
    // Another instance read the directory later than this one: its list stands.
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
  // Before the list says that it is there: a crash in between repeats the requests, and never loses them.
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

/** Requests for the queue at once, and then a second until the next become visible: a person does not wait behind thousands. */
const PARALLEL_REQUESTS = 16;

/** The LiteLLM proxy is told about every team and organization that was made or changed; a team brings its organization along. */
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
    const isThere = team === 'present' || team === 'degraded';
    if (isThere && team !== last?.team) return [{ kind: 'team', id }];
    return organization === 'present' && organization !== last?.organization
      ? [{ kind: 'organization', id }]
      : [];
  });
  let delaySeconds = 0;
  for (const some of chunksOf(subjects, PARALLEL_REQUESTS)) {
    const options = { delaySeconds };
    await Promise.all(some.map(async (subject) => enqueueSync(sync, subject, options)));
    delaySeconds += 1;
  }
}

/** A permit stays used for as long as the setting stays as it is. */
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
 * Reads the groups assigned to the Enterprise Application and puts the list in force unless the brake holds it back
 * (docs/domain.md, "Which groups count"); the groups in force get their team (and organization). One page of Graph or more,
 * one read and one write of the list, and the reads and writes of what is missing. Idempotent.
 * Throws what the directory read throws (the old list then stays in force) and what the store throws.
 */
export async function refreshAssignedGroups(deps: RefreshDeps): Promise<Refreshed> {
  const checkedAt = deps.clock.now().toISOString();
  const listed = await readListOrEnsureOld(deps);
  for (let round = 0; round < WRITE_ROUNDS; round += 1) {
    const refreshed = await refreshOnce(deps, listed, checkedAt);
    if (refreshed !== undefined) return refreshed;
  }
  throw new AppError('storage_contention', 'The accepted list was overtaken again and again.', {
    retryable: true,
  });
}

/** An unreadable directory must not keep the groups in force from getting what they lack. */
async function readListOrEnsureOld(deps: RefreshDeps): Promise<readonly AssignedGroup[]> {
  try {
    return await deps.directory.readAssignedGroups();
  } catch (error) {
    const old: readonly KnownGroup[] = (await deps.store.assignedGroups.find())?.list.groups ?? [];
    await ensureEntities(deps, old, { degradeOnFailure: false });
    throw error;
  }
}
