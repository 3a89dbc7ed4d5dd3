/** Groups get what they lack, and what exists stays as it is, whoever wrote it and whenever. */
import { describe, expect, it } from 'vitest';
import { entityPartition } from '../../shared/storage/entityStore.ts';
import type { Tables } from '../../shared/model/tables.ts';
import type { AssignedGroup } from '../../shared/model/assignedGroups.ts';
import type { Rules } from '../../shared/model/rules.ts';
import type { Ensured } from '../../shared/groups/ensureEntities.ts';
import { ensureEntities } from '../../shared/groups/ensureEntities.ts';
import {
  breakingStore,
  deleteRow,
  editRow,
  findRow,
  organizationRow,
  requestsOf,
  tally,
  teamRow,
} from '../support/handEdits.ts';
import type { Actor, CrashPoint } from '../support/interleaving.ts';
import { interleave, type Interleaved, tryEverySchedule } from '../support/interleaving.ts';
import type { StoreOperation } from '../support/memoryTables.ts';
import type { World } from '../support/world.ts';
import { createWorld, sampleRules } from '../support/world.ts';

const COPY = sampleRules({ orgTeamBudget: 'copy' });
const BY_HAND = { max_budget: 10, models: '["claude"]' };
const ORGANIZATIONS = 'LiteLLMOrganizationTable';
const TEAMS = 'LiteLLMTeamTable';

function groups(count: number): readonly AssignedGroup[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `group-${index}`,
    displayName: `Group ${index}`,
  }));
}

/** Returns so many groups whose rows share a partition. */
function neighbours(count: number): readonly AssignedGroup[] {
  return groups(count * 40)
    .filter(({ id }) => entityPartition(id) === 'p0')
    .slice(0, count);
}

async function ensure(
  world: World,
  some: readonly AssignedGroup[],
  { degradeOnFailure = false, tables = world.tables }: { degradeOnFailure?: boolean; tables?: Tables } = {},
): Promise<Ensured> {
  return ensureEntities(world.worker(tables), some, { degradeOnFailure });
}

function presences({ groups: ensured }: Ensured): readonly string[] {
  return ensured.map(({ id, team, organization }) => `${id} ${team} ${organization}`);
}

function allPresent(some: readonly AssignedGroup[]): readonly string[] {
  return some.map(({ id }) => `${id} present present`);
}

/** Returns the two groups of a test, which share a partition. */
function twoNeighbours(): readonly [AssignedGroup, AssignedGroup] {
  const [one, other] = neighbours(2);
  if (one === undefined || other === undefined) throw new Error('two groups');
  return [one, other];
}

function isWriteOf(id: string) {
  return (operation: StoreOperation): boolean =>
    operation.table === ORGANIZATIONS &&
    ((operation.kind === 'write' && operation.write.key.rowKey === id) ||
      (operation.kind === 'transact' && operation.writes.some(({ key }) => key.rowKey === id)));
}

describe('groups that have nothing yet', () => {
  it.each([1, 10, 100, 1000])(
    'cost a read and a transaction for each partition and table: %i groups',
    async (count) => {
      const world = createWorld();
      const some = groups(count);
      const partitions = new Set(some.map(({ id }) => entityPartition(id))).size;
      const requests = await requestsOf(world.tables, async () => ensure(world, some));
      expect(requests).toHaveLength(2 * 2 * partitions);
      const { [ORGANIZATIONS]: organizations, [TEAMS]: teams } = world.tables.dump();
      expect([organizations?.length, teams?.length]).toEqual([count, count]);
    },
  );

  it('get only teams with the flag off', async () => {
    const world = createWorld({ rules: sampleRules({ groupsAlsoCreateOrgs: false }) });
    const requests = await requestsOf(world.tables, async () => ensure(world, groups(1)));
    expect(tally(requests)).toEqual({ [`readPage ${TEAMS}`]: 1, [`write ${TEAMS}`]: 1 });
  });

  it('get their organizations before their teams', async () => {
    const world = createWorld();
    const requests = await requestsOf(world.tables, async () => ensure(world, groups(100)));
    const written = requests.filter(({ kind }) => kind === 'transact').map(({ table }) => table);
    expect(written).toEqual(written.toSorted());
  });
});

