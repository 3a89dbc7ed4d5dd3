/** What the user's row says about provisioning: which observation holds, and what was seen and done. */
import type { UnreadablePlace } from './unreadableRow.ts';
import type { Reported } from './access.ts';
import type { GlobalRole, User } from './entities.ts';
import type { EntraField } from './entraField.ts';
import type { ObservationKey } from './observation.ts';

/** What a run saw and did. Lists on the row are cut to {@link REPORT_LIMIT} entries; counts are whole. */
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

/** A string property holds 32,768 characters; 90 entries of the longest ids and column lists stay below. */
export const REPORT_LIMIT = 90;

/** The observation that holds (or is being applied), and who is applying it. */
export interface RunState {
  readonly observation: ObservationKey;
  readonly state: 'applying' | 'applied';
  /** Names one claim, so that a run can tell its own unfinished claim from another delivery's. */
  readonly claimId: string;
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
  /** Sessions issued before this instant have ended; `undefined`: nobody signed out yet. */
  readonly sessionsValidFrom: string | undefined;
  /** `false`: an admin closed the account here, and every session has ended. */
  readonly active: boolean;
  /** No run has finished yet: what the user starts with is still to be written. */
  readonly isNew: boolean;
  readonly user: User;
  readonly fields: {
    readonly user_role: EntraField;
    readonly user_email: EntraField;
    readonly display_name: EntraField;
  };
  /** Columns that a person edited into something unreadable, if any: they stay, and the least holds in their place. */
  readonly unreadable: UnreadablePlace | undefined;
}

/** What a write says about a user; absent fields stay, `null` clears. */
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
  readonly run?: RunState;
}

/**
 * How an observation that is not `applied` fares: waiting for something outside it, being tried again, or failed.
 * It stands beside the user's row and obeys the same order: a late failure never hides a newer result.
 */
export interface Outcome {
  readonly observation: ObservationKey;
  readonly status: 'waiting' | 'retrying' | 'failed';
  /** An error code. */
  readonly reason: string;
  readonly attempts: number;
  readonly nextTryAt?: string;
  readonly updatedAt: string;
}
