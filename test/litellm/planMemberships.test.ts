import { describe, expect, it } from 'vitest';
import { planMembershipSync, type MembershipSync } from '../../shared/litellm/planMemberships.ts';
import type { SyncedMembership } from '../../shared/model/synced.ts';

const since = '2026-11-23T09:00:00.000Z';
const added = (role = 'user'): SyncedMembership => ({ entityId: 'g', state: 'added', role, since });
const found: SyncedMembership = { entityId: 'g', state: 'found', role: 'user', since };
const adding: SyncedMembership = { entityId: 'g', state: 'adding', role: 'user' };

const NOTHING: MembershipSync<'user' | 'admin'> = {
  removals: [],
  roleChanges: [],
  adds: [],
  recordings: [],
  forgotten: [],
  differs: [],
  lesser: [],
};

interface Case {
  readonly title: string;
  readonly desired?: 'user' | 'admin';
  readonly there?: string;
  readonly recorded?: SyncedMembership;
  readonly isHeld?: true;
  readonly gives: Partial<MembershipSync<'user' | 'admin'>>;
}

const cases: readonly Case[] = [
  { title: 'adds what is missing', desired: 'user', gives: { adds: [{ entityId: 'g', role: 'user' }] } },
  {
    title: 'adds again what somebody removed there',
    desired: 'user',
    recorded: added(),
    gives: { adds: [{ entityId: 'g', role: 'user' }] },
  },
  {
    title: 'records what was there before as found',
    desired: 'user',
    there: 'admin',
    gives: { recordings: [{ entityId: 'g', state: 'found', role: 'admin' }] },
  },
  {
    title: 'leaves what was found, whatever its role',
    desired: 'admin',
    there: 'user',
    recorded: found,
    gives: {},
  },
  { title: 'leaves what is right', desired: 'user', there: 'user', recorded: added(), gives: {} },
  {
    title: 'takes an open intent that is there as its own',
    desired: 'user',
    there: 'user',
    recorded: adding,
    gives: { recordings: [{ ...adding, state: 'added' }] },
  },
  {
    title: 'changes a role that is still the one that was written',
    desired: 'admin',
    there: 'user',
    recorded: added(),
    gives: { roleChanges: [{ entityId: 'g', role: 'admin' }] },
  },
  {
    title: 'leaves a role that somebody changed there',
    desired: 'user',
    there: 'admin',
    recorded: added(),
    gives: { differs: ['g'] },
  },
  {
    title: 'does not try a role again that the proxy did not take',
    desired: 'admin',
    there: 'user',
    recorded: { ...added(), wanted: 'admin' },
    gives: { lesser: ['g'] },
  },
  {
    title: 'removes what it added and is no longer wanted',
    there: 'user',
    recorded: added(),
    gives: { removals: [{ entityId: 'g' }] },
  },
  {
    title: 'removes what it added although somebody gave it another role there',
    there: 'admin',
    recorded: added(),
    gives: { removals: [{ entityId: 'g' }] },
  },
  {
    title: 'removes what an open intent left there',
    there: 'user',
    recorded: adding,
    gives: { removals: [{ entityId: 'g' }] },
  },
  {
    title: 'forgets what is gone already',
    recorded: added(),
    gives: { forgotten: ['g'] },
  },
  {
    title: 'forgets what was found, and leaves it there',
    there: 'user',
    recorded: found,
    gives: { forgotten: ['g'] },
  },
  { title: 'leaves a membership of which nothing is recorded', there: 'user', gives: {} },
  {
    title: 'takes nothing away where our own row cannot be read',
    there: 'user',
    recorded: added(),
    isHeld: true,
    gives: {},
  },
];

describe('planMembershipSync', () => {
  it.each(cases)('$title', ({ desired, there, recorded, isHeld, gives }) => {
    const plan = planMembershipSync<'user' | 'admin'>({
      desired: new Map(desired === undefined ? [] : [['g', desired]]),
      held: new Set(isHeld === true ? ['g'] : []),
      actual: new Map([['g', there]]),
      recorded: new Map(recorded === undefined ? [] : [['g', recorded]]),
    });
    expect(plan).toEqual({ ...NOTHING, ...gives });
  });

  it('orders each list by id, whatever the order of what it is given', () => {
    const ids = ['c', 'a', 'b'];
    const plan = planMembershipSync<'user' | 'admin'>({
      desired: new Map(ids.map((id) => [id, 'user'])),
      held: new Set(),
      actual: new Map(),
      recorded: new Map(),
    });
    expect(plan.adds.map(({ entityId }) => entityId)).toEqual(['a', 'b', 'c']);
  });
});
