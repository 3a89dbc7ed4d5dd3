/** What this instance knows of the accepted list: cached, coalesced, refreshed when a person brings an unknown group. */
import type { AssignedGroupsStore } from '../storage/assignedGroupsStore.ts';
import type { AcceptedGroups } from '../model/assignedGroups.ts';
import type { Clock } from '../model/ports.ts';

/** How long an instance may rely on what it read. Shorter than a person waits, longer than a burst of sign-ins. */
export const KNOWLEDGE_MAX_AGE_MS = 30_000;

/** At most one refresh a minute because of what people bring, over all instances (docs/domain.md, "Which groups count"). */
export const REFRESH_INTERVAL_MS = 60_000;

export interface GroupKnowledge {
  /** The list in force; `undefined` where none was ever accepted. At most one read in {@link KNOWLEDGE_MAX_AGE_MS}. */
  current(): Promise<AcceptedGroups | undefined>;
  /**
   * The list in force as it is stored now: one read. A cached list may be older than the one that granted, so it may give
   * but not take.
   */
  stored(): Promise<AcceptedGroups | undefined>;
  /**
   * The list in force after a refresh, if it is this product's turn to make one; else as it is stored now.
   * Throws what the refresh throws.
   */
  refreshed(): Promise<AcceptedGroups | undefined>;
  /** Takes over a list that somebody else in this process has just read or written. */
  remember(list: AcceptedGroups): void;
}

export interface GroupKnowledgeDeps {
  readonly store: Pick<AssignedGroupsStore, 'find' | 'takeTurn'>;
  readonly clock: Clock;
  readonly refresh: () => Promise<AcceptedGroups>;
}

/** Gives the knowledge of one process. */
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
    // "None yet" is not remembered: the first list may be accepted at any moment.
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
    // Asking the store whose turn it is costs a request: this instance asks as seldom as it could be its turn.
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
