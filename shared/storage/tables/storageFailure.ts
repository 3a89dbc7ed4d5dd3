/** Translates the errors of Azure's client into this product's errors. */
import { RestError } from '@azure/data-tables';
import * as z from 'zod/mini';

import { AppError } from '../../model/errors.ts';

/** The attempted call, for the log. It contains no keys and no values. */
export interface Attempt {
  readonly table: string;
  readonly operation: string;
}

const bodySchema = z.object({ odataError: z.object({ code: z.string() }) });

const ROW_GONE: ReadonlySet<string> = new Set(['ResourceNotFound', 'EntityNotFound']);

/**
 * Returns whether the service answered that this row does not exist. Any other 404 (a missing table, a wrong address) says
 * nothing about the row, and unknown must never look like absent.
 */
export function isRowGone(error: unknown): boolean {
  return error instanceof RestError && error.statusCode === 404 && ROW_GONE.has(storageCodeOf(error));
}

/** Returns whether the service refused a conditional write: the row has changed (412), exists already (409) or is gone (404). */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof RestError)) return false;
  if (error.statusCode === 412) return true;
  if (error.statusCode === 409) return storageCodeOf(error) === 'EntityAlreadyExists';
  return isRowGone(error);
}

/**
 * Returns the AppError for an error of a call. An AppError stays as it is.
 * - `storage_unavailable` (retryable): network, time-out, 408, 429, 5xx, a table that is being deleted, an unreadable answer,
 *   or a credential without a token.
 * - `storage_refused`: every other status, such as authorization, bad request or a missing table.
 *
 * The cause keeps the error's text but not the request, because the request contains the row with a person's name and email.
 */
export function toStorageError(error: unknown, attempt: Attempt): AppError {
  if (error instanceof AppError) return error;
  const status = error instanceof RestError ? error.statusCode : undefined;
  const storageCode = error instanceof RestError ? storageCodeOf(error) : '';
  const details = {
    ...attempt,
    ...(status === undefined ? {} : { status }),
    ...(storageCode === '' ? {} : { storageCode }),
  };
  const cause = withoutRequest(error);
  if (status === undefined || isTemporary(status) || storageCode === 'TableBeingDeleted') {
    return new AppError(
      'storage_unavailable',
      `Table Storage did not answer the operation ${attempt.operation}.`,
      {
        retryable: true,
        cause,
        details,
      },
    );
  }
  return new AppError('storage_refused', `Table Storage refused the operation ${attempt.operation}.`, {
    cause,
    details,
  });
}

/** Returns whether a retry may help. If the client throws on a status below 300, it could not read the answer. */
function isTemporary(status: number): boolean {
  return status < 300 || status === 408 || status === 429 || status >= 500;
}

/** Returns the service's code, or `''` without one. A single write has it in the body, a transaction in the error's `code`. */
function storageCodeOf(error: RestError): string {
  const body = bodySchema.safeParse(error.details);
  return body.success ? body.data.odataError.code : (error.code ?? '');
}

function withoutRequest(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(typeof error);
  // The client quotes an answer that it could not read, and the answer contains rows.
  const quotesRows = error instanceof RestError && error.statusCode !== undefined && error.statusCode < 300;
  const lean = new Error(quotesRows ? 'unreadable answer' : error.message.slice(0, 300));
  lean.name = error.name;
  lean.stack = `${lean.name}: ${lean.message}${/\n {4}at [\s\S]*$/.exec(error.stack ?? '')?.[0] ?? ''}`;
  return lean;
}
