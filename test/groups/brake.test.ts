import {
  decideAssignedGroups,
  versionOf,
  type BrakeSettings,
  type ListDecision,
} from '../../shared/groups/brake.ts';
import { describe, expect, it } from 'vitest';
import type { AcceptedGroups, AssignedGroup } from '../../shared/model/assignedGroups.ts';
import { groupsById } from '../../shared/model/assignedGroups.ts';

const BRAKE = { removalLimitPercent: 20, acceptVersion: undefined };

function groups(count: number, from = 0): readonly AssignedGroup[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `group-${String(from + index).padStart(4, '0')}`,
    displayName: `Group ${from + index}`,
  }));
}

function accepted(listed: readonly AssignedGroup[]): AcceptedGroups {
  return {
    version: versionOf(listed),
    acceptedAt: '2026-11-23T08:00:00.000Z',
    checkedAt: '2026-11-23T08:50:00.000Z',
    groups: listed.map((group) => ({ ...group, team: 'present', organization: 'present' })),
  };
}

/** 100 groups in force while the list of that version is held back. */
function holdingBack(version: string): AcceptedGroups {
  const heldBack = {
    version,
    heldBackAt: '2026-11-23T08:50:00.000Z',
    groupCount: 0,
    lostCount: 98,
    lostIds: [],
  };
  return { ...accepted(groups(100)), heldBack };
}

function decide(
  current: number,
  listed: readonly AssignedGroup[],
  brake: BrakeSettings = BRAKE,
): ListDecision['kind'] {
  return decideAssignedGroups(accepted(groups(current)), listed, brake).kind;
}

describe('versionOf', () => {
  it('is 16 hex digits that depend on the ids alone: neither order nor names count', () => {
    const listed = groups(3);
    const renamed = [...listed].toReversed().map((group) => ({ ...group, displayName: 'Renamed' }));
    expect(versionOf(listed)).toMatch(/^[0-9a-f]{16}$/);
    expect(versionOf(renamed)).toBe(versionOf(listed));
  });

  it('differs as soon as one id differs, is missing or is added', () => {
    const versions = [groups(3), groups(3, 1), groups(2), groups(4), []].map(versionOf);
    expect(new Set(versions).size).toBe(versions.length);
  });

  it('does not take two ids for one that reads like both', () => {
    expect(versionOf([{ id: 'a' }, { id: 'b' }])).not.toBe(versionOf([{ id: 'a,b' }]));
  });
});

describe('groupsById', () => {
  it('finds each group of a list, and makes the map of one list once', () => {
    const { groups: list } = accepted(groups(3));
    expect([...groupsById(list)]).toEqual(list.map((group) => [group.id, group]));
    expect(groupsById(list)).toBe(groupsById(list));
  });

  it('never mixes the groups of two lists', () => {
    const [before, after] = [accepted(groups(2)).groups, accepted(groups(2, 1)).groups];
    expect(groupsById(before).has('group-0002')).toBe(false);
    expect(groupsById(after).has('group-0002')).toBe(true);
    expect(groupsById(before).has('group-0000')).toBe(true);
  });
});

describe('decideAssignedGroups', () => {
  it.each([0, 1, 50])('accepts the first list, here of %i groups: there is nothing to take away', (count) => {
    const listed = groups(count);
    expect(decideAssignedGroups(undefined, listed, BRAKE)).toStrictEqual({
      kind: 'accept',
      version: versionOf(listed),
    });
  });

  it('says unchanged for the same ids in another order under other names', () => {
    const listed = [...groups(20)].toReversed().map((group) => ({ ...group, displayName: 'New' }));
    expect(decide(20, listed)).toBe('unchanged');
  });

  it.each<{ rule: string; had: number; listed: readonly AssignedGroup[]; decision: ListDecision['kind'] }>([
    { rule: 'lost exactly 20 % of 10', had: 10, listed: groups(8), decision: 'accept' },
    { rule: 'lost more than 20 % of 10', had: 10, listed: groups(7), decision: 'hold_back' },
    { rule: 'lost exactly 20 % of 100', had: 100, listed: groups(80), decision: 'accept' },
    { rule: 'lost one more than 20 % of 100', had: 100, listed: groups(79), decision: 'hold_back' },
    { rule: 'lost 8 of 9: a percentage of fewer than 10', had: 9, listed: groups(1), decision: 'accept' },
    { rule: 'became empty, from many', had: 100, listed: [], decision: 'hold_back' },
    { rule: 'became empty, from fewer than 10', had: 1, listed: [], decision: 'hold_back' },
    { rule: 'only grew', had: 10, listed: groups(1000), decision: 'accept' },
    { rule: 'lost all and has as many new ones', had: 10, listed: groups(10, 10), decision: 'hold_back' },
    { rule: 'was empty and stays empty', had: 0, listed: [], decision: 'unchanged' },
    { rule: 'was empty and grew', had: 0, listed: groups(1), decision: 'accept' },
  ])('decides $decision for a list that $rule', ({ had, listed, decision }) => {
    expect(decide(had, listed)).toBe(decision);
  });

  it('counts what was lost, not how much shorter the list became', () => {
    const listed = [...groups(7), ...groups(5, 100)];
    expect(decideAssignedGroups(accepted(groups(10)), listed, BRAKE)).toStrictEqual({
      kind: 'hold_back',
      version: versionOf(listed),
      lostIds: ['group-0007', 'group-0008', 'group-0009'],
    });
  });

  it.each([
    [0, groups(99), 'hold_back'],
    [100, groups(1), 'accept'],
    [100, [], 'hold_back'],
  ] as const)('obeys REMOVAL_LIMIT_PERCENT=%i', (removalLimitPercent, listed, decision) => {
    expect(decide(100, listed, { ...BRAKE, removalLimitPercent })).toBe(decision);
  });

  it.each([groups(2), []])('accepts a held-back list by its version, also an empty one', (...listed) => {
    const version = versionOf(listed);
    const brake = { removalLimitPercent: 20, acceptVersion: version };
    expect(decideAssignedGroups(holdingBack(version), listed, brake)).toStrictEqual({
      kind: 'accept',
      version,
      byPermit: true,
    });
  });

  it('holds back first, whatever the setting names: it answers a question that was asked', () => {
    const brake = { removalLimitPercent: 20, acceptVersion: versionOf([]) };
    expect(decide(100, [], brake)).toBe('hold_back');
    const other = holdingBack(versionOf(groups(2)));
    expect(decideAssignedGroups(other, [], brake).kind).toBe('hold_back');
  });

  it('holds back what the setting has let pass before', () => {
    const version = versionOf([]);
    const brake = { removalLimitPercent: 20, acceptVersion: version };
    const used = { ...holdingBack(version), usedPermit: version };
    expect(decideAssignedGroups(used, [], brake).kind).toBe('hold_back');
  });

  it('holds back every other list than the one that the operator accepted', () => {
    const brake = { removalLimitPercent: 20, acceptVersion: versionOf(groups(2)) };
    const current = holdingBack(versionOf(groups(2)));
    expect(decideAssignedGroups(current, groups(3), brake).kind).toBe('hold_back');
  });
});
