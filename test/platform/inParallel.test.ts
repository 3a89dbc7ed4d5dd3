import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { inParallel } from '../../shared/platform/inParallel.ts';

describe('inParallel', () => {
  it('returns the results in the order of the items, whichever ends first', async () => {
    const results = await inParallel([3, 1, 2], 3, async (turns) => {
      for (let turn = 0; turn < turns; turn += 1) await nextTurn();
      return `waited ${turns}`;
    });

    expect(results).toEqual(['waited 3', 'waited 1', 'waited 2']);
  });

  it('runs at most `limit` items at a time, and starts the next as soon as one ends', async () => {
    let running = 0;
    let most = 0;
    await inParallel([5, 1, 1, 1, 1], 2, async (turns) => {
      running += 1;
      most = Math.max(most, running);
      for (let turn = 0; turn < turns; turn += 1) await nextTurn();
      running -= 1;
    });

    expect(most).toBe(2);
    expect(running).toBe(0);
  });

  it('returns nothing for nothing', async () => {
    await expect(inParallel([], 4, async () => Promise.reject(new Error('never called')))).resolves.toEqual(
      [],
    );
  });

  it('throws the first error once everything started has ended, and starts no more', async () => {
    const ended: string[] = [];
    const run = async (item: string): Promise<void> => {
      await nextTurn();
      if (item === 'second') throw new Error('the second failed');
      await nextTurn();
      ended.push(item);
      if (item === 'first') throw new Error('the first failed later');
    };

    await expect(inParallel(['first', 'second', 'third', 'fourth'], 2, run)).rejects.toThrow(
      'the second failed',
    );
    expect(ended).toEqual(['first']);
  });
});