describe('groups that have everything', () => {
  it('stay as they are, and cost a read for each partition and table', async () => {
    const world = createWorld();
    const some = groups(100);
    await ensure(world, some);
    await editRow(world.tables, teamRow('group-7'), { team_alias: 'Renamed' });
    const before = world.tables.dump();
    const requests = await requestsOf(world.tables, async () => {
      expect(presences(await ensure(world, some))).toEqual(allPresent(some));
    });
    expect(world.tables.dump()).toEqual(before);
    expect(requests).toHaveLength(2 * 16);
  });

  it('cost no transaction more among others that lack something', async () => {
    const world = createWorld();
    const some = neighbours(100);
    const [mine] = some;
    await editRow(world.tables, organizationRow(mine?.id ?? ''), BY_HAND);
    const requests = await requestsOf(world.tables, async () => {
      expect(presences(await ensure(world, some))).toEqual(allPresent(some));
    });
    expect(tally(requests)).toEqual({
      [`readPage ${ORGANIZATIONS}`]: 1,
      [`readPage ${TEAMS}`]: 1,
      [`transact ${ORGANIZATIONS}`]: 1,
      [`transact ${TEAMS}`]: 1,
    });
    expect(await findRow(world.tables, organizationRow(mine?.id ?? ''))).toEqual(BY_HAND);
  });
});

describe('an organization that was created by hand', () => {
  it.each<{ rules: Rules; limits: object }>([
    { rules: COPY, limits: { max_budget: 10 } },
    { rules: sampleRules(), limits: {} },
  ])(
    'keeps its values, and its new team with $rules.orgTeamBudget has $limits',
    async ({ rules, limits }) => {
      const world = createWorld({ rules });
      const [mine, other] = twoNeighbours();
      await editRow(world.tables, organizationRow(mine.id), BY_HAND);
      await ensure(world, [mine, other]);
      expect(await findRow(world.tables, organizationRow(mine.id))).toEqual(BY_HAND);
      const team = await findRow(world.tables, teamRow(mine.id));
      expect(team).toMatchObject({ organization_id: mine.id, ...limits });
      expect(team?.['max_budget']).toBe(rules === COPY ? 10 : undefined);
      expect(await findRow(world.tables, organizationRow(other.id))).toMatchObject({ max_budget: 1000 });
    },
  );

  it('keeps its values and limits the team, whenever it comes in between', async () => {
    const [mine, other] = twoNeighbours();
    const ends = new Set<unknown>();
    for (let at = 0; at < 20; at += 1) {
      const world = createWorld({ rules: COPY });
      let request = 0;
      const racing = world.tables.view(async ({ phase }) => {
        if (phase !== 'before' || request++ !== at) return;
        const { table, key } = organizationRow(mine.id);
        await world.tables.write(table, { kind: 'create', key, properties: BY_HAND });
      });
      expect(presences(await ensure(world, [mine, other], { tables: racing }))).toEqual(
        allPresent([mine, other]),
      );
      const organization = await findRow(world.tables, organizationRow(mine.id));
      const team = await findRow(world.tables, teamRow(mine.id));
      expect(team?.['max_budget'], `at request ${at}`).toBe(organization?.['max_budget']);
      ends.add(organization?.['max_budget']);
      if (request <= at) break;
    }
    expect([...ends]).toEqual([10, 1000]);
  });

  it.each([
    { rules: sampleRules(), team: 'present' },
    { rules: COPY, team: 'absent' },
  ])('and cannot be read stays so; with $rules.orgTeamBudget its team is $team', async ({ rules, team }) => {
    const world = createWorld({ rules });
    const [mine, other] = twoNeighbours();
    await editRow(world.tables, organizationRow(mine.id), { max_budget: 'much' });
    const ensured = await ensure(world, [mine, other]);
    expect(ensured.groups).toMatchObject([
      { team, organization: 'unreadable', unreadableOrganization: `${ORGANIZATIONS}: max_budget` },
      { team: 'present', organization: 'present' },
    ]);
    expect(ensured.unreadable).toEqual([{ id: mine.id, table: ORGANIZATIONS, columns: ['max_budget'] }]);
    expect(await findRow(world.tables, organizationRow(mine.id))).toEqual({ max_budget: 'much' });
  });
});

