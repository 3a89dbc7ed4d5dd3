/** From any state of LiteLLM and the store, one sync of everything makes them equal, and a second one writes nothing. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SyncSubject } from '../../shared/model/synced.ts';
import { sync } from '../../shared/litellm/sync.ts';
import { type MemoryLitellm, unreachable } from '../support/memoryLitellm.ts';
import { message, sampleRules } from '../support/world.ts';
import { createSyncWorld, type SyncWorld } from '../support/syncWorld.ts';

const GROUPS = ['g1', 'g2', 'g3'];
const PEOPLE = ['p1', 'p2'];

interface Scenario {
  readonly flag: boolean;
  readonly carryTeams: boolean;
  /** Each person's groups: the first ones are synced, the next ones not yet. */
  readonly first: readonly (readonly string[])[];
  readonly next: readonly (readonly string[])[];
  /** Manual edits in LiteLLM before the first sync, and between the two. */
  readonly before: readonly HandEdit[];
  readonly between: readonly HandEdit[];
}

type HandEdit =
  | { readonly edit: 'makeTeam' | 'makeOrganization'; readonly id: string }
  | { readonly edit: 'addMember' | 'removeMember'; readonly id: string; readonly userId: string }
  | { readonly edit: 'budget' | 'models'; readonly id: string };

const groupId = fc.constantFrom(...GROUPS);
const userId = fc.constantFrom(...PEOPLE, 'stranger');
const handEdit: fc.Arbitrary<HandEdit> = fc.oneof(
  fc.record({ edit: fc.constantFrom('makeTeam' as const, 'makeOrganization' as const), id: groupId }),
  fc.record({ edit: fc.constantFrom('addMember' as const, 'removeMember' as const), id: groupId, userId }),
  fc.record({ edit: fc.constantFrom('budget' as const, 'models' as const), id: groupId }),
);
const memberships = fc.tuple(...PEOPLE.map(() => fc.subarray(GROUPS)));
const scenario: fc.Arbitrary<Scenario> = fc.record({
  flag: fc.boolean(),
  carryTeams: fc.boolean(),
  first: memberships,
  next: memberships,
  before: fc.array(handEdit, { maxLength: 4 }),
  between: fc.array(handEdit, { maxLength: 6 }),
});

function applyHandEdit(litellm: MemoryLitellm, edit: HandEdit): void {
  const { teams, organizations } = litellm;
  const team = teams.get(edit.id);
  const organization = organizations.get(edit.id);
  if (edit.edit === 'makeTeam' && team === undefined) {
    teams.set(edit.id, { values: { team_alias: 'By hand', models: ['hand'] }, members: new Map() });
  } else if (edit.edit === 'makeOrganization' && organization === undefined) {
    const values = { organization_alias: 'By hand', models: ['hand'] };
    organizations.set(edit.id, { values, members: new Map() });
  } else if (edit.edit === 'addMember' && team !== undefined && !team.members.has(edit.userId)) {
    team.members = new Map([...team.members, [edit.userId, 'admin']]);
  } else if (edit.edit === 'removeMember' && team !== undefined) {
    team.members = new Map([...team.members].filter(([member]) => member !== edit.userId));
  } else if (edit.edit === 'budget' && organization !== undefined) {
    organization.values = { ...organization.values, max_budget: 5 };
  } else if (edit.edit === 'models' && team !== undefined) {
    team.values = { ...team.values, models: ['hand'] };
  }
}

/** Returns everything that LiteLLM has, in a comparable form. */
function snapshot(litellm: MemoryLitellm): unknown {
  const entities = (
    map: ReadonlyMap<string, { values: unknown; members: ReadonlyMap<string, string> }>,
  ): unknown =>
    [...map]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([id, { values, members }]) => [id, values, [...members].sort(([a], [b]) => (a < b ? -1 : 1))]);
  return {
    organizations: entities(litellm.organizations),
    teams: entities(litellm.teams),
    users: [...litellm.users].sort(([a], [b]) => (a < b ? -1 : 1)),
  };
}

/** Returns the recorded state of each membership: added by this product, or found. */
async function readRecords(on: SyncWorld): Promise<unknown> {
  const records = await Promise.all(PEOPLE.map(async (id) => on.deps.record.readPerson(id)));
  return records.map(({ organizations, teams, user }) =>
    [organizations, teams].map((map) => [
      user?.written,
      ...[...map.values()].map(({ entityId, state, role }) => `${entityId} ${state} ${role}`),
    ]),
  );
}

