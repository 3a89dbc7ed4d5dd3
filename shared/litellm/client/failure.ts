/** What an answer that is no success means, in LiteLLM's two shapes of errors and in those of whatever stands before it. */
import { AppError, type LogSafeDetails } from '../../model/errors.ts';

/** What came back, or did not. */
export interface Outcome {
  /** 0: no answer. */
  readonly status: number;
  readonly text: string;
  /** Why there is no answer, or why it is none of LiteLLM's. */
  readonly fault?: string;
  /** As the answer asked for, from now on. */
  readonly retryAfterSeconds?: number | undefined;
}

/** An answer that is no success. */
export interface Failure {
  /** 0: no answer. */
  readonly status: number;
  /** Another try may do, right away. */
  readonly isWorthAnotherTry: boolean;
  /** LiteLLM's own words: 404 of an address that is not there is not among them. */
  readonly isLitellms: boolean;
  /** LiteLLM's name for it, one of {@link KNOWN_TYPES}. */
  readonly type: string | undefined;
  /** Whether LiteLLM's text has the words. The text itself goes nowhere: it may quote a key or an email. */
  says(words: RegExp): boolean;
  /** What to throw where the caller has nothing better. */
  readonly error: AppError;
}

/** LiteLLM's `error.type` as far as it may be logged: whatever else stands there may be anything. */
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

/** Nothing was sent yet. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** What LiteLLM's web framework says of an error that nothing caught. */
const UNCAUGHT = /^\s*Internal Server Error\s*$/;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Gives the JSON value of a text; `undefined` for what is none. */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

/** Reads `{error: {message, type}}` and `{detail: …}`; FastAPI's own answers about addresses are none of LiteLLM's. */
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

/** Gives what an outcome means; the codes are those of `LitellmClient` in `shared/litellm/litellmPorts.ts`. */
export function readFailure(
  outcome: Outcome,
  request: { readonly path: string; readonly isWrite: boolean },
): Failure {
  const { status, text, fault, retryAfterSeconds } = outcome;
  const { isLitellms, type } = readError(text);
  // A 500 of LiteLLM's own has ended, and what it did is there to be seen; behind any other LiteLLM may still be at work.
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
    // Whoever waited for the time-out has waited enough.
    isWorthAnotherTry: (status === 0 && fault !== 'timeout') || (status >= 502 && status <= 504),
    isLitellms,
    type,
    says: (words) => isLitellms && words.test(text),
    error: errorOf({ status, isLitellms, isWrite: request.isWrite }, details),
  };
}

function errorOf(
  { status, isLitellms, isWrite }: { status: number; isLitellms: boolean; isWrite: boolean },
  details: LogSafeDetails,
): AppError {
  if (status === 0 || status === 408 || status === 429 || status >= 500) {
    return new AppError('litellm_unreachable', 'LiteLLM gave no answer', { retryable: true, details });
  }
  // To read is allowed to every administrator's key; a write may be refused for other reasons, such as a licence.
  if (status === 401 || (status === 403 && isLitellms && !isWrite)) {
    return new AppError('litellm_key_refused', 'LiteLLM refused the key or its role', {
      retryable: true,
      details,
    });
  }
  if (isLitellms && [400, 403, 404, 409, 422].includes(status)) {
    return new AppError('litellm_refused', 'LiteLLM refused what was asked for', { details });
  }
  return new AppError('litellm_answer_invalid', 'What answers is no LiteLLM', { retryable: true, details });
}
