import { describe, expect, it } from 'vitest';
import {
  decideKey,
  findPlace,
  type KeyGoal,
  type KeyPlace,
  PARKED_OWNER,
} from '../../../shared/litellm/keys/decideKey.ts';
import type { RestingKey } from '../../../shared/model/restingKeys.ts';

const STATES: readonly RestingKey['state'][] = ['parking', 'parked', 'returning', 'deleting'];
const PLACES: readonly KeyPlace[] = ['gone', 'elsewhere', 'half', 'home', 'open', 'parked'];

/** Every combination: rows are places, columns the recorded states in the order of {@link STATES}. */
const TABLE: Readonly<Record<KeyGoal, Readonly<Record<KeyPlace, readonly string[]>>>> = {
  rest: {
    gone: ['forget lost', 'forget', 'forget', 'forget deleted'],
    elsewhere: ['forget', 'forget', 'forget', 'forget'],
    half: ['forget', 'forget', 'park', 'forget'],
    home: ['park', 'forget', 'park', 'forget'],
    open: ['park', 'park', 'park', 'park'],
    parked: ['confirm', 'keep', 'confirm', 'confirm'],
  },
  return: {
    gone: ['forget lost', 'forget', 'forget', 'forget deleted'],
    elsewhere: ['forget', 'forget', 'forget', 'forget'],
    half: ['forget', 'forget', 'finish', 'forget'],
    home: ['forget', 'forget', 'forget returned', 'forget'],
    open: ['return', 'return', 'return', 'return'],
    parked: ['return', 'return', 'return', 'return'],
  },
  delete: {
    gone: ['forget lost', 'forget', 'forget', 'forget deleted'],
    elsewhere: ['forget', 'forget', 'forget', 'forget'],
    half: ['forget', 'forget', 'park', 'forget'],
    home: ['park', 'forget', 'park', 'forget'],
    open: ['park', 'park', 'park', 'park'],
    parked: ['delete', 'delete', 'delete', 'delete'],
  },
};
const GOALS: readonly KeyGoal[] = ['rest', 'return', 'delete'];

describe('what to do with a recorded key', () => {
  const combinations = GOALS.flatMap((goal) =>
    PLACES.flatMap((place) => STATES.map((state, column) => ({ goal, place, state, column }))),
  );

  it.each(combinations)('$goal: recorded as $state, now $place', ({ goal, place, state, column }) => {
    expect(decideKey(goal, state, place)).toBe(TABLE[goal][place][column]);
  });

  it('never deletes a key that is not parked, and never returns one that its owner or a stranger has', () => {
    const places = (wanted: string): readonly string[] => [
      ...new Set(
        combinations
          .filter(({ goal, place, state }) => decideKey(goal, state, place) === wanted)
          .map(({ goal, place }) => `${goal} ${place}`),
      ),
    ];
    expect(places('delete')).toEqual(['delete parked']);
    expect(places('return')).toEqual(['return open', 'return parked']);
  });
});

describe('where a key is', () => {
  const owners = ['ann', PARKED_OWNER, 'bob', undefined];
  const teams = ['team', 'other', undefined];
  const all = owners.flatMap((userId) =>
    teams.flatMap((teamId) => [true, false].map((blocked) => ({ userId, teamId, blocked }))),
  );
  const expected = ({ userId, teamId, blocked }: (typeof all)[number]): KeyPlace => {
    if (userId === PARKED_OWNER) return teamId === undefined ? (blocked ? 'parked' : 'open') : 'elsewhere';
    if (userId !== 'ann') return 'elsewhere';
    if (teamId === 'team') return 'home';
    return teamId === undefined && blocked ? 'half' : 'elsewhere';
  };

  it.each(all)('owner $userId, team $teamId, blocked $blocked', (key) => {
    const { userId, teamId, blocked } = key;
    const now = {
      blocked,
      ...(userId === undefined ? {} : { userId }),
      ...(teamId === undefined ? {} : { teamId }),
    };
    expect(findPlace('ann', { teamId: 'team' }, now)).toBe(expected(key));
  });

  it('is nowhere if LiteLLM does not have it', () => {
    expect(findPlace('ann', { teamId: 'team' }, undefined)).toBe('gone');
  });
});
