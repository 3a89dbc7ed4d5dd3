import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { repairLitellm, type Repaired } from '../../shared/litellm/repairLitellm.ts';
import { parseSyncMessage } from '../../shared/queue/queueMessage.ts';
import { unreachable } from '../support/memoryLitellm.ts';
import {
  compareAll,
  compareDeps,
  createScenario,
  scenario,
  writesOf,
  type Scenario,
} from '../support/litellmEdits.ts';
import type { SyncWorld } from '../support/syncWorld.ts';

async function repair(on: SyncWorld): Promise<Repaired> {
  const { queue, clock, record } = on.deps;
  return repairLitellm({
    ...compareDeps(on),
    record,
    requests: { queue, clock, traceparent: () => undefined },
  });
}

function askedFor(on: SyncWorld): readonly string[] {
  return on.waiting.map(({ text }) => parseSyncMessage(text).subject).map(({ kind, id }) => `${kind} ${id}`);
}

const quiet: Scenario = {
  flag: true,
  carryTeams: false,
  hasLicence: false,
  first: [['g1', 'g2'], ['g2']],
  later: [['g1', 'g2'], ['g2']],
  before: [],
  between: [],
  inStore: [],
};

describe('the daily repair', () => {
  it('repairs any proxy at once, and the next repair requests nothing', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (drawn) => {
        const on = await createScenario(drawn);
        await repair(on);
        await on.drain();
        expect(writesOf(await compareAll(on))).toEqual([]);
        expect((await repair(on)).requested).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  it.each(['waiting', 'retrying'] as const)(
    'requests a sync of a person whose outcome is `%s` although its message is gone, which heals it',
    async (status) => {
      const on = await createScenario(quiet);
      const { clock, record } = on.deps;
      const outcomeOf = async (userId: string) => (await record.readPerson(userId)).outcome;
      const updatedAt = clock.now().toISOString();
      const lost = { status, reason: 'litellm_unreachable', attempts: 4, updatedAt, reported: [] };
      await record.recordPersonOutcome('p1', lost);
      on.world.clock.advance(25 * 3_600_000);
      expect((await repair(on)).requested).toBe(0);
      on.world.clock.advance(1);
      expect((await repair(on)).requested).toBe(1);
      expect(askedFor(on)).toEqual(['user p1']);
      await on.drain();
      expect((await outcomeOf('p1'))?.status).toBe('done');
      expect((await repair(on)).requested).toBe(0);
    },
  );

  it('writes nothing itself, and requests one sync for each subject that differs', async () => {
    const on = await createScenario({
      ...quiet,
      between: [
        { edit: 'deleteTeam', id: 'g2' },
        { edit: 'deleteUser', userId: 'p1' },
        { edit: 'budget', of: 'teams', id: 'g1' },
        { edit: 'addMember', of: 'teams', id: 'g1', userId: 'stranger' },
      ],
    });
    const before = on.world.tables.dump();
    await expect(repair(on)).resolves.toEqual({
      organizations: 3,
      teams: 3,
      people: 2,
      memberships: 6,
      otherOrganizations: 0,
      otherTeams: 0,
      toAdd: 4,
      toChange: 0,
      toRemove: 0,
      differing: 1,
      leftAlone: 1,
      requested: 3,
    });
    expect([...askedFor(on)].sort()).toEqual(['team g2', 'user p1', 'user p2']);
    expect(on.litellm.writes).toEqual([]);
    expect(on.world.tables.dump()).toEqual(before);
  });

  it('requests nothing because of what it could not read', async () => {
    const on = await createScenario({ ...quiet, between: [{ edit: 'deleteOrganization', id: 'g1' }] });
    on.litellm.faults = (_, { method }) =>
      method === 'readTeamPages' ? { when: 'before', error: unreachable() } : undefined;
    await expect(repair(on)).rejects.toMatchObject({ code: 'litellm_unreachable', retryable: true });
    // The organizations were read. Nothing is concluded about teams and people.
    expect([...askedFor(on)].sort()).toEqual(['organization g1', 'user p1']);
  });

  it('finds everyone who was provisioned before the proxy was connected', async () => {
    const on = await createScenario(quiet);
    const { organizations, teams, users } = on.litellm;
    for (const all of [organizations, teams, users]) all.clear();
    await repair(on);
    await on.drain();
    expect([...(teams.get('g2')?.members.keys() ?? [])].sort()).toEqual(['default_user_id', 'p1', 'p2']);
    expect([...users.keys()].sort()).toEqual(['p1', 'p2']);
  });
});
