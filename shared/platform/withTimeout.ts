/**
 * Returns the result of `run`. After `timeoutMs` it aborts the signal with a `TimeoutError`, and `run` has to end because of
 * that.
 *
 * It does not use `AbortSignal.timeout`, whose timer keeps running until the signal is garbage collected. Under load that would
 * be thousands of timers, each of which creates an error for a request that was answered long ago.
 */
export async function withTimeout<T>(
  timeoutMs: number,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(new DOMException(`The work did not end within ${timeoutMs} ms.`, 'TimeoutError'));
  }, timeoutMs);
  try {
    return await run(controller.signal);
  } finally {
    clearTimeout(timer);
  }
}
