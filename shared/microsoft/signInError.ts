import { AppError, type ErrorCode, type LogSafeDetails } from '../model/errors.ts';

/** Entra's refusal, from the authorize endpoint (in the callback's query) or the token endpoint. */
export interface EntraRefusal {
  /** OAuth's `error`. */
  readonly error?: string | undefined;
  /** Entra's `suberror`. */
  readonly suberror?: string | undefined;
  /** `error_description`, which starts with `AADSTS<number>:`. It may name the person, so it is never passed on. */
  readonly description?: string | undefined;
  /** The first of Entra's `error_codes`: the AADSTS number, if it came separately from the description. */
  readonly number?: string | number | undefined;
  /** A claims challenge (Conditional Access): JSON text. */
  readonly claims?: string | undefined;
}

/** AADSTS numbers that say more than OAuth's `error`. */
const CODE_BY_NUMBER: Readonly<Record<string, ErrorCode>> = {
  '65001': 'consent_missing',
  '90094': 'consent_missing', // an administrator must consent
  '65004': 'consent_declined',
  '50105': 'not_assigned',
  '50057': 'account_disabled',
  '50020': 'wrong_tenant', // the account is not known in this tenant
  '50034': 'wrong_tenant', // the same
  '90072': 'wrong_tenant', // the same, for an account of another directory
  '70008': 'code_refused', // expired
  '70000': 'code_refused',
  '54005': 'code_refused', // redeemed before
  '700016': 'credential_refused', // the application is not known in this tenant
  '700024': 'credential_refused', // the client assertion is outside its time
  '700027': 'credential_refused', // its signature is wrong
};

/** 70021, 700211 … 700214: no federated credential matches. 7000215, 7000222 …: the secret is wrong or expired. */
const CREDENTIAL_NUMBER = /^(?:70021\d?|7000\d{3})$/;

const CODE_BY_ERROR: Readonly<Record<string, ErrorCode>> = {
  consent_required: 'consent_missing',
  access_denied: 'consent_declined',
  invalid_client: 'credential_refused',
  unauthorized_client: 'credential_refused',
  invalid_grant: 'code_refused',
  interaction_required: 'interaction_required',
  login_required: 'interaction_required',
  server_error: 'microsoft_unreachable',
  temporarily_unavailable: 'microsoft_unreachable',
};

/**
 * Returns the {@link AppError} for Entra's refusal. The AADSTS number decides, then `suberror`, then a claims
 * challenge, then OAuth's `error`. An unknown refusal is `sign_in_refused`. Only `microsoft_unreachable` is
 * retryable.
 *
 * `details` holds the number and OAuth's error names, never the description. For `interaction_required` it also
 * holds `claims`, the challenge to replay, which names policies and no person.
 */
export function signInError(refusal: EntraRefusal): AppError {
  const number = findNumber(refusal);
  const code = codeOf(refusal, number);
  const details: LogSafeDetails = {
    oauthError: nameOf(refusal.error),
    ...(refusal.suberror === undefined ? {} : { suberror: nameOf(refusal.suberror) }),
    ...(number === undefined ? {} : { aadsts: number }),
    ...(code === 'interaction_required' && isChallenge(refusal.claims) ? { claims: refusal.claims } : {}),
  };
  return new AppError(code, 'Microsoft Entra ID refused the sign-in', {
    retryable: code === 'microsoft_unreachable',
    details,
  });
}

function codeOf(refusal: EntraRefusal, number: string | undefined): ErrorCode {
  const byNumber = number === undefined ? undefined : CODE_BY_NUMBER[number];
  if (byNumber !== undefined) return byNumber;
  if (number !== undefined && CREDENTIAL_NUMBER.test(number)) return 'credential_refused';
  if (refusal.suberror === 'consent_required') return 'consent_missing';
  if (isChallenge(refusal.claims)) return 'interaction_required';
  const byError = Object.hasOwn(CODE_BY_ERROR, refusal.error ?? '')
    ? CODE_BY_ERROR[refusal.error ?? '']
    : undefined;
  return byError ?? 'sign_in_refused';
}

function findNumber(refusal: EntraRefusal): string | undefined {
  const number = String(refusal.number);
  if (/^\d{1,9}$/.test(number)) return number;
  return /\bAADSTS(\d{1,9})\b/.exec(refusal.description ?? '')?.[1];
}

/** The callback's query is untrusted text. Only a text that looks like an OAuth error name may reach a log. */
function nameOf(error: string | undefined): string {
  return error !== undefined && /^[a-z_]{1,40}$/.test(error) ? error : 'other';
}

/** A challenge is a JSON object of objects, short enough for a URL. Anything else isn't replayed. */
function isChallenge(claims: string | undefined): claims is string {
  if (claims === undefined || claims.length > 2000) return false;
  try {
    const parsed: unknown = JSON.parse(claims);
    return isObject(parsed) && Object.values(parsed).every(isObject);
  } catch {
    return false;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
