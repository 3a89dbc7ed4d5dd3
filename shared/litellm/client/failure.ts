/** What a failed answer means, in LiteLLM's two shapes of errors and in those of gateways before it. */
import { AppError, type LogSafeDetails } from '../../model/errors.ts';

/** What came back, or why nothing did. */
export interface Outcome {
  /** 0: no answer. */
  readonly status: number;
  readonly text: string;
  /** Why there is no answer, or why it isn't from LiteLLM. */
  readonly fault?: string;
  /** How long the answer asks to wait, from now on. */
  readonly retryAfterSeconds?: number | undefined;
}

/** An answer that isn't a success. */
export interface Failure {
  /** 0: no answer. */
  readonly status: number;
  /** A second try may succeed right away. */
  readonly isWorthAnotherTry: boolean;
  /** The text is LiteLLM's own. The 404 for an unknown address is not. */
  readonly isLitellms: boolean;
  /** LiteLLM's name for it, one of {@link KNOWN_TYPES}. */
  readonly type: string | undefined;
  /** Returns whether LiteLLM's text has the words. The text itself is not passed on: it may quote a key or an email. */
  says(words: RegExp): boolean;
  /** What to throw, unless the caller knows better. */
  readonly error: AppError;
}

/** The values of LiteLLM's `error.type` that may be logged. Any other value could contain anything. */
const KNOWN_TYPES: ReadonlySet<string> = new Set([
  'auth_error',
  'bad_request_error',
  'budget_exceeded',
  'expired_key',
  'internal_server_error',
  'internal_error',
  'key_model_access_denied',
  'no_db_connection',
  'not_found_error',
  'team_member_already_in_team',
  'team_member_permission_error',
  'throttling_error',
  'token_not_found_in_db',
  'validation_error',
]);

/** With these faults nothing was sent. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** How LiteLLM's web framework reports an uncaught error. */
const UNCAUGHT = /^\s*Internal Server Error\s*$/;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Returns the JSON value of a text; `undefined` if it isn't JSON. */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

/** Reads `{error: {message, type}}` and `{detail: …}`; FastAPI's own answers about addresses are not LiteLLM's. */
function readError(text: string): { readonly isLitellms: boolean; readonly type: string | undefined } {
  const body = parseJson(text);
  if (!isRecord(body)) return { isLitellms: false, type: undefined };
  const { error, detail } = body;
  if (isRecord(error)) {
    const type =
      typeof error['type'] === 'string' && KNOWN_TYPES.has(error['type']) ? error['type'] : undefined;
    return { isLitellms: 'message' in error, type };
  }
  const isAboutAddress = detail === 'Not Found' || detail === 'Method Not Allowed';
  return {
    isLitellms:
      !isAboutAddress && (typeof detail === 'string' || typeof detail === 'object') && detail !== null,
    type: undefined,
  };
}

/** Returns the failure for an HTTP outcome: its error code, and whether to try again. `LitellmClient` in `shared/model/litellmPorts.ts` lists the error codes. */
export function readFailure(
  outcome: Outcome,
  request: { readonly path: string; readonly isWrite: boolean },
): Failure {
  const { status, text, fault, retryAfterSeconds } = outcome;
  const { isLitellms, type } = readError(text);
  // After a 500 from LiteLLM itself the request has ended, and a look shows what it did. Behind a gateway's 5xx LiteLLM may still be at work.
  const hasEnded = status === 500 && (isLitellms || UNCAUGHT.test(text));
  const isUnclear =
    (status === 0 && !NEVER_SENT.has(fault ?? '')) || status >= 500 || (status >= 200 && status < 300);
  const mayHaveWritten = request.isWrite && isUnclear && !hasEnded;
  const details: LogSafeDetails = {
    path: request.path,
    status,
    ...(fault === undefined ? {} : { fault }),
    ...(type === undefined ? {} : { type }),
    ...(mayHaveWritten ? { mayHaveWritten } : {}),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
  return {
    status,
    // After a time-out the caller has waited long enough.
    isWorthAnotherTry: (status === 0 && fault !== 'timeout') || (status >= 502 && status <= 504),
    isLitellms,
    type,
    says: (words) => isLitellms && words.test(text),
    error: isUnlicensed({ status, text, isLitellms, path: request.path })
      ? unlicensed(details)
      : errorOf({ status, text, isLitellms, isWrite: request.isWrite }, details),
  };
}

/** The beginning of LiteLLM's text for every call about organizations without a licence (from 1.102.0). */
const UNLICENSED_WORDS = /Organizations are only available/i;

function isUnlicensed(answer: {
  readonly status: number;
  readonly text: string;
  readonly isLitellms: boolean;
  readonly path: string;
}): boolean {
  const { status, text, isLitellms, path } = answer;
  return status === 403 && isLitellms && path.startsWith('/organization/') && UNLICENSED_WORDS.test(text);
}

/** How LiteLLM refuses a key that it knows because of its owner's role. It does so with 401, as for a key that it does not know. */
const ROLE_WORDS = /Only (?:proxy )?admins? can /i;

function unlicensed(details: LogSafeDetails): AppError {
  return new AppError('organizations_unlicensed', 'LiteLLM has no licence for organizations.', {
    retryable: true,
    details,
  });
}

function errorOf(
  {
    status,
    text,
    isLitellms,
    isWrite,
  }: Pick<Outcome, 'status' | 'text'> & { isLitellms: boolean; isWrite: boolean },
  details: LogSafeDetails,
): AppError {
  if (status === 0 || status === 408 || status === 429 || status >= 500) {
    return new AppError('litellm_unreachable', 'LiteLLM did not answer.', { retryable: true, details });
  }
  const isKnownKey = status === 401 && isLitellms && ROLE_WORDS.test(text);
  if (status === 401 && !isKnownKey) {
    return new AppError('litellm_key_refused', 'LiteLLM refused the key.', { retryable: true, details });
  }
  // Every administrator's key may read. A write may be refused for other reasons, such as a missing licence.
  if (isKnownKey || (status === 403 && isLitellms && !isWrite)) {
    return new AppError('litellm_right_missing', "The key's owner has no right to do this in LiteLLM.", {
      retryable: true,
      details,
    });
  }
  if (isLitellms && [400, 403, 404, 409, 422].includes(status)) {
    return new AppError('litellm_refused', 'LiteLLM refused the request.', { details });
  }
  return new AppError('litellm_answer_invalid', 'The answer is not from a LiteLLM proxy.', {
    retryable: true,
    details,
  });
}
