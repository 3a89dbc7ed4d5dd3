/** What this product knows about the LiteLLM proxy as a whole. */

/** What a call about organizations showed: LiteLLM has a licence for them, or does not need one, or lacks it. */
export type OrganizationsAnswer = 'available' | 'unlicensed';

/** Which answer is believed. A proxy that answers differently now and then must not make teams move back and forth. */
export interface OrganizationsBelief {
  readonly believed: OrganizationsAnswer;
  /** ISO 8601 UTC. */
  readonly since: string;
  /** Answers against the belief that do not suffice yet. */
  readonly contrary?: {
    readonly answer: OrganizationsAnswer;
    readonly firstAt: string;
    readonly lastAt: string;
    readonly count: number;
    /** The version of the proxy that answered so; absent if it names none. */
    readonly version?: string;
  };
}

/** How the last check of the proxy ended. */
export interface ProxyCheck {
  /** ISO 8601 UTC. */
  readonly at: string;
  /** An error code: why a sync would not work. */
  readonly error?: string;
  /** How many users LiteLLM has; absent if that does not matter, or is not known. */
  readonly users?: number;
  /** How many people are provisioned, of which it counts only as many as matter; absent like `users`. */
  readonly people?: number;
  /** The owner of the key that this product calls with is a person whose account is closed. */
  readonly isOwnUserClosed: boolean;
}

/** What is stored about one proxy. All of it can be read from the proxy again. */
export interface StoredProxy {
  /** Absent: the proxy names none, or was never asked. */
  readonly version?: string;
  /** ISO 8601 UTC. Absent: never read. */
  readonly versionReadAt?: string;
  /** Who owns the key that this product calls with. */
  readonly ownUserId?: string;
  readonly organizations?: OrganizationsBelief;
  readonly check?: ProxyCheck;
}

/** Something that an administrator of the proxy should know, and what to do about it. */
export interface ProxyWarning {
  readonly code:
    | 'version_unknown'
    | 'version_untested'
    | 'organizations_unlicensed'
    | 'organizations_unclear'
    | 'five_users'
    | 'own_user_closed';
  readonly hint: string;
}

/** The state of the proxy for its administrators: health detail, dry run, page and `GET /api/me`. It contains no secret. */
export interface ProxyReport {
  /** `failing`: no sync would work now. */
  readonly status: 'ok' | 'failing';
  /** An error code. */
  readonly error?: string;
  readonly hint?: string;
  /** Absent if the proxy names none. */
  readonly version?: string;
  readonly tested_range: string;
  readonly organizations?: {
    readonly state: OrganizationsAnswer | 'unclear';
    /** When this was first believed, or, of `unclear`, first contradicted. */
    readonly since: string;
  };
  readonly own_user?: string;
  readonly checked_at?: string;
  readonly warnings: readonly ProxyWarning[];
}

/** An organization's budget beside what its teams carry of it, while LiteLLM has no organizations. Amounts in USD. */
export interface BudgetShare {
  readonly organization_id: string;
  readonly max_budget: number;
  readonly budget_duration?: string;
  readonly teams: number;
  /** The sum that its teams carry, of amounts with the organization's duration. */
  readonly carried: number;
  /** Teams whose own amount has another duration. */
  readonly other_durations: number;
}
