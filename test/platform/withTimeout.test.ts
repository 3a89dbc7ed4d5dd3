import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { withTimeout } from '../../shared/platform/withTimeout.ts';

describe('a time-out', () => {
  it('aborts what takes longer, with the error of AbortSignal.timeout', async () => {
    const endless = withTimeout(20, async (signal) => sleep(60_000, undefined, { signal }));
    await expect(endless).rejects.toMatchObject({ name: 'AbortError', cause: { name: 'TimeoutError' } });
  });

  it('leaves what is done in time alone, and what it throws', async () => {
    let kept: AbortSignal | undefined;
    const done = await withTimeout(20, async (signal) => {
      kept = signal;
      return Promise.resolve('done');
    });
    expect(done).toBe('done');
    await sleep(40);
    expect(kept?.aborted).toBe(false);
    await expect(withTimeout(20, async () => Promise.reject(new Error('its own')))).rejects.toThrow(
      'its own',
    );
  });

  it('leaves no timer behind', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    await Promise.all(Array.from({ length: 50 }, async () => withTimeout(60_000, async () => sleep(1))));
    expect(timers()).toBeLessThanOrEqual(before);
  });
});
