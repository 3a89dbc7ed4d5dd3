/** The first load of a whole company: how many requests it takes, and how much it keeps in memory. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { SyncDeps } from '../../shared/litellm/syncDeps.ts';
import { Alive } from '../support/alive.ts';
import { type Company, createCompany, repair, runAll } from '../support/loadWorld.ts';
import type { SyncWorld } from '../support/syncWorld.ts';

describe('the first load of 5,000 people in 5 teams each', () => {
  const company: Company = {
    people: 5_000,
    groups: 100,
    groupsEach: 5,
    litellm: { keyUserId: 'default_user_id' },
  };
  let on: SyncWorld;
  beforeAll(async () => {
    on = await createCompany(company);
  }, 120_000);

  it('takes fewer than 1.5 requests per person, and puts everyone where they belong', async () => {
    await repair(on);
    const results = await runAll(on);
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['done']));
    // The number in docs/performance.md.
    expect(on.litellm.calls.length).toBe(7_351);
    expect(on.litellm.calls.length / company.people).toBeLessThan(1.5);
    expect(on.litellm.users.size).toBe(5_000);
    for (const { members } of on.litellm.teams.values()) expect(members.size).toBe(250 + 1);
    for (const { members } of on.litellm.organizations.values()) expect(members.size).toBe(250);
    expect(on.litellm.stowaways).toEqual([]);
  }, 180_000);

  it('leaves nothing to do, and a repeated load writes nothing', async () => {
    on.litellm.calls.length = 0;
    expect((await repair(on)).requested).toBe(0);
    const before = on.world.tables.dump();
    for (const kind of ['organization', 'team'] as const) {
      const subject = { kind, id: 'group-0042' };
      on.waiting.push({ text: JSON.stringify({ version: 1, subject, members: true }), delaySeconds: 0 });
    }
    await runAll(on);
    expect(on.litellm.writes).toEqual([]);
    expect(on.world.tables.dump()).toEqual(before);
  }, 60_000);
});

/** Watches what a load keeps of the people of one team. */
async function mostAlive(people: number): Promise<number> {
  const on = await createCompany({ people, groups: 1, groupsEach: 1 });
  const alive = new Alive();
  const { store, litellm } = on.deps;
  const watched: SyncDeps = {
    ...on.deps,
    store: {
      ...store,
      readMemberships: async (userId) => {
        const read = await store.readMemberships(userId);
        alive.add('person', [read.teamRows]);
        return read;
      },
    },
    litellm: new Proxy(litellm, {
      get(target, name): unknown {
        const value: unknown = Reflect.get(target, name, target);
        if (name !== 'addTeamMembers') return typeof value === 'function' ? value.bind(target) : value;
        return async (...args: Parameters<typeof litellm.addTeamMembers>) => {
          await alive.count();
          await litellm.addTeamMembers(...args);
        };
      },
    }),
  };
  await repair(on);
  await runAll(on, () => watched);
  expect(on.litellm.teams.get('group-0000')?.members.size).toBe(people);
  return alive.most.get('person') ?? 0;
}

describe('the memory of a load', () => {
  it('is that of 100 people, however many there are', async () => {
    const [few, many] = [await mostAlive(300), await mostAlive(1_500)];
    expect(few).toBeGreaterThan(90);
    expect(many).toBeLessThanOrEqual(few + 5);
    expect(many).toBeLessThanOrEqual(200);
  }, 120_000);
});
