import { describe, expect, it } from 'vitest';
import { AppError } from '../../shared/model/errors.ts';
import { KeptErrors, mayStillTakeEffect } from '../../shared/litellm/syncErrors.ts';

const failedRead = new AppError('litellm_unreachable', 'an organization’s 500', { details: { status: 500 } });
const unreadableWrite = new AppError('litellm_answer_invalid', 'a write with an unreadable answer', {
  details: { mayHaveWritten: true },
});

function thrownBy(...kept: readonly AppError[]): unknown {
  const errors = new KeptErrors();
  for (const error of kept) errors.keep(error);
  try {
    errors.throwKept();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('the kept errors of a sync', () => {
  it('throw the first of them, or nothing', () => {
    const second = new AppError('litellm_answer_invalid', 'another');
    expect(thrownBy(failedRead, second)).toBe(failedRead);
    expect(thrownBy()).toBeUndefined();
  });

  it.each([
    { name: 'after', kept: [failedRead, unreadableWrite] },
    { name: 'before', kept: [unreadableWrite, failedRead] },
  ])(
    'throw the write that may still take effect, also when it came $name another error, so that its lease runs out',
    ({ kept }) => {
      expect(thrownBy(...kept)).toBe(unreadableWrite);
      expect(mayStillTakeEffect(thrownBy(...kept))).toBe(true);
    },
  );

  it('throws at once what concerns the proxy as a whole', () => {
    const down = new AppError('litellm_unreachable', 'no answer', { retryable: true });
    expect(() => new KeptErrors().keep(down)).toThrow(down);
  });
});
