import { describe, expect, it } from 'vitest';
import { isEditedByHand } from '../../shared/model/handEdits.ts';

describe('isEditedByHand', () => {
  it.each([
    { rule: 'never written', current: undefined, written: undefined, edited: false },
    {
      rule: 'the value that the product wrote',
      current: 'internal_user',
      written: 'internal_user',
      edited: false,
    },
    {
      rule: 'another value than the product wrote',
      current: 'proxy_admin',
      written: 'internal_user',
      edited: true,
    },
    {
      rule: 'written by an administrator before the product wrote it',
      current: 'proxy_admin',
      written: undefined,
      edited: true,
    },
    { rule: 'cleared by a person', current: undefined, written: 'proxy_admin', edited: true },
    {
      rule: 'the same word in another case',
      current: 'Internal_User',
      written: 'internal_user',
      edited: true,
    },
  ])('is $edited for a field that is $rule', ({ current, written, edited }) => {
    expect(isEditedByHand({ current, written })).toBe(edited);
  });
});
