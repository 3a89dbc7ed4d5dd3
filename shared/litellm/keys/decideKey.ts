/** What to do with one recorded key, given what LiteLLM has of it now. Pure. */
import type { RestingKey } from '../../model/restingKeys.ts';
import type { LitellmKey } from '../../model/litellmPorts.ts';

/**
 * The user that owns parked keys, and that nobody is. A key acts with its owner's role, so this one has the lowest, and cannot sign in.
 */
export const PARKED_OWNER = 'entra-provisioning-parked';

/**
 * Where a recorded key is now.
 * - `gone`: LiteLLM does not have it.
 * - `home`: with its owner, in its team.
 * - `parked`: as this product leaves it, and blocked.
 * - `open`: likewise, but it answers.
 * - `half`: with its owner, in no team, and blocked: the first of the two calls that return it.
 * - `elsewhere`: with another owner, in another team, or with its owner, in no team and open.
 */
export type KeyPlace = 'gone' | 'home' | 'parked' | 'open' | 'half' | 'elsewhere';

/** Returns where the key is. `userId`: its owner. */
export function findPlace(
  userId: string,
  { teamId }: Pick<RestingKey, 'teamId'>,
  now: Pick<LitellmKey, 'userId' | 'teamId' | 'blocked'> | undefined,
): KeyPlace {
  if (now === undefined) return 'gone';
  if (now.userId === PARKED_OWNER && now.teamId === undefined) return now.blocked ? 'parked' : 'open';
  if (now.userId !== userId) return 'elsewhere';
  if (now.teamId === teamId) return 'home';
  return now.teamId === undefined && now.blocked ? 'half' : 'elsewhere';
}

/**
 * What the key is wanted to do.
 * - `rest`: its owner is no member of its team.
 * - `return`: its owner is a member again, in the store and in LiteLLM.
 * - `delete`: it is due, and everything that a deletion needs is there.
 */
export type KeyGoal = 'rest' | 'return' | 'delete';

/**
 * - `keep`: it is as it should be.
 * - `confirm`: it is parked, and the record does not say so yet.
 * - `park`, `delete`: one call.
 * - `return`: two calls. `finish`: only the second of them.
 * - `forget`: it is not ours any more.
 * - `forget returned`, `forget deleted`, `forget lost`: likewise, and it is counted.
 */
export type KeyDecision =
  | 'keep'
  | 'confirm'
  | 'park'
  | 'delete'
  | 'return'
  | 'finish'
  | 'forget'
  | 'forget returned'
  | 'forget deleted'
  | 'forget lost';

type State = RestingKey['state'];

/** What became of a key that LiteLLM no longer has. */
const GONE: Readonly<Record<State, KeyDecision>> = {
  // LiteLLM destroyed it with the membership before it could be parked.
  parking: 'forget lost',
  parked: 'forget',
  returning: 'forget',
  // The answer to the deletion was lost.
  deleting: 'forget deleted',
};

/** What resting asks for. Only a key that this product was about to move itself is moved from where its owner has it. */
const REST: Readonly<Record<Exclude<KeyPlace, 'gone' | 'elsewhere'>, Readonly<Record<State, KeyDecision>>>> =
  {
    parked: { parking: 'confirm', parked: 'keep', returning: 'confirm', deleting: 'confirm' },
    open: { parking: 'park', parked: 'park', returning: 'park', deleting: 'park' },
    half: { parking: 'forget', parked: 'forget', returning: 'park', deleting: 'forget' },
    home: { parking: 'park', parked: 'forget', returning: 'park', deleting: 'forget' },
  };

const RETURN: typeof REST = {
  parked: { parking: 'return', parked: 'return', returning: 'return', deleting: 'return' },
  open: { parking: 'return', parked: 'return', returning: 'return', deleting: 'return' },
  half: { parking: 'forget', parked: 'forget', returning: 'finish', deleting: 'forget' },
  // While it was to be parked it never left.
  home: { parking: 'forget', parked: 'forget', returning: 'forget returned', deleting: 'forget' },
};

/** Only a parked key is deleted. Anything else rests first, or is not ours. */
const DELETE: typeof REST = {
  ...REST,
  parked: { parking: 'delete', parked: 'delete', returning: 'delete', deleting: 'delete' },
};

const DECISIONS: Readonly<Record<KeyGoal, typeof REST>> = { rest: REST, return: RETURN, delete: DELETE };

/**
 * Decides what to do. A key that somebody gave another owner or team, or deleted, is not ours any more. A parked key that somebody
 * opened is parked again, unless it returns.
 */
export function decideKey(goal: KeyGoal, state: State, place: KeyPlace): KeyDecision {
  if (place === 'gone') return GONE[state];
  if (place === 'elsewhere') return 'forget';
  return DECISIONS[goal][place][state];
}
