/**
 * Every failure that this product names. A code is stable: tests assert it, logs carry it, and it selects the text that a
 * person reads.
 */
export type ErrorCode =
  // configuration
  | 'configuration_invalid'
  // sign-in: the callback
  | 'attempt_missing'
  | 'state_mismatch'
  | 'code_missing'
  | 'callback_malformed'
  | 'consent_missing'
  | 'consent_declined'
  | 'not_assigned'
  | 'account_disabled'
  | 'account_locked'
  | 'password_expired'
  | 'policy_blocked'
  | 'device_refused'
  | 'interaction_required'
  | 'identity_provider_failed'
  | 'application_disabled'
  | 'application_misconfigured'
  | 'sign_in_refused'
  | 'code_refused'
  | 'credential_refused'
  | 'microsoft_unreachable'
  | 'id_token_invalid'
  | 'signing_key_unknown'
  | 'wrong_tenant'
  | 'domain_not_allowed'
  | 'clock_skew'
  // sessions
  | 'session_missing'
  | 'account_inactive'
  | 'origin_mismatch'
  // directory
  | 'directory_unreachable'
  | 'directory_permission_missing'
  | 'directory_answer_invalid'
  | 'assigned_groups_unknown'
  | 'groups_not_yet_known'
  | 'groups_not_checked'
  // storage
  | 'storage_unavailable'
  | 'storage_refused'
  | 'storage_contention'
  | 'row_unreadable'
  | 'organization_unavailable'
  // the LiteLLM proxy
  | 'litellm_unreachable'
  | 'litellm_key_refused'
  | 'litellm_right_missing'
  | 'litellm_version_unsafe'
  | 'litellm_answer_invalid'
  | 'litellm_refused'
  | 'litellm_email_taken'
  | 'litellm_role_needs_licence'
  | 'organizations_unlicensed'
  | 'sync_overtaken'
  // messages
  | 'message_unreadable'
  | 'message_not_authentic'
  | 'snapshot_missing'
  | 'snapshot_altered'
  | 'observation_in_future'
  | 'waited_too_long'
  // operations
  | 'request_invalid'
  | 'not_found'
  | 'unexpected';

/** Values that may be written to a log: ids, counts, codes. Never a token, an email or a name. */
export type LogSafeDetails = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export interface AppErrorOptions {
  /** Whether the same call may succeed later although nothing was changed. Default `false`. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
  readonly details?: LogSafeDetails;
}

/** The product's only error class: a stable code, whether a retry can help, the cause, log-safe details. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly details: LogSafeDetails;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
  }
}

/** Returns the error's code, or `unexpected` for anything that isn't an {@link AppError}. */
export function errorCodeOf(error: unknown): ErrorCode {
  return error instanceof AppError ? error.code : 'unexpected';
}
