/** The teams that a person leaves in one sync, and earlier leavings that were interrupted. */
import type { Leaving } from '../../model/restingKeys.ts';
import type { LitellmMembershipPlan } from '../planLitellmMemberships.ts';
import { finishLeaving, parkBeforeRemoval, planLeaving } from './parkKeys.ts';
import type { PersonKeys } from './personKeys.ts';

type TeamPlan = LitellmMembershipPlan<string>;

export class TeamLeavings {
  /** What is to be recorded before the first call. */
  readonly intents: ReadonlyMap<string, Leaving>;
  /** What is to be recorded at the end. */
  readonly closed = new Map<string, Leaving>();
  readonly #keys: PersonKeys;
  readonly #plan: TeamPlan;

  constructor(keys: PersonKeys, plan: TeamPlan) {
    const { teams } = keys.person.recorded;
    this.#keys = keys;
    this.#plan = plan;
    // An administrator may have removed the person in LiteLLM. Before 1.80.6, the keys of the team still answer then.
    const gone = plan.forgotten.filter((teamId) => teams.get(teamId)?.state === 'added');
    this.intents = new Map(
      [...plan.removals.map(({ entityId }) => entityId), ...gone].map((teamId) => [
        teamId,
        planLeaving(keys, { teamId, reason: 'membership_ended' }, teams.get(teamId)),
      ]),
    );
  }

  /** Parks the person's keys of the team. Throws what holds the removal up. */
  async beforeRemoval(teamId: string): Promise<void> {
    const leaving = this.intents.get(teamId);
    if (leaving !== undefined) await parkBeforeRemoval(this.#keys, leaving);
  }

  /** Looks once more after the removal. */
  async afterRemoval(teamId: string): Promise<void> {
    const leaving = this.intents.get(teamId);
    if (leaving !== undefined) this.closed.set(teamId, await finishLeaving(this.#keys, leaving));
  }

  /**
   * Finishes leavings that a crash or an error interrupted. `memberOf`: teams that have the person as a member now. An error about one
   * team is kept.
   */
  async finishOthers(memberOf: ReadonlySet<string>): Promise<void> {
    const { left, person } = this.#keys;
    const removed = new Set(this.#plan.removals.map(({ entityId }) => entityId));
    for (const leaving of new Map([...left, ...this.intents]).values()) {
      if (!leaving.isOpen || removed.has(leaving.teamId)) continue;
      try {
        await this.#finishOther(leaving, memberOf);
      } catch (error) {
        person.errors.keep(error);
      }
    }
  }

  async #finishOther(leaving: Leaving, memberOf: ReadonlySet<string>): Promise<void> {
    const { teamId } = leaving;
    if (memberOf.has(teamId)) {
      this.closed.set(teamId, { ...leaving, isOpen: false });
    } else if (this.#plan.forgotten.includes(teamId)) {
      this.closed.set(teamId, await finishLeaving(this.#keys, leaving));
    } else if (!this.#isKnown(teamId)) {
      // An administrator may have made the person a member again. Then the keys are those of a member.
      const { userId, deps } = this.#keys;
      const team = await deps.litellm.findTeam(teamId);
      const isMember = team?.members.some((member) => member.userId === userId) ?? false;
      const closed = isMember ? { ...leaving, isOpen: false } : await finishLeaving(this.#keys, leaving);
      this.closed.set(teamId, closed);
    }
  }

  /** Whether the store or the record has a membership, perhaps one that cannot be read or written now. */
  #isKnown(teamId: string): boolean {
    const { stored, recorded } = this.#keys.person;
    const { rows, unreadable } = stored.teamRows;
    return (
      recorded.teams.has(teamId) ||
      rows.some(({ entityId }) => entityId === teamId) ||
      unreadable.some(({ id }) => id === teamId)
    );
  }
}
