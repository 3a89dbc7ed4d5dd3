/** Withholds removals that rest on a claim until the accepted list was read after it (docs/decisions/0013-late-runs-leave-nothing-behind.md). */
import { type KnownGroups, recheckGroups } from '../groups/groupKnowledge.ts';
import { groupsById } from '../model/assignedGroups.ts';
import type { UserRecord } from '../model/userRecord.ts';
import type { Partitions } from './applyMemberships.ts';
import { type CountedGroups, countGroups, desiredState } from './desiredState.ts';
import { claimPatch, runDigest } from './personRow.ts';
import type { Run } from './provisionRun.ts';

/** Creates the run of one round. */
export function createRun(
  parts: Pick<Run, 'deps' | 'message' | 'observation' | 'delivery' | 'isClosed'>,
  { version }: KnownGroups,
): Run {
  const { deps, observation } = parts;
  const digest = runDigest(observation, deps.rules, version);
  return { ...parts, digest, listVersion: version, now: deps.clock.now() };
}

/** What a run has read, and the groups that it decides by. */
export interface Decided {
  readonly run: Run;
  readonly known: KnownGroups;
  readonly groups: CountedGroups;
  readonly record: UserRecord | undefined;
  readonly partitions: Partitions;
}

/**
 * Reads the accepted list again where a removal rests on a claim that lacks one of its groups, and the list is older than the
 * observation: Entra leaves a group out of a claim as soon as it isn't assigned any more, and that may be a mistake. While the list
 * isn't newer, such groups are `unchecked`. Sends no request otherwise.
 */
export async function checkRemovals(decided: Decided, startedAtMs: number): Promise<Decided> {
  const { run, known } = decided;
  const unchecked = findUncheckedGroups(decided);
  if (unchecked.length === 0) return { ...decided, groups: onlyGranted(decided) };
  const checked = await recheckGroups(run.deps, run.observation, { known, startedAtMs });
  const { groups: accepted = [], lostIds } = checked;
  const now = {
    ...decided,
    run: createRun(run, checked),
    known: checked,
    groups: countGroups(run.observation, accepted, lostIds),
  };
  return { ...now, groups: { ...onlyGranted(now), unchecked: findUncheckedGroups(now) } };
}

/** A lost group that the person never had explains nothing that they have. */
function onlyGranted({ groups, partitions }: Decided): CountedGroups {
  const granted = new Set(idsGrantedByEntra(partitions));
  return { ...groups, braked: groups.braked.filter((id) => granted.has(id)) };
}

function idsGrantedByEntra({ teams, organizations }: Partitions): readonly string[] {
  const rows = [...teams.rows, ...organizations.rows];
  return rows.filter(({ grantSource }) => grantSource === 'entra').map(({ entityId }) => entityId);
}

/** Returns the groups because of which the run would remove a membership or lower the role, although nothing says yet that they were left. */
function findUncheckedGroups(decided: Decided): readonly string[] {
  const { run, known, groups, record, partitions } = decided;
  const { observation } = run;
  const { rules } = run.deps;
  if (known.wasLookedUp || observation.groups_source !== 'claim' || known.groups === undefined) return [];
  const accepted = groupsById(known.groups);
  const [has, isBraked] = [new Set(observation.group_ids), new Set(groups.braked)];
  const lacking = [...new Set(idsGrantedByEntra(partitions))]
    .filter((id) => accepted.has(id) && !has.has(id) && !isBraked.has(id))
    .sort();
  if (rules.membershipSyncMode === 'full' || lacking.length === 0) return lacking;
  // Nothing is removed, but a role may be lowered.
  const roleWith = (unchecked: readonly string[]): string | undefined =>
    claimPatch(record, desiredState(observation, { ...groups, unchecked }, rules)).user_role;
  const mapped = lacking.filter((id) => rules.roleMappings.has(id));
  return roleWith([]) === roleWith(mapped) ? [] : mapped;
}
