import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ObservationKey } from '../../shared/model/observation.ts';
import { compareObservations, isTooFarAhead, MAX_AHEAD_MS } from '../../shared/model/observation.ts';

const NOW = Date.parse('2026-11-23T09:00:00.000Z');

/** Few ids and few instants, so that ties happen. Each instant is spelled in several ways. */
const key: fc.Arbitrary<ObservationKey> = fc.record({
  id: fc.constantFrom('a', 'b', 'B', 'ab', '0'),
  observed_at: fc.constantFrom(
    '2026-11-23T09:00:00Z',
    '2026-11-23T09:00:00.000Z',
    '2026-11-23T08:59:59.999Z',
    '2026-11-23T09:00:00.001Z',
    '2025-11-23T09:00:00Z',
  ),
});

function isSame(a: ObservationKey, b: ObservationKey): boolean {
  return a.id === b.id && Date.parse(a.observed_at) === Date.parse(b.observed_at);
}

describe('compareObservations', () => {
  it('is total: two different observations are never equal, and an observation equals itself', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        expect(compareObservations(a, b) === 0).toBe(isSame(a, b));
      }),
    );
  });

  it('is antisymmetric', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        expect(Math.sign(compareObservations(a, b)) + Math.sign(compareObservations(b, a))).toBe(0);
      }),
    );
  });

  it('is transitive', () => {
    fc.assert(
      fc.property(key, key, key, (a, b, c) => {
        fc.pre(compareObservations(a, b) <= 0 && compareObservations(b, c) <= 0);
        expect(compareObservations(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });

  it('orders by time first, then by id', () => {
    const older = { id: 'z', observed_at: '2026-11-23T09:00:00Z' };
    const newer = { id: 'a', observed_at: '2026-11-23T09:00:01Z' };
    expect(compareObservations(older, newer)).toBeLessThan(0);
    expect(compareObservations({ ...older, id: 'a' }, older)).toBeLessThan(0);
  });

  it('compares instants, not their spelling', () => {
    const tenths = { id: 'a', observed_at: '2026-11-23T09:00:00.1Z' };
    const whole = { id: 'a', observed_at: '2026-11-23T09:00:00Z' };
    expect(compareObservations(whole, tenths)).toBeLessThan(0);
  });
});

describe('isTooFarAhead', () => {
  it.each([
    [-MAX_AHEAD_MS, false],
    [0, false],
    [MAX_AHEAD_MS, false],
    [MAX_AHEAD_MS + 1, true],
  ])('for an observation %i ms ahead of now returns %s', (aheadMs, refused) => {
    const observation = { id: 'a', observed_at: new Date(NOW + aheadMs).toISOString() };
    expect(isTooFarAhead(observation, NOW)).toBe(refused);
  });

  it('allows 5 minutes', () => {
    expect(MAX_AHEAD_MS).toBe(5 * 60 * 1000);
  });
});
