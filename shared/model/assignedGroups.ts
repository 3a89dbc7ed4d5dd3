/**
 * The groups that are assigned to the Enterprise Application: one accepted list at a time, and the brake that keeps a
 * suspicious new list from taking access away.
 */
import { createHash } from 'node:crypto';

/** A group assigned to the Enterprise Application. */
export interface AssignedGroup {
  readonly id: string;
  readonly displayName: string;
}

/**
 * What is known of a group's team or organization in the store.
 * `degraded` (teams only): it stands alone for now because its organization could not be created.
 * `unreadable`: the row is there, but a person edited it into something that cannot be read.
 */
export type Presence = 'present' | 'absent' | 'unreadable' | 'degraded';

/** An assigned group with what the last check found of its entities. */
export interface KnownGroup extends AssignedGroup {
  readonly team: Presence;
  readonly organization: Presence;
  /** Which rows are unreadable, as `table: columns`, where the reader said so. */
  readonly unreadableTeam?: string;
  readonly unreadableOrganization?: string;
}

/** A list that the brake holds back until an operator accepts it by its version or a later list passes. */
export interface HeldBackList {
  readonly version: string;
  readonly heldBackAt: string;
  readonly groupCount: number;
  readonly lostCount: number;
  /** The groups in force that it does not have. Entra leaves them out of people's `groups` claims too. */
  readonly lostIds: readonly string[];
}

/** The list in force. `version` depends on the ids alone, so reading the same list again changes nothing. */
export interface AcceptedGroups {
  readonly version: string;
  readonly acceptedAt: string;
  /** When Graph was last read completely. */
  readonly checkedAt: string;
  /** Ordered by id. */
  readonly groups: readonly KnownGroup[];
  readonly heldBack?: HeldBackList;
  /** The `ASSIGNED_GROUPS_ACCEPT` that has let a list pass. It lets no other pass until the setting was another or none. */
  readonly usedPermit?: string;
}

const mapsOfLists = new WeakMap<readonly KnownGroup[], ReadonlyMap<string, KnownGroup>>();

/**
 * Gives the groups of a list by id. Made once for each list object, which must not be changed after: an instance counts every
 * message against the same list for half a minute, and at 1,000 groups a new map each time was 4 % of an unchanged message.
 */
export function groupsById(groups: readonly KnownGroup[]): ReadonlyMap<string, KnownGroup> {
  let map = mapsOfLists.get(groups);
  if (map === undefined) {
    map = new Map(groups.map((group) => [group.id, group]));
    mapsOfLists.set(groups, map);
  }
  return map;
}

/** Below this size a percentage says little, so only a list that became empty is held back. */
export const BRAKE_MINIMUM_GROUPS = 10;

/** Gives the version of a list: 16 hex digits over its sorted ids; names do not count. */
export function versionOf(groups: readonly { readonly id: string }[]): string {
  const ids = groups.map((group) => group.id).sort();
  return createHash('sha256').update(JSON.stringify(ids)).digest('hex').slice(0, 16);
}

export interface BrakeSettings {
  /** `REMOVAL_LIMIT_PERCENT` */
  readonly removalLimitPercent: number;
  /** `ASSIGNED_GROUPS_ACCEPT` */
  readonly acceptVersion: string | undefined;
}

export type ListDecision =
  | { readonly kind: 'accept'; readonly version: string; readonly byPermit?: true }
  | { readonly kind: 'unchanged'; readonly version: string }
  | { readonly kind: 'hold_back'; readonly version: string; readonly lostIds: readonly string[] };

/**
 * Decides whether a completely read list replaces the one in force (docs/domain.md, "Which groups count", brake).
 * The first list is always accepted: there is nothing that it could take away.
 *
 * An operator's permit holds once and only for a list that is held back now: the version of an empty list is a constant,
 * so a setting that was left would otherwise let every later outage of the assignments pass.
 */
export function decideAssignedGroups(
  current: AcceptedGroups | undefined,
  listed: readonly AssignedGroup[],
  settings: BrakeSettings,
): ListDecision {
  const version = versionOf(listed);
  if (current === undefined) return { kind: 'accept', version };
  if (current.version === version) return { kind: 'unchanged', version };
  const listedIds = new Set(listed.map((group) => group.id));
  const lostIds = current.groups.map((group) => group.id).filter((id) => !listedIds.has(id));
  const becameEmpty = listed.length === 0 && current.groups.length > 0;
  const lostTooMany =
    current.groups.length >= BRAKE_MINIMUM_GROUPS &&
    lostIds.length * 100 > current.groups.length * settings.removalLimitPercent;
  if (!becameEmpty && !lostTooMany) return { kind: 'accept', version };
  const isPermitted =
    settings.acceptVersion === version &&
    current.heldBack?.version === version &&
    current.usedPermit !== version;
  return isPermitted ? { kind: 'accept', version, byPermit: true } : { kind: 'hold_back', version, lostIds };
}
