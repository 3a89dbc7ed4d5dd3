/**
 * Gives what `run` gives, whose signal is aborted with a `TimeoutError` once `timeoutMs` are over. It is `run` that ends then.
 *
 * Not `AbortSignal.timeout`: its timer outlives the work until a collection finds the signal. Under a rush that is thousands of
 * timers, each of which makes an error in the end for a request that was answered long ago.
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
