/** The provisioning part of a user's row: the current observation, and what the last run saw and did. */
import type { UnreadablePlace, EntraField } from './handEdits.ts';
import type { Reported } from './access.ts';
import type { GlobalRole, User } from './entities.ts';
import type { ObservationKey } from './observation.ts';

/** The report of a run. Lists on the row are cut to {@link REPORT_LIMIT} entries, but the counts are complete. */
export interface RunReport {
  readonly groups_seen: number;
  readonly groups_counted: number;
  readonly granted: number;
  readonly changed: number;
  readonly removed: number;
  readonly reported: readonly Reported[];
  /** Entries beyond the limit, counted only. */
  readonly reported_more: number;
}

/** A string property holds 32,768 characters. 90 entries with the longest ids and column lists stay below that. */
export const REPORT_LIMIT = 90;

/** The current observation, and whether it is applied or being applied. */
export interface RunState {
  readonly observation: ObservationKey;
  readonly state: 'applying' | 'applied';
  /** Names one claim, so that a run can tell its own unfinished claim from another delivery's. */
  readonly claimId: string;
  /** When the run claimed or finished the row last, by its host's clock. ISO 8601 UTC. */
  readonly claimedAt?: string;
  readonly digest?: string;
  readonly digestAt?: string;
  readonly finishedAt?: string;
  readonly report?: RunReport;
}

/** A user's row as read. */
export interface UserRecord {
  readonly etag: string;
  /** `undefined` until a run claimed the row. */
  readonly run: RunState | undefined;
  /** Sessions issued before this instant have ended; `undefined`: the person has never signed out. */
  readonly sessionsValidFrom: string | undefined;
  /** `false`: an administrator closed the account in the store, and every session has ended. */
  readonly active: boolean;
  /** No run has finished yet, so the user's first values are still to be written. */
  readonly isNew: boolean;
  readonly user: User;
  readonly fields: {
    readonly user_role: EntraField;
    readonly user_email: EntraField;
    readonly display_name: EntraField;
  };
  /** Columns that an edit made unreadable, if any. They stay as they are, and the lowest value counts in their place. */
  readonly unreadable: UnreadablePlace | undefined;
}

/**
 * Returns whether the account is closed: an operator wrote `active: false`. An unreadable `active` ends the person's sessions, but
 * removes nothing.
 */
export function isClosed({ active, unreadable }: Pick<UserRecord, 'active' | 'unreadable'>): boolean {
  return !active && unreadable?.columns.includes('active') !== true;
}

/** The fields that a write changes. Absent fields stay, `null` clears. */
export interface UserPatch {
  readonly tenant_id?: string;
  readonly user_email?: string | null;
  readonly user_email_written?: string | null;
  readonly display_name?: string | null;
  readonly display_name_written?: string | null;
  readonly user_role?: GlobalRole;
  readonly user_role_written?: GlobalRole;
  readonly max_budget?: number;
  readonly budget_duration?: string;
  readonly models?: readonly string[];
  readonly active?: boolean;
  readonly created_at?: string;
  readonly updated_at?: string;
  readonly run?: RunState | null;
}

/**
 * The state of an observation that is not applied: waiting for something, being tried again, or failed.
 * It is stored beside the user's row and follows the same order: a late failure never hides a newer result.
 */
export interface Outcome {
  readonly observation: ObservationKey;
  readonly status: 'waiting' | 'retrying' | 'failed';
  /** An error code. */
  readonly reason: string;
  readonly attempts: number;
  readonly nextTryAt?: string;
  readonly updatedAt: string;
  /** Not stored. The message begins again, so this replaces its `failed`. */
  readonly isRedriven?: true;
}
