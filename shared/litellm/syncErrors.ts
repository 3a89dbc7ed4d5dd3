/** Which errors of LiteLLM stop a whole sync, and which concern one organization, team or membership alone. */
import type { SyncReport } from '../model/synced.ts';
import { AppError, type ErrorCode } from '../model/errors.ts';

/**
 * Keeps errors that concern one thing alone, so that a sync can finish everything else before it throws: the error of one broken
 * organization must not keep a person out of all the others.
 */
export class KeptErrors {
  #kept: AppError | undefined;
  readonly #codes = new Set<ErrorCode>();

  /** Keeps the error if it concerns one thing alone. Throws it at once if it concerns the proxy as a whole. */
  keep(error: unknown): void {
    if (!isAboutOneThing(error)) throw error;
    this.#codes.add(error.code);
    // A write that may still take effect takes precedence: after it, the person's lease must not be released.
    if (this.#kept === undefined || (mayStillTakeEffect(error) && !mayStillTakeEffect(this.#kept)))
      this.#kept = error;
  }

  /** Returns whether an error with this code is kept. */
  hasKept(code: ErrorCode): boolean {
    return this.#codes.has(code);
  }

  /** Throws the first kept error about a write that may still take effect, else the first kept error, if there is one. */
  throwKept(): void {
    if (this.#kept !== undefined) throw this.#kept;
  }
}

/**
 * Returns whether the error is about a write whose answer was lost. It may still take effect, so nothing else may write there
 * until the lease has run out.
 */
export function mayStillTakeEffect(error: unknown): boolean {
  return error instanceof AppError && error.details['mayHaveWritten'] === true;
}

/** Returns whether LiteLLM answered, but with an internal error, with something unreadable, or without a licence for organizations. */
export function isAboutOneThing(error: unknown): error is AppError {
  if (!(error instanceof AppError)) return false;
  const { code, details } = error;
  if (code === 'organizations_unlicensed') return true;
  return code === 'litellm_answer_invalid' || (code === 'litellm_unreachable' && details['status'] === 500);
}

/** Returns the report of a refusal. Throws every other error as it is. */
export function reportRefusal(kind: SyncReport['kind'], id: string, error: unknown): SyncReport {
  if (!(error instanceof AppError) || error.code !== 'litellm_refused') throw error;
  const { status } = error.details;
  return { kind, id, code: 'refused', ...(status === undefined ? {} : { detail: String(status) }) };
}

/** Returns the final error that names what LiteLLM refused (at most 10 of it). */
export function refusalOf(reported: readonly SyncReport[]): AppError {
  const refusals = reported.filter(({ code }) => code === 'refused');
  return new AppError('litellm_refused', 'LiteLLM refused some of the changes. The others are done.', {
    details: {
      refused: refusals
        .slice(0, 10)
        .map(({ kind, id, detail }) => `${kind} ${id} (${detail ?? 'no status'})`),
      refusedCount: refusals.length,
    },
  });
}

/** Returns what makes a message wait while nothing is certain about LiteLLM's licence for organizations. */
export function organizationsUnclear(): AppError {
  return new AppError('organizations_unlicensed', 'It is not clear yet whether LiteLLM has organizations.', {
    retryable: true,
    details: { isUnclear: true },
  });
}
