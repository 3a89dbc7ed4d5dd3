/** The record of what this product put into the LiteLLM proxy. It changes and removes nothing else in the proxy. */

/** An organization, team or user that this product created in the proxy. */
export interface SyncedEntity<Values> {
  /** The values that it wrote last. A value that differs now was changed by an administrator, and stays. */
  readonly written: Values;
  /** When it was created, ISO 8601 UTC. */
  readonly since: string;
  /** LiteLLM's answer to the creation is not recorded yet, so its defaults are not known. */
  readonly isNew?: boolean;
  /** What the proxy's own defaults filled in, where the store says nothing. It stays, and is no difference. */
  readonly defaults?: Partial<Values>;
  /** By field: a value that was sent as null, and the version of LiteLLM then. If the value is still the same, it stays. */
  readonly cleared?: Readonly<Record<string, ClearedValue>>;
}

/** A value that this product tried to clear. */
export interface ClearedValue {
  readonly value: unknown;
  /** LiteLLM's version; empty where it was not known. */
  readonly version: string;
}

/** A team that this product created in the proxy. */
export interface SyncedTeam<Values> extends SyncedEntity<Values> {
  /** This product blocked it, because it has no model in common with its organization. */
  readonly isBlockedByUs?: boolean;
  /** A move that has begun. A crash may have left it at any step. */
  readonly moving?: TeamMove<Values>;
  /** The last move that was not possible, and a digest of all that decides about it. The same one is not tried again. */
  readonly notMoved?: { readonly to: string; readonly reason: string };
}

/** A move of a team into another organization, or out of one. An empty id means none. */
export interface TeamMove<Values> {
  readonly from: string;
  readonly to: string;
  /** What the team had before, to restore it if LiteLLM refuses the move. */
  readonly before: Partial<Values>;
  /** What fits both places. */
  readonly narrowed: Partial<Values>;
  /** User ids to take out of the new organization: only the move puts them there. */
  readonly takeOut: readonly string[];
}

/**
 * A membership in the proxy.
 * - `adding`: this product is about to add it, or crashed while doing so. Whether it exists has to be read.
 * - `added`: this product added it, so it may remove it.
 * - `found`: it existed already, so it belongs to an administrator and is never changed or removed.
 * - `removed`: this product removed it, and no later read has shown yet that it is gone.
 */
export interface SyncedMembership {
  readonly entityId: string;
  readonly state: 'adding' | 'added' | 'found' | 'removed';
  /** The role that was written, or for `found` the role that it had. */
  readonly role: string;
  /** The role that was wanted, if the proxy did not accept it without a licence. */
  readonly wanted?: string;
  /** When it was added, found or removed, ISO 8601 UTC; absent while `adding`. */
  readonly since?: string;
}

/** That this product deactivated a person in LiteLLM, and why. */
export interface SyncedStanding {
  readonly reason: 'closed' | 'no_access';
  /** ISO 8601 UTC. */
  readonly since: string;
  /** Hashes of the keys that it blocked, where LiteLLM cannot deactivate a user (before 1.84.0). */
  readonly blockedKeys: readonly string[];
}

/** Something that differs between the store and the proxy, and why. */
export interface SyncReport {
  readonly kind: 'user' | 'organization' | 'team';
  readonly id: string;
  /**
   * - `differs`: an administrator changed it in the proxy, so it stays. `detail`: the fields.
   * - `cannot_be_cleared`: LiteLLM accepts no empty value for it. `detail`: the fields.
   * - `created_in_litellm`: an administrator created it in the proxy, so its settings stay. `detail`: the fields that differ.
   * - `not_moved`: the team is not in its organization in LiteLLM, and LiteLLM does not let it be moved there.
   * - `capped_to_organization`: the team's budget is above its organization's, which it has instead. `detail`: the fields.
   * - `no_models_left`: the team and its organization have no model in common, so no key of the team may call any.
   * - `organization_frozen`: LiteLLM's licence has ended, so its organization cannot change. `detail`: the fields that wait.
   * - `role_needs_licence`: a team has no `admin` without a licence, so the role is `user`.
   * - `refused`: the proxy refused it. `detail`: the status of its answer.
   * - `not_deactivated`: the person's account is closed, but LiteLLM goes on serving it. `detail`: `own_key` (the person owns the
   *   key that this product calls with) or `created_in_litellm` (LITELLM_CLOSE_FOUND is off).
   * - `not_created`: the person has no access yet, so LiteLLM needs no user.
   * - `deactivated`: the person has no access any more, so LiteLLM refuses the person's keys.
   * - `owns_our_key`: the person owns the key that this product calls with, so the person stays in the teams.
   * - `row_missing`: its row in the store is gone or unreadable, so nothing is known about it.
   */
  readonly code:
    | 'differs'
    | 'cannot_be_cleared'
    | 'created_in_litellm'
    | 'not_moved'
    | 'capped_to_organization'
    | 'no_models_left'
    | 'organization_frozen'
    | 'role_needs_licence'
    | 'refused'
    | 'not_deactivated'
    | 'not_created'
    | 'deactivated'
    | 'owns_our_key'
    | 'row_missing';
  readonly detail?: string;
}

/** How the last sync of a person ended, or why it has not ended yet. */
export interface SyncOutcome {
  readonly status: 'done' | 'waiting' | 'retrying' | 'failed';
  /** An error code, if it is not `done`. */
  readonly reason?: string;
  readonly attempts: number;
  /** ISO 8601 UTC. */
  readonly updatedAt: string;
  readonly nextTryAt?: string;
  /** Cut to {@link SYNC_REPORT_LIMIT} entries. */
  readonly reported: readonly SyncReport[];
}

/** A string property holds 32,768 characters. This many entries with the longest ids stay below that. */
export const SYNC_REPORT_LIMIT = 90;

/** What a sync is about. At most one holder of its lease at a time writes about it to LiteLLM. */
export type SyncSubject =
  | { readonly kind: 'user'; readonly id: string }
  | { readonly kind: 'organization'; readonly id: string }
  | { readonly kind: 'team'; readonly id: string };
