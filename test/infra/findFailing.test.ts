import { equal } from 'node:assert/strict';
import { describe, expect, it } from 'vitest';
import { findFailing } from '../../dev/infra/findFailing.ts';
import { parseConfig } from '../../shared/config/config.ts';
import { AppError } from '../../shared/model/errors.ts';

const holds = { name: 'holds', check: (value: number) => equal(value, 1) };

function throwing(error: Error) {
  const check = (_value: number): void => {
    throw error;
  };
  return { name: 'throws', check };
}

describe('the assertion that does not hold', () => {
  it('is found by its name, the first of them', () => {
    const other = { name: 'another', check: (value: number) => equal(value, 2) };
    expect(findFailing([holds, other], 2)).toBe('holds');
    expect(findFailing([holds, other], 1)).toBe('another');
    expect(findFailing([holds], 1)).toBeUndefined();
  });

  it('may be one whose settings the configuration of the product refuses', () => {
    const refused = { name: 'parses', check: (_value: number) => void parseConfig({}) };
    expect(findFailing([holds, refused], 1)).toBe('parses');
  });

  it.each([
    new TypeError('x is undefined'),
    new Error('There is no column Massage'),
    new AppError('storage_unavailable', 'a failure of something else'),
  ])('is none where it breaks: %s', (error) => {
    let thrown: unknown;
    try {
      findFailing([holds, throwing(error)], 1);
    } catch (caught) {
      thrown = caught;
    }
    expect(thrown).toMatchObject({
      message: 'The assertion "throws" breaks instead of saying what is wrong',
      cause: error,
    });
  });
});
