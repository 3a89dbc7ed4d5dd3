/** Members who come in numbers come in lists, and only those whom a list suits. */
import { describe, expect, it } from 'vitest';
import { parseSyncMessage } from '../../shared/queue/queueMessage.ts';
import {
  deleteRow,
  editRow,
  organizationMembershipRow,
  teamMembershipRow,
  userRow,
} from '../support/handEdits.ts';
import { compareAll, writesOf } from '../support/litellmEdits.ts';
import { createCompany, groupAt, personAt, readState, repair, runAll } from '../support/loadWorld.ts';
import { refused, unreachable } from '../support/memoryLitellm.ts';
import type { SyncWorld } from '../support/syncWorld.ts';
import { message } from '../support/world.ts';

const GROUP = groupAt(0);
const one = { people: 8, groups: 1, groupsEach: 1 };

const askedFor = ({ waiting }: SyncWorld): readonly string[] =>
  waiting
    .map(({ text }) => parseSyncMessage(text))
    .map(({ subject: { kind, id }, members }) => `${kind} ${id}${members === true ? ' with members' : ''}`);

const callsOf = ({ litellm }: SyncWorld, method: string): readonly (readonly string[])[] =>
  litellm.calls.filter((call) => call.method === method).map(({ ids }) => ids);

const membersOf = ({ litellm }: SyncWorld): readonly string[] =>
  [...(litellm.teams.get(GROUP)?.members.keys() ?? [])].sort();

const everyone = (people: number): readonly string[] =>
  Array.from({ length: people }, (_, at) => personAt(at));

describe('the repair', () => {
  it.each([
    [4, ['organization group-0000', 'team group-0000', ...everyone(4).map((id) => `user ${id}`)]],
    [5, ['organization group-0000 with members', 'team group-0000 with members']],
    [120, ['organization group-0000 with members', 'team group-0000 with members']],
  ])('asks for the members of a team of %i', async (people, expected) => {
    const on = await createCompany({ ...one, people });
    await repair(on);
    expect([...askedFor(on)].sort()).toEqual(expected);
  });

  it('lets the organization come after its team', async () => {
    const on = await createCompany(one);
    await repair(on);
    expect(on.waiting.map(({ delaySeconds }) => delaySeconds)).toEqual([0, 31]);
    expect(askedFor(on).at(-1)).toBe('organization group-0000 with members');
  });

  it('asks for a sync of who needs more than a load', async () => {
    const on = await createCompany({ people: 8, groups: 2, groupsEach: 1 });
    // The second group has only four people.
    await repair(on);
    expect(askedFor(on).filter((line) => line.startsWith('user'))).toHaveLength(8);
    on.waiting.length = 0;
    const other = await createCompany(one);
    await repair(other);
    await runAll(other);
    await other.world.tables.write('LiteLLMUserTable', {
      kind: 'merge',
      key: { partitionKey: personAt(2), rowKey: 'user' },
      properties: { max_budget: 7 },
      etag: '*',
    });
    const team = other.litellm.teams.get(GROUP);
    if (team !== undefined) team.members = new Map();
    await repair(other);
    expect([...askedFor(other)].sort()).toEqual(['team group-0000 with members', `user ${personAt(2)}`]);
  });
});

