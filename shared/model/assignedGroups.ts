/** The groups that are assigned to the Enterprise Application. One list of them is in effect at a time. */
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
