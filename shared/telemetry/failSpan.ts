import { AppError, errorCodeOf } from '../model/errors.ts';
import type { RunningSpan } from './tracing.ts';

/** Runs `work`. If it throws, marks the span with the error's code and the service's status, without text. */
export async function failSpan<T>(span: RunningSpan, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const status = error instanceof AppError ? error.details['status'] : undefined;
    if (typeof status === 'number') span.set({ 'http.response.status_code': status });
    span.fail(errorCodeOf(error));
    throw error;
  }
}