describe('a team that exists already', () => {
  it('and is standalone stays so, and its organization is created', async () => {
    const world = createWorld();
    const [mine, other] = twoNeighbours();
    await editRow(world.tables, teamRow(mine.id), { models: '["mine"]' });
    expect(presences(await ensure(world, [mine, other]))).toEqual(allPresent([mine, other]));
    expect(await findRow(world.tables, teamRow(mine.id))).toEqual({ models: '["mine"]' });
    expect(await findRow(world.tables, organizationRow(mine.id))).toBeDefined();
  });

  it('and cannot be read is named and stays', async () => {
    const world = createWorld();
    const [mine, other] = twoNeighbours();
    await editRow(world.tables, teamRow(mine.id), { tpm_limit: -1 });
    expect((await ensure(world, [mine, other])).groups).toMatchObject([
      { team: 'unreadable', organization: 'present', unreadableTeam: `${TEAMS}: tpm_limit` },
      { team: 'present' },
    ]);
  });

  it('and is degraded is linked to its organization at once', async () => {
    const world = createWorld();
    const [mine, other] = twoNeighbours();
    const broken = breakingStore(world.tables, isWriteOf(mine.id));
    expect(presences(await ensure(world, [mine], { degradeOnFailure: true, tables: broken }))).toEqual([
      `${mine.id} degraded absent`,
    ]);
    expect(presences(await ensure(world, [mine, other]))).toEqual(allPresent([mine, other]));
    expect(await findRow(world.tables, teamRow(mine.id))).toMatchObject({
      organization_id: mine.id,
      models: '["all-org-models"]',
    });
  });

  it('is found even if its organization cannot be created', async () => {
    const world = createWorld();
    const [mine, other] = twoNeighbours();
    await editRow(world.tables, teamRow(mine.id), { models: '["mine"]' });
    const broken = breakingStore(world.tables, isWriteOf(mine.id));
    expect(presences(await ensure(world, [mine, other], { tables: broken }))).toEqual([
      `${mine.id} present absent`,
      `${other.id} absent absent`,
    ]);
  });
});

describe('organizations of which some cannot be created', () => {
  const [inFailing] = neighbours(1);
  const elsewhere = groups(20).filter(({ id }) => entityPartition(id) !== 'p0');
  const failing = inFailing?.id ?? '';
  const some = [...elsewhere, ...neighbours(1)];

  it('keep no team from the others on the last delivery', async () => {
    const world = createWorld();
    const broken = breakingStore(world.tables, isWriteOf(failing));
    const ensured = await ensure(world, some, { degradeOnFailure: true, tables: broken });
    expect(ensured.organizationFailure).toMatchObject({ code: 'storage_unavailable' });
    expect(presences(ensured)).toEqual([...allPresent(elsewhere), `${failing} degraded absent`]);
  });

  it('keep no team from one that was created by hand', async () => {
    const world = createWorld({ rules: COPY });
    const [mine, other] = twoNeighbours();
    await editRow(world.tables, organizationRow(other.id), BY_HAND);
    const broken = breakingStore(
      world.tables,
      (operation) => operation.table === ORGANIZATIONS && operation.kind !== 'readPage',
    );
    const ensured = await ensure(world, [mine, other], { tables: broken });
    expect(presences(ensured)).toEqual([`${mine.id} absent absent`, `${other.id} present present`]);
    expect(await findRow(world.tables, teamRow(other.id))).toMatchObject({
      organization_id: other.id,
      max_budget: 10,
    });
  });
});

