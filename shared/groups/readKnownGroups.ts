import type { Store } from '../storage/store.ts';
import { createHash } from 'node:crypto';
import { type AcceptedGroups, groupsById, type KnownGroup } from '../model/assignedGroups.ts';
import type { Observation } from '../model/observation.ts';
import type { Rules } from '../model/rules.ts';
import type { ErrorCode } from '../model/errors.ts';
import { AppError } from '../model/errors.ts';
import type { GroupKnowledge } from './groupKnowledge.ts';
import { readGroupPresence } from './readGroupPresence.ts';

export interface KnownGroups {
  /** `undefined`: nothing is known, which is not the same as no groups: the message waits. */
  readonly groups: readonly KnownGroup[] | undefined;
  /** Version of the accepted list, or of what exists where no service principal is configured: part of the digest. */
  readonly version: string | undefined;
  /** Why a message has to wait, should it have to. */
  readonly reason: ErrorCode;
  /** The directory was read after the observation was made, so a group that is missing here was not assigned then. */
  readonly wasLookedUp: boolean;
  /** Groups in force that a held-back list lost. */
  readonly lostIds?: readonly string[];
}

export interface KnownGroupsDeps {
  readonly store: Pick<Store, 'entities'>;
  readonly knowledge: GroupKnowledge;
  readonly rules: Rules;
}

function presenceVersion(groups: readonly KnownGroup[]): string {
  const presences = groups.map(({ id, team, organization }) => `${id} ${team} ${organization}`).sort();
  return createHash('sha256').update(JSON.stringify(presences)).digest('hex').slice(0, 16);
}

/** Failures outside the message: it waits for them instead of failing (docs/domain.md, "Waiting is not failing"). */
const OUTSIDE_FAILURES: ReadonlySet<ErrorCode> = new Set([
  'directory_unreachable',
  'directory_permission_missing',
  'directory_answer_invalid',
  'credential_refused',
  'microsoft_unreachable',
  // The accepted list, broken by hand: the operator mends or deletes the row, and the messages go on.
  'row_unreadable',
]);

/**
 * Gives the groups against which an observation is counted. An accepted list that does not have one of the person's
 * groups is refreshed first, at most once a minute over all instances; if that fails, the old one still holds.
 */
export async function readKnownGroups(deps: KnownGroupsDeps, observation: Observation): Promise<KnownGroups> {
  if (!deps.rules.assignedGroupsAreKnown) {
    const groups = await readGroupPresence(deps.store, observation.group_ids, deps.rules);
    // What exists decides here, so it takes the place of the accepted list's version in the digest.
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

/** Whether the person brings a group that the list does not have and that a newer list might. */
function mayBringNews(observation: Observation, list: AcceptedGroups): boolean {
  const known = groupsById(list.groups);
  if (observation.group_ids.every((id) => known.has(id))) return false;
  // Most of what `memberOf` gives is not assigned; a list read after the observation already says so.
  return observation.groups_source === 'claim' || !isReadAfter(list, observation);
}

function isReadAfter(list: AcceptedGroups, observation: Observation): boolean {
  return Date.parse(list.checkedAt) >= Date.parse(observation.observed_at);
}

function knownFrom(list: AcceptedGroups | undefined, observation: Observation): KnownGroups {
  return {
    groups: list?.groups,
    version: list?.version,
    reason: list === undefined ? 'assigned_groups_unknown' : 'groups_not_yet_known',
    wasLookedUp: list !== undefined && isReadAfter(list, observation),
    ...(list?.heldBack === undefined ? {} : { lostIds: list.heldBack.lostIds }),
  };
}
