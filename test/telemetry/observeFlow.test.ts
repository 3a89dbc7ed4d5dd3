import { describe, expect, it } from 'vitest';
import { AppError } from '../../shared/model/errors.ts';
import { errorFields } from '../../shared/telemetry/events.ts';

const HERE = /^at .*observeFlow\.test\.ts:\d+:\d+/;
const here: unknown = expect.stringMatching(HERE);

describe('errorFields', () => {
  it('returns kind and place of an unexpected error, and nothing of its text', () => {
    const fields = errorFields(new TypeError('no mail to alice@company.com'));
    expect(fields).toEqual({ code: 'unexpected', kind: 'TypeError', where: here });
  });

  it.each([
    'first\nalice@company.com',
    'first\n    at alice@company.com',
    '\n    at alice@company.com (x)\n',
  ])('does not mistake a line of the message for the place: %j', (message) => {
    expect(errorFields(new Error(message))['where']).toMatch(HERE);
  });

  it('knows no place where the message is another one than the stack begins with', () => {
    const error = new Error('another');
    error.stack = 'Error: first\n    at alice@company.com\n    at run (file.ts:1:1)';
    expect(errorFields(error)['where']).toBeUndefined();
  });

  it('names what caused an error of this product, by kind and place alone', () => {
    const cause = new RangeError('alice@company.com\nalice@company.com');
    const error = new AppError('storage_unavailable', 'The row could not be read', {
      cause,
      retryable: true,
      details: { table: 'Users' },
    });
    expect(errorFields(error)).toEqual({
      code: 'storage_unavailable',
      retryable: true,
      attempted: 'The row could not be read',
      causeKind: 'RangeError',
      causeWhere: here,
      table: 'Users',
    });
  });

  it('names only the type of a value that is not an error', () => {
    expect(errorFields('alice@company.com')).toEqual({ code: 'unexpected', kind: 'string' });
    const error = new AppError('unexpected', 'It broke', { cause: 'alice@company.com' });
    expect(errorFields(error)).toMatchObject({ causeKind: 'string' });
    expect(JSON.stringify(errorFields(error))).not.toContain('alice');
  });
});
