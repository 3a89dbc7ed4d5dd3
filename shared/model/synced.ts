/** What is recorded of what this product put into the LiteLLM proxy: only that is ever changed or removed there. */

/** An organization, team or user that this product made in the proxy. */
export interface SyncedEntity<Values> {
  /** What it wrote last. A value that is another one now was changed by somebody there, and stays. */
  readonly written: Values;
  /** When it was made there, ISO 8601 UTC. */
  readonly since: string;
}

/**
 * A membership in the proxy.
 * - `adding`: this product is about to add it, or a crash came between: whether it is there has to be looked at.
 * - `added`: this product added it, so it may remove it.
 * - `found`: it was there already, so it is somebody else's and is never changed or removed.
 */
export interface SyncedMembership {
  readonly entityId: string;
  readonly state: 'adding' | 'added' | 'found';
  /** The role that was written; of one that was found, the role found. */
  readonly role: string;
  /** The role that was wanted, where the proxy did not take that one (a licence). */
  readonly wanted?: string;
  /** When it was added or found, ISO 8601 UTC; absent while `adding`. */
  readonly since?: string;
}

/** Something that is not in the proxy as it is here, and why. */
export interface SyncReport {
  readonly kind: 'user' | 'organization' | 'team';
  readonly id: string;
  /**
   * - `differs`: somebody changed it in the proxy, so it stays. `detail`: the fields.
   * - `cannot_be_cleared`: LiteLLM takes no empty value for it. `detail`: the fields.
   * - `created_in_litellm`: it was created in LiteLLM, so its settings stay. `detail`: the fields that differ.
   * - `not_moved`: a team that was made there before its organization; LiteLLM's administrator may move it.
   * - `role_needs_licence`: without a licence nobody can be admin of a team, so it is `user`.
   * - `refused`: the proxy said no. `detail`: its status.
   * - `row_missing`: our own row of it is gone or unreadable, so nothing is known of it.
   */
  readonly code:
    | 'differs'
    | 'cannot_be_cleared'
    | 'created_in_litellm'
    | 'not_moved'
    | 'role_needs_licence'
    | 'refused'
    | 'row_missing';
  readonly detail?: string;
}

/** How the last push of a person ended, or why it has not. */
export interface SyncOutcome {
  readonly status: 'done' | 'waiting' | 'retrying' | 'failed';
  /** An error code, where it is not `done`. */
  readonly reason?: string;
  readonly attempts: number;
  /** ISO 8601 UTC. */
  readonly updatedAt: string;
  readonly nextTryAt?: string;
  /** Cut to {@link SYNC_REPORT_LIMIT} entries. */
  readonly reported: readonly SyncReport[];
}

/** A string property holds 32,768 characters; so many entries of the longest ids stay below. */
export const SYNC_REPORT_LIMIT = 90;
