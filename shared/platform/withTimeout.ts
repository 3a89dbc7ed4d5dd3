/** A signal that is aborted with a `TimeoutError` unless it is cleared in time. */
export interface Timeout {
  readonly signal: AbortSignal;
  clear(): void;
}

/**
 * Starts a timeout. Clear it once the work has ended.
 *
 * It replaces `AbortSignal.timeout`, whose timer outlives the work until a garbage collection finds the signal. Under a rush that
 * is thousands of timers, and each creates an error in the end for a request that was answered long ago.
 */
export function startTimeout(timeoutMs: number): Timeout {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(new DOMException(`not done in ${timeoutMs} ms`, 'TimeoutError'));
  }, timeoutMs);
  return { signal: controller.signal, clear: () => clearTimeout(timer) };
}

/** Runs `run` with a signal that is aborted with a `TimeoutError` after `timeoutMs`. It is `run` that has to end then. */
export async function withTimeout<T>(
  timeoutMs: number,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timeout = startTimeout(timeoutMs);
  try {
    return await run(timeout.signal);
  } finally {
    timeout.clear();
  }
}