describe('a load', () => {
  it('adds 50 people in one request, to the organization first', async () => {
    const on = await createCompany({ ...one, people: 120 });
    await repair(on);
    await runAll(on);
    expect(membersOf(on)).toEqual(everyone(120));
    const lists = on.litellm.calls
      .filter(({ method }) => method.endsWith('Members'))
      .map(({ method, ids }) => `${method} ${ids.length - 1}`);
    expect(lists).toEqual([
      'addOrganizationMembers 50',
      'addOrganizationMembers 50',
      'addTeamMembers 50',
      'addTeamMembers 50',
      'addOrganizationMembers 20',
      'addTeamMembers 20',
    ]);
    expect(on.litellm.calls.filter(({ method }) => method.endsWith('Member'))).toEqual([]);
  });

  it('sends nobody whose user was not looked at right before, and creates users by the rules', async () => {
    const on = await createCompany(one);
    await repair(on);
    await runAll(on);
    const order = on.litellm.calls.map(({ method }) => method);
    expect(order.indexOf('findUsers', order.indexOf('createTeam'))).toBeLessThan(
      order.indexOf('addTeamMembers'),
    );
    expect(on.litellm.stowaways).toEqual([]);
    expect(on.litellm.users.get(personAt(3))).toMatchObject({ user_email: `${personAt(3)}@company.com` });
  });

  it('gives one who needs a licence the lesser role, without a list', async () => {
    const on = await createCompany(one);
    await editRow(on.world.tables, teamMembershipRow(personAt(1), GROUP), { role: 'admin' });
    await repair(on);
    await runAll(on);
    expect(membersOf(on)).toEqual(everyone(8));
    expect(callsOf(on, 'addTeamMembers').flat()).not.toContain(personAt(1));
    expect((await on.deps.record.readPerson(personAt(1))).teams.get(GROUP)).toMatchObject({
      state: 'added',
      role: 'user',
      wanted: 'admin',
    });
  });

  it('leaves a closed account out, and gives people with an unfinished run or an unreadable row a sync of their own', async () => {
    const on = await createCompany(one);
    await editRow(on.world.tables, userRow(personAt(0)), { active: false });
    await editRow(on.world.tables, userRow(personAt(1)), { run_state: 'applying' });
    await repair(on);
    // Closed after the comparison.
    await editRow(on.world.tables, userRow(personAt(2)), { active: false });
    await runAll(on);
    const lists = callsOf(on, 'addTeamMembers').flat();
    for (const at of [0, 1, 2]) expect(lists).not.toContain(personAt(at));
    expect(membersOf(on)).toEqual(everyone(8).filter((id) => ![personAt(0), personAt(2)].includes(id)));
    expect(on.litellm.users.has(personAt(2))).toBe(false);
  });

  it('gives resting keys back to a person who came back, outside of the list', async () => {
    const on = await createCompany({ people: 8, groups: 2, groupsEach: 2 });
    const back = personAt(3);
    const come = async (groups: readonly string[], second: number): Promise<void> => {
      const email = `${back}@company.com`;
      await on.provision(message({ userId: back, email, name: back, groups, second }));
    };
    await repair(on);
    await runAll(on);
    await on.litellm.createKey({
      userId: back,
      teamId: GROUP,
      alias: 'mine',
      models: [],
      duration: '90d',
      metadata: {},
    });
    // In the other team still, so the account goes on.
    await come([groupAt(1)], 60);
    await runAll(on);
    expect([...on.litellm.keys.values()]).toMatchObject([{ blocked: true }]);
    await come([GROUP, groupAt(1)], 120);
    on.waiting.length = 0;
    const team = on.litellm.teams.get(GROUP);
    if (team !== undefined) team.members = new Map();
    on.litellm.calls.length = 0;
    await repair(on);
    await runAll(on);
    expect(membersOf(on)).toEqual(everyone(8));
    expect(callsOf(on, 'addTeamMembers').flat()).not.toContain(back);
    expect([...on.litellm.keys.values()]).toMatchObject([{ blocked: false, userId: back, teamId: GROUP }]);
  });

  it('does not count as ours who was in the team before', async () => {
    const on = await createCompany(one);
    on.litellm.users.set(personAt(4), {});
    on.litellm.teams.set(GROUP, {
      values: { team_alias: 'By hand', models: [] },
      members: new Map([[personAt(4), 'admin']]),
    });
    await repair(on);
    await runAll(on);
    expect(membersOf(on)).toEqual(everyone(8));
    expect(on.litellm.teams.get(GROUP)?.members.get(personAt(4))).toBe('admin');
    const { teams } = await on.deps.record.readPerson(personAt(4));
    expect(teams.get(GROUP)?.state ?? 'found').toBe('found');
  });

  it('leaves out whose email is taken, and adds the others', async () => {
    const on = await createCompany(one);
    on.litellm.users.set('other', { user_email: `${personAt(5)}@company.com` });
    await repair(on);
    await expect(runAll(on)).rejects.toMatchObject({ code: 'litellm_email_taken' });
    expect(membersOf(on)).toEqual(everyone(8).filter((id) => id !== personAt(5)));
    expect(on.litellm.stowaways).toEqual([]);
  });

  it('syncs everyone alone if LiteLLM refuses the team', async () => {
    const on = await createCompany(one);
    on.litellm.faults = (_, { method }) =>
      method === 'createTeam' ? { when: 'before', error: refused(400) } : undefined;
    await repair(on);
    await expect(runAll(on)).rejects.toMatchObject({ code: 'litellm_refused' });
    on.waiting.splice(
      0,
      on.waiting.length,
      ...on.waiting.filter(({ text }) => parseSyncMessage(text).subject.kind === 'user'),
    );
    expect(on.waiting.length).toBeGreaterThan(7);
    await runAll(on);
    expect([...on.litellm.users.keys()].sort()).toEqual(everyone(8));
  });
});