describe('two runs with the same new groups at once', () => {
  const [a, b, c] = neighbours(3);
  if (a === undefined || b === undefined || c === undefined) throw new Error('three groups');
  const all = [a, b, c].map(({ id }) => id);
  const asked = [
    [a, b],
    [b, c],
  ] as const;

  async function trial(
    schedule: { readonly first: 0 | 1; readonly switches: readonly number[] },
    crashes: readonly [CrashPoint | undefined, CrashPoint | undefined] = [undefined, undefined],
  ): Promise<Interleaved> {
    const world = createWorld({ rules: COPY });
    const seen: (readonly string[] | undefined)[] = [undefined, undefined];
    const actorOf = (index: 0 | 1): Actor => {
      const crash = crashes[index];
      return {
        ...(crash === undefined ? {} : { crash }),
        run: async (tables) => {
          seen[index] = presences(await ensure(world, asked[index], { tables }));
        },
      };
    };
    const result = await interleave(world.tables, [actorOf(0), actorOf(1)], schedule);
    const name = JSON.stringify({ schedule, crashes });
    expect(result.failures, name).toEqual([undefined, undefined]);
    for (const index of [0, 1] as const) {
      // The queue delivers the message of a run that died again.
      if (result.crashed[index] === true) seen[index] = presences(await ensure(world, asked[index]));
      expect(seen[index], name).toEqual(allPresent(asked[index]));
    }
    const { found } = await world.store.entities.readTeams(all);
    const teams = [...found.values()].map(({ value }) => `${value.organization_id} ${value.max_budget}`);
    expect(teams.toSorted(), name).toEqual(all.map((id) => `${id} 1000`).toSorted());
    return result;
  }

  it('find both in the end, in any order of their requests', async () => {
    const { steps } = await trial({ first: 0, switches: [] });
    expect(steps).toBeGreaterThan(5);
    for (const first of [0, 1] as const) {
      const count = await tryEverySchedule({ first, most: 3 }, async (schedule) => trial(schedule));
      expect(count).toBeGreaterThan(steps);
    }
  });

  it('find both in the end, at whichever request either dies', async () => {
    const { steps } = await trial({ first: 0, switches: [] });
    expect(steps).toBeGreaterThan(5);
    for (const phase of ['before', 'after'] as const)
      for (let call = 0; call < steps; call += 1)
        for (const first of [0, 1] as const) {
          const order = { first, most: 1 };
          await tryEverySchedule(order, async (schedule) => trial(schedule, [{ call, phase }, undefined]));
          await tryEverySchedule(order, async (schedule) => trial(schedule, [undefined, { call, phase }]));
        }
  });
});

it.each([
  { of: 'an organization', rowOf: organizationRow, left: 'absent absent' },
  { of: 'a team', rowOf: teamRow, left: 'absent present' },
])(
  'leaves the row of $of that is deleted as fast as it is created to the next run',
  async ({ rowOf, left }) => {
    const world = createWorld();
    const [mine] = twoNeighbours();
    const row = rowOf(mine.id);
    const deleting = world.tables.view(async ({ phase, kind, table }) => {
      if (kind !== 'write' || table !== row.table) return;
      if (phase === 'before') await editRow(world.tables, row, BY_HAND);
      else await deleteRow(world.tables, row);
    });
    const ensured = await ensure(world, [mine], { tables: deleting });
    expect(presences(ensured)).toEqual([`${mine.id} ${left}`]);
    expect(ensured.organizationFailure).toBeUndefined();
    expect(presences(await ensure(world, [mine]))).toEqual(allPresent([mine]));
  },
);
