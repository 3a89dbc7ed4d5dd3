/** What a failure of the Table service means, read off what Azure's client throws. */
import { RestError } from '@azure/data-tables';
import * as z from 'zod/mini';

import { AppError } from '../../model/errors.ts';

/** What was attempted, for the log: no keys and no values. */
export interface Attempt {
  readonly table: string;
  readonly operation: string;
}

const bodySchema = z.object({ odataError: z.object({ code: z.string() }) });

const ROW_GONE: ReadonlySet<string> = new Set(['ResourceNotFound', 'EntityNotFound']);

/**
 * Whether the service said that this row does not exist. A 404 of anything else (a missing table, a wrong
 * address) is no answer about the row: unknown must never look like absent.
 */
export function isRowGone(error: unknown): boolean {
  return error instanceof RestError && error.statusCode === 404 && ROW_GONE.has(storageCodeOf(error));
}

/** Whether the service refused a conditional write: the row is another (412), already there (409) or gone (404). */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof RestError)) return false;
  if (error.statusCode === 412) return true;
  if (error.statusCode === 409) return storageCodeOf(error) === 'EntityAlreadyExists';
  return isRowGone(error);
}

/**
 * Gives the AppError for whatever a call threw: `storage_unavailable` (retryable) for network, time-out, 408, 429,
 * 5xx, a table that is just being deleted, an answer that cannot be read, and a credential that gave no token;
 * `storage_refused` for every other status (authorization, bad request, missing table). An AppError stays itself.
 * Its cause keeps the text of what happened but not the request: that holds the row, thus a person's name and email.
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
    return new AppError('storage_unavailable', `Table Storage did not answer: ${attempt.operation}`, {
      retryable: true,
      cause,
      details,
    });
  }
  return new AppError('storage_refused', `Table Storage refused: ${attempt.operation}`, { cause, details });
}

/** A status below 300 that is thrown is an answer that the client could not read. */
function isTemporary(status: number): boolean {
  return status < 300 || status === 408 || status === 429 || status >= 500;
}

/** The service's code; `''` where the answer carries none. Alone it stands in the body, in a transaction in `code`. */
function storageCodeOf(error: RestError): string {
  const body = bodySchema.safeParse(error.details);
  return body.success ? body.data.odataError.code : (error.code ?? '');
}

function withoutRequest(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(typeof error);
  // The client quotes an answer that it could not read, and that is rows.
  const quotesRows = error instanceof RestError && error.statusCode !== undefined && error.statusCode < 300;
  const lean = new Error(quotesRows ? 'unreadable answer' : error.message.slice(0, 300));
  lean.name = error.name;
  lean.stack = `${lean.name}: ${lean.message}${/\n {4}at [\s\S]*$/.exec(error.stack ?? '')?.[0] ?? ''}`;
  return lean;
}
