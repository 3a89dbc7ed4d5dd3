/** The list in force may be older than what is there: groups that it calls absent are created first, and nobody's work is lost. */
import { describe, expect, it } from 'vitest';
import { entityPartition } from '../../shared/storage/entityStore.ts';
import type { Tables } from '../../shared/model/tables.ts';
import type { Presence } from '../../shared/model/assignedGroups.ts';
import type { Rules } from '../../shared/model/rules.ts';
import type { Ensured, GroupToEnsure } from '../../shared/groups/ensureEntities.ts';
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
import { interleave, switchPoints } from '../support/interleaving.ts';
import type { StoreOperation } from '../support/memoryTables.ts';
import type { World } from '../support/world.ts';
import { createWorld, sampleRules } from '../support/world.ts';

const COPY = sampleRules({ orgTeamBudget: 'copy' });
const BY_HAND = { max_budget: 10, models: '["claude"]' };
const ORGANIZATIONS = 'LiteLLMOrganizationTable';
const TEAMS = 'LiteLLMTeamTable';

function groups(count: number, presence?: Presence): readonly GroupToEnsure[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `group-${index}`,
    displayName: `Group ${index}`,
    ...(presence === undefined ? {} : { team: presence, organization: presence }),
  }));
}

/** So many groups that the list calls absent and whose rows share a partition. */
function neighbours(count: number): readonly GroupToEnsure[] {
  return groups(count * 40, 'absent')
    .filter(({ id }) => entityPartition(id) === 'p0')
    .slice(0, count);
}

async function ensure(
  world: World,
  some: readonly GroupToEnsure[],
  { degradeOnFailure = false, tables = world.tables }: { degradeOnFailure?: boolean; tables?: Tables } = {},
): Promise<Ensured> {
  return ensureEntities(world.worker(tables), some, { degradeOnFailure });
}

function presences({ groups: ensured }: Ensured): readonly string[] {
  return ensured.map(({ id, team, organization }) => `${id} ${team} ${organization}`);
}

function allPresent(some: readonly GroupToEnsure[]): readonly string[] {
  return some.map(({ id }) => `${id} present present`);
}

