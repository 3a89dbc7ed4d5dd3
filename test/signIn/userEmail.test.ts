import { describe, expect, it } from 'vitest';
import { findUserEmail, isEmailDomainAllowed } from '../../shared/signIn/completeLogin.ts';

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
    ['no guest UPN', { preferredUsername: 'bob_example.com#EXT#@tenant.onmicrosoft.com' }, undefined],
    [
      'no guest UPN in lower case',
      { preferredUsername: 'bob_example.com#ext#@tenant.onmicrosoft.com' },
      undefined,
    ],
    [
      'a guest’s email claim',
      { email: 'bob@example.com', preferredUsername: 'bob_example.com#EXT#@t.example' },
      'bob@example.com',
    ],
    ['no UPN that is not an address', { preferredUsername: '+4512345678' }, undefined],
    ['nothing', {}, undefined],
  ])('returns %s', (_, claims, email) => {
    expect(findUserEmail(claims)).toBe(email);
  });
});

describe('isEmailDomainAllowed', () => {
  it.each([
    ['every person where nothing is set', undefined, [], true],
    ['an allowed domain', 'a@company.com', ['other.com', 'company.com'], true],
    ['an allowed domain in any case', 'A@Company.COM', ['company.com'], true],
    ['no email', undefined, ['company.com'], false],
    ['a subdomain', 'a@eu.company.com', ['company.com'], false],
    ['a domain that ends the same', 'a@mycompany.com', ['company.com'], false],
    ['a domain that starts the same', 'a@company.com.evil.example', ['company.com'], false],
    ['an allowed domain before the last @', 'a@company.com@evil.example', ['company.com'], false],
    ['a trailing dot', 'a@company.com.', ['company.com'], false],
    ['a letter that only Unicode lowers to an ASCII one', 'a@\u212Aompany.com', ['kompany.com'], false],
    ['an empty domain', 'a@', ['company.com'], false],
  ])('decides on %s', (...[, email, allowed, expected]) => {
    expect(isEmailDomainAllowed(email, allowed)).toBe(expected);
  });
});
