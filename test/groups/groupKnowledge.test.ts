import { describe, expect, it } from 'vitest';
import type { AcceptedGroups } from '../../shared/model/assignedGroups.ts';
import { AppError } from '../../shared/model/errors.ts';
import type { GroupKnowledge } from '../../shared/groups/groupKnowledge.ts';
import { createGroupKnowledge } from '../../shared/groups/groupKnowledge.ts';
import { refreshAssignedGroups } from '../../shared/groups/refreshAssignedGroups.ts';
import { requestsOf, tally } from '../support/handEdits.ts';
import type { World } from '../support/world.ts';
import { createWorld, PRODUCTION_TEAM } from '../support/world.ts';

const SECOND_MS = 1000;
const OTHER = { id: 'other', displayName: 'Other' };

/** One more instance of the product on the world's store, which counts its own refreshes. */
function instance(world: World): { readonly knowledge: GroupKnowledge; readonly refreshes: () => number } {
  let refreshes = 0;
  const knowledge = createGroupKnowledge({
    store: world.store.assignedGroups,
    clock: world.clock,
    refresh: async () => {
      refreshes += 1;
      return (await refreshAssignedGroups(world.refreshDeps)).list;
    },
  });
  return { knowledge, refreshes: () => refreshes };
}

function idsOf(list: AcceptedGroups | undefined): readonly string[] | undefined {
  return list?.groups.map((group) => group.id);
}

describe('current', () => {
  it('is undefined where no list was ever accepted, which is no empty list, and is asked again', async () => {
    const world = createWorld();
    const { knowledge, refreshes } = instance(world);
    expect(await knowledge.current()).toBeUndefined();
    await world.refresh();
    expect(idsOf(await knowledge.current())).toEqual([PRODUCTION_TEAM.id]);
    expect(refreshes()).toBe(0);
  });

  it('reads once for many who ask at once, and once in 30 seconds', async () => {
    const world = createWorld();
    await world.refresh();
    const { knowledge } = instance(world);
    const reading = requestsOf(world.tables, async () => {
      await Promise.all(Array.from({ length: 20 }, async () => knowledge.current()));
      world.clock.advance(30 * SECOND_MS - 1);
      await knowledge.current();
    });
    expect(tally(await reading)).toEqual({ 'find EntraAssignedGroups': 1 });
    world.clock.advance(1);
    expect(await requestsOf(world.tables, async () => knowledge.current())).toHaveLength(1);
  });

  it('sees another instance’s list after 30 seconds', async () => {
    const world = createWorld();
    await world.refresh();
    const { knowledge } = instance(world);
    await knowledge.current();
    world.assigned = [PRODUCTION_TEAM, OTHER];
    await world.refresh();
    expect(idsOf(await knowledge.current())).toHaveLength(1);
    world.clock.advance(30 * SECOND_MS);
    expect(idsOf(await knowledge.current())).toHaveLength(2);
  });

  it('knows at once what this instance’s own timer has read', async () => {
    const world = createWorld();
    const { list } = await world.refresh();
    const { knowledge } = instance(world);
    knowledge.remember(list);
    expect(await requestsOf(world.tables, async () => knowledge.current())).toEqual([]);
    expect(await knowledge.current()).toEqual(list);
  });

  it('reads again after a read that failed', async () => {
    const world = createWorld();
    await world.refresh();
    let fails = true;
    const knowledge = createGroupKnowledge({
      ...world.provisionDeps,
      store: {
        takeTurn: async () => Promise.resolve(true),
        shortenTurn: async () => Promise.resolve(),
        find: async () => {
          if (fails) throw new AppError('storage_unavailable', 'down');
          return world.store.assignedGroups.find();
        },
      },
      refresh: async () => (await world.refresh()).list,
    });
    await expect(knowledge.current()).rejects.toMatchObject({ code: 'storage_unavailable' });
    fails = false;
    expect(idsOf(await knowledge.current())).toEqual([PRODUCTION_TEAM.id]);
  });
});

describe('refreshed', () => {
  it('reads the directory once for many who ask at once', async () => {
    const world = createWorld();
    const { knowledge, refreshes } = instance(world);
    const lists = await Promise.all(Array.from({ length: 20 }, async () => knowledge.refreshed()));
    expect(refreshes()).toBe(1);
    expect(lists.map(idsOf)).toEqual(lists.map(() => [PRODUCTION_TEAM.id]));
  });

  it('reads the directory at most once a minute, over all instances', async () => {
    const world = createWorld();
    const [one, two, three] = [instance(world), instance(world), instance(world)];
    const count = (): number => one.refreshes() + two.refreshes() + three.refreshes();
    const askAll = async (): Promise<void> => {
      for (const { knowledge } of [one, two, three]) await knowledge.refreshed();
      await Promise.all([one, two, three].map(async ({ knowledge }) => knowledge.refreshed()));
    };
    await askAll();
    expect(count()).toBe(1);
    world.clock.advance(60 * SECOND_MS - 1);
    await askAll();
    expect(count()).toBe(1);
    world.clock.advance(1 + 60 * SECOND_MS);
    await askAll();
    expect(count()).toBe(2);
  });

  it('returns what is stored now if another instance has just refreshed', async () => {
    const world = createWorld();
    await world.refresh();
    const late = instance(world);
    await late.knowledge.current();
    world.assigned = [PRODUCTION_TEAM, OTHER];
    await instance(world).knowledge.refreshed();
    expect(idsOf(await late.knowledge.refreshed())).toHaveLength(2);
    expect(late.refreshes()).toBe(0);
  });

  it('asks the store whose turn it is at most once a minute itself', async () => {
    const world = createWorld();
    const { knowledge } = instance(world);
    await knowledge.refreshed();
    const asked = await requestsOf(world.tables, async () => knowledge.refreshed());
    expect(asked).toEqual([]);
  });

  it('fails as the directory does, and asks it again after 10 seconds, from any instance', async () => {
    const world = createWorld();
    world.assigned = new AppError('directory_unreachable', 'down');
    const { knowledge, refreshes } = instance(world);
    await expect(knowledge.refreshed()).rejects.toMatchObject({ code: 'directory_unreachable' });
    world.assigned = [PRODUCTION_TEAM];
    const other = instance(world);
    expect(await knowledge.refreshed()).toBeUndefined();
    expect(await other.knowledge.refreshed()).toBeUndefined();
    expect(refreshes() + other.refreshes()).toBe(1);
    world.clock.advance(10 * SECOND_MS);
    expect(idsOf(await knowledge.refreshed())).toEqual([PRODUCTION_TEAM.id]);
    expect(refreshes()).toBe(2);
  });

  it('is not blocked for longer than a minute by a clock that was ahead', async () => {
    const world = createWorld();
    const ahead = new Date(world.clock.now().getTime() + 3600 * SECOND_MS);
    expect(await world.store.assignedGroups.takeTurn(ahead, 60 * SECOND_MS)).toBe(true);
    expect(idsOf(await instance(world).knowledge.refreshed())).toEqual([PRODUCTION_TEAM.id]);
  });
});
