import { describe, expect, it } from 'vitest';
import { formatBudget, formatCounted, formatUsd } from '../../../shared/web/pages/formatBudget.ts';

describe('formatBudget', () => {
  it.each<[number | undefined, string | undefined, string]>([
    [1000, '30d', '$1,000 per 30 days'],
    [12.5, '1d', '$12.50 per day'],
    [1, '1mo', '$1 per month'],
    [5, '24h', '$5 per 24 hours'],
    [5, '90s', '$5 per 90 seconds'],
    [5, '15m', '$5 per 15 minutes'],
    [5, '2w', '$5 per 2 weeks'],
    [0, undefined, '$0 in total'],
    [5, 'fortnightly', '$5 per fortnightly'],
    [undefined, '30d', 'No limit'],
  ])('formats %s and %s as %s', (amount, duration, expected) => {
    expect(formatBudget(amount, duration)).toBe(expected);
  });

  it.each([
    [0.0042, '$0.0042'],
    [0.00000123, '$0.000001'],
    [0.5, '$0.50'],
    [1234.567, '$1,234.57'],
  ])('formats %s USD as %s', (amount, expected) => {
    expect(formatUsd(amount)).toBe(expected);
  });

  it('uses the plural for all counts but one', () => {
    expect([0, 1, 2].map((count) => formatCounted(count, 'team'))).toEqual(['0 teams', '1 team', '2 teams']);
  });
});
