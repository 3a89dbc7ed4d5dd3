import { describe, expect, it } from 'vitest';
import { AppError } from '../../shared/model/errors.ts';
import { mayStillTakeEffect, Troubles } from '../../shared/litellm/syncDeps.ts';

const failedRead = new AppError('litellm_unreachable', 'an organization’s 500', { details: { status: 500 } });
const unreadableWrite = new AppError('litellm_answer_invalid', 'a write whose answer nobody can read', {
  details: { mayHaveWritten: true },
});

function thrownBy(...kept: readonly AppError[]): unknown {
  const troubles = new Troubles();
  for (const error of kept) troubles.keep(error);
  try {
    troubles.throwKept();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('the troubles of a push', () => {
  it('are the first of them, or none', () => {
    const second = new AppError('litellm_answer_invalid', 'another');
    expect(thrownBy(failedRead, second)).toBe(failedRead);
    expect(thrownBy()).toBeUndefined();
  });

  it.each([
    { name: 'after', kept: [failedRead, unreadableWrite] },
    { name: 'before', kept: [unreadableWrite, failedRead] },
  ])(
    'are the write that may still take effect, also $name another, so that the lease is kept',
    ({ kept }) => {
      expect(thrownBy(...kept)).toBe(unreadableWrite);
      expect(mayStillTakeEffect(thrownBy(...kept))).toBe(true);
    },
  );

  it('throws at once what concerns the proxy as a whole', () => {
    const down = new AppError('litellm_unreachable', 'no answer', { retryable: true });
    expect(() => new Troubles().keep(down)).toThrow(down);
  });
});