async function createScenario({
  flag,
  carryTeams,
  first,
  next,
  before,
  between,
}: Scenario): Promise<SyncWorld> {
  const on = createSyncWorld({
    rules: sampleRules({ groupsAlsoCreateOrgs: flag }),
    assigned: GROUPS.map((id) => ({ id, displayName: `Group ${id}` })),
    litellm: { organizationsCarryTeams: carryTeams },
  });
  await on.refresh();
  for (const edit of before) applyHandEdit(on.litellm, edit);
  for (const [index, id] of PEOPLE.entries()) {
    await on.provision(message({ userId: id, email: `${id}@company.com`, groups: first[index] ?? [] }));
  }
  await on.drain();
  for (const edit of between) applyHandEdit(on.litellm, edit);
  for (const [index, id] of PEOPLE.entries()) {
    const groups = next[index] ?? [];
    await on.provision(message({ userId: id, email: `${id}@company.com`, groups, second: 60 }));
  }
  on.waiting.length = 0;
  return on;
}

const SUBJECTS: readonly SyncSubject[] = [
  ...GROUPS.map((id) => ({ kind: 'team' as const, id })),
  ...PEOPLE.map((id) => ({ kind: 'user' as const, id })),
];

async function syncAll(on: SyncWorld): Promise<void> {
  for (const subject of SUBJECTS) await sync(on.deps, { version: 1, subject }, { attempt: 1 });
}

const numRuns = 60;

describe('a sync of everything', () => {
  it('adds the stored memberships of everyone, and a second sync writes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (drawn) => {
        const on = await createScenario(drawn);
        await syncAll(on);
        for (const [index, id] of PEOPLE.entries()) {
          for (const group of drawn.next[index] ?? []) {
            expect(on.litellm.teams.get(group)?.members.has(id)).toBe(true);
            const isInOrganization = on.litellm.organizations.get(group)?.members.has(id) ?? false;
            expect(isInOrganization || !drawn.flag).toBe(true);
          }
        }
        on.litellm.calls.length = 0;
        await syncAll(on);
        expect(on.litellm.writes).toEqual([]);
        expect(on.litellm.stowaways).toEqual([]);
      }),
      { numRuns },
    );
  });

  it('leaves what was created or changed in LiteLLM', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (drawn) => {
        const on = await createScenario(drawn);
        const strangers = [...on.litellm.teams].filter(([, { members }]) => members.has('stranger'));
        const budgets = [...on.litellm.organizations].map(
          ([id, { values }]) => [id, values.max_budget] as const,
        );
        const byHand = [...on.litellm.teams].filter(([, { values }]) => values.models.includes('hand'));
        await syncAll(on);
        for (const [id] of strangers) expect(on.litellm.teams.get(id)?.members.get('stranger')).toBe('admin');
        for (const [id, budget] of budgets)
          expect(on.litellm.organizations.get(id)?.values.max_budget).toBe(budget);
        for (const [id] of byHand) expect(on.litellm.teams.get(id)?.values.models).toEqual(['hand']);
      }),
      { numRuns },
    );
  });

  it('removes only memberships that this product added', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (drawn) => {
        const on = await createScenario(drawn);
        const ours = new Map<string, ReadonlySet<string>>();
        for (const id of PEOPLE) {
          const { teams } = await on.deps.record.readPerson(id);
          ours.set(
            id,
            new Set(
              [...teams.values()].filter(({ state }) => state !== 'found').map(({ entityId }) => entityId),
            ),
          );
        }
        await syncAll(on);
        const removed = on.litellm.calls.filter(({ method }) => method === 'removeTeamMember');
        for (const { ids } of removed) {
          const [team = '', person = ''] = ids;
          expect(ours.get(person)?.has(team)).toBe(true);
        }
      }),
      { numRuns },
    );
  });

  it('ends the same after an interruption at any call, before or after it took effect', async () => {
    await fc.assert(
      fc.asyncProperty(
        scenario,
        fc.constantFrom('before' as const, 'after' as const),
        fc.nat(2),
        async (drawn, when, offset) => {
          const undisturbed = await createScenario(drawn);
          undisturbed.litellm.calls.length = 0;
          await syncAll(undisturbed);
          const count = undisturbed.litellm.calls.length;
          // Only a later look finishes a removal.
          await syncAll(undisturbed);
          const wanted = snapshot(undisturbed.litellm);
          const wantedRecords = await readRecords(undisturbed);
          for (let number = 1 + offset; number <= count; number += 3) {
            const on = await createScenario(drawn);
            on.litellm.calls.length = 0;
            let isOver = false;
            on.litellm.faults = (calls, call) => {
              if (calls !== number || isOver) return undefined;
              isOver = true;
              return { when, error: unreachable(call.isWrite) };
            };
            await syncAll(on);
            on.litellm.faults = () => undefined;
            // After a write without an answer the lease runs out, and then the write can no longer take effect.
            on.world.clock.advance(120_000);
            await syncAll(on);
            await syncAll(on);
            expect(snapshot(on.litellm)).toEqual(wanted);
            expect(await readRecords(on)).toEqual(wantedRecords);
          }
        },
      ),
      { numRuns: 15 },
    );
  });
});