describe('a list that LiteLLM refuses', () => {
  it.each(['addTeamMembers', 'addOrganizationMembers'] as const)(
    'half way is completed one at a time, and what it added is ours: %s',
    async (method) => {
      const wanted = await createCompany(one);
      await repair(wanted);
      await runAll(wanted);
      const on = await createCompany(one);
      let isOver = false;
      on.litellm.faults = (_, call) => {
        if (call.method !== method || isOver) return undefined;
        isOver = true;
        const [, ...userIds] = call.ids;
        const entity = (method === 'addTeamMembers' ? on.litellm.teams : on.litellm.organizations).get(GROUP);
        const role = method === 'addTeamMembers' ? 'user' : 'internal_user';
        const half = userIds.slice(0, 4).map((id) => [id, role] as const);
        if (entity !== undefined) entity.members = new Map([...entity.members, ...half]);
        return { when: 'before', error: refused(500) };
      };
      await repair(on);
      await runAll(on);
      const alone = callsOf(on, method.replace(/s$/, ''));
      expect(alone.map(([, userId = '']) => userId).toSorted()).toEqual(everyone(8));
      expect(await readState(on, 8)).toEqual(await readState(wanted, 8));
    },
  );

  it('because of one person keeps no one else out, and that person gets a sync of their own', async () => {
    const on = await createCompany(one);
    const bad = personAt(6);
    on.litellm.faults = (_, { method, ids }) =>
      /addTeamMember/.test(method) && ids.includes(bad) ? { when: 'before', error: refused(400) } : undefined;
    await repair(on);
    await expect(runAll(on)).rejects.toMatchObject({ code: 'litellm_refused' });
    expect(membersOf(on)).toEqual(everyone(8).filter((id) => id !== bad));
    const { teams, outcome } = await on.deps.record.readPerson(bad);
    // What an administrator adds later is not ours.
    expect(teams.has(GROUP)).toBe(false);
    expect(outcome).toMatchObject({ status: 'failed', reason: 'litellm_refused' });
  });
});

describe('people whom something else holds or changes meanwhile', () => {
  it('a person who leaves while the load runs is not in the team afterwards', async () => {
    for (const during of [
      'findUsers',
      'createUser',
      'addOrganizationMembers',
      'addTeamMembers',
      'findTeam',
    ]) {
      const on = await createCompany(one);
      await repair(on);
      on.litellm.calls.length = 0;
      let isGone = false;
      const { litellm } = on;
      const leave = async (): Promise<void> => {
        isGone = true;
        await on.provision(
          message({
            userId: personAt(3),
            email: `${personAt(3)}@company.com`,
            name: personAt(3),
            groups: [],
            second: 60,
          }),
        );
      };
      const watched = new Proxy(litellm, {
        get(target, name): unknown {
          const value: unknown = Reflect.get(target, name, target);
          if (typeof value !== 'function') return value;
          if (name !== during) return value.bind(target);
          return async (...args: readonly unknown[]): Promise<unknown> => {
            if (!isGone && litellm.calls.some(({ method }) => method === 'createTeam')) await leave();
            return Reflect.apply(value, target, args);
          };
        },
      });
      await runAll(on, () => ({ ...on.deps, litellm: watched }));
      expect([during, isGone]).toEqual([during, true]);
      expect(membersOf(on)).toEqual(everyone(8).filter((id) => id !== personAt(3)));
      expect(litellm.organizations.get(GROUP)?.members.has(personAt(3))).toBe(false);
    }
  });

  it('a membership that an edit by hand ends meanwhile is taken out again', async () => {
    const on = await createCompany(one);
    await repair(on);
    on.litellm.faults = (_, { method }) => {
      if (method !== 'addTeamMembers') return undefined;
      void deleteRow(on.world.tables, teamMembershipRow(personAt(7), GROUP));
      void deleteRow(on.world.tables, organizationMembershipRow(personAt(7), GROUP));
      return undefined;
    };
    await runAll(on);
    expect(callsOf(on, 'removeTeamMember')).toEqual([[GROUP, personAt(7)]]);
    expect(membersOf(on)).toEqual(everyone(7));
    expect(on.litellm.organizations.get(GROUP)?.members.has(personAt(7))).toBe(false);
  });

  it('a member whom LiteLLM loses after the list is added again', async () => {
    const on = await createCompany(one);
    await repair(on);
    let lists = 0;
    on.litellm.faults = (_, { method }) => {
      const team = on.litellm.teams.get(GROUP);
      if (method === 'addTeamMembers') lists += 1;
      if (method !== 'findTeam' || lists !== 1 || team === undefined) return undefined;
      lists += 1;
      team.members = new Map([...team.members].filter(([id]) => id !== personAt(2)));
      return undefined;
    };
    await runAll(on);
    expect(callsOf(on, 'addTeamMember')).toEqual([[GROUP, personAt(2)]]);
    expect(membersOf(on)).toEqual(everyone(8));
  });

  it('a person whom another sync holds is loaded when the message comes back', async () => {
    const on = await createCompany({ ...one, people: 12 });
    await repair(on);
    const held = await on.deps.record.takeLease({ kind: 'user', id: personAt(1) }, 20_000);
    expect(held).toBeDefined();
    const results = await runAll(on);
    expect(results.some(({ status, reason }) => status === 'waiting' && reason === 'sync_overtaken')).toBe(
      true,
    );
    expect(membersOf(on)).toEqual(everyone(12));
    expect(await readOpen(on, 12)).toEqual([]);
  });

  it('a person whom another sync holds for long gets a sync of their own, and the load ends', async () => {
    const on = await createCompany({ ...one, people: 12 });
    await repair(on);
    await on.deps.record.takeLease({ kind: 'user', id: personAt(1) }, 10 * 60_000);
    await runAll(on);
    expect(membersOf(on)).toEqual(everyone(12));
  });
});

