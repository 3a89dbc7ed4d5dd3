import { describe, expect, it } from 'vitest';
import { memoryGoals } from './memory.ts';
import { linearSlope } from './stats.ts';

/** 50 looks at a heap of 30 MB that wobbles by some 20 KB and keeps so many bytes an operation. */
function heapThatKeeps(bytesAnOperation: number): ReturnType<typeof linearSlope> {
  return linearSlope(
    Array.from({ length: 50 }, (_, index) => ({
      x: (index + 1) * 1_000,
      y: 30_000_000 + Math.sin(index * 7) * 20_000 + (index + 1) * 1_000 * bytesAnOperation,
    })),
  );
}

const FLAT = { slope: 0, intercept: 0, standardError: 0 };

describe('the goal of no growth', () => {
  it.each([
    { kept: 0, reached: true },
    { kept: 0.1, reached: true },
    { kept: 8, reached: false },
    { kept: 100, reached: false },
    { kept: -5, reached: true },
    { kept: 4, reached: true },
  ])('keeping $kept bytes of heap an operation reaches it: $reached', ({ kept, reached }) => {
    const goals = memoryGoals({ kind: 'signIn', kept: heapThatKeeps(kept), outside: FLAT });
    expect(goals.map((goal) => goal.reached)).toEqual([reached, true]);
  });

  it('holds for buffers outside of the heap too', () => {
    const goals = memoryGoals({ kind: 'provisioning', kept: FLAT, outside: heapThatKeeps(64) });
    expect(goals.map((goal) => goal.reached)).toEqual([true, false]);
  });

  it('is not reached by a line of which nothing can be said', () => {
    const noisy = { slope: -1, intercept: 0, standardError: 10 };
    const goals = memoryGoals({ kind: 'signIn', kept: noisy, outside: FLAT });
    expect(goals.map((goal) => goal.reached)).toEqual([false, true]);
  });
});
