/** This instance's copy of the accepted list: cached, read once for all who ask, refreshed when a person has an unknown group. */
import { type AcceptedGroups, groupsById, type KnownGroup, type Presence } from '../model/assignedGroups.ts';
import type { Clock } from '../model/ports.ts';
import type { AssignedGroupsStore } from '../storage/assignedGroupsStore.ts';
import { createHash } from 'node:crypto';
import type { Observation } from '../model/observation.ts';
import type { Rules } from '../model/rules.ts';
import { type ErrorCode, AppError } from '../model/errors.ts';
import type { EntityRead } from '../storage/entityStore.ts';
import type { Store } from '../storage/store.ts';
import { unreadableDetails } from './ensureEntities.ts';

/** How long an instance may use the list that it read. Shorter than a person waits, longer than a burst of sign-ins. */
const KNOWLEDGE_MAX_AGE_MS = 30_000;

/** At most one refresh in this time because of unknown groups, over all instances (docs/domain.md, "Which groups count"). */
const REFRESH_INTERVAL_MS = 60_000;
/** After a refresh that failed, the next one comes this much later. */
const FAILED_REFRESH_INTERVAL_MS = 10_000;

export interface GroupKnowledge {
  /** Returns the accepted list, or `undefined` if none was ever accepted. At most one read in {@link KNOWLEDGE_MAX_AGE_MS}. */
  current(): Promise<AcceptedGroups | undefined>;
  /**
   * Returns the accepted list as it is stored now: one read. A cached list may be older than the list that granted a membership, so
   * it may grant but not remove.
   */
  stored(): Promise<AcceptedGroups | undefined>;
  /**
   * Returns the accepted list after a refresh, if no instance has refreshed it in the last {@link REFRESH_INTERVAL_MS} (after a
   * failed refresh: {@link FAILED_REFRESH_INTERVAL_MS}). Otherwise returns it as it is stored now. Throws what the refresh throws.
   */
  refreshed(): Promise<AcceptedGroups | undefined>;
  /** Caches a list that another part of this process has just read or written. */
  remember(list: AcceptedGroups): void;
}

