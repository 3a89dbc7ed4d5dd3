import { describe, expect, it } from 'vitest';
import { listRestingKeys } from '../../shared/home/listRestingKeys.ts';
import type { Leaving, RestingKey } from '../../shared/model/restingKeys.ts';

const SINCE = '2026-11-23T09:00:00.000Z';
const UNTIL = '2026-11-30T09:00:00.000Z';

function key(hash: string, changes: Partial<RestingKey> = {}): readonly [string, RestingKey] {
  const was = { blocked: false, models: [] };
  const fields = { teamId: 'g1', state: 'parked' as const, name: `sk-...${hash}`, was, tries: 1 };
  return [hash, { hash, ...fields, parkedAt: SINCE, deleteAt: UNTIL, ...changes }];
}

const left = new Map<string, Leaving>([
  [
    'g1',
    { teamId: 'g1', reason: 'membership_ended', leftAt: SINCE, deleteAt: UNTIL, isOpen: false, lost: 0 },
  ],
]);

describe('the resting keys of a person', () => {
  it('say why and until when, in a stable order, and never show a hash', () => {
    const keys = new Map([
      key('bbbb', { alias: 'mine', teamAlias: 'Group' }),
      key('aaaa'),
      key('cccc', { teamId: 'g0' }),
    ]);
    expect(listRestingKeys({ keys, left, memberOf: new Set() })).toEqual([
      { name: 'sk-...cccc', team_id: 'g0', why: 'no_membership', since: SINCE, until: UNTIL },
      { name: 'sk-...aaaa', team_id: 'g1', why: 'left_team', since: SINCE, until: UNTIL },
      {
        name: 'sk-...bbbb',
        alias: 'mine',
        team_id: 'g1',
        team_alias: 'Group',
        why: 'left_team',
        since: SINCE,
        until: UNTIL,
      },
    ]);
  });

  it('have no date while their owner is in the team again', () => {
    const keys = new Map([key('aaaa'), key('bbbb', { refusedAt: SINCE })]);
    const listed = listRestingKeys({ keys, left, memberOf: new Set(['g1']) });
    expect(listed.map(({ why, until }) => [why, until])).toEqual([
      ['returning', undefined],
      ['refused', undefined],
    ]);
  });
});
