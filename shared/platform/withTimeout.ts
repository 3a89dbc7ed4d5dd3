/**
 * Returns what `run` returns. After `timeoutMs` it aborts the signal with a `TimeoutError`, and `run` has to end
 * then.
 *
 * Not `AbortSignal.timeout`: its timer runs until a garbage collection finds the signal. Under load that means
 * thousands of timers, and each creates an error for a request that ended long ago.
 */
export async function withTimeout<T>(
  timeoutMs: number,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(new DOMException(`not done in ${timeoutMs} ms`, 'TimeoutError'));
  }, timeoutMs);
  try {
    return await run(controller.signal);
  } finally {
    clearTimeout(timer);
  }
}
