import { describe, expect, it } from 'vitest';
import {
  planLitellmMemberships,
  type LitellmMembershipPlan,
} from '../../shared/litellm/planLitellmMemberships.ts';
import type { SyncedMembership } from '../../shared/model/synced.ts';

const since = '2026-11-23T09:00:00.000Z';
const added = (role = 'user'): SyncedMembership => ({ entityId: 'g', state: 'added', role, since });
const found: SyncedMembership = { entityId: 'g', state: 'found', role: 'user', since };
const adding: SyncedMembership = { entityId: 'g', state: 'adding', role: 'user' };

const removed: SyncedMembership = { entityId: 'g', state: 'removed', role: 'user', since };

const NOTHING: LitellmMembershipPlan<'user' | 'admin'> = {
  members: [],
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
  readonly actual?: string;
  readonly recorded?: SyncedMembership;
  readonly isWithheld?: true;
  readonly plan: Partial<LitellmMembershipPlan<'user' | 'admin'>>;
}

const cases: readonly Case[] = [
  { title: 'adds what is missing', desired: 'user', plan: { adds: [{ entityId: 'g', role: 'user' }] } },
  {
    title: 'adds again what was removed in LiteLLM',
    desired: 'user',
    recorded: added(),
    plan: { adds: [{ entityId: 'g', role: 'user' }] },
  },
  {
    title: 'records what LiteLLM already had as found',
    desired: 'user',
    actual: 'admin',
    plan: { recordings: [{ entityId: 'g', state: 'found', role: 'admin' }] },
  },
  {
    title: 'leaves what was found, with any role',
    desired: 'admin',
    actual: 'user',
    recorded: found,
    plan: {},
  },
  { title: 'leaves what is right', desired: 'user', actual: 'user', recorded: added(), plan: {} },
  {
    title: 'records an open intent that LiteLLM has as added',
    desired: 'user',
    actual: 'user',
    recorded: adding,
    plan: { recordings: [{ ...adding, state: 'added' }] },
  },
  {
    title: 'changes a role that is still the one that was written',
    desired: 'admin',
    actual: 'user',
    recorded: added(),
    plan: { roleChanges: [{ entityId: 'g', role: 'admin' }] },
  },
  {
    title: 'leaves a role that was changed in LiteLLM',
    desired: 'user',
    actual: 'admin',
    recorded: added(),
    plan: { differs: ['g'] },
  },
  {
    title: 'does not try a role again that LiteLLM refused',
    desired: 'admin',
    actual: 'user',
    recorded: { ...added(), wanted: 'admin' },
    plan: { lesser: ['g'] },
  },
  {
    title: 'removes what it added and is no longer wanted',
    actual: 'user',
    recorded: added(),
    plan: { removals: [{ entityId: 'g' }] },
  },
  {
    title: 'removes what it added also if its role was changed in LiteLLM',
    actual: 'admin',
    recorded: added(),
    plan: { removals: [{ entityId: 'g' }] },
  },
  {
    title: 'removes what an open intent left in LiteLLM',
    actual: 'user',
    recorded: adding,
    plan: { removals: [{ entityId: 'g' }] },
  },
  {
    title: 'removes again what LiteLLM still has after a removal',
    actual: 'user',
    recorded: removed,
    plan: { removals: [{ entityId: 'g' }] },
  },
  {
    title: 'forgets a removal that a later look confirms',
    recorded: removed,
    plan: { forgotten: ['g'] },
  },
  {
    title: 'adds again what was removed, if it is desired again',
    desired: 'user',
    recorded: removed,
    plan: { adds: [{ entityId: 'g', role: 'user' }] },
  },
  {
    title: 'counts what LiteLLM still has after a removal as ours, if it is desired again',
    desired: 'user',
    actual: 'user',
    recorded: removed,
    plan: { recordings: [{ ...removed, state: 'added' }] },
  },
  {
    title: 'forgets what is gone already',
    recorded: added(),
    plan: { forgotten: ['g'] },
  },
  {
    title: 'forgets what was found, and leaves it in LiteLLM',
    actual: 'user',
    recorded: found,
    plan: { forgotten: ['g'] },
  },
  { title: 'leaves a membership without a record', actual: 'user', plan: {} },
  {
    title: 'removes nothing that is withheld',
    actual: 'user',
    recorded: added(),
    isWithheld: true,
    plan: {},
  },
];

describe('planLitellmMemberships', () => {
  it.each(cases)('$title', ({ desired, actual, recorded, isWithheld, plan: expected }) => {
    const plan = planLitellmMemberships<'user' | 'admin'>({
      desired: new Map(desired === undefined ? [] : [['g', desired]]),
      withheld: new Set(isWithheld === true ? ['g'] : []),
      actual: new Map([['g', actual]]),
      recorded: new Map(recorded === undefined ? [] : [['g', recorded]]),
    });
    const isMember = desired !== undefined && actual !== undefined;
    expect(plan).toEqual({ ...NOTHING, members: isMember ? ['g'] : [], ...expected });
  });

  it('orders each list by id, for any order of its input', () => {
    const ids = ['c', 'a', 'b'];
    const plan = planLitellmMemberships<'user' | 'admin'>({
      desired: new Map(ids.map((id) => [id, 'user'])),
      withheld: new Set(),
      actual: new Map(),
      recorded: new Map(),
    });
    expect(plan.adds.map(({ entityId }) => entityId)).toEqual(['a', 'b', 'c']);
  });
});
