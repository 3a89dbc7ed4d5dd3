import { expect, it } from 'vitest';
import {
  isAtLeast,
  isTestedVersion,
  isUnsafeVersion,
  organizationsShowLicence,
} from '../../shared/litellm/proxyVersion.ts';

it.each([
  ['1.80.0', true, false],
  ['1.79.9', false, false],
  ['1.84.10', true, false],
  ['v1.101.6-stable', true, false],
  ['1.108.0', true, false],
  ['1.108.0.rc2', true, false],
  ['1.108.1', false, false],
  ['1.109.0', false, false],
  ['2.0.0', false, false],
  ['1.82.6', true, false],
  ['1.82.7', true, true],
  ['v1.82.7.post1', true, true],
  ['1.82.8-nightly', true, true],
  ['1.82.9', true, false],
  ['1.82.70', true, false],
  ['1.107.0', true, true],
  ['1.107.1', true, false],
  ['11.82.7', false, false],
  ['main', false, false],
  ['', false, false],
  [undefined, false, false],
])('judges %s: tested %s, unsafe %s', (version, isTested, isUnsafe) => {
  expect(isTestedVersion(version)).toBe(isTested);
  expect(isUnsafeVersion(version)).toBe(isUnsafe);
});

it.each([
  ['1.84.0', '1.84.0', true],
  ['1.101.6', '1.84.0', true],
  ['1.9.0', '1.84.0', false],
  ['0.99.99', '1.0.0', false],
  [undefined, '1.84.0', undefined],
  ['dev', '1.84.0', undefined],
])('compares %s with %s numerically: %s', (version, least, expected) => {
  expect(isAtLeast(version, least)).toBe(expected);
});

it('takes organizations for a licence only from the version that needs one', () => {
  expect(['1.101.6', '1.102.0', '1.108.0', undefined].map(organizationsShowLicence)).toEqual([
    false,
    true,
    true,
    false,
  ]);
});