/** Gives the two groups of a test, which share a partition. */
function twoNeighbours(): readonly [GroupToEnsure, GroupToEnsure] {
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

describe('groups that the list calls absent', () => {
  it.each([1, 10, 100, 1000])('cost a transaction a partition and table, and no read: %i', async (count) => {
    const world = createWorld();
    const some = groups(count, 'absent');
    const partitions = new Set(some.map(({ id }) => entityPartition(id))).size;
    const requests = await requestsOf(world.tables, async () => ensure(world, some));
    const kinds = tally(requests);
    expect(Object.keys(kinds).filter((key) => key.startsWith('read'))).toEqual([]);
    expect(requests).toHaveLength(2 * partitions);
    const { [ORGANIZATIONS]: organizations, [TEAMS]: teams } = world.tables.dump();
    expect([organizations?.length, teams?.length]).toEqual([count, count]);
  });

  it('get the rows that a list which knows nothing leads to', async () => {
    const worlds = [createWorld(), createWorld()] as const;
    const results = [await ensure(worlds[0], groups(50, 'absent')), await ensure(worlds[1], groups(50))];
    expect(results[0]).toEqual(results[1]);
    expect(worlds[0].tables.dump()).toEqual(worlds[1].tables.dump());
  });

  it('get teams alone with the flag off', async () => {
    const world = createWorld({ rules: sampleRules({ groupsAlsoCreateOrgs: false }) });
    const requests = await requestsOf(world.tables, async () => ensure(world, groups(1, 'absent')));
    expect(tally(requests)).toEqual({ [`write ${TEAMS}`]: 1 });
  });

  it('get their organizations before their teams', async () => {
    const world = createWorld();
    const requests = await requestsOf(world.tables, async () => ensure(world, groups(100, 'absent')));
    const tables = requests.map(({ table }) => table);
    expect(tables).toEqual(tables.toSorted());
  });

  it('are found where they are there after all, and stay as they are', async () => {
    const world = createWorld();
    const some = groups(100, 'absent');
    await ensure(world, some);
    await editRow(world.tables, teamRow('group-7'), { team_alias: 'Renamed' });
    const before = world.tables.dump();
    const requests = await requestsOf(world.tables, async () => {
      expect(presences(await ensure(world, some))).toEqual(allPresent(some));
    });
    expect(world.tables.dump()).toEqual(before);
    // A refused transaction and a read for each of 16 partitions and two tables.
    expect(requests).toHaveLength(2 * 2 * 16);
  });

  it('cost two requests more where one of a hundred in a partition is there, and get all the others', async () => {
    const world = createWorld();
    const some = neighbours(100);
    const [mine] = some;
    await editRow(world.tables, organizationRow(mine?.id ?? ''), BY_HAND);
    const requests = await requestsOf(world.tables, async () => {
      expect(presences(await ensure(world, some))).toEqual(allPresent(some));
    });
    expect(tally(requests)).toEqual({
      [`transact ${ORGANIZATIONS}`]: 2,
      [`readPage ${ORGANIZATIONS}`]: 1,
      [`transact ${TEAMS}`]: 1,
    });
    expect(await findRow(world.tables, organizationRow(mine?.id ?? ''))).toEqual(BY_HAND);
  });

  it('are created beside others of which the list says something else', async () => {
    const world = createWorld();
    const [one, other] = twoNeighbours();
    const some = [one, { ...other, team: 'present' as const, organization: 'present' as const }];
    expect(presences(await ensure(world, some))).toEqual(allPresent(some));
  });
});

describe('an organization made by hand that the list calls absent', () => {
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

  it('keeps its values and bounds the team, whenever it comes in between', async () => {
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

describe('a team that the list calls absent', () => {
  it('and that stands alone stays alone, its organization beside it', async () => {
    const world = createWorld();
    const [mine, other] = twoNeighbours();
    await editRow(world.tables, teamRow(mine.id), { models: '["mine"]' });
    expect(presences(await ensure(world, [mine, other]))).toEqual(allPresent([mine, other]));
    expect(await findRow(world.tables, teamRow(mine.id))).toEqual({ models: '["mine"]' });
    expect(await findRow(world.tables, organizationRow(mine.id))).toBeDefined();
  });

  it('and that cannot be read is named and left', async () => {
    const world = createWorld();
    const [mine, other] = twoNeighbours();
    await editRow(world.tables, teamRow(mine.id), { tpm_limit: -1 });
    expect((await ensure(world, [mine, other])).groups).toMatchObject([
      { team: 'unreadable', organization: 'present', unreadableTeam: `${TEAMS}: tpm_limit` },
      { team: 'present' },
    ]);
  });

  it('and that was degraded meanwhile is re-linked at once', async () => {
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

  it('is seen where it is there although its organization cannot be made', async () => {
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

describe('organizations of which some cannot be made', () => {
  const [inFailing] = neighbours(1);
  const elsewhere = groups(20, 'absent').filter(({ id }) => entityPartition(id) !== 'p0');
  const failing = inFailing?.id ?? '';
  const some = [...elsewhere, ...neighbours(1)];

  it.each(['absent', undefined] as const)(
    'keep no team from the others on the last delivery, where the list says %s',
    async (presence) => {
      const world = createWorld();
      const asked = some.map(({ id, displayName }) => ({
        id,
        displayName,
        ...(presence === undefined ? {} : { team: presence, organization: presence }),
      }));
      const broken = breakingStore(world.tables, isWriteOf(failing));
      const ensured = await ensure(world, asked, { degradeOnFailure: true, tables: broken });
      expect(ensured.organizationFailure).toMatchObject({ code: 'storage_unavailable' });
      expect(presences(ensured)).toEqual([...allPresent(elsewhere), `${failing} degraded absent`]);
    },
  );

  it('keep no team from one that is there although the list calls it absent', async () => {
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

describe('two runs that bring the same new groups at once', () => {
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
  ): Promise<number> {
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
      // Whoever died is delivered again, with the list as old as before.
      if (result.crashed[index] === true) seen[index] = presences(await ensure(world, asked[index]));
      expect(seen[index], name).toEqual(allPresent(asked[index]));
    }
    const { found } = await world.store.entities.readTeams(all);
    const teams = [...found.values()].map(({ value }) => `${value.organization_id} ${value.max_budget}`);
    expect(teams.toSorted(), name).toEqual(all.map((id) => `${id} 1000`).toSorted());
    return result.steps;
  }

  it('find both in the end, whichever request comes when', async () => {
    const steps = await trial({ first: 0, switches: [] });
    expect(steps).toBeGreaterThan(5);
    for (const first of [0, 1] as const)
      for (const switches of switchPoints(steps + 6, 3)) await trial({ first, switches });
  });

  it('find both in the end, whichever request either dies at, also between organizations and teams', async () => {
    const steps = await trial({ first: 0, switches: [] });
    expect(steps).toBeGreaterThan(5);
    for (const phase of ['before', 'after'] as const)
      for (let call = 0; call < steps; call += 1)
        for (const first of [0, 1] as const)
          for (const switches of switchPoints(steps, 1)) {
            await trial({ first, switches }, [{ call, phase }, undefined]);
            await trial({ first, switches }, [undefined, { call, phase }]);
          }
  });
});

it.each([
  { of: 'an organization', rowOf: organizationRow, left: 'absent absent' },
  { of: 'a team', rowOf: teamRow, left: 'absent present' },
])(
  'gives up on the row of $of that somebody deletes as fast as it comes, and leaves it to the next run',
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
