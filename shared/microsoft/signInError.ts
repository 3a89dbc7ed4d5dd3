import { AppError, type ErrorCode, type LogSafeDetails } from '../model/errors.ts';
import { findRefusalCode } from './aadsts.ts';

/** Entra's refusal, from the authorize endpoint (in the callback's query) or the token endpoint. */
export interface EntraRefusal {
  /** The query says so, which the browser brings to the callback. Absent: the token endpoint says so. */
  readonly source?: 'query';
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

/** What OAuth's `error` says where the number says nothing. */
const CODE_BY_ERROR: ReadonlyMap<string, ErrorCode> = new Map<string, ErrorCode>([
  ['consent_required', 'consent_missing'],
  ['invalid_client', 'credential_refused'],
  ['unauthorized_client', 'application_misconfigured'],
  ['invalid_scope', 'application_misconfigured'],
  ['invalid_resource', 'application_misconfigured'],
  ['interaction_required', 'interaction_required'],
  ['login_required', 'interaction_required'],
  ['account_selection_required', 'interaction_required'],
  ['server_error', 'microsoft_unreachable'],
  ['temporarily_unavailable', 'microsoft_unreachable'],
]);

/** The same, for errors that mean many things: they count only where Entra gives no number at all. */
const CODE_WITHOUT_NUMBER: ReadonlyMap<string, ErrorCode> = new Map<string, ErrorCode>([
  ['access_denied', 'consent_declined'],
  ['invalid_grant', 'code_refused'],
]);

/** What only a token endpoint can say, because only it sees the code and the credential. */
const SAID_BY_TOKEN_ENDPOINT: ReadonlySet<ErrorCode> = new Set(['credential_refused', 'code_refused']);

/**
 * Returns the {@link AppError} for Entra's refusal. The AADSTS number decides, then `suberror`, then a claims
 * challenge, then OAuth's `error`. An unknown refusal is `sign_in_refused`. Only `microsoft_unreachable` is
 * retryable.
 *
 * Anyone can write the callback's query. So a refusal from there never says what only the token endpoint can say, and `details`
 * marks it with `source: 'query'`: its page is no failure of this service, and the sign-in alert leaves it out.
 *
 * `details` holds the number and OAuth's error names, never the description. For `interaction_required` it also
 * holds `claims`, the challenge to replay, which names policies and no person.
 */
export function signInError(refusal: EntraRefusal): AppError {
  const number = findNumber(refusal);
  const said = codeOf(refusal, number);
  const isQuery = refusal.source === 'query';
  const code = isQuery && SAID_BY_TOKEN_ENDPOINT.has(said) ? 'sign_in_refused' : said;
  const details: LogSafeDetails = {
    ...(isQuery ? { source: 'query' } : {}),
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
  const error = refusal.error ?? '';
  return (
    (number === undefined ? undefined : findRefusalCode(number)) ??
    (refusal.suberror === 'consent_required' ? 'consent_missing' : undefined) ??
    (isChallenge(refusal.claims) ? 'interaction_required' : undefined) ??
    CODE_BY_ERROR.get(error) ??
    (number === undefined ? CODE_WITHOUT_NUMBER.get(error) : undefined) ??
    'sign_in_refused'
  );
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
