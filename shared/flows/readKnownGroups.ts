import { createHash } from 'node:crypto';
import type { KnownGroup } from '../domain/assignedGroups.ts';
import type { Observation } from '../domain/observation.ts';
import type { Rules } from '../domain/rules.ts';
import type { ErrorCode } from '../errors.ts';
import { AppError } from '../errors.ts';
import type { Store } from '../storePorts.ts';
import type { GroupKnowledge } from './groupKnowledge.ts';
import { readGroupPresence } from './readGroupPresence.ts';

export interface KnownGroups {
  /** `undefined`: nothing is known, which is not the same as no groups: the message waits. */
  readonly groups: readonly KnownGroup[] | undefined;
  /** Version of the accepted list, or of what exists where no service principal is configured: part of the digest. */
  readonly version: string | undefined;
  /** Why a message has to wait, should it have to. */
  readonly reason: ErrorCode;
}

export interface KnownGroupsDeps {
  readonly store: Pick<Store, 'entities'>;
  readonly knowledge: GroupKnowledge;
  readonly rules: Rules;
}

function presenceVersion(groups: readonly KnownGroup[]): string {
  const presences = groups.map(({ id, team, organization }) => `${id} ${team} ${organization}`).sort();
  return createHash('sha256').update(JSON.stringify(presences)).digest('hex').slice(0, 16);
}

/** Failures outside the message: it waits for them instead of failing (docs/domain.md, "Waiting is not failing"). */
const DIRECTORY_FAILURES: ReadonlySet<ErrorCode> = new Set([
  'directory_unreachable',
  'directory_permission_missing',
  'directory_answer_invalid',
  'credential_refused',
  'microsoft_unreachable',
]);

/**
 * Gives the groups against which an observation is counted. An accepted list that does not have one of the person's
 * groups is refreshed first, at most once a minute over all instances; if that fails, the old one still holds.
 */
export async function readKnownGroups(deps: KnownGroupsDeps, observation: Observation): Promise<KnownGroups> {
  if (!deps.rules.assignedGroupsAreKnown) {
    const groups = await readGroupPresence(deps.store, observation.group_ids, deps.rules);
    // What exists decides here, so it takes the place of the accepted list's version in the digest.
    return { groups, version: presenceVersion(groups), reason: 'groups_not_yet_known' };
  }
  const current = await deps.knowledge.current();
  if (current !== undefined) {
    const ids = new Set(current.groups.map((group) => group.id));
    const bringsUnknown = observation.group_ids.some((id) => !ids.has(id));
    // Most of what `memberOf` gives is not assigned; a list read after the observation already says so.
    const mayBeNews =
      observation.groups_source === 'claim' ||
      Date.parse(current.checkedAt) < Date.parse(observation.observed_at);
    if (!bringsUnknown || !mayBeNews) {
      return { groups: current.groups, version: current.version, reason: 'groups_not_yet_known' };
    }
  }
  try {
    const list = (await deps.knowledge.refreshed()) ?? current;
    return {
      groups: list?.groups,
      version: list?.version,
      reason: list === undefined ? 'assigned_groups_unknown' : 'groups_not_yet_known',
    };
  } catch (error) {
    if (!(error instanceof AppError) || !DIRECTORY_FAILURES.has(error.code)) throw error;
    return { groups: current?.groups, version: current?.version, reason: error.code };
  }
}
