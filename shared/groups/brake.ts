/** The brake: it keeps a new list of assigned groups that lost suspiciously many of them from taking access away. */
import { createHash } from 'node:crypto';
import type { AcceptedGroups, AssignedGroup } from '../model/assignedGroups.ts';

/** Below this size a percentage says little, so only a list that became empty is held back. */
const BRAKE_MINIMUM_GROUPS = 10;

/** Returns the version of a list: 16 hex digits over its sorted ids. Names do not count. */
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
 * Decides whether a completely read list replaces the accepted one (docs/domain.md, "Which groups count"). The first list is
 * always accepted, because it cannot take anything away.
 *
 * An operator's permit counts once, and only for the list that is held back now. The version of an empty list is a constant, so a
 * setting that was left in place would otherwise let every later outage of the assignments pass.
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
