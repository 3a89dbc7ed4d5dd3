/** The person's keys that rest. Pure. */
import type { RestingKeyAccess } from '../model/access.ts';
import type { Leaving, RestingKey } from '../model/restingKeys.ts';

export interface RestingKeysInput {
  readonly keys: ReadonlyMap<string, RestingKey>;
  readonly left: ReadonlyMap<string, Leaving>;
  /** The teams of which the store says that the person is a member, or cannot say. */
  readonly memberOf: ReadonlySet<string>;
}

function whyOf(key: RestingKey, { left, memberOf }: RestingKeysInput): RestingKeyAccess['why'] {
  if (memberOf.has(key.teamId)) return key.refusedAt === undefined ? 'returning' : 'refused';
  return left.get(key.teamId)?.reason === 'membership_ended' ? 'left_team' : 'no_membership';
}

/**
 * Returns the keys by team, then name. They come from our record, because LiteLLM lists them under another owner meanwhile. A key that
 * returns, or that LiteLLM refuses to give back, has no date: it is not deleted while its owner is in the team.
 */
export function listRestingKeys(input: RestingKeysInput): readonly RestingKeyAccess[] {
  return [...input.keys.values()]
    .map((key): RestingKeyAccess => {
      const { teamId, teamAlias, name, alias, parkedAt, deleteAt } = key;
      const why = whyOf(key, input);
      return {
        name,
        ...(alias === undefined ? {} : { alias }),
        team_id: teamId,
        ...(teamAlias === undefined ? {} : { team_alias: teamAlias }),
        why,
        since: parkedAt,
        ...(why === 'returning' || why === 'refused' ? {} : { until: deleteAt }),
      };
    })
    .sort((a, b) => (`${a.team_id} ${a.name}` < `${b.team_id} ${b.name}` ? -1 : 1));
}