/** People whose intent is still open. */
async function readOpen(on: SyncWorld, people: number): Promise<readonly string[]> {
  const open: string[] = [];
  for (const id of everyone(people)) {
    const { teams, organizations } = await on.deps.record.readPerson(id);
    if ([...teams.values(), ...organizations.values()].some(({ state }) => state === 'adding')) open.push(id);
  }
  return open;
}

describe('after a lost answer', () => {
  it('the message waits, and the next try records whom LiteLLM has added', async () => {
    for (const when of ['before', 'after'] as const) {
      const on = await createCompany({ ...one, people: 60 });
      await repair(on);
      let lists = 0;
      on.litellm.faults = (_, { method }) => {
        if (method !== 'addTeamMembers') return undefined;
        lists += 1;
        return lists === 1 ? { when, error: unreachable(true) } : undefined;
      };
      const results = await runAll(on);
      expect(results.some(({ reason }) => reason === 'litellm_unreachable')).toBe(true);
      expect(membersOf(on)).toEqual(everyone(60));
      expect(await readOpen(on, 60)).toEqual([]);
      expect(writesOf(await compareAll(on))).toEqual([]);
    }
  });

  it('a failure that was recorded before is over', async () => {
    const on = await createCompany(one);
    const outcome = {
      status: 'failed',
      reason: 'waited_too_long',
      attempts: 9,
      updatedAt: '2026-11-20T00:00:00.000Z',
      reported: [],
    } as const;
    const lease = await on.deps.record.takeLease({ kind: 'user', id: personAt(0) }, 60_000);
    if (lease === undefined) throw new Error('The lease is not free.');
    const moved = await on.deps.record.writePerson(lease, { outcome });
    if (moved !== undefined) await on.deps.record.releaseLease(moved);
    await repair(on);
    await runAll(on);
    expect((await on.deps.record.readPerson(personAt(0))).outcome?.status).toBe('done');
    expect((await on.deps.record.readPerson(personAt(1))).outcome).toBeUndefined();
  });
});

describe('a long load', () => {
  it('goes on in another message', async () => {
    const on = await createCompany({ ...one, people: 250 });
    await repair(on);
    on.litellm.faults = (_, { method }) => {
      if (method === 'addTeamMembers') on.world.clock.advance(100_000);
      return undefined;
    };
    await runAll(on);
    expect(membersOf(on)).toEqual(everyone(250));
    expect(await readOpen(on, 250)).toEqual([]);
  });
});
