import { expect, test } from 'vitest';
import { isQuiet, shortenLine } from '../../dev/stack/shortenLine.ts';

const line = (level: string): string => `2026-12-01T03:28:24.443Z ${level} provision ${'x'.repeat(300)}`;

test.each([
  [80, 80],
  [0, 160],
  [undefined, 160],
  [2, 40],
])('cuts a line for a terminal that reports %s columns to %s', (columns, width) => {
  const text = shortenLine(line('error'), columns);
  expect(text).toHaveLength(width);
  expect(text).toMatch(/^03:28:24 error provision x+\.\.\.$/);
});

test('keeps a short line and one without a date', () => {
  expect(shortenLine('npm warn', 0)).toBe('npm warn');
});

test.each([
  ['information', true],
  ['debug', true],
  ['warning', false],
  ['error', false],
  ['critical', false],
])('a line of the level %s is quiet: %s', (level, quiet) => {
  expect(isQuiet(line(level))).toBe(quiet);
});
