import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { timeOrderedUuid } from '../../shared/platform/timeOrderedUuid.ts';

describe('a time-ordered UUID', () => {
  it('is the one of RFC 9562 (appendix A.6)', () => {
    const randomness = Buffer.from('0cc318c4dc0c0c07398f', 'hex');
    expect(timeOrderedUuid(0x017f22e279b0, randomness)).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
  });

  it('sorts after those of earlier milliseconds, whatever the randomness', () => {
    const startMs = Date.parse('2026-11-23T09:00:00.000Z');
    const ids = Array.from({ length: 300 }, (_, index) => timeOrderedUuid(startMs + index, randomBytes(10)));
    expect([...ids].sort()).toEqual(ids);
  });
});