export interface GroupKnowledgeDeps {
  readonly store: Pick<AssignedGroupsStore, 'find' | 'takeTurn' | 'shortenTurn'>;
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
    try {
      const list = await deps.refresh();
      remember(list);
      return list;
    } catch (error) {
      // One failure must not keep everybody waiting for a whole minute.
      const earlier = new Date(deps.clock.now().getTime() - REFRESH_INTERVAL_MS + FAILED_REFRESH_INTERVAL_MS);
      askedAtMs = earlier.getTime();
      await deps.store.shortenTurn(earlier);
      throw error;
    }
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

export interface KnownGroups {
  /** `undefined`: nothing is known, so the message waits. An empty list: no group counts. */
  readonly groups: readonly KnownGroup[] | undefined;
  /** Version of the accepted list, or of what exists if no service principal is configured. Part of the digest. */
  readonly version: string | undefined;
  /** The reason, if the message has to wait. */
  readonly reason: ErrorCode;
  /** The directory was read after the observation was made, so a group that is missing from it wasn't assigned then. */
  readonly wasLookedUp: boolean;
  /** Accepted groups that a held-back list doesn't have. */
  readonly lostIds?: readonly string[];
}

export interface KnownGroupsDeps {
  readonly store: Pick<Store, 'entities'>;
  readonly knowledge: GroupKnowledge;
  readonly rules: Rules;
}

const NOTHING_READ: EntityRead<never> = { found: new Map(), unreadable: new Map() };

/**
 * Returns which of a person's groups have a team or an organization. Used if no service principal is configured: then nothing is
 * created, and a person joins what exists under the id of one of their groups (docs/domain.md, "Which groups count").
 */
async function readGroupPresence(
  store: Pick<Store, 'entities'>,
  groupIds: readonly string[],
  rules: Rules,
): Promise<readonly KnownGroup[]> {
  const ids = [...new Set(groupIds)];
  if (ids.length === 0) return [];
  const [teams, organizations] = await Promise.all([
    store.entities.readTeams(ids),
    rules.groupsAlsoCreateOrgs ? store.entities.readOrganizations(ids) : NOTHING_READ,
  ]);
  return ids.map((id) => ({
    id,
    displayName: id,
    team: presenceOf(id, teams),
    organization: presenceOf(id, organizations),
    ...unreadableDetails(teams.unreadable.get(id), organizations.unreadable.get(id)),
  }));
}

function presenceOf(id: string, read: EntityRead<unknown>): Presence {
  if (read.found.has(id)) return 'present';
  return read.unreadable.has(id) ? 'unreadable' : 'absent';
}

function presenceVersion(groups: readonly KnownGroup[]): string {
  const presences = groups.map(({ id, team, organization }) => `${id} ${team} ${organization}`).sort();
  return createHash('sha256').update(JSON.stringify(presences)).digest('hex').slice(0, 16);
}

/** Failures outside the message. It waits until they are over instead of failing (docs/domain.md, "Waiting is not failing"). */
const OUTSIDE_FAILURES: ReadonlySet<ErrorCode> = new Set([
  'directory_unreachable',
  'directory_permission_missing',
  'directory_answer_invalid',
  'credential_refused',
  'application_disabled',
  'application_misconfigured',
  'policy_blocked',
  'microsoft_unreachable',
  // Of the accepted list, broken by a hand edit. The operator repairs or deletes the row, and the messages continue.
  'row_unreadable',
]);

/**
 * Returns the groups that decide which of a person's groups count. Refreshes the accepted list first if it doesn't have one of the
 * person's groups, at most once a minute over all instances. If that fails, the old list still holds.
 */
export async function readKnownGroups(deps: KnownGroupsDeps, observation: Observation): Promise<KnownGroups> {
  if (!deps.rules.assignedGroupsAreKnown) {
    const groups = await readGroupPresence(deps.store, observation.group_ids, deps.rules);
    // What exists decides, so it takes the place of the accepted list's version in the digest.
    return { groups, version: presenceVersion(groups), reason: 'groups_not_yet_known', wasLookedUp: true };
  }
  let current: AcceptedGroups | undefined;
  try {
    current = await deps.knowledge.current();
    if (current !== undefined && !mayBringNews(observation, current)) return knownFrom(current, observation);
    return knownFrom((await deps.knowledge.refreshed()) ?? current, observation);
  } catch (error) {
    if (!(error instanceof AppError) || !OUTSIDE_FAILURES.has(error.code)) throw error;
    return { ...knownFrom(current, observation), reason: error.code, wasLookedUp: false };
  }
}

/** Returns whether a newer list might have a group that the person has and this list doesn't. */
function mayBringNews(observation: Observation, list: AcceptedGroups): boolean {
  const known = groupsById(list.groups);
  if (observation.group_ids.every((id) => known.has(id))) return false;
  // Most of the groups in `memberOf` aren't assigned. A list read after the observation already says so.
  return observation.groups_source === 'claim' || !isReadAfter(list, observation);
}

/**
 * Returns the groups after the list was read again, at most once a minute over all instances. `startedAtMs`: when this run began, by
 * this clock; a list that was read since then was read after the observation, even if the clocks differ. If the list can't be read, or
 * isn't read again yet, `wasLookedUp` stays false, with the reason.
 */
export async function recheckGroups(
  { knowledge }: Pick<KnownGroupsDeps, 'knowledge'>,
  observation: Observation,
  { known, startedAtMs }: { readonly known: KnownGroups; readonly startedAtMs: number },
): Promise<KnownGroups> {
  const reason = OUTSIDE_FAILURES.has(known.reason) ? known.reason : 'groups_not_checked';
  try {
    const list = await knowledge.refreshed();
    if (list === undefined) return { ...known, reason, wasLookedUp: false };
    const checked = knownFrom(list, observation);
    const wasLookedUp = checked.wasLookedUp || Date.parse(list.checkedAt) >= startedAtMs;
    return { ...checked, wasLookedUp, ...(wasLookedUp ? {} : { reason }) };
  } catch (error) {
    if (!(error instanceof AppError) || !OUTSIDE_FAILURES.has(error.code)) throw error;
    return { ...known, reason: error.code, wasLookedUp: false };
  }
}

function isReadAfter(list: AcceptedGroups, observation: Observation): boolean {
  return Date.parse(list.checkedAt) >= Date.parse(observation.observed_at);
}

function knownFrom(list: AcceptedGroups | undefined, observation: Observation): KnownGroups {
  const wasLookedUp = list !== undefined && isReadAfter(list, observation);
  const reason = wasLookedUp ? 'groups_not_yet_known' : 'groups_not_checked';
  return {
    groups: list?.groups,
    version: list?.version,
    reason: list === undefined ? 'assigned_groups_unknown' : reason,
    wasLookedUp,
    ...(list?.heldBack === undefined ? {} : { lostIds: list.heldBack.lostIds }),
  };
}
