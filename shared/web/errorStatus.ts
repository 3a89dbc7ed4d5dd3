import { AppError, type ErrorCode, errorCodeOf } from '../model/errors.ts';

/**
 * 4xx: the person or their administrator can change it. 500: this service is set up wrongly. 502: Microsoft or
 * LiteLLM didn't answer usably. 503: waiting helps.
 */
const STATUSES: Readonly<Record<ErrorCode, number>> = {
  configuration_invalid: 503,
  attempt_missing: 400,
  state_mismatch: 400,
  code_missing: 400,
  callback_malformed: 400,
  consent_missing: 403,
  consent_declined: 403,
  not_assigned: 403,
  account_disabled: 403,
  account_locked: 403,
  password_expired: 403,
  policy_blocked: 403,
  device_refused: 403,
  interaction_required: 403,
  identity_provider_failed: 403,
  application_disabled: 403,
  application_misconfigured: 500,
  sign_in_refused: 403,
  code_refused: 400,
  credential_refused: 500,
  microsoft_unreachable: 502,
  id_token_invalid: 502,
  signing_key_unknown: 503,
  wrong_tenant: 403,
  domain_not_allowed: 403,
  clock_skew: 500,
  session_missing: 401,
  account_inactive: 403,
  origin_mismatch: 403,
  directory_unreachable: 502,
  directory_permission_missing: 500,
  directory_answer_invalid: 502,
  assigned_groups_unknown: 503,
  groups_not_yet_known: 503,
  groups_not_checked: 503,
  storage_unavailable: 503,
  storage_refused: 500,
  storage_contention: 503,
  row_unreadable: 500,
  organization_unavailable: 503,
  litellm_unreachable: 503,
  litellm_key_refused: 500,
  litellm_right_missing: 500,
  litellm_version_unsafe: 500,
  organizations_unlicensed: 502,
  litellm_answer_invalid: 502,
  litellm_refused: 502,
  litellm_email_taken: 502,
  litellm_role_needs_licence: 502,
  sync_overtaken: 503,
  message_unreadable: 500,
  message_not_authentic: 500,
  snapshot_missing: 500,
  snapshot_altered: 500,
  observation_in_future: 500,
  waited_too_long: 503,
  request_invalid: 400,
  not_found: 404,
  unexpected: 500,
};

/** Returns the HTTP status of a page or answer that reports this error. */
export function errorStatus(code: ErrorCode): number {
  return STATUSES[code];
}

/**
 * Returns the HTTP status for a failure. One that only the query of the callback states is never a 5xx: anyone can write that query,
 * and this service did not fail.
 */
export function failureStatus(error: unknown): number {
  const status = errorStatus(errorCodeOf(error));
  const isFromQuery = error instanceof AppError && error.details['source'] === 'query';
  return isFromQuery && status >= 500 ? 403 : status;
}
