/** The record of people's keys that rest: taken out of a team because their owner's membership ended. */

/** What a key was before it was parked. */
export interface KeyBefore {
  readonly blocked: boolean;
  /** Empty: all models of the team. */
  readonly models: readonly string[];
  /** ISO 8601 UTC. Absent: it never expires. */
  readonly expires?: string;
}

/**
 * One key that rests, or is on its way.
 * - `parking`: about to be parked, or a crash left that open. What LiteLLM has must be read.
 * - `parked`: LiteLLM confirmed it.
 * - `returning`: about to go back to its owner and team.
 * - `deleting`: due, and about to be deleted.
 */
export interface RestingKey {
  /** LiteLLM's hash of the key. */
  readonly hash: string;
  /** The team that it came from and may return to. */
  readonly teamId: string;
  /** The team's name when the key was parked, for the person's page. */
  readonly teamAlias?: string;
  readonly state: 'parking' | 'parked' | 'returning' | 'deleting';
  /** `sk-...` and the last four characters. */
  readonly name: string;
  readonly alias?: string;
  readonly was: KeyBefore;
  /** When it was recorded, ISO 8601 UTC. */
  readonly parkedAt: string;
  /** Fixed when it was recorded, ISO 8601 UTC. */
  readonly deleteAt: string;
  /** How often parking it was tried. */
  readonly tries: number;
  /** When LiteLLM last refused to give it back. */
  readonly refusedAt?: string;
}

/** Why a membership, or what was left of it, ended. */
export const LEAVING_REASONS = ['membership_ended', 'key_without_membership'] as const;
export type LeavingReason = (typeof LEAVING_REASONS)[number];

/** One team that the person has left. It is kept for good: it says that the person was a member once. */
export interface Leaving {
  readonly teamId: string;
  readonly reason: LeavingReason;
  readonly leftAt: string;
  /** When the keys of this leaving are due for deletion. */
  readonly deleteAt: string;
  /** The newest observation of the person at that time. Only a later one may confirm that the group is missing. */
  readonly observedAt?: string;
  /** The removal, or the look for new keys after it, is not finished. */
  readonly isOpen: boolean;
  /** Keys that were destroyed with the membership before they could be parked. */
  readonly lost: number;
}

/** Due keys that are too many for one day. */
export interface HeldBackKeys {
  /** Names exactly these keys. */
  readonly version: string;
  readonly hashes: readonly string[];
  readonly since: string;
}

/** What the last daily job found out about resting keys. */
export interface KeyReport {
  readonly checkedAt: string;
  /** Parked in LiteLLM. */
  readonly parked: number;
  /** Past their date. */
  readonly due: number;
  /** Past their date, but no sign-in or directory read has confirmed yet that the group is missing. */
  readonly unconfirmed: number;
  /** The due keys that wait for acceptance. */
  readonly heldBack?: HeldBackKeys;
  /** How many keys were deleted on which day (`2026-11-30`). */
  readonly deleted: { readonly day: string; readonly keys: number };
  /** Service accounts in teams of ours. They are never touched. */
  readonly withoutOwner: number;
  /** Keys in teams of ours whose owner is no member: parked by this job, and left alone. */
  readonly strays: { readonly parked: number; readonly leftAlone: number };
  /** Closed accounts whose keys go on working, because LITELLM_CLOSE_FOUND is off. */
  readonly closedWithKeys: number;
}

/** How many keys a sync parked, returned, deleted, or lost. */
export interface KeyCounts {
  readonly parked: number;
  readonly returned: number;
  readonly deleted: number;
  readonly lost: number;
}

export const NO_KEYS: KeyCounts = { parked: 0, returned: 0, deleted: 0, lost: 0 };

/** Returns the sum of both. */
export function addCounts(a: KeyCounts, b: Partial<KeyCounts>): KeyCounts {
  const sum = (name: keyof KeyCounts): number => a[name] + (b[name] ?? 0);
  return {
    parked: sum('parked'),
    returned: sum('returned'),
    deleted: sum('deleted'),
    lost: sum('lost'),
  };
}

/** Returns whether nothing was counted. */
export function hasNoKeys(counts: KeyCounts): boolean {
  return Object.values(counts).every((count: number) => count === 0);
}
