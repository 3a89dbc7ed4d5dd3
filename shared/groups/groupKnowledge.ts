/** This instance's copy of the accepted list: cached, read once for all who ask, refreshed when a person has an unknown group. */
import type { AcceptedGroups } from '../model/assignedGroups.ts';
import type { Clock } from '../model/ports.ts';
import type { AssignedGroupsStore } from '../storage/assignedGroupsStore.ts';

/** How long an instance may use the list that it read. Shorter than a person waits, longer than a burst of sign-ins. */
export const KNOWLEDGE_MAX_AGE_MS = 30_000;

/** At most one refresh in this time because of unknown groups, over all instances (docs/domain.md, "Which groups count"). */
export const REFRESH_INTERVAL_MS = 60_000;

export interface GroupKnowledge {
  /** Returns the list in force, or `undefined` if none was ever accepted. At most one read in {@link KNOWLEDGE_MAX_AGE_MS}. */
  current(): Promise<AcceptedGroups | undefined>;
  /**
   * Returns the list in force as it is stored now: one read. A cached list may be older than the list that granted a membership, so
   * it may grant but not remove.
   */
  stored(): Promise<AcceptedGroups | undefined>;
  /**
   * Returns the list in force after a refresh, if no instance has refreshed it in the last {@link REFRESH_INTERVAL_MS}. Otherwise
   * returns it as it is stored now. Throws what the refresh throws.
   */
  refreshed(): Promise<AcceptedGroups | undefined>;
  /** Caches a list that another part of this process has just read or written. */
  remember(list: AcceptedGroups): void;
}

export interface GroupKnowledgeDeps {
  readonly store: Pick<AssignedGroupsStore, 'find' | 'takeTurn'>;
  readonly clock: Clock;
  readonly refresh: () => Promise<AcceptedGroups>;
}

/** Creates the knowledge of one process. */
export function createGroupKnowledge(deps: GroupKnowledgeDeps): GroupKnowledge {
  let cached: { readonly list: AcceptedGroups; readonly readAtMs: number } | undefined;
  let reading: Promise<AcceptedGroups | undefined> | undefined;
  let askedAtMs: number | undefined;
  let refreshing: Promise<AcceptedGroups | undefined> | undefined;

  const remember = (list: AcceptedGroups): void => {
    cached = { list, readAtMs: deps.clock.now().getTime() };
  };

  const read = async (): Promise<AcceptedGroups | undefined> => {
    const stored = await deps.store.find();
    // "None yet" isn't cached: the first list may be accepted at any moment.
    if (stored !== undefined) remember(stored.list);
    return stored?.list;
  };

  const current = async (): Promise<AcceptedGroups | undefined> => {
    if (cached !== undefined && deps.clock.now().getTime() - cached.readAtMs < KNOWLEDGE_MAX_AGE_MS)
      return cached.list;
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  };

  const refresh = async (): Promise<AcceptedGroups | undefined> => {
    const nowMs = deps.clock.now().getTime();
    // Asking the store for the turn costs a request, so this instance asks no more often than it could get the turn.
    if (askedAtMs !== undefined && nowMs - askedAtMs < REFRESH_INTERVAL_MS) return current();
    askedAtMs = nowMs;
    if (!(await deps.store.takeTurn(deps.clock.now(), REFRESH_INTERVAL_MS))) return read();
    const list = await deps.refresh();
    remember(list);
    return list;
  };

  return {
    remember,
    current,
    stored: read,
    async refreshed() {
      refreshing ??= refresh().finally(() => {
        refreshing = undefined;
      });
      return refreshing;
    },
  };
}
