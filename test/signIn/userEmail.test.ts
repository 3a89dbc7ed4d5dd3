import { describe, expect, it } from 'vitest';
import { findUserEmail, isEmailDomainAllowed } from '../../shared/signIn/userEmail.ts';

/** Texts that aren't one address, whose last domain is an allowed one. */
const NOT_ONE_ADDRESS: readonly (readonly [name: string, text: string])[] = [
  ['two addresses', 'a@evil.example,b@company.com'],
  ['two addresses with a semicolon', 'a@evil.example;b@company.com'],
  ['two addresses with a space', 'a@evil.example b@company.com'],
  ['two addresses with a space that no one sees', 'a@evil.example\u3000b@company.com'],
  ['two addresses with a line end', 'a@evil.example\r\nb@company.com'],
  ['an address behind a name', 'a <b@company.com>'],
  ['an address behind another in brackets', '<a@evil.example>b@company.com'],
  ['a quoted local part', '"a@evil.example"@company.com'],
  ['two @', 'a@evil.example@company.com'],
  ['no local part', '@company.com'],
  ['a NUL', 'a\u0000@company.com'],
  ['a C1 control', 'a\u0085@company.com'],
  ['a bidi override', 'a\u202emoc.live@company.com'],
  ['a bidi isolate', 'a\u2066@company.com'],
  ['a comma alone', 'a,@company.com'],
  ['no @', 'company.com'],
  ['a guest’s UPN', 'bob_evil.example#EXT#@company.com'],
  ['a guest’s UPN in lower case', 'bob_evil.example#ext#@company.com'],
  ['more than any address', `${'a'.repeat(320)}@company.com`],
];

describe('findUserEmail', () => {
  it.each([
    [
      'the email claim before the UPN',
      { email: 'a@mail.example', preferredUsername: 'b@upn.example' },
      'a@mail.example',
    ],
    ['the UPN without an email claim', { preferredUsername: 'b@upn.example' }, 'b@upn.example'],
    [
      'the UPN where the email claim is not an address',
      { email: '', preferredUsername: 'b@upn.example' },
      'b@upn.example',
    ],
    [
      'a guest’s email claim',
      { email: 'bob@example.com', preferredUsername: 'bob_example.com#EXT#@t.example' },
      'bob@example.com',
    ],
    ['the address without the blanks at its ends', { email: ' a@mail.example\t' }, 'a@mail.example'],
    ['an address of any script', { email: 'аня@пример.example' }, 'аня@пример.example'],
    ['an address with signs', { email: "o'neil+x/y=z@mail.example" }, "o'neil+x/y=z@mail.example"],
    ['no UPN that is not an address', { preferredUsername: '+4512345678' }, undefined],
    ['nothing', {}, undefined],
  ])('returns %s', (_, claims, email) => {
    expect(findUserEmail(claims)).toBe(email);
  });

  it.each(NOT_ONE_ADDRESS)('treats %s as absent, in both claims', (_, text) => {
    expect(findUserEmail({ email: text })).toBeUndefined();
    expect(findUserEmail({ preferredUsername: text })).toBeUndefined();
    expect(findUserEmail({ email: text, preferredUsername: 'b@upn.example' })).toBe('b@upn.example');
  });
});

describe('isEmailDomainAllowed', () => {
  it.each([
    ['every person where nothing is set', undefined, [], true],
    ['an allowed domain', 'a@company.com', ['other.com', 'company.com'], true],
    ['an allowed domain in any case', 'A@Company.COM', ['company.com'], true],
    ['an allowed domain behind a blank', 'a@company.com ', ['company.com'], true],
    ['no email', undefined, ['company.com'], false],
    ['a subdomain', 'a@eu.company.com', ['company.com'], false],
    ['a domain that ends the same', 'a@mycompany.com', ['company.com'], false],
    ['a domain that starts the same', 'a@company.com.evil.example', ['company.com'], false],
    ['an allowed domain before the last @', 'a@company.com@evil.example', ['company.com'], false],
    ['a trailing dot', 'a@company.com.', ['company.com'], false],
    ['a letter that only Unicode lowers to an ASCII one', 'a@\u212Aompany.com', ['kompany.com'], false],
    ['an empty domain', 'a@', ['company.com'], false],
  ])('decides on %s', (...[, email, allowed, expected]) => {
    expect(isEmailDomainAllowed(email === undefined ? {} : { email }, allowed)).toBe(expected);
    expect(isEmailDomainAllowed(email === undefined ? {} : { preferredUsername: email }, allowed)).toBe(
      expected,
    );
  });

  it.each(NOT_ONE_ADDRESS)('refuses %s, and an allowed UPN does not make up for it', (_, text) => {
    expect(isEmailDomainAllowed({ email: text }, ['company.com'])).toBe(false);
    expect(isEmailDomainAllowed({ preferredUsername: text }, ['company.com'])).toBe(false);
    const both = { email: text, preferredUsername: 'b@company.com' };
    expect(isEmailDomainAllowed(both, ['company.com'])).toBe(false);
    expect(isEmailDomainAllowed(both, [])).toBe(true);
  });

  it('decides on the UPN where the email claim is empty', () => {
    expect(isEmailDomainAllowed({ email: ' ', preferredUsername: 'b@company.com' }, ['company.com'])).toBe(
      true,
    );
  });
});
