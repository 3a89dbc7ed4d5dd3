import { describe, expect, it } from 'vitest';
import { decideDeletion } from '../../../shared/litellm/keys/decideDue.ts';
import type { KeyReport } from '../../../shared/model/restingKeys.ts';

const now = new Date('2026-12-08T04:30:00.000Z');
const hashes = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_value, index) => `k${String(index + from).padStart(3, '0')}`);

function report(changes: Partial<KeyReport> = {}): KeyReport {
  return {
    checkedAt: '2026-12-07T04:30:00.000Z',
    parked: 0,
    due: 0,
    unconfirmed: 0,
    deleted: { day: '2026-12-07', keys: 0 },
    withoutOwner: 0,
    strays: { parked: 0, leftAlone: 0 },
    closedWithKeys: 0,
    ...changes,
  };
}

describe('the brake of deletions', () => {
  it.each([
    { due: 0, parked: 500, passes: true },
    { due: 1, parked: 1, passes: true },
    { due: 9, parked: 9, passes: true },
    { due: 2, parked: 10, passes: true },
    { due: 3, parked: 10, passes: false },
    { due: 20, parked: 100, passes: true },
    { due: 21, parked: 1000, passes: false },
    { due: 20, parked: 99, passes: false },
  ])('$due due of $parked parked: passes $passes', ({ due, parked, passes }) => {
    const decision = decideDeletion({
      due: hashes(due),
      parked,
      last: undefined,
      acceptVersion: undefined,
      now,
    });
    expect(decision.allowed).toEqual(passes ? hashes(due) : []);
    expect(decision.heldBack?.hashes).toEqual(passes ? undefined : hashes(due));
  });

  it('counts what was deleted earlier the same day, and forgets it the next day', () => {
    const today = report({ deleted: { day: '2026-12-08', keys: 15 } });
    const yesterday = report({ deleted: { day: '2026-12-07', keys: 15 } });
    const input = { due: hashes(6), parked: 1000, acceptVersion: undefined, now };
    expect(decideDeletion({ ...input, last: today }).allowed).toEqual([]);
    expect(decideDeletion({ ...input, last: yesterday }).allowed).toEqual(hashes(6));
  });

  it('lets exactly the accepted keys pass, whatever became due since', () => {
    const input = { parked: 1000, acceptVersion: undefined, now };
    const { heldBack } = decideDeletion({ ...input, due: hashes(30), last: undefined });
    const last = report(heldBack === undefined ? {} : { heldBack });
    const acceptVersion = heldBack?.version;
    const later = decideDeletion({ ...input, due: hashes(40), last, acceptVersion });
    expect(later.allowed).toEqual(hashes(30));
    // Nothing was held back before: an acceptance from long ago lets nothing pass.
    expect(decideDeletion({ ...input, due: hashes(30), last: report(), acceptVersion }).allowed).toEqual([]);
    expect(decideDeletion({ ...input, due: hashes(30), last, acceptVersion: 'other' }).allowed).toEqual([]);
  });

  it('keeps the time since when the same keys wait', () => {
    const input = { due: hashes(30), parked: 1000, acceptVersion: undefined };
    const first = decideDeletion({ ...input, last: undefined, now }).heldBack;
    const last = report(first === undefined ? {} : { heldBack: first });
    const second = decideDeletion({ ...input, last, now: new Date('2026-12-09T04:30:00.000Z') }).heldBack;
    expect(second).toEqual(first);
  });
});
